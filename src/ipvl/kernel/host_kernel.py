"""Links of the host's namespace: read them, and carry out the steps that planning decided on."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any, NoReturn, TypeVar, assert_never

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from ipvl.errors import IpvlError, kernel_refused, missing
from ipvl.kernel import (
    host_exposure,
    host_ports,
    multicast_groups,
    namespaces,
    own_addresses,
    port_snapshots,
    ports_in_namespaces,
    sandbox_ports,
)
from ipvl.kernel.host_routes import dump_host_routing, dump_prefixes, machine_identity
from ipvl.kernel.netlink import ipvlan_message, link_messages
from ipvl.kernel.netlink.netlink_socket import NetlinkSocket
from ipvl.kernel.wire import address_probes
from ipvl.model.addresses import IPAddress, IPNetwork, OwnAddresses
from ipvl.model.links import HALF_MADE_PREFIX, MADE_BY_IPVL, HostExposure, HostRouting, Link, PortsView, SandboxView
from ipvl.model.networks import VlanProtocol
from ipvl.model.pools import THIS_HOST
from ipvl.model.steps import (
    AddHostRoutes,
    BringUp,
    KeepHostOff,
    MakeDummy,
    MakeHostPort,
    MakePort,
    MakeVlan,
    PlacePort,
    RemoveHalfMade,
    RemoveHostPort,
    RemoveHostRoutes,
    RemoveParent,
    RemovePort,
    RestoreRoutes,
    RouteByParent,
    RoutePort,
    SetMtu,
    Step,
    TakePort,
)

DUMP_TRIES = 5
MOST_NAMED = 2
"""MAC addresses that are told of one address; somebody may claim it from any number."""
BUSY_TRIES, BUSY_WAIT = 100, 0.01
ETHER_TYPES = {VlanProtocol.DOT1Q: 0x8100, VlanProtocol.DOT1AD: 0x88A8}  # include/uapi/linux/if_ether.h

PROBES: dict[str, dict[str, Any]] = {
    # Requests that a kernel with the kind refuses before it makes anything, and one without it refuses as unknown.
    "ipvlan": {},
    "vlan": {},
    "dummy": {"address": "01:00:00:00:00:00"},  # a multicast address cannot be a link's
}

_Found = TypeVar("_Found")


class HostKernel:
    """The network namespace ipvl runs in. Made by `open_host_kernel`.

    Args:
        socket: pyroute2's, for whatever is rarely asked.
        netlink: for what every container's start consists of.
    """

    def __init__(self, socket: AsyncIPRoute, netlink: NetlinkSocket) -> None:
        self._socket = socket
        self._netlink = netlink
        # The kernel refuses a second dump on a socket with EBUSY (netlink_dump_start in net/netlink/af_netlink.c).
        self._dumping = asyncio.Lock()

    @property
    def release(self) -> str:
        """The kernel's release, as `uname -r` prints it."""
        return os.uname().release

    @property
    def machine(self) -> str:
        """What tells this host from all others."""
        return machine_identity()

    def namespace_inode(self, path: str) -> int | None:
        """Return what tells the network namespace at this path from all others, or None when there is none."""
        return namespaces.inode(path)

    async def sandbox_view(self, path: str) -> SandboxView:
        """Return what the network of the sandbox at this path is like.

        Raises:
            IpvlError: there is no network namespace at this path, or the kernel refused.
        """
        try:
            return sandbox_ports.look_into(path)
        except (NetlinkError, OSError) as error:
            _refuse(error, f"look into {path}")

    async def ports_view(self, path: str, *, whole: bool = True) -> PortsView:
        """Return the ports in the sandbox at this path, with all about them where ipvl may enter it.

        How they are set up takes most of the time to read, their sysctls above all; without `whole` that is left out.

        Raises:
            IpvlError: there is no network namespace at this path, or the kernel refused.
        """
        try:
            return await port_snapshots.look_at_ports(self._socket, self._netlink, path, whole=whole)
        except (NetlinkError, OSError) as error:
            _refuse(error, f"look into {path}")

    async def links(self) -> tuple[Link, ...]:
        """Return every link.

        Raises:
            IpvlError: the kernel refused, or the links changed faster than they could be read.
        """
        try:
            found = self._netlink.dump(link_messages.dump_links())
        except (NetlinkError, OSError) as error:
            _refuse(error, "list links")
        if found is None:
            raise kernel_refused("the host's links change faster than they can be listed", "try again")
        kinds = dict(map(link_messages.read_index_and_kind, found))
        return tuple(link_messages.read_link(body, kinds) for body in found)

    async def ports_in_other_namespaces(self, known: Iterable[str] = ()) -> tuple[Link, ...]:
        """Return the links in other namespaces that sit on a link of this one; `lower` is its index here.

        Namespaces without a name in Docker's folder or that of `ip netns` are looked into only when they are `known`:
        paths of namespaces, those that are none any more among them. Where one has several paths, ports have the known.

        Raises:
            IpvlError: the kernel refused; a namespace that goes away meanwhile has no ports and is passed over.
        """
        try:
            return await ports_in_namespaces.ports_in_other_namespaces(self._socket, self._netlink, known)
        except NetlinkError as error:
            _refuse(error, "list the links of other namespaces")

    async def all_hosts_members(self) -> dict[int, int]:
        """Return how many links want what is sent to all hosts from each link, by the index of that: itself, if it is
        up, and those on it that are up, in this namespace and others.

        Raises:
            IpvlError: the kernel refused.
        """
        try:
            return multicast_groups.all_hosts_members()
        except OSError as error:
            _refuse(error, "list multicast groups")

    async def prefixes(self) -> tuple[IPNetwork, ...]:
        """Return the prefixes of the host's addresses and of its main table's routes, default routes too.

        Raises:
            IpvlError: the kernel refused, or they changed faster than they could be read.
        """
        return await self._whole(lambda: dump_prefixes(self._socket))

    async def own_addresses(self) -> OwnAddresses:
        """Return the addresses that are this host's own, link-local ones left out, each with its link's name.

        Raises:
            IpvlError: the kernel refused, or they changed faster than they could be read.
        """
        try:
            return own_addresses.own_addresses(self._netlink)
        except (NetlinkError, OSError) as error:
            _refuse(error, "list addresses")

    async def host_routing(self) -> HostRouting:
        """Return the host's own addresses and the routes of its main table.

        Raises:
            IpvlError: the kernel refused, or they changed faster than they could be read.
        """
        names = {link.index: link.name for link in await self.links()}
        return await self._whole(lambda: dump_host_routing(self._socket, names))

    async def _whole(self, dump: Callable[[], Awaitable[_Found | None]]) -> _Found:
        for _ in range(DUMP_TRIES):
            try:
                found = await self._dump(dump)
            except (NetlinkError, OSError) as error:
                _refuse(error, "list addresses and routes")
            if found is not None:
                return found
        raise kernel_refused("the host's routes change faster than they can be listed", "try again")

    async def probe_addresses(self, link: str, addresses: Collection[IPAddress]) -> dict[IPAddress, str]:
        """Return those of some addresses that the host or somebody else on a link's segment has, and who it is.

        Raises:
            IpvlError: the kernel refused, or this user may not send frames.
        """
        found = await self.find_link(link)
        if found is None:
            return {}
        try:
            there = {
                address for index, address, _ in own_addresses.list_addresses(self._netlink) if index == found.index
            }
        except (NetlinkError, OSError) as error:
            _refuse(error, "list addresses")
        if not there.isdisjoint(addresses):
            return {address: THIS_HOST for address in addresses if address in there}
        if not (found.up and found.carrier):
            return {}
        try:
            heard = await address_probes.holders(link, addresses)
        except OSError as error:
            _refuse(error, f"ask on {link} who has an address")
        return {address: " and ".join(macs[:MOST_NAMED]) for address, macs in heard.items()}

    async def host_exposures(self, names: Collection[str]) -> dict[str, HostExposure]:
        """Return how far the host itself is reached by those of some links that there are.

        Raises:
            IpvlError: the kernel refused.
        """
        try:
            return host_exposure.read(self._netlink, names)
        except (NetlinkError, OSError) as error:
            _refuse(error, "list addresses")

    def announce_addresses(self, link: str, addresses: Collection[IPAddress]) -> None:
        """Tell everybody on a link's segment that these addresses are now at its MAC address.

        Raises:
            IpvlError: this user may not send frames, or the link is gone or down.
        """
        address_probes.announce(link, addresses)

    async def find_link(self, name: str) -> Link | None:
        """Return the link with this name, or None; `master_kind` is not filled in.

        Raises:
            IpvlError: the kernel refused.
        """
        try:
            return link_messages.read_link(self._netlink.ask(link_messages.get_link_by_name(name)), {})
        except (NetlinkError, OSError) as error:
            if isinstance(error, NetlinkError) and error.code == errno.ENODEV:
                return None
            _refuse(error, f"read link {name}")

    async def link_kinds(self) -> frozenset[str]:
        """Return which of `ipvlan`, `vlan` and `dummy` this kernel can make; its modules are loaded on the way.

        Raises:
            IpvlError: the kernel refused for another reason, such as missing privileges.
        """
        found = set()
        for kind, attributes in PROBES.items():
            try:
                await self._socket.link("add", kind=kind, **attributes)
            except NetlinkError as error:
                if error.code == errno.EPERM:
                    _refuse(error, "make links")
                if error.code != errno.EOPNOTSUPP:
                    found.add(kind)
            except OSError as error:
                _refuse(error, "make links")
        return frozenset(found)

    async def apply(self, step: Step) -> None:
        """Carry out one step.

        Raises:
            IpvlError: the kernel refused; its own explanation is in the sentence.
        """
        try:
            match step:
                case MakeDummy():
                    attributes = {} if step.mtu is None else {"mtu": step.mtu}
                    await self._make_parent(step.name, kind="dummy", **attributes)
                case MakeVlan():
                    base = await self._existing(step.base)
                    tag = {"vlan_id": step.vlan_id, "vlan_protocol": ETHER_TYPES[step.protocol]}
                    await self._make_parent(step.name, kind="vlan", link=base.index, **tag)
                case MakePort():
                    await self._make_port(step)
                case RemoveParent() | RemoveHostPort():
                    link = await self.find_link(step.name)
                    if link is not None and link.made_by_ipvl:
                        self._remove(link)
                case RemoveHalfMade() | RemovePort():
                    link = await self.find_link(step.name)
                    if link is not None:
                        self._remove(link)
                case PlacePort() | RoutePort() | RestoreRoutes() | TakePort():
                    await self._apply_inside(step)
                case _:
                    await self._apply_for_host(step)
        except (NetlinkError, OSError) as error:
            _refuse(error, step.describe())

    async def _apply_inside(self, step: PlacePort | RoutePort | RestoreRoutes | TakePort) -> None:
        match step:
            case PlacePort():
                port = await self._existing(step.name)
                await sandbox_ports.place_port(self._netlink, port.index, step)
            case RoutePort():
                sandbox_ports.route_port(step)
            case RestoreRoutes():
                port_snapshots.restore_routes(step)
            case TakePort():
                sandbox_ports.take_port(step)

    async def _apply_for_host(
        self, step: KeepHostOff | RouteByParent | MakeHostPort | AddHostRoutes | RemoveHostRoutes | SetMtu | BringUp
    ) -> None:
        match step:
            case KeepHostOff() | RouteByParent() | BringUp():
                await self._mend_parent(step)
            case MakeHostPort():
                half_made = HALF_MADE_PREFIX + os.urandom(5).hex()
                make = partial(self._make_port, MakePort(half_made, step.parent, step.mode, step.flag, step.mtu))
                await self._finish(half_made, step.name, make, partial(host_ports.prepare, half_made, ipv6=step.ipv6))
            case AddHostRoutes():
                async with self._dumping:
                    await host_ports.add_host_routes(self._socket, (await self._existing(step.name)).index, step)
            case SetMtu(namespace=None):
                await self._socket.link("set", index=(await self._existing(step.interface)).index, mtu=step.mtu)
            case SetMtu():
                sandbox_ports.set_mtu(step, step.namespace or "")
            case RemoveHostRoutes():
                link = await self.find_link(step.name)
                if link is not None:
                    await host_ports.remove_host_routes(self._socket, link.index, step)
            case _:
                assert_never(step)

    async def _mend_parent(self, step: KeepHostOff | RouteByParent | BringUp) -> None:
        match step:
            case KeepHostOff():
                host_exposure.keep_host_off(step.name)
            case RouteByParent():
                host_exposure.route((await self._existing(step.name)).name)
            case BringUp():
                link = await self.find_link(step.name)
                if link is not None and link.made_by_ipvl:
                    self._bring_up(link)

    async def _dump(self, dump: Callable[[], Awaitable[_Found]]) -> _Found:
        """Dump when no other dump is on the socket.

        Raises:
            NetlinkError: the kernel refused.
            OSError: the socket's own trouble.
        """
        async with self._dumping:
            for _ in range(BUSY_TRIES):
                try:
                    return await dump()
                except NetlinkError as error:
                    if error.code != errno.EBUSY:
                        raise
                # Of a dump that was given up in the middle the rest is still on its way; pyroute2 reads it.
                await asyncio.sleep(BUSY_WAIT)
            return await dump()

    async def _make_parent(self, name: str, **attributes: Any) -> None:
        half_made = HALF_MADE_PREFIX + os.urandom(5).hex()
        make = partial(self._socket.link, "add", ifname=half_made, **attributes)
        await self._finish(half_made, name, make, partial(host_exposure.keep_host_off, half_made))

    async def _finish(
        self,
        half_made: str,
        name: str,
        make: Callable[[], Awaitable[object]],
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        # Until the mark is on it the link has another name, and mark, name and state change in one message: a link
        # with the final name that ipvl made is always marked, wherever ipvl was stopped.
        try:
            # Within, since it may be done although its answer is lost.
            await make()
            prepare()
            link = await self._existing(half_made)
            final = {"index": link.index, "ifname": name, "ifalias": MADE_BY_IPVL}
            try:
                await self._socket.link("set", **final, state="up")
            except NetlinkError as error:
                if error.code != errno.ENETDOWN:
                    raise
                # On a base that is down no VLAN comes up (vlan_dev_open); the kernel brings it up with its base.
                await self._socket.link("set", **final)
        except (NetlinkError, OSError, IpvlError):
            # What was refused is the news; what is left under such a name goes at the next repair.
            with suppress(IpvlError):
                await self.apply(RemoveHalfMade(half_made))
            raise

    async def _make_port(self, step: MakePort) -> None:
        parent = await self.find_link(step.parent)
        if parent is None:
            raise missing(
                f"parent {step.parent} does not exist on this host",
                "make it again, as it was when the network was created, and start the container once more",
            )
        try:
            self._netlink.do(link_messages.add_port(step, parent.index))
        except NetlinkError as error:
            if error.code == errno.EBUSY:
                raise kernel_refused(
                    f"parent {step.parent} takes no ipvlan port: another driver receives its frames",
                    "that is macvlan, a bridge, a bond or a team: take it off, or use another parent",
                ) from error
            raise

    async def _existing(self, name: str) -> Link:
        link = await self.find_link(name)
        if link is None:
            raise missing(f"link {name} does not exist on this host", "it went away a moment ago: make it again")
        return link

    def _bring_up(self, link: Link) -> None:
        try:
            self._netlink.do(link_messages.set_link_up(link.index, up=True))
        except NetlinkError as error:
            if error.code != errno.ENETDOWN:
                raise

    def _remove(self, link: Link) -> None:
        try:
            self._netlink.do(link_messages.delete_link(link.index))
        except NetlinkError as error:
            if error.code != errno.ENODEV:
                raise


@asynccontextmanager
async def open_host_kernel() -> AsyncIterator[HostKernel]:
    """Open a netlink socket in the current network namespace and close it afterwards.

    Raises:
        IpvlError: the kernel refused the socket.
    """
    ipvlan_message.register()
    async with AsyncExitStack() as opened:
        try:
            socket = AsyncIPRoute(ext_ack=True, strict_check=True)
            opened.callback(socket.close)
            await socket.setup_endpoint()
            netlink = opened.enter_context(NetlinkSocket())
        except OSError as error:
            raise kernel_refused(f"the netlink socket cannot be opened: {error.strerror}") from error
        yield HostKernel(socket, netlink)


def _refuse(error: NetlinkError | OSError, what: str) -> NoReturn:
    """Raise what a caller may be told.

    An OSError is the socket's own: the kernel may have done what it was asked, and its answer had no room (ENOBUFS).
    """
    number = error.errno or 0 if isinstance(error, OSError) else error.code
    sentence = os.strerror(number) if isinstance(error, OSError) else error.args[1]
    code = errno.errorcode.get(number, str(number))
    if number in {errno.EPERM, errno.EACCES}:
        raise kernel_refused(f"ipvl may not {what} ({code})", "run it as root, or with CAP_NET_ADMIN") from error
    raise kernel_refused(f"the kernel refused to {what}: {sentence} ({code})") from error
