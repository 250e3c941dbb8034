"""The routes that a user wants containers to have, checked against the network's subnets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_network

from ipvl.errors import invalid, quoted
from ipvl.model.addresses import IPAddress, IPNetwork
from ipvl.model.networks import Mode, Route, Subnet
from ipvl.options.gateways import refuse_link_local

MOST_ROUTES = 256
ROUTE_EXAMPLE = "write it like 10.0.0.0/8,via=192.168.20.254"


def parse_routes(text: str, mode: Mode, subnets: Sequence[Subnet]) -> tuple[Route, ...]:
    """Return the routes that are written in one text, separated by semicolons; host bits are allowed.

    Raises:
        IpvlError: one cannot be read, is the default route or a subnet of the network, is given twice, has a router
            that is in none of the network's subnets, or has none in a mode that needs one.
    """
    parts = [part.strip() for part in text.split(";")]
    if len(parts) > MOST_ROUTES:
        raise invalid(f"{len(parts)} routes are more than the {MOST_ROUTES} that a network may have")
    found: dict[IPNetwork, Route] = {}
    for part in filter(None, parts):
        route = _route(part, mode, subnets)
        if route.destination in found:
            raise invalid(f"route {route.destination} is given twice", "give each destination once")
        found[route.destination] = route
    return tuple(found.values())


def _route(text: str, mode: Mode, subnets: Sequence[Subnet]) -> Route:
    written, *words = (word.strip() for word in text.split(","))
    destination = _destination(written)
    via: IPAddress | None = None
    for word in words:
        key, _, value = word.partition("=")
        if key != "via" or via is not None:
            raise invalid(f"{quoted(word)} of route {destination} is not understood", ROUTE_EXAMPLE)
        via = _router(value, destination)
    if destination.prefixlen == 0:
        raise invalid(
            f"route {destination} is the default route",
            "that is the --gateway in mode l2, and there already in l3 and l3s, unless no_default_route takes it away",
        )
    if any(subnet.pool == destination for subnet in subnets):
        raise invalid(f"route {destination} is a subnet of the network", "containers reach it without a route")
    if via is None:
        _check_device(destination, mode, subnets)
    elif via.version == 6 and via.is_link_local:
        if mode.routes:
            raise refuse_link_local(f"router {via} of route {destination}", mode)
        _check_family(destination, subnets)
    elif not any(via in subnet.pool for subnet in subnets):
        raise invalid(
            f"router {via} of route {destination} is in no subnet of the network", f"its subnets: {_pools(subnets)}"
        )
    return Route(destination, via)


def _check_device(destination: IPNetwork, mode: Mode, subnets: Iterable[Subnet]) -> None:
    if not mode.routes:
        raise invalid(
            f"route {destination} names no router, which mode l2 needs",
            f"add one of the network's subnets: {destination},via=ADDRESS",
        )
    _check_family(destination, subnets)


def _check_family(destination: IPNetwork, subnets: Iterable[Subnet]) -> None:
    if not any(subnet.pool.version == destination.version for subnet in subnets):
        raise invalid(
            f"route {destination} is IPv{destination.version}, of which the network has no subnet",
            "add one, or leave the route out",
        )


def _destination(text: str) -> IPNetwork:
    try:
        found = ip_network(text, strict=False) if "/" in text and "%" not in text else None
    except ValueError:
        found = None
    if found is None:
        raise invalid(f"route {quoted(text)} is not in CIDR notation", ROUTE_EXAMPLE)
    return found


def _router(text: str, destination: IPNetwork) -> IPAddress:
    try:
        found = ip_address(text) if "%" not in text else None
    except ValueError:
        found = None
    if found is None:
        raise invalid(f"router {quoted(text)} of route {destination} is not an address", ROUTE_EXAMPLE)
    if found.version != destination.version:
        raise invalid(
            f"router {found} of route {destination} is not IPv{destination.version}", "give one of the same family"
        )
    return found


def _pools(subnets: Iterable[Subnet]) -> str:
    return ", ".join(str(subnet.pool) for subnet in subnets) or "none"
