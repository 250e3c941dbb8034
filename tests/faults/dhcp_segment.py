"""Segments with DHCP servers that answer at once, where silence lasts no time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface
from typing import Any

from ipvl.dhcp.dhcp_messages import Message, MessageType, Reply, Server
from ipvl.errors import missing

SERVER_MAC = "02:00:00:00:00:02"
LEASE = 120
OWN, FIRST = IPv4Address("192.168.20.1"), IPv4Interface("192.168.20.100/24")


@dataclass
class FakeServer:
    """Grants each client identifier an address of its own, as long as it is `up`.

    `granted` has what each identifier holds, `pinned` what it is to get; `taken` are addresses that clients declined.
    `heard` are all messages it got. `fields` are added to every offer and acknowledgement. `mute` are the types of
    messages that it leaves unanswered.
    """

    address: IPv4Address = OWN
    first: IPv4Interface = FIRST
    up: bool = True
    granted: dict[str, IPv4Address] = field(default_factory=dict)
    pinned: dict[str, IPv4Address] = field(default_factory=dict)
    taken: set[IPv4Address] = field(default_factory=set)
    heard: list[Message] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    mute: set[MessageType] = field(default_factory=set)
    before_answer: Callable[[Message], None] = lambda _message: None

    @property
    def types(self) -> list[MessageType]:
        """The types of the messages it got, in order."""
        return [message.type for message in self.heard]

    def answer(self, message: Message) -> Reply | None:
        """Return what it says to a message, None when it says nothing."""
        if not self.up:
            return None
        self.heard.append(message)
        if message.type in self.mute:
            return None
        self.before_answer(message)
        who, held = message.client.identifier, self.granted.get(message.client.identifier)
        match message.type:
            case MessageType.DISCOVER:
                return self._reply(MessageType.OFFER, message, held or self._free(who, message.requested))
            case MessageType.REQUEST:
                wanted = message.requested or message.held
                if message.chosen not in {None, self.address} or wanted is None:
                    return None
                if wanted != self.pinned.get(who, wanted) or wanted in self._others(who) | self.taken:
                    return self._reply(MessageType.NAK, message, IPv4Address(0))
                self.granted[who] = wanted
                return self._reply(MessageType.ACK, message, wanted)
            case MessageType.RELEASE:
                self.granted.pop(who, None)
            case MessageType.DECLINE if message.requested is not None:
                self.granted.pop(who, None)
                self.taken.add(message.requested)
        return None

    def _others(self, who: str) -> set[IPv4Address]:
        return {address for other, address in self.granted.items() if other != who}

    def _free(self, who: str, hint: IPv4Address | None) -> IPv4Address:
        if who in self.pinned:
            return self.pinned[who]
        used = self._others(who) | self.taken
        if hint is not None and hint in self.first.network and hint not in used:
            return hint
        address = self.first.ip
        while address in used:
            address += 1
        return address

    def _reply(self, type_: MessageType, message: Message, address: IPv4Address) -> Reply:
        server = Server(self.address, SERVER_MAC)
        if type_ is MessageType.NAK:
            return Reply(type_, message.xid, address, server, text="not yours")
        granted = {
            "prefix_length": self.first.network.prefixlen,
            "lease_seconds": LEASE,
            "routers": (self.address,),
            **self.fields,
        }
        return Reply(type_, message.xid, address, server, **granted)


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

    def send(self, message: Message) -> None:
        for server in self._wire.servers.get(self._link, ()):
            if message.to is None or message.to.address == server.address:
                reply = server.answer(message)
                if reply is not None and reply.xid == self._xid:
                    self._heard.append(reply)

    async def receive(self, within: float) -> Reply | None:
        await asyncio.sleep(0)
        if self._heard:
            return self._heard.popleft()
        self._wire.wait(within)
        return None
