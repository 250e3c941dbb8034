"""Which addresses a segment is being asked for, and which of them it was found to have nobody for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from ipvl.model.addresses import IPAddress

FOUND_FREE_FOR = 30.0
"""Seconds in which Docker makes the endpoint for which it asked for an address."""


@dataclass(slots=True)
class ProbeState:
    """What is known of probes in this run.

    `probing` are the ids of endpoints whose addresses the segment is being asked for. `found_free` tells of addresses
    that nobody there had when a pool leased them: by parent and address, when that was.
    """

    probing: set[str] = field(default_factory=set)
    found_free: dict[tuple[str, IPAddress], float] = field(default_factory=dict)

    def note_free(self, parent: str, address: IPAddress, now: float) -> None:
        """Remember for a moment that nobody has an address that was just leased: its endpoint need not ask again."""
        fresh = {key: since for key, since in self.found_free.items() if now - since < FOUND_FREE_FOR}
        self.found_free = {**fresh, (parent, address): now}

    def was_free(self, parent: str, addresses: Collection[IPAddress], now: float) -> bool:
        """Tell whether nobody had any of these addresses a moment ago; each such knowledge is good for one endpoint."""
        since = [self.found_free.pop((parent, address), None) for address in addresses]
        return all(one is not None and now - one < FOUND_FREE_FOR for one in since)

    def forget_parent(self, parent: str) -> None:
        """Forget what was found on a parent, which is called otherwise now."""
        self.found_free = {key: when for key, when in self.found_free.items() if key[0] != parent}
