"""Which addresses are kept for containers and sandboxes that asked for them and do not run."""

from __future__ import annotations

from collections.abc import Iterator

from ipvl.model.pools import StaticAddress
from ipvl.records.records import Records


def kept_for_stopped(records: Records, parent: str | None = None) -> Iterator[StaticAddress]:
    """Yield the static addresses that no endpoint has, on a parent or on all of them (None)."""
    for one in records.static_addresses():
        network = records.network(one.network_id)
        if network is None or parent not in {None, network.parent}:
            continue
        if records.holder_of(network.parent, one.address) is None:
            yield one
