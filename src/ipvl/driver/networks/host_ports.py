"""The host's own port on a network: its addresses, and the routes to endpoints that come and go."""

from __future__ import annotations

from dataclasses import replace

from ipvl.addresses.next_address import gateway_of, next_free_address, refuse_full
from ipvl.driver.engine import Engine
from ipvl.driver.ipam.address_holders import endpoint_holding, refusal_of_held, reserved_by_network, shares_addresses
from ipvl.errors import IpvlError
from ipvl.model.addresses import IPAddress, IPNetwork
from ipvl.model.endpoints import Endpoint
from ipvl.model.links import HostRouting
from ipvl.model.networks import Network, Subnet
from ipvl.model.steps import RemovePort, Step
from ipvl.model.troubles import Trouble
from ipvl.planning.host_access import not_reached, routes_to_each_endpoint, steps_to_route_to, steps_to_stop_routing_to


def with_host_addresses(engine: Engine, network: Network, routing: HostRouting) -> Network:
    """Return a new network with an address for the host's own port in each subnet, chosen where none was given.

    One that the host has already (`routing`) is not chosen. The network's record is what keeps them; the engine's lock
    is held.

    Raises:
        IpvlError: one that was given is another's, or a subnet is full.
    """
    for subnet in network.subnets:
        if subnet.host is not None:
            held = endpoint_holding(engine, network.parent, subnet.host) or reserved_by_network(
                engine, network.parent, subnet.host
            )
            if held is not None:
                raise refusal_of_held(subnet.host, held)
    return replace(
        network,
        subnets=tuple(
            subnet if subnet.host is not None else replace(subnet, host=_choose(engine, network, subnet, routing))
            for subnet in network.subnets
        ),
    )


async def add_host_route_to(engine: Engine, network: Network, endpoint: Endpoint) -> None:
    """Let the host reach an endpoint that has joined.

    What the kernel refuses is a warning, and tried again when the host is compared with the records: the endpoint
    reaches everybody else. So is an address that another route of the host leads to.
    """
    if not routes_to_each_endpoint(network):
        return
    try:
        there = await engine.kernel.host_routing()
        await engine.apply(steps_to_route_to(network, endpoint, there))
        troubles = not_reached(network, (endpoint,), there)
    except IpvlError as error:
        troubles = (Trouble(f"network {network.label}: {error}", network),)
    for trouble in troubles:
        engine.warn(trouble)


def steps_to_remove_port(engine: Engine, endpoint: Endpoint) -> tuple[Step, ...]:
    """Return what takes away of an endpoint what it has in the host's namespace: its port, and the host's route."""
    return (RemovePort(endpoint.port), *steps_to_stop_routing_to(engine.records.network(endpoint.network_id), endpoint))


def _choose(engine: Engine, network: Network, subnet: Subnet, routing: HostRouting) -> IPAddress:
    held = engine.records.held(network.parent, subnet.pool.version).copy()
    for address in (gateway_of(network, subnet), *subnet.reserved):
        if address is not None:
            held.add(int(address))
    within = subnet.range or _range_of_pool(engine, network, subnet)
    found = next_free_address(subnet.pool, held, within=within, own={address for _, address in routing.addresses})
    if found is None:
        raise refuse_full(subnet.pool, within)
    return found


def _range_of_pool(engine: Engine, network: Network, subnet: Subnet) -> IPNetwork | None:
    """Return the range of the pool that Docker asked for with this subnet, since its network does not tell."""
    if not network.is_dockers:
        return None
    return next(
        (
            pool.range
            for pool in engine.records.pools()
            if pool.subnet == subnet.pool and shares_addresses(pool, network.parent)
        ),
        None,
    )
