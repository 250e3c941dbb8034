"""Who is about to get a lease, while a DHCP server is asked and the engine's lock is free."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from weakref import WeakValueDictionary


@dataclass(slots=True)
class PendingRequests:
    """What must not be asked for twice at once.

    `taken` are the keys of leases that endpoints are about to get. `silence` tells of each parent when the last
    exchange there began that nobody answered, in seconds since the epoch.
    """

    taken: set[tuple[str, str]] = field(default_factory=set)
    silence: dict[str, float] = field(default_factory=dict)
    _endpoints: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _parents: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def endpoint(self, identity: str) -> asyncio.Lock:
        """Return what one call for an endpoint holds while another waits: Docker repeats its calls."""
        return self._endpoints.setdefault(identity, asyncio.Lock())

    def parent(self, name: str) -> asyncio.Lock:
        """Return what an exchange on a parent holds.

        A server that goes by MAC addresses (dnsmasq) offers the same address to all that ask at once, and refuses it
        to all but one.
        """
        return self._parents.setdefault(name, asyncio.Lock())
