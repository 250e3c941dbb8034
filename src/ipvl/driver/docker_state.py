"""What Docker lists, and what waits for it to be asked: beside the records, for this run alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from ipvl.model.networks import Network
from ipvl.model.pools import Pool
from ipvl.model.steps import RemoveLeftPort
from ipvl.model.troubles import Trouble
from ipvl.planning.unclaimed_networks import way_out_of_unclaimed, what_is_unclaimed
from ipvl.records.records import Records


@dataclass(slots=True)
class DockerState:
    """What is known of the Docker whose API ipvl reads.

    `listed` are the ids of the networks that it had when it was asked last, and `unclaimed` those of networks and pools
    that it did not have, though they came from a Docker. `followed` says that its events are heard, and `named` is set
    whenever they brought a name. `awaiting_list` are those who wait until it has listed its containers that do not
    run, for which `list_due` is set. `comparison_due` is set when it has to be asked, later, what it still has.
    `handed_over` has, by the id of an endpoint that joined a moment ago, when that was, and what removes its port from
    the container.
    """

    listed: frozenset[str] = frozenset()
    unclaimed: frozenset[str] = frozenset()
    followed: bool = False
    named: asyncio.Event = field(default_factory=asyncio.Event)
    list_due: asyncio.Event = field(default_factory=asyncio.Event)
    awaiting_list: list[asyncio.Future[None]] = field(default_factory=list)
    comparison_due: asyncio.Event = field(default_factory=asyncio.Event)
    handed_over: dict[str, tuple[float, RemoveLeftPort]] = field(default_factory=dict)

    def troubles(self, records: Records) -> tuple[Trouble, ...]:
        """Return what is to be said of the networks and pools that a Docker made, and that this one does not have."""
        made: tuple[Network | Pool, ...] = (*records.networks(), *records.pools())
        return tuple(trouble_with_unclaimed(one) for one in made if one.id in self.unclaimed)


def trouble_with_unclaimed(one: Network | Pool) -> Trouble:
    """Return what is to be said of a network or pool that Docker's lists do not have."""
    text = f"{what_is_unclaimed(one)}; {way_out_of_unclaimed(one)}"
    return Trouble(text, network=one if isinstance(one, Network) else None)
