"""The host's own port on a network: what it has, what it must not get in the way of, and what is missing of it."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network

from ipvl.errors import conflict
from ipvl.model.addresses import IPAddress, IPNetwork
from ipvl.model.endpoints import Endpoint
from ipvl.model.host_port_steps import AddHostRoutes, MakeHostPort, RemoveHostPort, RemoveHostRoutes
from ipvl.model.links import HostPortRoute, HostRoute, HostRouting, Link
from ipvl.model.networks import HOST_PORT_PREFIX, Network
from ipvl.model.steps import Step
from ipvl.model.troubles import Trouble
from ipvl.planning.host import Host
from ipvl.planning.sandbox_routes import subnet_of

NO_ROUTING = HostRouting()


def check_host_access(network: Network, host: Host) -> None:
    """Refuse host access that would take anything from what the host reaches already.

    Of several routes the most specific is used, so in L2, where each container has a route alone, nothing is taken
    but what leads to the port's own address; who else has a container's route is known when it joins
    (`unshadowed_routes`).
    In L3 and isolated networks a route to the whole subnet must not be another's, nor hide a part of a segment that the
    host is on. A route that is more general, such as a VPN's to half of everything, loses nothing but the subnet, and
    there are only this network's containers in it.

    Raises:
        IpvlError: a route of the host is in the way, the host has the port's address already, or there is a link of
            the port's name that ipvl did not make.
    """
    link = host.link(network.host_port)
    if link is not None and not link.made_by_ipvl:
        raise conflict(
            f"link {link.name}, the host port of network {network.label}, exists and was not made by ipvl",
            f"remove it with `ip link del {link.name}`",
        )
    for subnet in network.subnets:
        for route in host.routing.routes:
            same_family = route.destination.version == subnet.pool.version
            if same_family and _is_in_the_way(route, subnet.pool, network):
                raise conflict(
                    f"subnet {subnet.pool} of network {network.label} overlaps the host's route {route.label},"
                    " so the host cannot have access",
                    "give the network another subnet, remove the route, or leave host_access out",
                )
        if subnet.host is not None and _is_switched(network):
            found = _route_of_another(ip_network(subnet.host), network, host.routing)
            if found is not None:
                raise conflict(
                    f"address {subnet.host} of the host in network {network.label} is where its route {found.label}"
                    " leads already",
                    "give another that nobody has: --aux-address host=ADDRESS",
                )
        for name, address in host.routing.addresses:
            if address == subnet.host and name != network.host_port:
                raise conflict(
                    f"address {address} of the host in network {network.label} is its address on {name} already",
                    "give another that nobody has: --aux-address host=ADDRESS",
                )


def host_port_routes(network: Network, endpoints: Iterable[Endpoint]) -> tuple[HostPortRoute, ...]:
    """Return the routes of the host's own port.

    In L2 one for each address of the endpoints that are in a sandbox: the subnet is that of a segment with others on
    it, where the host may have an address now or get one later, and one to all of it would be in that one's way. Else
    one for each subnet, since there are only containers in it.
    """
    if _is_switched(network):
        return tuple(
            HostPortRoute(ip_network(interface.ip), subnet.host)
            for endpoint in endpoints
            if endpoint.sandbox is not None
            for interface in endpoint.addresses
            if (subnet := subnet_of(interface, network)) is not None and subnet.host is not None
        )
    return tuple(HostPortRoute(subnet.pool, subnet.host) for subnet in network.subnets if subnet.host is not None)


def unshadowed_routes(network: Network, endpoints: Iterable[Endpoint], there: HostRouting) -> tuple[HostPortRoute, ...]:
    """Return those of the routes of the host's own port that lead where no other route alone leads already.

    In L2 a container's address may be that of something which the host reaches by a route of its own, such as the other
    end of a VPN: that one is neither replaced nor hidden (`not_reached` says so).
    """
    routes = host_port_routes(network, endpoints)
    if not _is_switched(network):
        return routes
    return tuple(way for way in routes if _route_of_another(way.destination, network, there) is None)


def not_reached(network: Network, endpoints: Iterable[Endpoint], there: HostRouting) -> tuple[Trouble, ...]:
    """Return which containers the host does not reach in L2, since another route of the host leads to their address."""
    if not (network.host_access and _is_switched(network)):
        return ()
    found = ((way, _route_of_another(way.destination, network, there)) for way in host_port_routes(network, endpoints))
    return tuple(
        Trouble(
            f"this host does not reach {way.destination.network_address} in network {network.label}: its route"
            f" {route.label} leads there already; remove that route, or give the container another address",
            network,
            links=frozenset({route.link} if route.link else ()),
        )
        for way, route in found
        if route is not None
    )


def routes_to_each_endpoint(network: Network) -> bool:
    """Tell whether the host gets a route with each endpoint that joins."""
    return network.host_access and _is_switched(network)


def steps_to_route_to(network: Network, endpoint: Endpoint, there: HostRouting) -> tuple[Step, ...]:
    """Return what lets the host, which has these addresses and routes, reach an endpoint that joins."""
    if not routes_to_each_endpoint(network):
        return ()
    routes = unshadowed_routes(network, (endpoint,), there)
    return (AddHostRoutes(network.host_port, host_addresses(network), routes),)


def steps_to_stop_routing_to(network: Network | None, endpoint: Endpoint) -> tuple[Step, ...]:
    """Return what takes the host's route to an endpoint away."""
    if network is None or not (network.host_access and _is_switched(network)):
        return ()
    return (RemoveHostRoutes(network.host_port, tuple(ip_network(interface.ip) for interface in endpoint.addresses)),)


