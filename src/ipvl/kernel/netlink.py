"""Links of the host's namespace: read them, and carry out the steps that planning decided on."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, NoReturn, TypeVar, assert_never

from pyroute2 import AsyncIPRoute
from pyroute2.netlink import NLM_F_DUMP, NLM_F_REQUEST
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nlsocket import NetlinkRequest
from pyroute2.netlink.rtnl import RTM_GETLINK
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from ipvl.errors import IpvlError, kernel_refused, missing
from ipvl.kernel import link_kinds, namespaces, sandboxes
from ipvl.kernel.routes import dump_prefixes, machine_identity
from ipvl.links import (
    HALF_MADE_PREFIX,
    MADE_BY_IPVL,
    Link,
    MakeDummy,
    MakePort,
    MakeVlan,
    PlacePort,
    RemoveHalfMade,
    RemoveParent,
    RemovePort,
    RoutePort,
    SandboxView,
    Step,
    TakePort,
)
from ipvl.model import IPNetwork

ARPHRD_ETHER = 1  # include/uapi/linux/if_arp.h
IFF_UP = 0x1  # include/uapi/linux/if.h
IFF_LOOPBACK = 0x8
IFF_LOWER_UP = 0x10000
NLM_F_DUMP_INTR = 0x10  # include/uapi/linux/netlink.h
DUMP_TRIES = 5
BUSY_TRIES, BUSY_WAIT = 100, 0.01
NO_NUMBER = 0xFFFFFFFF  # NETNSA_NSID_NOT_ASSIGNED, include/uapi/linux/net_namespace.h
PROBES: dict[str, dict[str, Any]] = {
    # Requests that a kernel with the kind refuses before it makes anything, and one without it refuses as unknown.
    "ipvlan": {},
    "vlan": {},
    "dummy": {"address": "01:00:00:00:00:00"},  # a multicast address cannot be a link's
}

_Found = TypeVar("_Found")


class HostKernel:
    """The network namespace ipvl runs in, over one netlink socket. Made by `open_host_kernel`."""

    def __init__(self, socket: AsyncIPRoute) -> None:
        self._socket = socket
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
            return await sandboxes.look_into(path)
        except (NetlinkError, OSError) as error:
            _refuse(error, f"look into {path}")

    async def all(self) -> tuple[Link, ...]:
        """Return every link.

        Raises:
            IpvlError: the kernel refused, or the links changed faster than they could be read.
        """
        for _ in range(DUMP_TRIES):
            try:
                messages = await self._dump(self._links)
            except (NetlinkError, OSError) as error:
                _refuse(error, "list links")
            if not any(message["header"]["flags"] & NLM_F_DUMP_INTR for message in messages):
                kinds = {message["index"]: _kind(message) for message in messages}
                return tuple(_link(message, kinds) for message in messages)
        raise kernel_refused("the host's links change faster than they can be listed", "try again")

    async def ports_elsewhere(self, known: Iterable[str] = ()) -> tuple[Link, ...]:
        """Return the links in other namespaces that sit on a link of this one; `lower` is its index here.

        Namespaces without a name in Docker's folder or that of `ip netns` are looked into only when they are `known`:
        paths of namespaces, those that are none any more among them. Where one has several paths, ports have the known.

        Raises:
            IpvlError: the kernel refused; a namespace that goes away meanwhile has no ports and is passed over.
        """
        found: list[Link] = []
        for path in namespaces.others(known):
            try:
                number = await self._namespace_number(path)
                messages = await self._links_of(number)
                own = await self._namespace_number(str(namespaces.OWN))
            except OSError:
                continue
            except NetlinkError as error:
                if error.code in {errno.EPERM, errno.EACCES}:
                    _refuse(error, f"list the links of {path}")
                continue
            found += [
                replace(_link(message, {}), lower=message.get("link"), namespace=path)
                for message in messages
                if message.get("link") is not None and message.get("link_netnsid") == own
            ]
        return tuple(found)

    async def prefixes(self) -> tuple[IPNetwork, ...]:
        """Return the prefixes of the host's addresses and of its main table's routes, default routes too.

        Raises:
            IpvlError: the kernel refused, or they changed faster than they could be read.
        """
        for _ in range(DUMP_TRIES):
            try:
                found = await self._dump(lambda: dump_prefixes(self._socket))
            except (NetlinkError, OSError) as error:
                _refuse(error, "list addresses and routes")
            if found is not None:
                return found
        raise kernel_refused("the host's routes change faster than they can be listed", "try again")

    async def by_name(self, name: str) -> Link | None:
        """Return the link with this name, or None; `master_kind` is not filled in.

        Raises:
            IpvlError: the kernel refused.
        """
        self._drop_unclaimed()
        try:
            (message,) = await self._socket.link("get", ifname=name)
        except (NetlinkError, OSError) as error:
            if isinstance(error, NetlinkError) and error.code == errno.ENODEV:
                return None
            _refuse(error, f"read link {name}")
        return _link(message, {})

    async def kinds(self) -> frozenset[str]:
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
                    await self._make_parent(step.name, kind="vlan", link=base.index, vlan_id=step.vlan_id)
                case MakePort():
                    await self._make_port(step)
                case RemoveParent():
                    link = await self.by_name(step.name)
                    if link is not None and link.made_by_ipvl:
                        await self._remove(link)
                case RemoveHalfMade() | RemovePort():
                    link = await self.by_name(step.name)
                    if link is not None:
                        await self._remove(link)
                case PlacePort() | RoutePort() | TakePort():
                    await self._apply_inside(step)
                case _:
                    assert_never(step)
        except (NetlinkError, OSError) as error:
            _refuse(error, step.describe())

    async def _apply_inside(self, step: PlacePort | RoutePort | TakePort) -> None:
        match step:
            case PlacePort():
                port = await self._existing(step.name)
                await sandboxes.place_port(self._socket, port.index, step)
            case RoutePort():
                await sandboxes.route_port(step)
            case TakePort():
                await sandboxes.take_port(step)

    async def _namespace_number(self, path: str) -> int:
        """Return the number by which this namespace knows another, giving it one if it has none (RTM_NEWNSID)."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for _ in range(2):
                number = (await self._socket.get_netnsid(fd=fd))["nsid"]
                if number not in {None, NO_NUMBER}:
                    return int(number)
                with suppress(NetlinkError):  # somebody else may have just given it one
                    await self._socket.set_netnsid(fd=fd)
        finally:
            os.close(fd)
        raise OSError(errno.ENOENT, "the namespace has no number", path)

    async def _links_of(self, number: int) -> list[Any]:
        """Return the raw link messages of another namespace, which is not entered (IFLA_TARGET_NETNSID, Linux 4.20)."""

        async def links() -> list[Any]:
            question = ifinfmsg()
            question["attrs"].append(("IFLA_IF_NETNSID", number))
            request = NetlinkRequest(self._socket, question, msg_type=RTM_GETLINK, msg_flags=NLM_F_REQUEST | NLM_F_DUMP)
            await request.send()
            return [message async for message in request.response()]

        return await self._dump(links)

    def _drop_unclaimed(self) -> None:
        # The kernel's acknowledgement of a "get" comes after its answer, when pyroute2 waits for it no more: it would
        # be kept, with all that nobody waits for, as long as the socket.
        unclaimed = self._socket.msg_queue.root
        while not unclaimed.empty():
            unclaimed.get_nowait()

    async def _links(self) -> list[Any]:
        return [message async for message in await self._socket.link("dump")]

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
        # Until the mark is on it the link has another name, and mark, name and state change in one message: a link
        # with the final name that ipvl made is always marked, wherever ipvl was stopped.
        half_made = HALF_MADE_PREFIX + os.urandom(5).hex()
        try:
            # Within, since it may be done although its answer is lost.
            await self._socket.link("add", ifname=half_made, **attributes)
            link = await self._existing(half_made)
            await self._socket.link("set", index=link.index, ifname=name, ifalias=MADE_BY_IPVL, state="up")
        except (NetlinkError, OSError, IpvlError):
            await self.apply(RemoveHalfMade(half_made))
            raise

    async def _make_port(self, step: MakePort) -> None:
        parent = await self.by_name(step.parent)
        if parent is None:
            raise missing(
                f"parent {step.parent} does not exist on this host",
                "make it again, as it was when the network was created, and start the container once more",
            )
        attributes = {} if step.mtu is None else {"mtu": step.mtu}
        try:
            await self._socket.link(
                "add",
                ifname=step.name,
                kind="ipvlan",
                link=parent.index,
                ipvlan_mode=link_kinds.MODE_NUMBERS[step.mode],
                ipvlan_flags=link_kinds.FLAG_NUMBERS[step.flag],
                **attributes,
            )
        except NetlinkError as error:
            if error.code == errno.EBUSY:
                raise kernel_refused(
                    f"parent {step.parent} takes no ipvlan port: another driver receives its frames",
                    "that is macvlan, a bridge, a bond or a team: take it off, or use another parent",
                ) from error
            raise

    async def _existing(self, name: str) -> Link:
        link = await self.by_name(name)
        if link is None:
            raise missing(f"link {name} does not exist on this host", "it went away a moment ago: make it again")
        return link

    async def _remove(self, link: Link) -> None:
        try:
            await self._socket.link("del", index=link.index)
        except NetlinkError as error:
            if error.code != errno.ENODEV:
                raise


