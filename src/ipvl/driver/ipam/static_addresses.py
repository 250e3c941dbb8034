"""Keep the addresses that containers and sandboxes asked for by name, also while these are stopped."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable

from ipvl.driver.engine import Engine
from ipvl.model.pools import StaticAddress
from ipvl.records.changes import Change, Drop, Put

log = logging.getLogger(__name__)


def static_addresses_to(engine: Engine, owner: str, wanted: Collection[StaticAddress]) -> tuple[Change, ...]:
    """Return what makes an owner's static addresses these, and no others; its networks are all known."""
    held = engine.records.static_addresses_of(owner)
    return (*(Drop(one) for one in held if one not in wanted), *(Put(one) for one in wanted if one not in held))


async def keep_static_addresses(engine: Engine, owners: Iterable[str], wanted: Collection[StaticAddress]) -> None:
    """Keep what these containers of Docker's ask for, and nothing that they no longer do.

    Args:
        engine: what to work on.
        owners: the ids of the containers.
        wanted: what Docker says that they ask for. Networks that ipvl does not know are passed over.

    Raises:
        IpvlError: the store could not take it.
    """
    async with engine.lock:
        known = [one for one in wanted if engine.records.network(one.network_id) is not None]
        changes: list[Change] = []
        for owner in sorted(owners):
            changes += static_addresses_to(engine, owner, [one for one in known if one.owner == owner])
        engine.commit(changes)
        for change in changes:
            one = change.record
            if isinstance(one, StaticAddress):
                log.info("%s is %s for %s", one.address, "kept" if isinstance(change, Put) else "free", one.name)
