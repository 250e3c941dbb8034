"""Ports that went with their parent, and what makes them again in their sandboxes when it is back.

The kernel removes with a link all ports on it, in every namespace (ipvlan_device_event in
drivers/net/ipvlan/ipvlan_main.c), and a link that is made anew has another index. So the index that a port's parent had
when it was seen tells whether it went that way; a port that somebody deleted in its sandbox is left to whoever did.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from ipvl.errors import IpvlError
from ipvl.model.addresses import IPAddress, IPInterface
from ipvl.model.dhcp_leases import GrantedTerms
from ipvl.model.endpoints import Endpoint, PortRoute, PortSetup, SeenPort
from ipvl.model.links import Link, PortsView, PortView
from ipvl.model.networks import Network, Phase
from ipvl.model.steps import MakePort, PlacePort, RemovePort, RemoveSandboxPort, RestoreRoutes, RoutePort, Step
from ipvl.planning.host import Host
from ipvl.planning.parents.parent_requirements import check_link
from ipvl.planning.reconciliation import UNJOINED_SECONDS, is_in_sandbox
from ipvl.planning.sandbox_routes import has_router6, plan_routes
from ipvl.records.records import Records

MAIN_TABLE = 254
NOBODY: Mapping[tuple[str, float], int] = {}
UNCLAIMED: Mapping[IPAddress, str] = {}


@dataclass(frozen=True, slots=True)
class LostPort:
    """An endpoint whose port may have gone with its parent, which is there again as `parent`."""

    network: Network
    endpoint: Endpoint
    parent: Link

    @property
    def label(self) -> str:
        """What is wrong if it has, as the beginning of a sentence."""
        return (
            f"endpoint {self.endpoint.label} of network {self.network.label} has no port any more,"
            f" since parent {self.network.parent} was made anew"
        )


@dataclass(frozen=True, slots=True)
class Restoration:
    """What gives an endpoint its port again.

    Nothing is to be done where `found` tells of a port that is there. `hindrance` says what must go first, `remarks`
    what is not as it was afterwards.
    """

    interface: str = ""
    steps: tuple[Step, ...] = ()
    found: PortView | None = None
    hindrance: str = ""
    remarks: tuple[str, ...] = ()


def lost_ports(
    records: Records,
    host: Host,
    now: float,
    inode_of: Callable[[str], int | None],
    parent_at_join: Mapping[tuple[str, float], int] = NOBODY,
) -> Iterator[LostPort]:
    """Yield the endpoints whose ports may have gone with their parents and can be made again now.

    Nothing is looked at but records and the host's own links. One whose port was never seen, and of which nobody knows
    on which parent it joined, is a suspect, unless its door may still be about to set it up.

    Args:
        records: what ipvl remembers.
        host: the host as it is now.
        now: seconds since the epoch.
        inode_of: returns the number of the network namespace at a path, None when there is none.
        parent_at_join: the index of the parent that endpoints joined on, by their id and when that was, for those whose
            ports were never seen.
    """
    for network in records.networks():
        link = host.link(network.parent)
        if link is None or network.phase is not Phase.READY:
            continue
        some = [one for one in records.endpoints_of(network.id) if _is_suspect(one, link, now, parent_at_join)]
        if not some:
            continue
        try:
            check_link(link, network, host)
        except IpvlError:
            # That is a warning of its own; a port in another mode would switch all others.
            continue
        for endpoint in some:
            if is_in_sandbox(endpoint, inode_of):
                yield LostPort(network, endpoint, link)


def port_of(endpoint: Endpoint, parent: Link, view: PortsView) -> PortView | None:
    """Return the endpoint's port in its sandbox, or None.

    It is told by the interface's name where that is known, then by the endpoint's addresses; the only one on this
    parent that has none but some of these is one that is being set up.
    """
    on_parent = [port for port in view.ports if port.parent == parent.index and port.name != endpoint.port]
    name = interface_of(endpoint)
    if name is not None:
        return next((port for port in on_parent if port.name == name), None)
    wanted = set(endpoint.addresses)
    if wanted and view.entered:
        having = next((port for port in on_parent if wanted <= set(port.addresses)), None)
        if having is not None:
            return having
    begun = [port for port in on_parent if set(port.addresses) <= wanted]
    return begun[0] if len(begun) == 1 else None


def interface_of(endpoint: Endpoint) -> str | None:
    """Return what the endpoint's port is called in its sandbox, None where that is not known."""
    return endpoint.interface if endpoint.seen is None else endpoint.seen.interface


def seen_port(endpoint: Endpoint, parent: Link, port: PortView) -> SeenPort | None:
    """Return what is to be remembered of a port, None while it is not set up whole."""
    if port.setup is None:
        return SeenPort(parent.index, port.name)
    if not port.up or not set(endpoint.addresses) <= set(port.addresses):
        return None
    given = tuple(one for one in port.addresses if one not in endpoint.addresses)
    return SeenPort(parent.index, port.name, replace(port.setup, addresses=given))


def given_addresses(endpoint: Endpoint) -> tuple[IPInterface, ...]:
    """Return the addresses that somebody had given the endpoint's port beside its own."""
    setup = None if endpoint.seen is None else endpoint.seen.setup
    return () if setup is None else setup.addresses


