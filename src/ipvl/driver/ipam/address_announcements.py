"""Announce the addresses of a new endpoint (gratuitous ARP, unsolicited neighbour advertisements), so that neighbours
which remember another machine learn at once.

Docker's core does this for its containers; this is for sandboxes whose ports ipvl places itself.
"""

from __future__ import annotations

import asyncio
import logging

from ipvl.driver.engine import Engine
from ipvl.errors import IpvlError
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Network, Phase

log = logging.getLogger(__name__)

DEFAULT_COUNT = 3  # Docker's defaults (moby, daemon/libnetwork/osl/interface_linux.go)
DEFAULT_INTERVAL = 1000


def announcement_pauses(network: Network) -> tuple[float, ...]:
    """Return the seconds to wait before each announcement of a new endpoint; none where nobody would hear them."""
    if network.mode.routes or network.isolated or not network.gives_addresses:
        return ()
    count = DEFAULT_COUNT if network.announcements is None else network.announcements
    interval = DEFAULT_INTERVAL if network.announce_interval is None else network.announce_interval
    return tuple(interval / 1000 if number else 0.0 for number in range(count))


def announce_endpoint(engine: Engine, network: Network, endpoint: Endpoint) -> bool:
    """Announce an endpoint's addresses once, if it is still there; tell whether that was done."""
    held = engine.records.endpoint(endpoint.id)
    if held is None or held.phase is not Phase.READY or held.addresses != endpoint.addresses:
        return False
    try:
        engine.kernel.announce_addresses(network.parent, [interface.ip for interface in endpoint.addresses])
    except IpvlError as error:
        log.warning("network %s: endpoint %s: %s", network.label, endpoint.label, error)
        return False
    return True


class Announcer:
    """Announces endpoints, each as often as its network says: in the background, or once before a command ends."""

    def __init__(self) -> None:
        self._new: asyncio.Queue[tuple[Network, Endpoint]] = asyncio.Queue()

    def add(self, network: Network, endpoint: Endpoint) -> None:
        """Have an endpoint announced by whichever of the others runs."""
        self._new.put_nowait((network, endpoint))

    def announce_once(self, engine: Engine) -> None:
        """Announce what was added, once each, since nobody will be there to repeat it."""
        while not self._new.empty():
            network, endpoint = self._new.get_nowait()
            if announcement_pauses(network):
                announce_endpoint(engine, network, endpoint)

    async def run(self, engine: Engine) -> None:
        """Announce whatever is added, at once and again when it is due, until this is cancelled and all ends."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(_announce_repeatedly(engine, *await self._new.get()))


async def _announce_repeatedly(engine: Engine, network: Network, endpoint: Endpoint) -> None:
    for pause in announcement_pauses(network):
        await asyncio.sleep(pause)
        if not announce_endpoint(engine, network, endpoint):
            return
