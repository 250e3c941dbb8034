"""The host's own port on a network: what it has, what it must not get in the way of, and what is missing of it."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network

from ipvl.errors import conflict
from ipvl.links import CloseHost, HostRoute, HostWay, Link, MakeHostPort, OpenHost, RemoveHostPort, Step
from ipvl.model import HOST_PORT_PREFIX, Endpoint, IPAddress, Network
from ipvl.planning.attachments import subnet_of
from ipvl.planning.host import Host


def check_host_access(network: Network, host: Host) -> None:
    """Refuse host access that would take anything from what the host reaches already.

    The default routes are more general than any subnet. In L2 the host itself may be on the segment, by an address on
    the parent, and other networks with host access may be there as well: each has a route to each container alone.

    Raises:
        IpvlError: a route of the host overlaps a subnet, the host has the port's address already, or there is a link of
            the port's name that ipvl did not make.
    """
    link = host.link(network.host_port)
    if link is not None and not link.made_by_ipvl:
        raise conflict(
            f"link {link.name}, the host port of network {network.label}, exists and was not made by ipvl",
            f"remove it with `ip link del {link.name}`",
        )
    for subnet in network.subnets:
        for route in host.ways.routes:
            same_family = route.destination.version == subnet.pool.version
            if same_family and route.destination.overlaps(subnet.pool) and _is_in_the_way(route, network):
                raise conflict(
                    f"subnet {subnet.pool} of network {network.label} overlaps the host's route {route.label},"
                    " so the host cannot have access",
                    "give the network another subnet, remove the route, or leave host_access out",
                )
        for name, address in host.ways.addresses:
            if address == subnet.host and name != network.host_port:
                raise conflict(
                    f"address {address} of the host in network {network.label} is its address on {name} already",
                    "give another that nobody has: --aux-address host=ADDRESS",
                )


def ways_of(network: Network, endpoints: Iterable[Endpoint]) -> tuple[HostWay, ...]:
    """Return the routes of the host's own port.

    In L2 one for each address of the endpoints that are in a sandbox: the subnet is that of a segment with others on
    it, where the host may have an address now or get one later, and one to all of it would be in that one's way. Else
    one for each subnet, since there are only containers in it.
    """
    if _is_switched(network):
        return tuple(
            HostWay(ip_network(interface.ip), subnet.host)
            for endpoint in endpoints
            if endpoint.sandbox is not None
            for interface in endpoint.addresses
            if (subnet := subnet_of(interface, network)) is not None and subnet.host is not None
        )
    return tuple(HostWay(subnet.pool, subnet.host) for subnet in network.subnets if subnet.host is not None)


def open_to(network: Network, endpoint: Endpoint) -> tuple[Step, ...]:
    """Return what lets the host reach an endpoint that joins."""
    if not (network.host_access and _is_switched(network)):
        return ()
    return (OpenHost(network.host_port, host_addresses(network), ways_of(network, (endpoint,))),)


def close_to(network: Network | None, endpoint: Endpoint) -> tuple[Step, ...]:
    """Return what takes the host's route to an endpoint away."""
    if network is None or not (network.host_access and _is_switched(network)):
        return ()
    return (CloseHost(network.host_port, tuple(ip_network(interface.ip) for interface in endpoint.addresses)),)


def host_addresses(network: Network) -> tuple[IPAddress, ...]:
    """Return the addresses of the host's own port, one of each subnet."""
    return tuple(subnet.host for subnet in network.subnets if subnet.host is not None)


def steps_to_give_access(network: Network, endpoints: Iterable[Endpoint] = ()) -> tuple[Step, ...]:
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
        OpenHost(network.host_port, addresses, ways_of(network, endpoints)),
    )


def steps_to_repair(network: Network, endpoints: Iterable[Endpoint], host: Host) -> tuple[Step, ...]:
    """Return the steps that make the host's own port what it should be."""
    if not network.host_access:
        return ()
    link = host.link(network.host_port)
    if link is None or not link.up:
        return steps_to_give_access(network, endpoints)
    addresses, ways = host_addresses(network), ways_of(network, endpoints)
    there = {
        HostWay(route.destination, route.source)
        for route in host.ways.routes
        if route.link == link.name and not route.by_kernel and route.source is not None
    }
    destinations = {way.destination for way in ways}
    surplus = tuple(way.destination for way in there if way.destination not in destinations)
    missing = tuple(way for way in ways if way not in there)
    steps: list[Step] = []
    if surplus:
        steps.append(CloseHost(link.name, surplus))
    if missing or any((link.name, address) not in host.ways.addresses for address in addresses):
        steps.append(OpenHost(link.name, addresses, missing))
    return tuple(steps)


def is_lost_host_port(link: Link, networks: Iterable[Network]) -> bool:
    """Tell whether a link is a host port of ipvl's that none of these networks has."""
    return is_host_port(link) and all(not network.host_access or network.host_port != link.name for network in networks)


def is_host_port(link: Link) -> bool:
    """Tell whether a link is a host port that ipvl made."""
    return link.kind == "ipvlan" and link.made_by_ipvl and link.name.startswith(HOST_PORT_PREFIX)


def _is_switched(network: Network) -> bool:
    return not (network.mode.routes or network.isolated)


def _is_in_the_way(route: HostRoute, network: Network) -> bool:
    if route.destination.prefixlen == 0 or route.link == network.host_port:
        return False
    if not _is_switched(network):
        return True
    of_another = route.link is not None and route.link.startswith(HOST_PORT_PREFIX)
    to_one = route.destination.prefixlen == route.destination.max_prefixlen
    return not (route.link == network.parent and route.connected) and not (of_another and to_one)
