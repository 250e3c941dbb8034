"""Create endpoints, make their ports when they join a sandbox, remove them when they leave, and delete endpoints."""

from __future__ import annotations

import logging
from dataclasses import replace

from ipvl.driver.endpoints.awaited_names import await_names
from ipvl.driver.endpoints.left_ports import note_port, remove_left_port
from ipvl.driver.engine import Engine
from ipvl.driver.ipam.address_conflicts import ANOTHER_THAN_DOCKERS, probe_endpoint, refusal_in_use
from ipvl.driver.ipam.address_holders import (
    ANOTHER_ADDRESS,
    held_by_endpoint,
    leased_from_pool,
    refusal_of_held,
    reserved_by_network,
)
from ipvl.driver.networks.host_ports import add_host_route_to, steps_to_remove_port
from ipvl.driver.networks.router_notices import warn_of_router
from ipvl.errors import IpvlError, Kind, conflict
from ipvl.model.dhcp_leases import GrantedTerms
from ipvl.model.endpoints import Endpoint, JoinInfo
from ipvl.model.networks import ConflictCheck, Network, Phase
from ipvl.model.steps import MakePort, RemovePort, Step
from ipvl.planning.host_address_conflicts import docker_may_pass_over, refusal_of_own
from ipvl.planning.host_exposure import steps_to_route_by
from ipvl.planning.parents.plan_parent import steps_to_make
from ipvl.planning.reconciliation import is_in_sandbox, is_stale
from ipvl.planning.sandbox_routes import plan_join
from ipvl.records.changes import Change, Drop, Put

log = logging.getLogger(__name__)


async def create_endpoint(engine: Engine, endpoint: Endpoint) -> None:
    """Reserve an endpoint's addresses on its parent; no link is made until it joins.

    The same endpoint again is done already. An endpoint whose sandbox is gone gives way, so an address is free the
    moment its container is. Where the network says so, the parent's segment is asked who has the addresses; the
    endpoint counts as being made meanwhile.

    Raises:
        IpvlError: the id belongs to another endpoint, another one that lives holds an address, the address is the
            host's own, a gateway or reserved there, or somebody on the segment has it. Nothing was changed, but such an
            address is kept out.
    """
    addresses_wanted = [interface.ip for interface in endpoint.addresses]
    await await_names(engine, engine.network(endpoint.network_id).parent, addresses_wanted, but=endpoint.id)
    async with engine.lock:
        network = engine.network(endpoint.network_id)
        if engine.records.endpoint(endpoint.id) is None:
            await _check_not_hosts(engine, network, endpoint)
        asks = network.conflict_check is ConflictCheck.PROBE and not engine.probes.was_free(
            network.parent, [interface.ip for interface in endpoint.addresses], engine.clock()
        )
        await record_endpoint(engine, replace(endpoint, phase=Phase.MAKING) if asks else endpoint)
        held = engine.endpoint(network.id, endpoint.id)
        if asks and held.phase is Phase.MAKING:
            found = await probe_endpoint(engine, held)
            if found:
                raise refusal_in_use(network.parent, found, ANOTHER_THAN_DOCKERS)
            held = engine.endpoint(network.id, endpoint.id)
        if held.phase is Phase.MAKING:
            engine.commit((Put(replace(held, phase=Phase.READY)),))


async def record_endpoint(engine: Engine, endpoint: Endpoint, *further: Change) -> None:
    """Record an endpoint, whose addresses nobody else may hold on its parent, and commit further changes with it.

    It is what `create_endpoint` does, with the engine's lock held.

    Raises:
        IpvlError: as there; also, the parent has one of the addresses as a gateway or reserves it.
    """
    network = engine.network(endpoint.network_id)
    held = engine.records.endpoint(endpoint.id)
    if held is not None:
        if (held.network_id, held.addresses) == (endpoint.network_id, endpoint.addresses):
            return
        raise refusal_of_endpoint_id(held)
    for interface in endpoint.addresses:
        fixed = reserved_by_network(engine, network.parent, interface.ip)
        if fixed is not None:
            raise refusal_of_held(interface.ip, fixed)
    gone = _gone_holders(engine, network, endpoint)
    for holder in gone:
        log.warning("network %s: endpoint %s is gone, its addresses are free", network.label, holder.label)
    if gone:
        await engine.apply_all(step for holder in gone for step in steps_to_remove_port(engine, holder))
    changes: list[Change] = [*map(Drop, gone), Put(endpoint), *further]
    engine.commit(changes)
    log.info("network %s: endpoint %s has %s", network.label, endpoint.label, endpoint.address_text)
    warn_of_router(engine, endpoint)


async def delete_endpoint(engine: Engine, network_id: str, endpoint_id: str) -> None:
    """Forget an endpoint and remove its port if it is back in the host's namespace; unknown ones are gone already.

    Raises:
        IpvlError: the kernel kept the port or the store could not take it; the endpoint stays, to be deleted again.
    """
    async with engine.lock:
        endpoint = engine.records.endpoint(endpoint_id)
        if endpoint is None or endpoint.network_id != network_id:
            return
        await remove_left_port(engine, endpoint)
        # Docker 28 may put the port back into the host's namespace between Leave and this.
        await engine.apply(steps_to_remove_port(engine, endpoint))
        engine.commit((Drop(endpoint),))
        log.info("network %s: endpoint %s is deleted", engine.network(network_id).label, endpoint.label)


