"""The inside of a sandbox's network namespace: its port, addresses and routes.

A namespace belongs to a thread, and a netlink socket to the namespace it was opened in. So the thread steps into the
sandbox only to open a socket and to write sysctls, awaits nothing meanwhile, and steps back; everything else is asked
over that socket from outside.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from socket import AF_INET, AF_INET6

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from ipvl.errors import ENTERING_NAMESPACES, kernel_refused, missing
from ipvl.kernel.namespaces import inode
from ipvl.links import PlacePort, RoutePort, SandboxView, TakePort
from ipvl.model import IPInterface
from ipvl.system_calls import CLONE_NEWNET, set_namespace

OWN = "/proc/thread-self/ns/net"
NETLINK_ROUTE = 0  # include/uapi/linux/netlink.h
IFA_F_NODAD = 0x02  # include/uapi/linux/if_addr.h
RT_TABLE_MAIN = 254  # include/uapi/linux/rtnetlink.h
RT_SCOPE_LINK = 253
FAMILIES = {4: AF_INET, 6: AF_INET6}
EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
DISMANTLING_SECONDS = 2.0
DISMANTLING_PAUSE = 0.02


async def look_into(namespace: str) -> SandboxView:
    """Return what a sandbox's network is like.

    Raises:
        IpvlError: there is no network namespace at this path.
        NetlinkError: the kernel refused.
    """
    async with _inside(namespace) as link:
        names = [message.get("ifname") async for message in await link.link("dump")]
        routes = []
        for family in FAMILIES.values():
            routes += [message async for message in await link.route("dump", family=family)]
    return SandboxView(
        frozenset(names),
        frozenset(
            version
            for version, family in FAMILIES.items()
            if any(
                route["family"] == family and route["dst_len"] == 0 and route.get("table") == RT_TABLE_MAIN
                for route in routes
            )
        ),
    )


async def place_port(host: AsyncIPRoute, index: int, step: PlacePort) -> None:
    """Move the port with this index, name it, give it its addresses and bring it up.

    On failure it is gone, or in there under the name it had, if the answer to the move was lost.

    Raises:
        IpvlError: there is no network namespace at this path.
        NetlinkError: the kernel refused.
    """
    async with _inside(step.namespace) as link:
        target = os.open(step.namespace, os.O_RDONLY | os.O_CLOEXEC)
        try:
            await host.link("set", index=index, net_ns_fd=target)
        finally:
            os.close(target)
        (moved,) = await link.link("get", ifname=step.name)
        try:
            await link.link("set", index=moved["index"], state="down")
            await link.link("set", index=moved["index"], ifname=step.interface)
            with _entered(step.namespace):
                _prepare(step)
            for address in step.addresses:
                await _add_address(link, moved["index"], address)
            await link.link("set", index=moved["index"], state="up")
            (loopback,) = await link.link("get", ifname="lo")
            await link.link("set", index=loopback["index"], state="up")
        except (NetlinkError, OSError):
            # Not by its name, which another port in there may have.
            await _remove(link, index=moved["index"])
            raise


async def route_port(step: RoutePort) -> None:
    """Add the routes; one that is there already is done.

    Raises:
        IpvlError: there is no network namespace at this path.
        NetlinkError: the kernel refused.
    """
    async with _inside(step.namespace) as link:
        (port,) = await link.link("get", ifname=step.interface)
        for gateway in step.gateways:
            await _add_route(
                link, gateway.version, dst=EVERYWHERE[gateway.version], oif=port["index"], gateway=str(gateway)
            )
        for route in step.routes:
            way = {"scope": RT_SCOPE_LINK} if route.via is None else {"gateway": str(route.via)}
            if route.destination.version == 6:
                way.pop("scope", None)
            await _add_route(link, route.destination.version, dst=str(route.destination), oif=port["index"], **way)


async def take_port(step: TakePort) -> None:
    """Remove the port.

    Raises:
        NetlinkError: the kernel refused.
    """
    if inode(step.namespace) is not None:
        async with _inside(step.namespace) as link:
            await _remove(link, ifname=step.interface)


async def _add_address(link: AsyncIPRoute, port: int, address: IPInterface) -> None:
    """Give a port an address, if need be when the namespace of a port that had it has been taken apart.

    The kernel does that on its own time after the last process has ended (net/core/net_namespace.c, cleanup_net), and
    announces nothing in other namespaces; until then the port in there keeps its addresses from the parent's others.
    """
    # Docker, too, uses its addresses at once: whoever allocates them has made sure (RFC 4862, 5.4).
    flags = {"ifa_flags": IFA_F_NODAD} if address.version == 6 else {}
    deadline = time.monotonic() + DISMANTLING_SECONDS
    while True:
        try:
            await link.addr("add", index=port, address=str(address.ip), prefixlen=address.network.prefixlen, **flags)
        except NetlinkError as error:
            if error.code != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
            await asyncio.sleep(DISMANTLING_PAUSE)
        else:
            return


async def _add_route(link: AsyncIPRoute, version: int, **route: object) -> None:
    try:
        await link.route("add", family=FAMILIES[version], **route)
    except NetlinkError as error:
        if error.code != errno.EEXIST:
            raise


async def _remove(link: AsyncIPRoute, **which: object) -> None:
    try:
        (message,) = await link.link("get", **which)
        info = message.get("linkinfo")
        if info is not None and info.get("kind") == "ipvlan":
            await link.link("del", index=message["index"])
    except NetlinkError as error:
        if error.code != errno.ENODEV:
            raise


def _prepare(step: PlacePort) -> None:
    """Announce the addresses when the port comes up, and keep IPv6 off a port that has none of it."""
    with_ipv6 = any(address.version == 6 for address in step.addresses)
    settings = {
        f"ipv4/conf/{step.interface}/arp_notify": "1",
        f"ipv6/conf/{step.interface}/ndisc_notify": "1",
        f"ipv6/conf/{step.interface}/disable_ipv6": "0" if with_ipv6 else "1",
    }
    for name, value in settings.items():
        path = Path("/proc/sys/net", name)
        if path.exists():  # a kernel without IPv6 has none of its settings
            path.write_text(value)


@contextmanager
def _entered(namespace: str) -> Iterator[None]:
    """Put this thread into a network namespace; nothing may be awaited within.

    Raises:
        IpvlError: there is none at this path, or ipvl may not enter it.
    """
    own = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            there = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise missing(f"sandbox {namespace} is gone ({error.strerror})", "start it again") from error
        try:
            set_namespace(there, CLONE_NEWNET)
        except OSError as error:
            raise kernel_refused(
                f"sandbox {namespace} cannot be entered: {error.strerror}", ENTERING_NAMESPACES
            ) from error
        finally:
            os.close(there)
        try:
            yield
        finally:
            set_namespace(own, CLONE_NEWNET)
    finally:
        os.close(own)


@asynccontextmanager
async def _inside(namespace: str) -> AsyncIterator[AsyncIPRoute]:
    with _entered(namespace):
        opened = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, NETLINK_ROUTE)
    link = AsyncIPRoute(ext_ack=True, strict_check=True, fileno=opened.detach())
    await link.setup_endpoint()
    try:
        yield link
    finally:
        link.close()
