"""Addresses in memory: pools, leases of their addresses, cursors, static addresses, quarantines, and what all hold."""

from __future__ import annotations

from collections.abc import Iterator

from ipvl.addresses.intervals import Intervals
from ipvl.addresses.shared_spaces import SharedSpaces
from ipvl.model.addresses import IPAddress, IPNetwork
from ipvl.model.pools import Cursor, Pool, PoolLease, Quarantine, StaticAddress
from ipvl.records.record_index import RecordIndex

_StaticKey = tuple[str, str, IPAddress]


class AddressRecords:
    """The records of addresses, which those of networks and endpoints are added to."""

    def __init__(self) -> None:
        self._pools: dict[str, Pool] = {}
        self._leases: dict[tuple[str, IPAddress], PoolLease] = {}
        self._by_leased_address = RecordIndex[PoolLease, IPAddress, str](lambda lease: lease.address)
        self._by_pool = RecordIndex[PoolLease, str, IPAddress](lambda lease: lease.pool_id)
        self._cursors: dict[tuple[str, IPNetwork], Cursor] = {}
        self._quarantines: dict[tuple[str, IPAddress], Quarantine] = {}
        self._static: dict[_StaticKey, StaticAddress] = {}
        self._static_by_owner = RecordIndex[StaticAddress, str, _StaticKey](lambda one: one.owner)
        self._static_by_address = RecordIndex[StaticAddress, IPAddress, _StaticKey](lambda one: one.address)
        self._spaces = SharedSpaces()

    def pool(self, pool_id: str) -> Pool | None:
        """Return the pool with this id, or None."""
        return self._pools.get(pool_id)

    def pools(self) -> Iterator[Pool]:
        """Iterate over a snapshot of all pools, oldest first."""
        return iter(tuple(self._pools.values()))

    def leases(self) -> Iterator[PoolLease]:
        """Iterate over a snapshot of all leases, oldest first."""
        return iter(tuple(self._leases.values()))

    def lease(self, pool_id: str, address: IPAddress) -> PoolLease | None:
        """Return the lease of this address in this pool, or None."""
        return self._leases.get((pool_id, address))

    def leases_of(self, pool_id: str) -> tuple[PoolLease, ...]:
        """Return the leases of this pool, oldest first."""
        return tuple(self._leases[pool_id, address] for address in self._by_pool.names(pool_id))

    def leases_for(self, address: IPAddress) -> tuple[PoolLease, ...]:
        """Return the leases of this address in all pools."""
        return tuple(self._leases[pool_id, address] for pool_id in self._by_leased_address.names(address))

    def cursors(self) -> Iterator[Cursor]:
        """Iterate over a snapshot of all cursors."""
        return iter(tuple(self._cursors.values()))

    def last_chosen(self, owner: str, subnet: IPNetwork) -> IPAddress | None:
        """Return the address that a network or pool chose last in a subnet, None when it chose none yet."""
        cursor = self._cursors.get((owner, subnet))
        return None if cursor is None else cursor.address

    def quarantines(self) -> Iterator[Quarantine]:
        """Iterate over a snapshot of all quarantines, oldest first."""
        return iter(tuple(self._quarantines.values()))

    def quarantine(self, parent: str, address: IPAddress) -> Quarantine | None:
        """Return the quarantine of this address on this parent, or None."""
        return self._quarantines.get((parent, address))

    def static_addresses(self) -> Iterator[StaticAddress]:
        """Iterate over a snapshot of all static addresses, oldest first."""
        return iter(tuple(self._static.values()))

    def static_addresses_of(self, owner: str) -> tuple[StaticAddress, ...]:
        """Return the static addresses of a container or sandbox, oldest first."""
        return tuple(self._static[key] for key in self._static_by_owner.names(owner))

    def static_addresses_at(self, address: IPAddress) -> tuple[StaticAddress, ...]:
        """Return the static addresses that are this one, on any network."""
        return tuple(self._static[key] for key in self._static_by_address.names(address))

    def held(self, parent: str | None, version: int) -> Intervals:
        """Return what may not be handed out on a parent, as numbers, or to those who share with every parent (None).

        That is what endpoints hold there, what pools for this or every parent have leased, the gateways and reserved
        addresses of the networks there, what stopped containers will want again, and what is in quarantine.
        """
        return self._spaces.held(parent, version)

    def _put_address(self, record: Pool | PoolLease | Cursor | Quarantine) -> None:
        match record:
            case Pool():
                self._pools[record.id] = record
            case PoolLease():
                self._put_lease(record)
            case Cursor():
                self._cursors[record.owner, record.subnet] = record
            case Quarantine():
                self._put_quarantine(record)

    def _drop_address(self, record: Pool | PoolLease | Cursor | Quarantine) -> None:
        match record:
            case Pool():
                self._drop_pool(record.id)
            case PoolLease():
                self._drop_lease(record)
            case Cursor():
                self._cursors.pop((record.owner, record.subnet), None)
            case Quarantine():
                self._drop_quarantine(record)

    def _put_lease(self, lease: PoolLease) -> None:
        key = (lease.pool_id, lease.address)
        if key not in self._leases:
            self._spaces.hold(self._pools[lease.pool_id].parent, lease.address)
            self._by_leased_address.change(lease.pool_id, None, lease)
            self._by_pool.change(lease.address, None, lease)
        self._leases[key] = lease

    def _put_quarantine(self, quarantine: Quarantine) -> None:
        key = (quarantine.parent, quarantine.address)
        if key not in self._quarantines:
            self._spaces.hold(*key)
        self._quarantines[key] = quarantine

    def _drop_quarantine(self, quarantine: Quarantine) -> None:
        key = (quarantine.parent, quarantine.address)
        if self._quarantines.pop(key, None) is not None:
            self._spaces.release(*key)

    def _drop_static(self, one: StaticAddress, parent: str) -> None:
        if self._static.pop(one.key, None) is None:
            return
        for groups in (self._static_by_owner, self._static_by_address):
            groups.change(one.key, one, None)
        self._spaces.release(parent, one.address)

    def _drop_pool(self, pool_id: str) -> None:
        for lease in self.leases_of(pool_id):
            self._drop_lease(lease)
        if self._pools.pop(pool_id, None) is not None:
            self._drop_cursors(pool_id)

    def _drop_lease(self, lease: PoolLease) -> None:
        if self._leases.pop((lease.pool_id, lease.address), None) is not None:
            self._spaces.release(self._pools[lease.pool_id].parent, lease.address)
            self._by_leased_address.change(lease.pool_id, lease, None)
            self._by_pool.change(lease.address, lease, None)

    def _drop_cursors(self, owner: str) -> None:
        for key in [key for key in self._cursors if key[0] == owner]:
            del self._cursors[key]

    def _put_static(self, one: StaticAddress, parent: str) -> None:
        before = self._static.get(one.key)
        for groups in (self._static_by_owner, self._static_by_address):
            groups.change(one.key, before, one)
        self._static[one.key] = one
        if before is None:
            self._spaces.hold(parent, one.address)
