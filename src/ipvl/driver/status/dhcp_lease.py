"""A DHCP lease as people and programs are shown it; apart from the rest, since every command imports it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DhcpStatus:
    """A lease. `state` is held or lost, `why` says what became of a lost one.

    `client_id` is what the server knows the endpoint by. Times are RFC 3339: when it is renewed and when it ends,
    None for never.
    """

    client_id: str
    state: str
    why: str
    server: str
    renews: str | None
    expires: str | None
    gateway: str | None
    resolvers: tuple[str, ...]
    domain: str
    mtu: int | None
