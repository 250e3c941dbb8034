"""What a sandbox needs besides its port and addresses: gateways and routes."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

from ipvl.addresses.next_address import gateway_of, used_gateway
from ipvl.model.addresses import IPAddress, IPInterface, IPNetwork
from ipvl.model.dhcp_leases import GrantedTerms
from ipvl.model.endpoints import Endpoint, JoinInfo
from ipvl.model.networks import Network, Route, Subnet
from ipvl.model.steps import RoutePort

DEFAULT_ROUTES: dict[int, IPNetwork] = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}


def plan_join(network: Network, endpoint: Endpoint, terms: GrantedTerms | None = None) -> JoinInfo:
    """Return what the sandbox's owner must set up for this endpoint.

    L2: the gateway of the subnet each address is in. L3 and L3S: no gateway, since nothing answers ARP there, but a
    default route to the device for each family the endpoint has. Isolated networks, and those that leave a family's
    default route to others: no such way out; in L3 and L3S the network's other subnets are reached through the device,
    since the parent routes between them. Then the network's further routes, as far as the endpoint can use them.
    Gateway and routes of an endpoint with a DHCP lease are those of its `terms`.
    (Specification, "IPVlan L3 Mode Example" and "Dual Stack IPv4 IPv6 Ipvlan L3 Mode".)
    """
    gateways: list[IPAddress] = []
    routes: list[Route] = []
    for interface in endpoint.addresses:
        own = subnet_of(interface, network)
        if network.mode.routes and (network.isolated or interface.version not in network.default_routes):
            routes.extend(
                Route(other.pool)
                for other in network.subnets
                if other is not own and other.pool.version == interface.version
            )
        elif network.mode.routes:
            routes.append(Route(DEFAULT_ROUTES[interface.version]))
        elif own is not None and interface.version in network.default_routes:
            gateway = gateway_of(network, own)
            if gateway is not None and gateway != interface.ip:
                gateways.append(gateway)
        routes.extend(route for route in network.routes if _is_of_use(route, interface, own))
    if terms is not None:
        routes.extend(terms.routes)
        if terms.gateway is not None and terms.gateway.version in network.default_routes:
            gateways.append(terms.gateway)
    return JoinInfo(
        port=endpoint.port,
        interface_prefix=endpoint.interface_prefix,
        gateway4=next((gateway for gateway in gateways if isinstance(gateway, IPv4Address)), None),
        gateway6=next((gateway for gateway in gateways if isinstance(gateway, IPv6Address)), None),
        routes=tuple(routes),
    )


def plan_routes(
    network: Network,
    endpoint: Endpoint,
    interface: str,
    default_routes: frozenset[tuple[int, int]],
    terms: GrantedTerms | None = None,
) -> RoutePort:
    """Return the routes that a namespace with these default routes (family and metric) still needs by an interface.

    A network without a metric leaves the default route to one that is there; one with a metric, to one with the same.
    """
    has_default = {family for family, metric in default_routes if network.metric in {None, metric}}
    wanted = plan_join(network, endpoint, terms)
    return RoutePort(
        endpoint.sandbox or "",
        interface,
        tuple(
            gateway
            for gateway in (wanted.gateway4, wanted.gateway6)
            if gateway is not None and gateway.version not in has_default
        ),
        tuple(
            route
            for route in wanted.routes
            if route.destination not in DEFAULT_ROUTES.values() or route.destination.version not in has_default
        ),
        network.metric,
    )


def omitted_default_routes(complete: RoutePort, given: RoutePort) -> tuple[int, ...]:
    """Return the families, as IP versions, of whose default route a namespace is given none, since it has one."""

    def families(step: RoutePort) -> set[int]:
        everywhere = (route.destination for route in step.routes if route.destination in DEFAULT_ROUTES.values())
        return {one.version for one in (*step.gateways, *everywhere)}

    return tuple(sorted(families(complete) - families(given)))


def has_router6(network: Network, endpoint: Endpoint) -> bool:
    """Tell whether the user named the IPv6 router of an endpoint, so that no other that announces itself is taken."""
    subnets = [subnet_of(interface, network) for interface in endpoint.addresses if interface.version == 6]
    return any(
        subnet is not None and subnet.gateway is not None and used_gateway(network, subnet) is not None
        for subnet in subnets
    )


def _is_of_use(route: Route, interface: IPInterface, own: Subnet | None) -> bool:
    """Tell whether a sandbox with this address reaches the route's router, and is not that router itself."""
    if route.destination.version != interface.version:
        return False
    if route.via is None:
        return True
    near = own is not None and (route.via in own.pool or route.via.is_link_local)
    return near and route.via != interface.ip


def subnet_of(interface: IPInterface, network: Network) -> Subnet | None:
    """Return the subnet of the network that the address is in, or None."""
    return next((subnet for subnet in network.subnets if interface.ip in subnet.pool), None)