@asynccontextmanager
async def open_host_kernel() -> AsyncIterator[HostKernel]:
    """Open a netlink socket in the current network namespace and close it afterwards.

    Raises:
        IpvlError: the kernel refused the socket.
    """
    link_kinds.register()
    try:
        socket = AsyncIPRoute(ext_ack=True, strict_check=True)
        await socket.setup_endpoint()
    except OSError as error:
        raise kernel_refused(f"the netlink socket cannot be opened: {error.strerror}") from error
    try:
        yield HostKernel(socket)
    finally:
        socket.close()


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


def _kind(message: Any) -> str | None:
    info = message.get("linkinfo")
    return None if info is None else info.get("kind")


def _link(message: Any, kinds: dict[int, str | None]) -> Link:
    info = message.get("linkinfo")
    kind = _kind(message)
    data = info.get("data") if info is not None and kind in {"vlan", "ipvlan"} else None
    lower = message.get("link") if message.get("link_netnsid") is None else None
    return Link(
        index=message["index"],
        name=message.get("ifname"),
        kind=kind,
        lower=lower if lower != message["index"] else None,
        up=bool(message["flags"] & IFF_UP),
        carrier=bool(message["flags"] & IFF_LOWER_UP),
        mtu=message.get("mtu"),
        alias=message.get("ifalias"),
        loopback=bool(message["flags"] & IFF_LOOPBACK),
        ethernet=message["ifi_type"] == ARPHRD_ETHER,
        master_kind=kinds.get(message.get("master")),
        vlan_id=data.get("vlan_id") if data is not None and kind == "vlan" else None,
        mode=link_kinds.MODES.get(data.get("ipvlan_mode")) if data is not None and kind == "ipvlan" else None,
        flag=link_kinds.FLAGS.get(data.get("ipvlan_flags")) if data is not None and kind == "ipvlan" else None,
    )
