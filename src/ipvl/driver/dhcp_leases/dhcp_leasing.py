"""What DHCP leases need beside their records: where the servers are, and who waits for one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from ipvl.driver.dhcp_leases.lease_release import send_release
from ipvl.driver.interfaces import DhcpWire
from ipvl.model.dhcp_leases import DhcpLease
from ipvl.records.records import Records


@dataclass(slots=True)
class DhcpLeasing:
    """The state of an engine's DHCP client, while a server is asked and the engine's lock is free.

    `wire` is where the servers are; without it nobody keeps leases here. `pending` are the keys of leases that
    endpoints are about to get. `unanswered` tells of each parent when the last exchange there began that no server
    answered, in seconds since the epoch.
    """

    wire: DhcpWire | None = None
    pending: set[tuple[str, str]] = field(default_factory=set)
    unanswered: dict[str, float] = field(default_factory=dict)
    _endpoints: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _parents: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def endpoint_lock(self, identity: str) -> asyncio.Lock:
        """Return what one call for an endpoint holds while another waits: Docker repeats its calls."""
        return self._endpoints.setdefault(identity, asyncio.Lock())

    def parent_lock(self, name: str) -> asyncio.Lock:
        """Return what an exchange on a parent holds.

        A server that goes by MAC addresses (dnsmasq) offers the same address to all that ask at once, and refuses it
        to all but one.
        """
        return self._parents.setdefault(name, asyncio.Lock())

    def release(self, leases: Iterable[DhcpLease], records: Records, now: float) -> None:
        """Send the servers the release of leases whose endpoints are gone; what is about to be used again is kept."""
        for lease in leases:
            network = records.network(lease.network_id)
            if self.wire is None or lease.terms is None or network is None or lease.key in self.pending:
                continue
            send_release(self.wire, network, lease, lease.terms, now)
