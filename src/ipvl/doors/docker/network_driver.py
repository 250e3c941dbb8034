"""Docker's calls as calls of the driver, and its answers as Docker reads them."""

from __future__ import annotations

import reprlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network
from typing import Any

from ipvl.doors.docker import ipam_messages, network_messages
from ipvl.driver.dhcp_leases import lease_requests
from ipvl.driver.endpoints import create_join_leave
from ipvl.driver.engine import Engine
from ipvl.driver.networks import create_remove
from ipvl.errors import conflict, invalid
from ipvl.model.endpoints import Endpoint, JoinInfo
from ipvl.model.networks import DOCKER, Network, Route
from ipvl.options import endpoint, subnets
from ipvl.options import network as network_options
from ipvl.options.names import check_path
from ipvl.planning.sandbox_routes import plan_join

GENERIC = "com.docker.network.generic"
INTERNAL = "com.docker.network.internal"
ENABLE_IPV4 = "com.docker.network.enable_ipv4"
ENABLE_IPV6 = "com.docker.network.enable_ipv6"
EMPTY_POOLS = frozenset({"0.0.0.0/0", "::/0"})
"""What Docker's null IPAM driver gives (moby, daemon/libnetwork/ipams/null/null.go)."""
NEXT_HOP, CONNECTED = 0, 1  # moby, daemon/libnetwork/types/types.go


@dataclass(frozen=True, slots=True)
class Call:
    """One of Docker's methods: what it sends, and what to do with it; half of them have nothing to wait for."""

    request: type[network_messages.Message]
    handle: Callable[[Engine, Any], network_messages.Message | Awaitable[network_messages.Message]]


def activate(engine: Engine, request: network_messages.Nothing) -> network_messages.Activated:
    """Plugin.Activate: say which of Docker's plugin kinds ipvl is."""
    return network_messages.Activated(implements=["NetworkDriver", "IpamDriver"])


def get_capabilities(engine: Engine, request: network_messages.Nothing) -> network_messages.Capabilities:
    """The same as the built-in driver's: networks are this host's own, what they connect to is not."""
    return network_messages.Capabilities(scope="local", connectivity_scope="global", gw_alloc_checker=True)


def gw_alloc_check(engine: Engine, request: network_messages.GwAllocCheck) -> network_messages.GwAllocChecked:
    """Spare Docker the gateway address where no gateway is used: routed modes and isolated networks.

    In L2 the gateway is the first usable address when none is given (specification), so Docker must reserve it.
    """
    skip = not network_options.uses_gateway(_options(request.options), internal=_is_internal(request.options))
    return network_messages.GwAllocChecked(skip_ipv4=skip, skip_ipv6=skip)


def allocate_network(engine: Engine, request: network_messages.AllocateNetwork) -> network_messages.NetworkAllocated:
    """Swarm managers ask for this of drivers with global scope, which ipvl is not: nothing to add to the options."""
    return network_messages.NetworkAllocated(options={})


def free_network(engine: Engine, request: network_messages.NetworkCall) -> network_messages.Nothing:
    """The end of what `allocate_network` began."""
    return network_messages.Nothing()


async def create_network(engine: Engine, request: network_messages.CreateNetwork) -> network_messages.Nothing:
    """Make the network."""
    await create_remove.create_network(engine, _network(request, engine.clock()))
    return network_messages.Nothing()


async def delete_network(engine: Engine, request: network_messages.NetworkCall) -> network_messages.Nothing:
    """Remove the network."""
    await create_remove.delete_network(engine, request.network_id)
    return network_messages.Nothing()


async def create_endpoint(engine: Engine, request: network_messages.CreateEndpoint) -> network_messages.EndpointCreated:
    """Make the endpoint with the addresses that Docker chose, or tell Docker which one a DHCP server did."""
    interface = request.interface or network_messages.Interface()
    network = engine.network(request.network_id)
    options = request.options or {}
    requested = endpoint.parse_endpoint(
        request.endpoint_id,
        network,
        (interface.address, interface.address_ipv6),
        mac=interface.mac_address,
        options=options,
        changed=engine.clock(),
    )
    if network.asks_server:
        claim = lease_requests.LeaseRequest(endpoint.parse_client_id(options), shape=endpoint.shape(options))
        made = await lease_requests.create_leased_endpoint(engine, requested, claim)
        return network_messages.EndpointCreated(network_messages.Interface(address=str(made.addresses[0])))
    await create_join_leave.create_endpoint(engine, requested)
    return network_messages.EndpointCreated()


