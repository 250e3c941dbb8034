"""Segments with DHCP servers that answer at once, where silence lasts no time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ipvl.dhcp.messages import Message, Reply
from ipvl.errors import missing
from tests.contract.dhcp_server import FakeServer


class FakeWire:
    """What `HostWire` is, with servers by the link that they are behind.

    Args:
        wait: lets so many seconds pass; called where the real one would wait in silence.
    """

    def __init__(self, wait: Callable[[float], None]) -> None:
        self.servers: dict[str, list[FakeServer]] = {}
        self.links: set[str] = {"eth0", "eth1"}
        self.wait = wait

    @contextmanager
    def open(self, link: str, xid: int) -> Iterator[FakeConversation]:
        if link not in self.links:
            raise missing(
                f"parent {link} does not exist on this host", "make it again and start the container once more"
            )
        yield FakeConversation(self, link, xid)


class FakeConversation:
    """One exchange on one link."""

    def __init__(self, wire: FakeWire, link: str, xid: int) -> None:
        self._wire = wire
        self._link = link
        self._xid = xid
        self._heard: deque[Reply] = deque()

    def say(self, message: Message) -> None:
        for server in self._wire.servers.get(self._link, ()):
            if message.to is None or message.to.address == server.address:
                reply = server.answer(message)
                if reply is not None and reply.xid == self._xid:
                    self._heard.append(reply)

    async def hear(self, within: float) -> Reply | None:
        await asyncio.sleep(0)
        if self._heard:
            return self._heard.popleft()
        self._wire.wait(within)
        return None
