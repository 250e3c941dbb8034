"""What the driver sees of the kernel: the host's links, addresses, routes and sandboxes, and steps carried out."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from ipvl.errors import kernel_refused
from ipvl.kernel import (
    host_exposure,
    host_links,
    multicast_groups,
    namespaces,
    own_addresses,
    port_snapshots,
    ports_in_namespaces,
    sandbox_ports,
)
from ipvl.kernel.apply_steps import StepRunner
from ipvl.kernel.host_routing import dump_host_routing, dump_prefixes, machine_identity
from ipvl.kernel.kernel_refusals import refuse
from ipvl.kernel.netlink import ipvlan_message
from ipvl.kernel.netlink.netlink_socket import DUMP_TRIES, NetlinkSocket
from ipvl.kernel.wire import address_probes
from ipvl.model.addresses import IPAddress, IPNetwork, OwnAddresses
from ipvl.model.links import HostExposure, HostRouting, Link, PortsView, SandboxView
from ipvl.model.pools import THIS_HOST
from ipvl.model.steps import Step

MOST_NAMED = 2
"""MAC addresses that are told of one address; somebody may claim it from any number."""
BUSY_TRIES, BUSY_WAIT = 100, 0.01

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
        self._kinds: frozenset[str] = frozenset()
        self._steps = StepRunner(socket, netlink, self._dumping)

    @property
    def kernel_release(self) -> str:
        """The kernel's release, as `uname -r` prints it."""
        return os.uname().release

    @property
    def machine(self) -> str:
        """What tells this host from all others."""
        return machine_identity()

    def namespace_inode(self, path: str) -> int | None:
        """Return what tells the network namespace at this path from all others, or None when there is none."""
        return namespaces.namespace_inode(path)

    async def sandbox_view(self, path: str) -> SandboxView:
        """Return what the network of the sandbox at this path is like.

        Raises:
            IpvlError: there is no network namespace at this path, or the kernel refused.
        """
        try:
            return sandbox_ports.read_sandbox_view(path)
        except (NetlinkError, OSError) as error:
            refuse(error, f"look into {path}")

    async def ports_view(self, path: str, *, whole: bool = True) -> PortsView:
        """Return the ports in the sandbox at this path, with all about them where ipvl may enter it.

        How they are set up takes most of the time to read, their sysctls above all; without `whole` that is left out.

        Raises:
            IpvlError: there is no network namespace at this path, or the kernel refused.
        """
        try:
            return await port_snapshots.read_ports_view(self._socket, self._netlink, path, whole=whole)
        except (NetlinkError, OSError) as error:
            refuse(error, f"look into {path}")

    async def links(self) -> tuple[Link, ...]:
        """Return every link.

        Raises:
            IpvlError: the kernel refused, or the links changed faster than they could be read.
        """
        return host_links.list_links(self._netlink)

    async def find_link(self, name: str) -> Link | None:
        """Return the link with this name, or None; `master_kind` is not filled in.

        Raises:
            IpvlError: the kernel refused.
        """
        return host_links.find_link(self._netlink, name)

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
            refuse(error, "list the links of other namespaces")

    async def all_hosts_members(self) -> dict[int, int]:
        """Return how many links want what is sent to all hosts from each link, by the index of that: itself, if it is
        up, and those on it that are up, in this namespace and others.

        Raises:
            IpvlError: the kernel refused.
        """
        try:
            return multicast_groups.all_hosts_members()
        except OSError as error:
            refuse(error, "list multicast groups")

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
            return own_addresses.list_own_addresses(self._netlink)
        except (NetlinkError, OSError) as error:
            refuse(error, "list addresses")

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
                refuse(error, "list addresses and routes")
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
            refuse(error, "list addresses")
        if not there.isdisjoint(addresses):
            return {address: THIS_HOST for address in addresses if address in there}
        if not (found.up and found.carrier):
            return {}
        try:
            heard = await address_probes.probe_addresses(link, addresses)
        except OSError as error:
            refuse(error, f"ask on {link} who has an address")
        return {address: " and ".join(macs[:MOST_NAMED]) for address, macs in heard.items()}

    async def host_exposures(self, names: Collection[str]) -> dict[str, HostExposure]:
        """Return how far the host itself is reached by those of some links that there are.

        Raises:
            IpvlError: the kernel refused.
        """
        try:
            return host_exposure.read_host_exposures(self._netlink, names)
        except (NetlinkError, OSError) as error:
            refuse(error, "list addresses")

    def announce_addresses(self, link: str, addresses: Collection[IPAddress]) -> None:
        """Tell everybody on a link's segment that these addresses are now at its MAC address.

        Raises:
            IpvlError: this user may not send frames, or the link is gone or down.
        """
        address_probes.announce_addresses(link, addresses)

    async def link_kinds(self) -> frozenset[str]:
        """Return which of `ipvlan`, `vlan` and `dummy` this kernel can make; its modules are loaded on the way.

        Raises:
            IpvlError: the kernel refused for another reason, such as missing privileges.
        """
        # One that was there is there: the kernel loads the module when a link of that kind is made.
        if not self._kinds >= host_links.PROBES.keys():
            self._kinds |= await host_links.link_kinds(self._socket)
        return self._kinds

    async def apply(self, step: Step) -> None:
        """Carry out one step.

        Raises:
            IpvlError: the kernel refused; its own explanation is in the sentence.
        """
        await self._steps.apply(step)

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