async def delete_endpoint(engine: Engine, request: network_messages.EndpointCall) -> network_messages.Nothing:
    """Forget the endpoint."""
    await create_join_leave.delete_endpoint(engine, request.network_id, request.endpoint_id)
    return network_messages.Nothing()


def endpoint_oper_info(engine: Engine, request: network_messages.EndpointCall) -> network_messages.OperInfo:
    """Say where the endpoint sits; Docker reads port mappings here, of which ipvlan has none."""
    network = engine.network(request.network_id)
    engine.endpoint(request.network_id, request.endpoint_id)
    return network_messages.OperInfo(
        value={"parent": network.parent, "ipvlan_mode": network.mode, "ipvlan_flag": network.flag}
    )


async def join(engine: Engine, request: network_messages.Join) -> network_messages.Joined:
    """Make the port that Docker moves into the container."""
    sandbox = check_path(request.sandbox_key, "sandbox")
    _check_routers(engine, engine.endpoint(request.network_id, request.endpoint_id), sandbox)
    return _joined(await create_join_leave.join(engine, request.network_id, request.endpoint_id, sandbox))


async def leave(engine: Engine, request: network_messages.EndpointCall) -> network_messages.Nothing:
    """Take the port away if Docker gave it back."""
    await create_join_leave.leave(engine, request.network_id, request.endpoint_id)
    return network_messages.Nothing()


def program_external_connectivity(
    engine: Engine, request: network_messages.ProgramExternalConnectivity
) -> network_messages.Nothing:
    """The endpoint became the container's way out. Ports are published nowhere: the container has its own address."""
    return network_messages.Nothing()


def revoke_external_connectivity(engine: Engine, request: network_messages.EndpointCall) -> network_messages.Nothing:
    """The endpoint is no longer the container's way out."""
    return network_messages.Nothing()


def discover(engine: Engine, request: network_messages.Discovery) -> network_messages.Nothing:
    """A swarm node came or went; ipvlan needs to know no neighbours."""
    return network_messages.Nothing()


CALLS: dict[str, Call] = {
    "NetworkDriver.EndpointOperInfo": Call(network_messages.EndpointCall, endpoint_oper_info),
    "NetworkDriver.CreateEndpoint": Call(network_messages.CreateEndpoint, create_endpoint),
    "NetworkDriver.Join": Call(network_messages.Join, join),
    "NetworkDriver.ProgramExternalConnectivity": Call(
        network_messages.ProgramExternalConnectivity, program_external_connectivity
    ),
    "NetworkDriver.RevokeExternalConnectivity": Call(network_messages.EndpointCall, revoke_external_connectivity),
    "NetworkDriver.Leave": Call(network_messages.EndpointCall, leave),
    "NetworkDriver.DeleteEndpoint": Call(network_messages.EndpointCall, delete_endpoint),
    "Plugin.Activate": Call(network_messages.Nothing, activate),
    "NetworkDriver.GetCapabilities": Call(network_messages.Nothing, get_capabilities),
    "NetworkDriver.GwAllocCheck": Call(network_messages.GwAllocCheck, gw_alloc_check),
    "NetworkDriver.AllocateNetwork": Call(network_messages.AllocateNetwork, allocate_network),
    "NetworkDriver.FreeNetwork": Call(network_messages.NetworkCall, free_network),
    "NetworkDriver.CreateNetwork": Call(network_messages.CreateNetwork, create_network),
    "NetworkDriver.DeleteNetwork": Call(network_messages.NetworkCall, delete_network),
    "NetworkDriver.DiscoverNew": Call(network_messages.Discovery, discover),
    "NetworkDriver.DiscoverDelete": Call(network_messages.Discovery, discover),
}
"""What a container's start and end ask for comes first: paths are compared one after the other."""


