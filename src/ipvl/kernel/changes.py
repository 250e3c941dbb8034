"""The kernel's own announcements about links."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.rtnl import RTM_DELLINK, RTMGRP_LINK

from ipvl.kernel.netlink import IFF_LOWER_UP, IFF_UP

log = logging.getLogger(__name__)

REOPEN_AFTER = 1.0
"""Seconds before the socket is opened again after the kernel dropped announcements (ENOBUFS) or closed it."""


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


async def link_changes() -> AsyncIterator[LinkState | None]:
    """Yield the state of every link that appears, changes or goes, for ever; often one that is as it was.

    None stands for "something was missed": compare everything afresh. It comes first of all, once the socket listens,
    and again whenever announcements were lost.
    """
    while True:
        try:
            async with AsyncIPRoute() as socket:
                await socket.bind(groups=RTMGRP_LINK)
                yield None
                while True:
                    async for message in socket.get():
                        yield LinkState(
                            name=message.get("ifname"),
                            index=message["index"],
                            gone=message["header"]["type"] == RTM_DELLINK,
                            up=bool(message["flags"] & IFF_UP),
                            carrier=bool(message["flags"] & IFF_LOWER_UP),
                            mtu=message.get("mtu"),
                            alias=message.get("ifalias"),
                        )
        except (OSError, NetlinkError) as error:
            log.warning("link announcements were lost (%s), looking at every link afresh", error)
            await asyncio.sleep(REOPEN_AFTER)
