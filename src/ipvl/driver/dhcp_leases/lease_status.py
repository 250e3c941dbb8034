"""What is shown of DHCP leases, and what a lost one asks of people."""

from __future__ import annotations

from collections.abc import Callable

from ipvl.driver.status.dhcp_lease import DhcpStatus
from ipvl.model.dhcp_leases import DhcpLease
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Network


def dhcp_status(lease: DhcpLease, date: Callable[[float], str]) -> DhcpStatus | None:
    """Return a lease as it is shown, None while no server has granted it; `date` says when a moment is (RFC 3339)."""
    terms = lease.terms
    if terms is None:
        return None
    return DhcpStatus(
        client_id=lease.client_id,
        state="lost" if lease.lost else "held",
        why=lease.lost,
        server=str(terms.server),
        renews=None if terms.renews is None else date(terms.renews),
        expires=None if terms.expires is None else date(terms.expires),
        gateway=None if terms.gateway is None else str(terms.gateway),
        resolvers=tuple(map(str, terms.resolvers)),
        domain=terms.domain,
        mtu=terms.mtu,
    )


def lost_lease_trouble(network: Network, endpoint: Endpoint, lease: DhcpLease) -> str | None:
    """Return what a lost lease means and what to do, None for one that is held.

    An address cannot be taken from a container that runs: it keeps one that the server may give to others.
    """
    if not lease.lost or lease.terms is None:
        return None
    again = (
        "restart the container"
        if network.is_dockers
        else f"`ipvl network disconnect {network.label} {endpoint.label}` and `connect` it"
    )
    return (
        f"{endpoint.label} has lost the lease of {lease.terms.address.ip}: {lease.lost};"
        f" others may get that address now: {again} for another"
    )