def _is_internal(options: dict[str, Any] | None) -> bool:
    return (options or {}).get(INTERNAL) in (True, "true")


def _options(options: dict[str, Any] | None) -> dict[str, Any]:
    """Return what followed `-o`.

    Raises:
        IpvlError: it is not a map.
    """
    generic = (options or {}).get(GENERIC) or {}
    if not isinstance(generic, dict):
        raise invalid(f"{GENERIC} is {reprlib.repr(generic)}, not a map of options")
    return generic


def _network(request: network_messages.CreateNetwork, created: float) -> Network:
    options = request.options or {}
    pools, empty = [], True
    for family, switch, data in (("4", ENABLE_IPV4, request.ipv4_data), ("6", ENABLE_IPV6, request.ipv6_data)):
        # Docker 28 can switch IPv4 off, and IPv6 is off unless asked for; a switch that is not sent says nothing.
        if options.get(switch) is False:
            continue
        if options.get(switch) is True and data is not None and not data:
            raise invalid(f"the IPv{family} pool is empty", "give a --subnet or leave that family out")
        pools += [
            subnets.SubnetText(
                one.pool,
                one.gateway,
                named=one.aux_addresses or {},
                dockers=one.address_space not in {ipam_messages.LOCAL, ipam_messages.GLOBAL},
            )
            for one in data or ()
            if one.pool
        ]
        empty &= all(one.pool in EMPTY_POOLS and one.address_space in {"", ipam_messages.NULL} for one in data or ())
    return network_options.parse_network(
        request.network_id,
        _options(request.options),
        () if empty else pools,
        internal=_is_internal(request.options),
        door=DOCKER,
        created=created,
    )


def _joined(attachment: JoinInfo) -> network_messages.Joined:
    return network_messages.Joined(
        interface_name=network_messages.InterfaceName(src_name=attachment.port, dst_prefix=attachment.interface_prefix),
        gateway=str(attachment.gateway4 or ""),
        gateway_ipv6=str(attachment.gateway6 or ""),
        static_routes=[_static_route(route) for route in (*_to_link_local_routers(attachment), *attachment.routes)],
        # Otherwise Docker attaches an endpoint without a gateway to its docker_gwbridge, behind the operator's back.
        disable_gateway_service=True,
    )


def _check_routers(engine: Engine, joining: Endpoint, sandbox: str) -> None:
    """Refuse a second network by which a container has a router of the same link-local address.

    Docker sets no route to a router with an interface of its own choice: it would take the first network's, and fails
    half-way (`file exists`), with the interface in the container.

    Raises:
        IpvlError: it has one.
    """
    network = engine.network(joining.network_id)
    routers = {one.destination for one in _to_link_local_routers(plan_join(network, joining))}
    for other in engine.records.endpoints() if routers else ():
        if other.id == joining.id or other.sandbox != sandbox:
            continue
        theirs = engine.network(other.network_id)
        for shared in (one.destination for one in _to_link_local_routers(plan_join(theirs, other))):
            if shared in routers:
                address = shared.network_address
                raise conflict(
                    f"network {network.label} has a router {address}, and so has network {theirs.label} of the same"
                    " container, where Docker cannot tell the two apart",
                    "make one of the two networks with -o no_default_route=ipv6 and no route via"
                    f" {address}, or with the router's address in the subnet as --gateway",
                )


def _to_link_local_routers(attachment: JoinInfo) -> tuple[Route, ...]:
    """Return routes that tell by which interface an endpoint's link-local routers are reached.

    Docker looks a router up in the container's routes (moby, daemon/libnetwork/osl, programGateway and programRoute):
    of several interfaces that have fe80::/64 any would do.
    """
    routers = dict.fromkeys((attachment.gateway6, *(route.via for route in attachment.routes)))
    return tuple(
        Route(IPv6Network(router)) for router in routers if isinstance(router, IPv6Address) and router.is_link_local
    )


def _static_route(route: Route) -> network_messages.StaticRoute:
    if route.via is None:
        return network_messages.StaticRoute(str(route.destination), CONNECTED)
    return network_messages.StaticRoute(str(route.destination), NEXT_HOP, str(route.via))
