"""Put right what was interrupted: after a start, and whenever the host has changed."""

from __future__ import annotations

import logging

from ipvl.driver.engine import Engine
from ipvl.driver.repair.reconcile import reconcile
from ipvl.driver.repair.restore_ports import restore_ports
from ipvl.embedded.hosts_file_names import write_hosts_files
from ipvl.embedded.join_leave import leave
from ipvl.errors import IpvlError
from ipvl.model.networks import Phase
from ipvl.model.troubles import Trouble

log = logging.getLogger(__name__)


async def reconcile_all(engine: Engine, *, ports: bool = True) -> None:
    """Take away what ipvl was placing or taking when it was interrupted, compare host and records, restore ports.

    Whoever asked got no answer, or a refusal, and asks again. An endpoint that is being made at this moment, whose
    addresses the segment is asked for, stays.

    Args:
        engine: what to work on.
        ports: whether to make ports again that went with their parents, which takes milliseconds each.

    Raises:
        IpvlError: the links cannot be read, or the store could not take the changes.
    """
    async with engine.lock:
        interrupted = [one for one in engine.records.endpoints() if one.phase is not Phase.READY]
        for endpoint in [one for one in interrupted if one.id not in engine.probes.probing]:
            network = engine.network(endpoint.network_id)
            log.warning("network %s: endpoint %s was interrupted, so it is removed", network.label, endpoint.label)
            try:
                await leave(engine, endpoint)
            except IpvlError as error:
                engine.warn(Trouble(str(error), network))
    await reconcile(engine)
    if ports:
        await restore_ports(engine)
    async with engine.lock:
        write_hosts_files(engine)


def write_all_hosts_files(engine: Engine) -> None:
    """Write every hosts file anew, since ipvl may have been stopped before it wrote one, or in the middle."""
    write_hosts_files(engine, all_networks=True)