def host_addresses(network: Network) -> tuple[IPAddress, ...]:
    """Return the addresses of the host's own port, one of each subnet."""
    return tuple(subnet.host for subnet in network.subnets if subnet.host is not None)


def steps_to_give_access(
    network: Network, endpoints: Iterable[Endpoint] = (), there: HostRouting = NO_ROUTING
) -> tuple[Step, ...]:
    """Return the steps that make the host's own port with all it has; none where the network gives no access."""
    if not network.host_access:
        return ()
    addresses = host_addresses(network)
    return (
        RemoveHostPort(network.host_port),
        MakeHostPort(
            network.host_port,
            network.parent,
            network.mode,
            network.flag,
            network.mtu,
            any(address.version == 6 for address in addresses),
        ),
        AddHostRoutes(network.host_port, addresses, unshadowed_routes(network, endpoints, there)),
    )


def steps_to_repair(network: Network, endpoints: Iterable[Endpoint], host: Host) -> tuple[Step, ...]:
    """Return the steps that make the host's own port what it should be."""
    if not network.host_access:
        return ()
    link = host.link(network.host_port)
    if link is None or not link.up:
        return steps_to_give_access(network, endpoints, host.routing)
    addresses, routes = host_addresses(network), unshadowed_routes(network, endpoints, host.routing)
    there = {
        HostPortRoute(route.destination, route.source)
        for route in host.routing.routes
        if route.link == link.name and not route.by_kernel and route.source is not None
    }
    destinations = {way.destination for way in routes}
    surplus = tuple(way.destination for way in there if way.destination not in destinations)
    missing = tuple(way for way in routes if way not in there)
    steps: list[Step] = []
    if surplus:
        steps.append(RemoveHostRoutes(link.name, surplus))
    if missing or any((link.name, address) not in host.routing.addresses for address in addresses):
        steps.append(AddHostRoutes(link.name, addresses, missing))
    return tuple(steps)


def is_lost_host_port(link: Link, networks: Iterable[Network]) -> bool:
    """Tell whether a link is a host port of ipvl's that none of these networks has."""
    return is_host_port(link) and all(not network.host_access or network.host_port != link.name for network in networks)


def is_host_port(link: Link) -> bool:
    """Tell whether a link is a host port that ipvl made."""
    return link.kind == "ipvlan" and link.made_by_ipvl and link.name.startswith(HOST_PORT_PREFIX)


def _is_switched(network: Network) -> bool:
    return not (network.mode.routes or network.isolated)


def _is_in_the_way(route: HostRoute, pool: IPNetwork, network: Network) -> bool:
    """Tell whether a route to a pool would be in the way of this one, or this one in its way.

    In L2 there is a route to each container alone, which could only hide a part of another network's subnet.
    """
    if route.link == network.host_port or not pool.overlaps(route.destination):
        return False
    alone = route.destination.prefixlen == route.destination.max_prefixlen
    of_another = route.link is not None and route.link.startswith(HOST_PORT_PREFIX)
    if _is_switched(network):
        return of_another and not alone
    is_segment = route.by_kernel and route.connected
    return route.destination.prefixlen >= pool.prefixlen or is_segment or of_another


def _route_of_another(destination: IPNetwork, network: Network, there: HostRouting) -> HostRoute | None:
    return next(
        (route for route in there.routes if route.destination == destination and route.link != network.host_port), None
    )
