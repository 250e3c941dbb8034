"""Records of every kind, and how they change."""

from __future__ import annotations

from dataclasses import dataclass

from ipvl.model.dhcp_leases import DhcpLease
from ipvl.model.endpoints import Endpoint, Sandbox
from ipvl.model.networks import Network, Parent
from ipvl.model.pools import Cursor, Pool, PoolLease, Quarantine, StaticAddress

Record = Network | Parent | Endpoint | Pool | PoolLease | Cursor | Sandbox | Quarantine | DhcpLease | StaticAddress


@dataclass(frozen=True, slots=True)
class Put:
    """Insert the record, or replace the one with the same id.

    For a parent that is its name, for a lease its pool and address, for a cursor its owner and subnet, for a quarantine
    its parent and address, for a DHCP lease its network and client identifier, for a static address its network, owner
    and address.
    """

    record: Record


@dataclass(frozen=True, slots=True)
class Drop:
    """Remove the record with this one's id; a record that is not there is dropped already.

    Leases go with their pool, cursors with their network or pool, quarantines with their parent, DHCP leases and static
    addresses with their network. A DHCP lease whose endpoint is dropped stays and has none.
    """

    record: Record


Change = Put | Drop
