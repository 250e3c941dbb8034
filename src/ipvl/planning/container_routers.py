"""Routers that are ipvlan ports themselves, and so never see what others send them to pass on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ipvl.addresses.next_address import used_gateway
from ipvl.model.addresses import IPAddress
from ipvl.model.networks import Network
from ipvl.records.records import Records


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
    why = (
        f"in mode {network.mode} the host's own routes decide, whatever via says"
        if network.mode.routes
        else "an ipvlan port receives nothing but what is for its own addresses: the host gets the rest"
    )
    for address, use in _routers(network, records):
        holder = records.holder_of(network.parent, address)
        if holder is None:
            continue
        of = records.network(holder.network_id) or network
        who = f"{'container' if of.is_dockers else 'member'} {holder.label} of network {of.label}"
        yield RouterOnParent(
            address,
            f"{use} is {who} on the same parent {network.parent}, and {why}",
            "let that router have a MAC address of its own, as a port of a bridge has which is made the parent"
            f" instead of {network.parent}" + (", in mode l2" if network.mode.routes else ""),
        )


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
