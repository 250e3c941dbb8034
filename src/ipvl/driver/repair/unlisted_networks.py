"""Networks and endpoints that Docker made, had, and no longer lists: it dropped them while ipvl did not answer."""

from __future__ import annotations

import logging
from collections.abc import Collection

from ipvl.driver.engine import Engine
from ipvl.driver.networks.host_ports import steps_to_remove_port
from ipvl.driver.networks.planned_changes import planned
from ipvl.model.networks import Network
from ipvl.model.troubles import trouble_with_step
from ipvl.planning.network_plans import plan_removal
from ipvl.planning.reconciliation import is_in_sandbox
from ipvl.records.changes import Drop

log = logging.getLogger(__name__)


async def remove_unlisted(
    engine: Engine, networks: Collection[str], endpoints: Collection[str], before: float, owner: str
) -> None:
    """Remove the networks and endpoints that Docker made, had and no longer has.

    Docker drops networks and endpoints without asking when ipvl does not answer, so its list is compared with ours.
    What another one made, or nobody was ever seen to have, stays, and so does a network while any of its endpoints is
    in a sandbox: nobody's list is worth the connectivity of what runs.

    Args:
        engine: what to work on.
        networks: the ids of the networks that Docker has.
        endpoints: the ids of the endpoints that Docker has.
        before: only what is older than this, in seconds since the epoch, can be missing for that reason; anything
            younger may be on its way into Docker's list.
        owner: which Docker that is, as `Network.seen_by` has it.

    Raises:
        IpvlError: the store could not take the changes.
    """
    inode_of = engine.kernel.namespace_inode

    def forgotten() -> list[Network]:
        return [
            network
            for network in engine.records.networks()
            if network.is_dockers
            and network.seen_by == owner
            and network.id not in networks
            and network.created < before
            and not any(is_in_sandbox(one, inode_of) for one in engine.records.endpoints_of(network.id))
        ]

    async with planned(engine, lambda host: plan_removal(forgotten(), engine.records, host)) as plan:
        lost = [
            endpoint
            for network in engine.records.networks()
            if network.is_dockers and network.id in networks
            for endpoint in engine.records.endpoints_of(network.id)
            if endpoint.id not in endpoints and endpoint.changed < before
        ]
        steps = (*(step for endpoint in lost for step in steps_to_remove_port(engine, endpoint)), *plan.steps)
        for network in plan.networks:
            log.warning("network %s is gone from %s, so it is removed here", network.label, network.door)
        for step, error in await engine.apply_all(steps):
            engine.warn(trouble_with_step(step, error))
        engine.commit((*map(Drop, lost), *plan.changes))
