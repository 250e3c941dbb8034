"""Remove what a Docker made that is gone: it cannot ask for that any more, and ipvl cannot tell that it is gone."""

from __future__ import annotations

from ipvl.driver.engine import Engine
from ipvl.driver.ipam.address_holders import endpoint_holding
from ipvl.driver.networks import create_remove
from ipvl.embedded.call_messages import Forget, Removed
from ipvl.embedded.lookup import find_network_of_docker
from ipvl.errors import conflict, missing, quoted
from ipvl.model.networks import Network
from ipvl.model.pools import Pool
from ipvl.planning.reconciliation import is_in_sandbox
from ipvl.records.changes import Drop

FORCE = "say --force to remove it all the same"


async def forget(engine: Engine, request: Forget) -> Removed:
    """Remove a network of Docker's with all it has, or a pool with its leases.

    Raises:
        IpvlError: there is none of that name, containers use it or Docker has it, or the kernel kept its parent.
    """
    if request.pool:
        async with engine.lock:
            return _forget_pool(engine, request)

    def chosen() -> tuple[Network]:
        network = find_network_of_docker(engine.records, request.name)
        if not request.force:
            _check_unused(engine, network)
        return (network,)

    networks = await create_remove.remove_networks(engine, chosen)
    return Removed(tuple(network.label for network in networks))


def _check_unused(engine: Engine, network: Network) -> None:
    for endpoint in engine.records.endpoints_of(network.id):
        if is_in_sandbox(endpoint, engine.kernel.namespace_inode):
            raise conflict(
                f"container {endpoint.label} runs on network {network.label}, and would lose it",
                f"stop it first, or {FORCE}",
            )
    if network.id in engine.docker.listed:
        raise conflict(
            f"network {network.label} is Docker's, which has it still",
            f"remove it with `docker network rm {network.label}`, or {FORCE}",
        )


def _forget_pool(engine: Engine, request: Forget) -> Removed:
    pool = engine.records.pool(request.name)
    if pool is None:
        known = ", ".join(f"'{one.id}'" for one in engine.records.pools()) or "none"
        raise missing(f"pool {quoted(request.name)} does not exist", f"pools that do: {known}")
    if not request.force:
        _check_pool_unused(engine, pool)
    engine.commit((Drop(pool),))
    return Removed((pool.id,))


def _check_pool_unused(engine: Engine, pool: Pool) -> None:
    for lease in engine.records.leases_of(pool.id):
        words = endpoint_holding(engine, pool.parent, lease.address)
        if words is not None:
            raise conflict(f"address {lease.address} of pool {pool.id} {words}", f"stop it first, or {FORCE}")
    if engine.docker.listed and pool.id not in engine.docker.unclaimed:
        raise conflict(
            f"pool {pool.id} is used by a network of Docker's", f"remove that with `docker network rm`, or {FORCE}"
        )