async def join(engine: Engine, network_id: str, endpoint_id: str, sandbox: str) -> JoinInfo:
    """Make the endpoint's port in the host's namespace, for the sandbox's owner to take.

    A repeated call makes the port anew: the first one's was never taken, or there would be no second.

    Args:
        engine: what to work on.
        network_id: the network.
        endpoint_id: the endpoint, made before.
        sandbox: the path of the network namespace that will hold the port.

    Returns:
        The port and what to set up with it.

    Raises:
        IpvlError: network or endpoint is not known, the endpoint is in another sandbox that lives, the parent is
            missing, or the kernel refused. No port is left behind.
    """
    async with engine.lock:
        network = engine.network(network_id)
        endpoint = engine.endpoint(network_id, endpoint_id)
        if (
            endpoint.sandbox is not None
            and endpoint.sandbox != sandbox
            and is_in_sandbox(endpoint, engine.kernel.namespace_inode)
        ):
            raise conflict(
                f"endpoint {endpoint.label} of network {network.label} is in sandbox {endpoint.sandbox} already",
                "leave that one first",
            )
        lease = engine.records.dhcp_lease_of(endpoint.id)
        terms = None if lease is None else lease.terms
        mtu = await port_mtu(engine, network, terms)
        port = MakePort(endpoint.port, network.parent, network.mode, network.flag, mtu)
        steps: tuple[Step, ...] = (port,) if endpoint.sandbox is None else (RemovePort(endpoint.port), port)
        engine.commit((Put(replace(endpoint, sandbox=sandbox, changed=engine.clock(), seen=None)),))
        await make_port(engine, network, steps)
        await note_port(engine, endpoint, sandbox)
        await add_host_route_to(engine, network, replace(endpoint, sandbox=sandbox))
        log.info("network %s: endpoint %s joins sandbox %s", network.label, endpoint.label, sandbox)
        engine.publish(engine.record_events.joined(network, replace(endpoint, sandbox=sandbox), engine.clock()))
        return plan_join(network, endpoint, terms)


async def leave(engine: Engine, network_id: str, endpoint_id: str) -> None:
    """Remove the endpoint's port if it is back in the host's namespace; its addresses stay until it is deleted.

    Raises:
        IpvlError: the kernel kept the port.
    """
    async with engine.lock:
        endpoint = engine.records.endpoint(endpoint_id)
        if endpoint is None or endpoint.network_id != network_id:
            return
        await engine.apply(steps_to_remove_port(engine, endpoint))
        engine.commit((Put(replace(endpoint, sandbox=None, changed=engine.clock(), seen=None)),))
        log.info("network %s: endpoint %s left its sandbox", engine.network(network_id).label, endpoint.label)


async def name_endpoint(engine: Engine, endpoint_id: str, name: str) -> None:
    """Remember what the user calls an endpoint's container; an unknown endpoint is passed over."""
    async with engine.lock:
        endpoint = engine.records.endpoint(endpoint_id)
        if endpoint is not None and endpoint.name != name:
            engine.commit((Put(replace(endpoint, name=name)),))
            engine.docker.named.set()


def refusal_of_endpoint_id(held: Endpoint) -> IpvlError:
    """Return the refusal of an id that an endpoint has which is not the one that is asked for."""
    return conflict(
        f"endpoint id {held.id[:12]} belongs to an endpoint with {held.address_text}", "delete that endpoint first"
    )


async def port_mtu(engine: Engine, network: Network, terms: GrantedTerms | None) -> int | None:
    """Return the MTU for a port, None for its parent's.

    That of a DHCP lease counts where the network has none and the parent's is not below it.
    """
    if network.mtu is not None or terms is None or terms.mtu is None:
        return network.mtu
    parent = next((link for link in await engine.kernel.links() if link.name == network.parent), None)
    return terms.mtu if parent is not None and terms.mtu < parent.mtu else None


async def make_port(engine: Engine, network: Network, steps: tuple[Step, ...]) -> None:
    """Make a port, and before it a parent that ipvl made and that went away a moment ago.

    Raises:
        IpvlError: the parent is missing and not ipvl's to make, or the kernel refused.
    """
    try:
        await engine.apply(steps)
    except IpvlError as error:
        parent = engine.records.parent(network.parent)
        if error.kind is not Kind.MISSING or parent is None or not parent.made:
            raise
        made_again = steps_to_make(engine.records.with_bases(parent), await engine.host())
        await engine.apply((*made_again, *steps_to_route_by(parent, (network,))))
        await engine.apply(steps)


async def _check_not_hosts(engine: Engine, network: Network, endpoint: Endpoint) -> None:
    """Refuse the host's own addresses; what the records have of them (`reserved_by_network`) is refused in their words.

    Raises:
        IpvlError: an address is the host's.
    """
    own = await engine.kernel.own_addresses()
    for interface in endpoint.addresses:
        address = interface.ip
        if address in own and reserved_by_network(engine, network.parent, address) is None:
            by_ipvl = leased_from_pool(engine, network.parent, address) is not None
            raise refusal_of_own(address, own[address], ANOTHER_ADDRESS if by_ipvl else docker_may_pass_over(address))


def _gone_holders(engine: Engine, network: Network, endpoint: Endpoint) -> list[Endpoint]:
    """Return the endpoints that hold one of the addresses on this parent and cannot be using it.

    Beside those that are stale for everybody (`endpoint_holding`) these are those of the same network
    that are in no sandbox: there the door hands the addresses out, so it has taken this one back.

    Raises:
        IpvlError: one that can be using it holds an address.
    """
    gone: dict[str, Endpoint] = {}
    for interface in endpoint.addresses:
        holder = engine.records.holder_of(network.parent, interface.ip)
        if holder is None:
            continue
        taken_back = holder.network_id == network.id and not is_in_sandbox(holder, engine.kernel.namespace_inode)
        if not taken_back and not is_stale(holder, engine.clock(), engine.kernel.namespace_inode):
            raise refusal_of_held(interface.ip, held_by_endpoint(engine, holder))
        gone[holder.id] = holder
    return list(gone.values())
