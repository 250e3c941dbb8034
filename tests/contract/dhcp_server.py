"""A DHCP server for tests: its decisions, and its frames, which are read and written here by other code than ipvl's."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface
from typing import Any

from ipvl.dhcp.messages import Client, Message, MessageType, Reply, Server

MAGIC = bytes.fromhex("63825363")
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


def read(frame: bytes) -> Message | None:
    """Return the message of a client in a frame."""
    if len(frame) < 282 or frame[12:14] != b"\x08\x00" or frame[23] != 17 or frame[36:38] != b"\x00\x43":
        return None
    body = frame[42:]
    options = options_of(body)
    held, requested, chosen = body[12:16], options.get(50), options.get(54)
    return Message(
        type=MessageType(options[53][0]),
        xid=struct.unpack("!I", body[4:8])[0],
        client=Client(options[61][1:].decode(), options.get(12, b"").decode()),
        seconds=struct.unpack("!H", body[8:10])[0],
        held=None if held == bytes(4) else IPv4Address(held),
        requested=None if requested is None else IPv4Address(requested),
        chosen=None if chosen is None else IPv4Address(chosen),
        to=None if frame[:6] == b"\xff" * 6 else Server(IPv4Address(frame[30:34]), frame[:6].hex(":")),
    )


def options_of(body: bytes) -> dict[int, bytes]:
    """Return the options of a message, whoever's."""
    found, rest = {}, body[240:]
    while rest and rest[0] != 255:
        if rest[0] == 0:
            rest = rest[1:]
            continue
        found[rest[0]] = rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]
    return found


def written(reply: Reply, to: bytes, *, source: str = SERVER_MAC, options: dict[int, bytes] | None = None) -> bytes:
    """Return a server's answer as a frame to this MAC address; `options` are added to those of the reply, or theirs."""
    known: dict[int, bytes | None] = {
        53: bytes([reply.type]),
        54: None if reply.server is None else reply.server.address.packed,
        1: None if reply.prefix_length is None else mask(reply.prefix_length),
        51: number(reply.lease_seconds),
        58: number(reply.renewal_seconds),
        59: number(reply.rebinding_seconds),
        3: b"".join(one.packed for one in reply.routers) or None,
        6: b"".join(one.packed for one in reply.resolvers) or None,
        15: reply.domain.encode() or None,
        26: None if reply.mtu is None else struct.pack("!H", reply.mtu),
        61: None if reply.identifier is None else b"\0" + reply.identifier.encode(),
        56: reply.text.encode() or None,
        **(options or {}),
    }
    tail = b"".join(bytes([code, len(value)]) + value for code, value in known.items() if value is not None)
    body = struct.pack("!BBBBIHH", 2, 1, 6, 0, reply.xid, 0, 0x8000) + bytes(4) + reply.address.packed + bytes(8)
    body += to.ljust(16, b"\0") + bytes(192) + MAGIC + tail + b"\xff"
    return in_frame(body, to, source)


def in_frame(body: bytes, to: bytes, source: str = SERVER_MAC, *, port: int = 68) -> bytes:
    """Return a datagram from a server's port as a frame, without checksums."""
    udp = struct.pack("!HHHH", 67, port, 8 + len(body), 0) + body
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + bytes(4) + b"\xff" * 4
    return to + bytes.fromhex(source.replace(":", "")) + b"\x08\x00" + header + udp


def mask(length: int) -> bytes:
    return (0xFFFFFFFF << (32 - length) & 0xFFFFFFFF).to_bytes(4)


def number(value: int | None) -> bytes | None:
    return None if value is None else struct.pack("!I", value)
