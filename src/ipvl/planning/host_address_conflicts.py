"""The host's own addresses are nobody else's: ipvlan would hand the host's frames to whoever has one as well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ipvl.errors import IpvlError, conflict
from ipvl.model.addresses import IPAddress, OwnAddresses
from ipvl.model.dhcp_leases import GrantedTerms
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Network
from ipvl.records.records import Records

BY_IDENTIFIERS = "go by client identifiers (option 61, RFC 4361), not by MAC addresses"
"""What a DHCP server must do, since all containers on a parent have the parent's MAC address."""


@dataclass(frozen=True, slots=True)
class AddressConflict:
    """An endpoint and the host have the same address, the host on this link: it got it when the endpoint was there."""

    network: Network
    endpoint: Endpoint
    address: IPAddress
    link: str

    @property
    def consequence(self) -> str:
        """What that means, in words that follow "address A"."""
        return f"is this host's own as well, on {self.link}, so one of the two is not reached"

    @property
    def way_out(self) -> str:
        """What to do about it."""
        if self.network.is_dockers:
            return f"take it off {self.link}, or start the container with another"
        disconnect = f"ipvl network disconnect {self.network.label} {self.endpoint.label}"
        return f"take it off {self.link}, or `{disconnect}` and `connect` it with another"

    @property
    def trouble(self) -> str:
        """Both in one sentence, about a network that is named before it."""
        return f"address {self.address} of {self.endpoint.label} {self.consequence}: {self.way_out}"


def address_conflicts(records: Records, own: OwnAddresses) -> Iterator[AddressConflict]:
    """Yield every endpoint's address that the host has as well, on whatever link.

    Args:
        records: what there is.
        own: the host's addresses.
    """
    for parent in records.parents():
        for address in own:
            endpoint = records.holder_of(parent.name, address)
            network = None if endpoint is None else records.network(endpoint.network_id)
            if endpoint is not None and network is not None:
                yield AddressConflict(network, endpoint, address, own[address])


def refusal_of_own(address: IPAddress, link: str, way_out: str) -> IpvlError:
    """Return the refusal to give somebody an address that the host has on a link."""
    return conflict(f"address {address} is this host's own, on {link}", way_out)


def docker_may_pass_over(address: IPAddress) -> str:
    """Return the way out where Docker's own IPAM, or its user, chose an address of the host's."""
    return (
        f"choose another --ip, or have Docker pass it over: create the network with --aux-address own={address}, with"
        " an --ip-range that leaves it out, or with --ipam-driver ipvl"
    )


def granted_host_address(terms: GrantedTerms, link: str) -> tuple[str, str]:
    """Return what is wrong with a DHCP server that leases an address that the host has on a link, and the way out."""
    return (
        f"DHCP server {terms.server} leases this host's own address, {terms.address.ip} on {link}, so it was declined",
        f"have the server {BY_IDENTIFIERS}, which containers share with this host",
    )
