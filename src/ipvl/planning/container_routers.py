"""Routers that are ipvlan ports themselves, and so never see what others send them to pass on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ipvl.addresses.next_address import used_gateway
from ipvl.model.addresses import IPAddress
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Network
from ipvl.records.records import Records

_WHY = "an ipvlan port receives nothing but what is for its own addresses: the host gets the rest"
_WAY_OUT = "let that router have a MAC address of its own, as a port of a bridge has which is made the parent"


@dataclass(frozen=True, slots=True)
class RouterOnParent:
    """A router of a network that is an endpoint on the network's own parent: what is wrong, and what helps."""

    address: IPAddress
    what: str
    way_out: str

    def __str__(self) -> str:
        """Return both as one sentence."""
        return f"{self.what}; {self.way_out}"


def routers_on_parent(network: Network, records: Records) -> Iterator[RouterOnParent]:
    """Yield the gateways of a network in L2, and the routers of any network's routes, that are endpoints on its parent.

    All ports of a parent share its MAC address, and a frame that comes to it is handed to the port that has the
    destination's IP address, else to the host (ipvlan_addr_lookup, drivers/net/ipvlan/ipvlan_core.c). In L3 there are
    no frames to a router at all: the host's routes decide (ipvlan_process_outbound).
    """
    why = f"in mode {network.mode} the host's own routes decide, whatever via says" if network.mode.routes else _WHY
    for address, use in _routers(network, records):
        holder = records.holder_of(network.parent, address)
        if holder is not None:
            yield RouterOnParent(
                address,
                f"{use} is {_who(holder, records)} on the same parent {network.parent}, and {why}",
                f"{_WAY_OUT} instead of {network.parent}" + (", in mode l2" if network.mode.routes else ""),
            )


def routers_on_other_parents(
    network: Network, records: Records, answering: Mapping[IPAddress, Collection[str]]
) -> Iterator[RouterOnParent]:
    """Yield routers of a network that are endpoints on another parent of the same segment, which is as wrong.

    Args:
        network: whose routers are looked at.
        records: what there is.
        answering: by address, the names of this host's links from which that was answered on the network's segment.
    """
    for address, use in _routers(network, records):
        for link in answering.get(address, ()):
            holder = None if link == network.parent else records.holder_of(link, address)
            if holder is not None:
                yield RouterOnParent(
                    address,
                    f"{use} is {_who(holder, records)} on parent {link}, on the same segment, and {_WHY}",
                    f"{_WAY_OUT} instead of {link}",
                )


def _who(holder: Endpoint, records: Records) -> str:
    of = records.network(holder.network_id)
    if of is None:
        return f"endpoint {holder.label}"
    return f"{'container' if of.is_dockers else 'member'} {holder.label} of network {of.label}"


def _routers(network: Network, records: Records) -> Iterator[tuple[IPAddress, str]]:
    for subnet in network.subnets if not (network.mode.routes or network.isolated) else ():
        gateway = used_gateway(network, subnet)
        if gateway is not None:
            yield gateway, f"gateway {gateway}"
    for route in network.routes:
        if route.via is not None:
            yield route.via, f"router {route.via} of route {route.destination}"
    yield from _leased_routers(network, records).items()


def _leased_routers(network: Network, records: Records) -> dict[IPAddress, str]:
    found: dict[IPAddress, str] = {}
    for endpoint in records.endpoints_of(network.id) if network.asks_server else ():
        lease = records.dhcp_lease_of(endpoint.id)
        if lease is None or lease.terms is None:
            continue
        if lease.terms.gateway is not None and 4 in network.default_routes:
            found.setdefault(lease.terms.gateway, f"gateway {lease.terms.gateway}, of the DHCP server,")
        for route in lease.terms.routes:
            if route.via is not None:
                found.setdefault(route.via, f"router {route.via} of route {route.destination}, of the DHCP server,")
    return found
