"""The routes that a member of a network gets, and what it is told of a default route that it gets none of."""

from __future__ import annotations

from ipvl.driver.engine import Engine
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Network
from ipvl.model.steps import RoutePort
from ipvl.model.troubles import Trouble
from ipvl.planning.sandbox_routes import omitted_default_routes, plan_routes


def missing_routes(engine: Engine, endpoint: Endpoint, default_routes: frozenset[tuple[int, int]]) -> RoutePort:
    """Return the routes that a namespace with these default routes (family and metric) still needs."""
    lease = engine.records.dhcp_lease_of(endpoint.id)
    terms = None if lease is None else lease.terms
    network = engine.network(endpoint.network_id)
    return plan_routes(network, endpoint, endpoint.interface or "", default_routes, terms)


async def add_routes(
    engine: Engine, network: Network, endpoint: Endpoint, default_routes: frozenset[tuple[int, int]]
) -> tuple[str, ...]:
    """Add an endpoint's routes, and return what to say of a default route that somebody else set in there before.

    Between ipvl's own networks the first gives it, so that is no news.

    Raises:
        IpvlError: the kernel refused, or another route is in the way.
    """
    given = missing_routes(engine, endpoint, default_routes)
    await engine.apply((given,))
    if any(other.id != endpoint.id for other in engine.records.endpoints_in(endpoint.inode or 0)):
        return ()
    omitted = omitted_default_routes(missing_routes(engine, endpoint, frozenset()), given)
    if not omitted:
        return ()
    families = " and ".join(f"IPv{version}" for version in omitted)
    text = (
        f"network {network.label} gives {endpoint.label} no {families} default route, since there is one in"
        f" {endpoint.sandbox} that is none of ipvl's; remove that, or make the network with another -o metric"
    )
    engine.warn(Trouble(text, network))
    return (text,)
