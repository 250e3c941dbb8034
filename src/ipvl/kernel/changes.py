"""The kernel's own announcements about links.

Every port that comes or goes is several of them, so of each only what matters is read.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ipvl.kernel.conversation import LARGEST, NETLINK_ROUTE
from ipvl.kernel.messages import (
    IFF_LOWER_UP,
    IFF_UP,
    IFLA_IFALIAS,
    IFLA_IFNAME,
    IFLA_MTU,
    LINK,
    RTM_DELLINK,
    RTM_NEWLINK,
    attributes,
    messages,
    read_altnames,
    read_number,
    read_text,
)

log = logging.getLogger(__name__)

REOPEN_AFTER = 1.0
"""Seconds before the socket is opened again after the kernel dropped announcements (ENOBUFS) or closed it."""
RTMGRP_LINK = 1  # include/uapi/linux/rtnetlink.h
ROOM = 1 << 20
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
    while True:
        try:
            with _listening() as (announcements, readable):
                yield None
                while True:
                    await readable.wait()
                    readable.clear()
                    for state in _waiting(announcements):
                        yield state
        except OSError as error:
            log.warning("link announcements were lost (%s), looking at every link afresh", error)
            await asyncio.sleep(REOPEN_AFTER)


def states(datagram: bytes) -> Iterator[LinkState]:
    """Yield the links that a datagram of rtnetlink messages is about; what is not about a link is passed over."""
    for message in messages(datagram):
        if message.kind in {RTM_NEWLINK, RTM_DELLINK} and len(message.body) >= LINK.size:
            _, _, index, flags, _ = LINK.unpack_from(message.body)
            found = attributes(message.body[LINK.size :])
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


@contextmanager
def _listening() -> Iterator[tuple[socket.socket, asyncio.Event]]:
    """Yield a socket that hears of links, and an event that is set when something is there to be read."""
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    with socket.socket(socket.AF_NETLINK, kind, NETLINK_ROUTE) as announcements:
        announcements.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
        announcements.bind((0, RTMGRP_LINK))
        readable = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(announcements, readable.set)
        try:
            yield announcements, readable
        finally:
            loop.remove_reader(announcements)


def _waiting(announcements: socket.socket) -> Iterator[LinkState]:
    while True:
        try:
            datagram = announcements.recv(LARGEST)
        except BlockingIOError:
            return
        yield from states(datagram)
