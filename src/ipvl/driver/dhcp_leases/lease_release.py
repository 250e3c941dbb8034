"""The end of a DHCP lease: it is released when its endpoint goes, however that goes, or declined (RFC 2131, 4.4)."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import replace

from ipvl.dhcp.client_states import decline_message, release_message
from ipvl.dhcp.dhcp_messages import Client, Message
from ipvl.driver.interfaces import DhcpWire
from ipvl.errors import IpvlError
from ipvl.model.dhcp_leases import DhcpLease, GrantedTerms
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Network
from ipvl.records.changes import Change, Drop
from ipvl.records.records import Records

log = logging.getLogger(__name__)


def ended_leases(changes: Sequence[Change], records: Records) -> list[DhcpLease]:
    """Return the leases whose endpoints these changes drop, and that none of them gives to another endpoint."""
    kept = {change.record.key for change in changes if isinstance(change.record, DhcpLease)}
    found = []
    for change in changes:
        if isinstance(change, Drop) and isinstance(change.record, Endpoint):
            lease = records.dhcp_lease_of(change.record.id)
            if lease is not None and lease.key not in kept:
                found.append(lease)
    return found


def released_lease(lease: DhcpLease, now: float, *, released: bool) -> DhcpLease:
    """Return the record of a lease whose endpoint is gone; one that is released expires at that moment."""
    terms = lease.terms
    if released and terms is not None:
        terms = replace(terms, expires=now)
    return replace(lease, endpoint_id=None, terms=terms, lost="", changed=now)


def send_release(wire: DhcpWire, network: Network, lease: DhcpLease, terms: GrantedTerms, now: float) -> None:
    """Send DHCPRELEASE for a lease that still runs; one that is lost costs the server's lease time and nothing else."""
    if not lease.lost and not _ran_out(terms, now):
        _send(wire, network, release_message(Client(lease.client_id), secrets.randbits(32), terms), terms)


def send_decline(wire: DhcpWire, network: Network, lease: DhcpLease, terms: GrantedTerms, now: float) -> None:
    """Send DHCPDECLINE for an address that somebody has (RFC 2131, 3.1.5): the server is to offer it to nobody."""
    if not _ran_out(terms, now):
        _send(wire, network, decline_message(Client(lease.client_id), secrets.randbits(32), terms), terms)


def _ran_out(terms: GrantedTerms, now: float) -> bool:
    return terms.expires is not None and terms.expires <= now


def _send(wire: DhcpWire, network: Network, message: Message, terms: GrantedTerms) -> None:
    try:
        with wire.open(network.parent, message.xid) as conversation:
            conversation.send(message)
    except IpvlError as error:
        log.warning("network %s: the lease of %s could not be given back: %s", network.label, terms.address.ip, error)
