"""The kernel's own announcements about links, their addresses and what keeps the host off them.

Every port that comes or goes is several of them, so of each only what matters is read.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ipvl.kernel.netlink.address_messages import ADDRESS, RTM_DELADDR, RTM_NEWADDR, read_address
from ipvl.kernel.netlink.link_messages import (
    IFF_LOWER_UP,
    IFF_UP,
    IFLA_IFALIAS,
    IFLA_IFNAME,
    IFLA_MTU,
    LINK,
    RTM_DELLINK,
    RTM_NEWLINK,
    read_altnames,
)
from ipvl.kernel.netlink.message_format import parse_attributes, parse_messages, read_number, read_text
from ipvl.kernel.netlink.netlink_socket import LARGEST, NETLINK_ROUTE
from ipvl.model.addresses import IPAddress

log = logging.getLogger(__name__)

FIRST_NEGATIVE = 1 << 31
REOPEN_SECONDS = 1.0
"""Seconds before the socket is opened again after the kernel dropped announcements (ENOBUFS) or closed it."""
RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR = 0x1, 0x10, 0x100  # include/uapi/linux/rtnetlink.h
RTMGRP_IPV4_NETCONF = 1 << 23  # RTNLGRP_IPV4_NETCONF, which has no such name there
RTM_NEWNETCONF = 80
NETCONF_HEAD, NETCONFA_IFINDEX = 4, 1  # include/uapi/linux/netconf.h
RECEIVE_BUFFER_BYTES = 1 << 20
"""Bytes of announcements that may wait, as far as net.core.rmem_max allows."""


@dataclass(frozen=True, slots=True)
class LinkState:
    """What of a link matters to its networks; `gone` once it was removed or moved to another namespace."""

    name: str
    index: int
    gone: bool
    up: bool
    carrier: bool
    mtu: int | None
    alias: str | None
    altnames: tuple[str, ...] = ()


async def link_changes() -> AsyncIterator[LinkState | None]:
    """Yield the state of every link that appears, changes or goes, for ever; often one that is as it was.

    None stands for "something was missed": compare everything afresh. It comes first of all, once the socket listens,
    and again whenever announcements were lost.
    """
    async for datagram in _datagrams(RTMGRP_LINK, "link"):
        if datagram is None:
            yield None
        else:
            for state in read_link_states(datagram):
                yield state


async def address_changes() -> AsyncIterator[IPAddress | None]:
    """Yield each address that a link of the host gets, keeps or loses, for ever; None means what it does with links."""
    async for datagram in _datagrams(RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, "address"):
        if datagram is None:
            yield None
        else:
            for address in read_changed_addresses(datagram):
                yield address


def read_changed_addresses(datagram: bytes) -> Iterator[IPAddress]:
    """Yield the addresses that a datagram of rtnetlink messages is about; what is about none is passed over."""
    for message in parse_messages(datagram):
        if message.kind in {RTM_NEWADDR, RTM_DELADDR} and len(message.body) >= ADDRESS.size:
            found = read_address(message.body)
            if found is not None:
                yield found[1]


async def exposure_changes() -> AsyncIterator[str | None]:
    """Yield the name of every link whose addresses or rp_filter change, for ever; None means what it does with links.

    Of arp_ignore and disable_ipv6 the kernel announces nothing, but IPv6 that is switched on brings an address.
    """
    groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_NETCONF
    async for datagram in _datagrams(groups, "address"):
        if datagram is None:
            yield None
        else:
            for index in read_changed_indexes(datagram):
                with suppress(OSError):  # it went meanwhile, which is announced as well; or all links are meant
                    yield socket.if_indextoname(index)


def read_changed_indexes(datagram: bytes) -> Iterator[int]:
    """Yield the indexes of the links whose addresses or settings a datagram is about; a setting of all has none."""
    for message in parse_messages(datagram):
        if message.kind in {RTM_NEWADDR, RTM_DELADDR} and len(message.body) >= ADDRESS.size:
            yield ADDRESS.unpack_from(message.body)[4]
        elif message.kind == RTM_NEWNETCONF:
            index = read_number(parse_attributes(message.body[NETCONF_HEAD:]), NETCONFA_IFINDEX)
            # Negative for what is set for all links, or for those to come (NETCONFA_IFINDEX_ALL and its like).
            if index is not None and index < FIRST_NEGATIVE:
                yield index


def read_link_states(datagram: bytes) -> Iterator[LinkState]:
    """Yield the links that a datagram of rtnetlink messages is about; what is not about a link is passed over."""
    for message in parse_messages(datagram):
        if message.kind in {RTM_NEWLINK, RTM_DELLINK} and len(message.body) >= LINK.size:
            _, _, index, flags, _ = LINK.unpack_from(message.body)
            found = parse_attributes(message.body[LINK.size :])
            yield LinkState(
                name=read_text(found, IFLA_IFNAME) or "",
                index=index,
                gone=message.kind == RTM_DELLINK,
                up=bool(flags & IFF_UP),
                carrier=bool(flags & IFF_LOWER_UP),
                mtu=read_number(found, IFLA_MTU),
                alias=read_text(found, IFLA_IFALIAS),
                altnames=read_altnames(found),
            )


async def _datagrams(groups: int, what: str) -> AsyncIterator[bytes | None]:
    """Yield what the kernel announces to some groups; None once the socket listens, and after a loss."""
    while True:
        try:
            with _listening(groups) as (announcements, readable):
                yield None
                while True:
                    await readable.wait()
                    readable.clear()
                    for datagram in _received(announcements):
                        yield datagram
        except OSError as error:
            log.warning("%s announcements were lost (%s), looking at all of the host afresh", what, error)
            await asyncio.sleep(REOPEN_SECONDS)


@contextmanager
def _listening(groups: int) -> Iterator[tuple[socket.socket, asyncio.Event]]:
    """Yield a socket that hears what some groups are told, and an event that is set when there is something to read."""
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    with socket.socket(socket.AF_NETLINK, kind, NETLINK_ROUTE) as announcements:
        announcements.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        announcements.bind((0, groups))
        readable = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(announcements, readable.set)
        try:
            yield announcements, readable
        finally:
            loop.remove_reader(announcements)


def _received(announcements: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield announcements.recv(LARGEST)
        except BlockingIOError:
            return
