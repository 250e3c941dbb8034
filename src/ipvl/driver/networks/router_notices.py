"""Say it when a router turns out to be a port of ipvl's own."""

from __future__ import annotations

from collections.abc import Iterator

from ipvl.driver.engine import Engine
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Network
from ipvl.model.troubles import Trouble
from ipvl.planning.container_routers import RouterOnParent, routers_on_parent


def warn_of_router(engine: Engine, endpoint: Endpoint) -> None:
    """Warn of each network of which a new endpoint is a router."""
    addresses = {interface.ip for interface in endpoint.addresses}
    for network, router in _routers_on(engine, endpoint):
        if router.address in addresses:
            engine.warn(Trouble(f"network {network.label}: {router}", network))


def notices(engine: Engine, endpoint: Endpoint) -> tuple[str, ...]:
    """Return what whoever made an endpoint is to know: that it is a router, or that its own network has such a one."""
    addresses = {interface.ip for interface in endpoint.addresses}
    return tuple(
        f"network {network.label}: {router}"
        for network, router in _routers_on(engine, endpoint)
        if router.address in addresses or network.id == endpoint.network_id
    )


def _routers_on(engine: Engine, endpoint: Endpoint) -> Iterator[tuple[Network, RouterOnParent]]:
    for network in engine.records.networks_on(engine.network(endpoint.network_id).parent):
        for router in routers_on_parent(network, engine.records):
            yield network, router
