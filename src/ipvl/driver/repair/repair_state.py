"""What repairs know beside the records: what they could not mend, and what was last seen of parents and ports."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from ipvl.model.troubles import Trouble


@dataclass(slots=True)
class RepairState:
    """What is known of ports and parents in this run.

    `left` is what the last comparison of records and host could not mend, and `not_restored` why endpoints have no
    port, by their ids. `address_conflicts` are the addresses of endpoints that the host has as well, as far as they
    were told. `unannounced` are the ids of endpoints that have a port again on a parent that is not up yet.
    `parent_at_join` has the index of the parent that endpoints joined on, by their id and when that was, as long as
    their ports were not seen; `joined_before` are those that joined before this run, of whom nobody knows it.
    `parent_mtus` are the MTUs that all ports were last made to agree with, by parent.
    `routes_changed` is set when another engine's networks may have changed what routes sandboxes have.
    """

    left: tuple[Trouble, ...] = ()
    not_restored: dict[str, Trouble] = field(default_factory=dict)
    address_conflicts: frozenset[Trouble] = frozenset()
    unannounced: set[str] = field(default_factory=set)
    parent_at_join: dict[tuple[str, float], int] = field(default_factory=dict)
    joined_before: frozenset[tuple[str, float]] = frozenset()
    parent_mtus: dict[str, int] = field(default_factory=dict)
    routes_changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What the last repair could not mend."""
        return (*self.left, *self.not_restored.values())
