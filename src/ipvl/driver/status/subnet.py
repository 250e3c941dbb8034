"""A subnet as people and programs are shown it; apart from the rest, since every command imports it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SubnetStatus:
    """A subnet; `gateway` is what containers get, None where they get none.

    `range` is the part that addresses are chosen from, None for all of it; `reserved` are the addresses of others.
    """

    subnet: str
    gateway: str | None
    range: str | None = None
    reserved: tuple[str, ...] = ()