def plan_restoration(
    suspect: LostPort,
    view: PortsView,
    mtu: int | None,
    terms: GrantedTerms | None,
    claimed: Mapping[IPAddress, str] = UNCLAIMED,
) -> Restoration:
    """Return what gives an endpoint its port again, exactly as the one before was as far as that is known.

    Whatever has taken the interface's name or an address meanwhile keeps it, and so does another default route with the
    same metric. What is already there, because ipvl was stopped midway or somebody made it by hand, is
    only completed.

    Args:
        suspect: whose port is meant.
        view: its sandbox, which ipvl may enter.
        mtu: what the port is to have, None for its parent's.
        terms: what a DHCP server granted the endpoint.
        claimed: who has addresses by now outside of the sandbox, in words that follow "address A".
    """
    network, endpoint, parent = suspect.network, suspect.endpoint, suspect.parent
    sandbox = endpoint.sandbox or ""
    setup = None if endpoint.seen is None else endpoint.seen.setup
    found = port_of(endpoint, parent, view)
    if found is not None and _is_whole(endpoint, found):
        # Whether a port that Docker set up, and nobody saw, is to have a default route is not known.
        known_routes = found.up and (endpoint.seen is not None or endpoint.inode is not None)
        steps = _routes(suspect, found.name, setup, view, terms) if known_routes else ()
        return Restoration(found.name, steps, found=found)
    known = interface_of(endpoint)
    # Where ipvl was stopped in the middle, a port is on the host or in the sandbox, there under either name and down.
    half_made = {endpoint.port, *(() if found is None or found.up else (found.name,))}
    taken = tuple(RemoveSandboxPort(sandbox, name) for name in sorted(half_made & view.interfaces))
    others = view.interfaces - half_made
    interface = known or _free_name(endpoint.interface_prefix, others)
    if interface in others:
        return Restoration(hindrance=f"another link in its sandbox is called {interface} now: remove that")
    for name, address in sorted(view.addresses, key=str):
        if name in others and address in {one.ip for one in endpoint.addresses}:
            return Restoration(hindrance=f"{name} in its sandbox has {address} now: take it off")
    for address in (one.ip for one in endpoint.addresses):
        if address in claimed:
            return Restoration(hindrance=f"address {address} {claimed[address]}: take it from there")
    left_out = [
        one for one in given_addresses(endpoint) if one.ip in claimed or one.ip in {ip for _, ip in view.addresses}
    ]
    make = MakePort(endpoint.port, network.parent, network.mode, network.flag, mtu)
    announced = endpoint.inode is not None and network.announcements != 0
    place = PlacePort(
        endpoint.port,
        sandbox,
        interface,
        endpoint.addresses,
        announced=announced,
        takes_default6=setup is not None or endpoint.inode is None or not has_router6(network, endpoint),
        setup=setup and replace(setup, addresses=tuple(one for one in setup.addresses if one not in left_out)),
    )
    remarks = [] if known else [f"what its port was called is not known, so it is {interface}"]
    remarks += [
        f"address {one.ip}, which somebody gave it, {claimed.get(one.ip, 'is in its sandbox')}, so it is left out"
        for one in left_out
    ]
    if setup is not None:
        setup = replace(setup, routes=tuple(one for one in setup.routes if not _goes_with(one, left_out, endpoint)))
    routes = _routes(suspect, interface, setup, view, terms)
    if setup is not None:
        kept = {one for step in routes if isinstance(step, RestoreRoutes) for one in step.routes}
        remarks += [f"route {one.label} is another interface's now" for one in setup.routes if one not in kept]
    return Restoration(interface, (RemovePort(endpoint.port), *taken, make, place, *routes), remarks=tuple(remarks))


def _is_suspect(endpoint: Endpoint, parent: Link, now: float, parent_at_join: Mapping[tuple[str, float], int]) -> bool:
    if endpoint.phase is not Phase.READY or endpoint.sandbox is None:
        return False
    if endpoint.seen is None:
        at_join = parent_at_join.get((endpoint.id, endpoint.changed))
        if at_join is not None:
            return at_join != parent.index
        return endpoint.inode is not None or now - endpoint.changed > UNJOINED_SECONDS
    return endpoint.seen.parent != parent.index


def _is_whole(endpoint: Endpoint, port: PortView) -> bool:
    """Tell whether a port has all that it should; one that is down was left so by ipvl, unless nobody saw it before."""
    return set(endpoint.addresses) <= set(port.addresses) and (port.up or endpoint.seen is None)


def _goes_with(route: PortRoute, left_out: Collection[IPInterface], endpoint: Endpoint) -> bool:
    """Tell whether a route cannot be without one of the addresses that are left out: the kernel would refuse it."""
    if route.source is not None and route.source in {one.ip for one in left_out}:
        return True
    via = route.via
    kept = (*endpoint.addresses, *(one for one in given_addresses(endpoint) if one not in left_out))
    return (
        via is not None and any(via in one.network for one in left_out) and all(via not in one.network for one in kept)
    )


def _free_name(prefix: str, taken: Collection[str]) -> str:
    """Return the lowest name that is free, as Docker's rule is for the first of each (osl.Namespace.AddInterface)."""
    number = 0
    while f"{prefix}{number}" in taken:
        number += 1
    return f"{prefix}{number}"


def _routes(
    suspect: LostPort, interface: str, setup: PortSetup | None, view: PortsView, terms: GrantedTerms | None
) -> tuple[RoutePort | RestoreRoutes, ...]:
    endpoint = suspect.endpoint
    if setup is None:
        return (plan_routes(suspect.network, endpoint, interface, view.default_routes, terms),)
    free = tuple(
        route
        for route in setup.routes
        if route.destination.prefixlen
        or route.table != MAIN_TABLE
        or (route.destination.version, route.metric) not in view.default_routes
    )
    return (RestoreRoutes(endpoint.sandbox or "", interface, free),)
