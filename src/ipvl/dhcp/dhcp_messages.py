"""What a DHCP client says and hears, as plain values; `ipvl.kernel` has them as bytes (RFC 2131, RFC 2132)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address

from ipvl.model.networks import Route


class MessageType(IntEnum):
    """The kinds of messages (RFC 2132, 9.6)."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks: the client identifier (option 61), and a host name where there is one that is valid.

    All ports of an ipvlan parent have its MAC address, so the identifier alone tells clients apart.
    """

    identifier: str
    hostname: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """Who granted: the server identifier (option 54), and the MAC address that its answer came from.

    Behind a relay that is the relay's, which forwards what is sent to the server's address.
    """

    address: IPv4Address
    mac: str


@dataclass(frozen=True, slots=True)
class Message:
    """What a client sends.

    `held` is the address that it has and is reached by (ciaddr), `requested` the one that it asks for (option 50).
    `chosen` names the server it is for (option 54). `to` is whom it is sent to alone, None for everybody.
    """

    type: MessageType
    xid: int
    client: Client
    seconds: int = 0
    held: IPv4Address | None = None
    requested: IPv4Address | None = None
    chosen: IPv4Address | None = None
    to: Server | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered, as far as it could be read; an option that it lacks or that is malformed is None.

    `identifier` is the client identifier that it repeats (RFC 6842). Times are in seconds, 0xFFFFFFFF is for ever.
    """

    type: MessageType
    xid: int
    address: IPv4Address
    server: Server | None
    prefix_length: int | None = None
    lease_seconds: int | None = None
    renewal_seconds: int | None = None
    rebinding_seconds: int | None = None
    routers: tuple[IPv4Address, ...] = ()
    routes: tuple[Route, ...] = ()
    resolvers: tuple[IPv4Address, ...] = ()
    domain: str = ""
    mtu: int | None = None
    identifier: str | None = None
    text: str = ""
