"""Pools, leases and cursors in memory, and what they and everybody else hold, against a model that has no index."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ipvl.model.pools import Cursor, Quarantine
from ipvl.records.changes import Drop, Put
from ipvl.records.records import Records
from tests.unit.builders import endpoint, lease, network, parent, pool, subnet

PARENTS = ("eth0", "eth1")
POOLS = [pool(), pool(within="192.168.20.128/25"), pool(parent="eth0"), pool(parent="eth1")]
ADDRESSES = [ip_address(f"192.168.20.{number}") for number in range(1, 6)]
NETWORKS = [
    network("net1", subnets=(subnet("192.168.20.0/24", reserved=("192.168.20.2",)),)),
    network("net2", subnets=(subnet("192.168.20.0/24", "192.168.20.3"),)),
    network("net3", subnets=("192.168.20.0/24",), parent="eth1"),
    network("net4", subnets=(subnet("192.168.20.0/24", "192.168.20.3", reserved=("192.168.20.2",)),), parent="eth1"),
]
FIXED = {"net1": (1, 2), "net2": (3,), "net3": (1,), "net4": (3, 2)}


class AddressesAgainstLists(RuleBasedStateMachine):
    """What may not be handed out is what a walk over everything finds."""

    def __init__(self) -> None:
        super().__init__()
        self.records = Records(map(parent, PARENTS))
        self.pools: dict[str, object] = {}
        self.leases: dict[tuple[str, object], object] = {}
        self.networks: dict[str, object] = {}
        self.endpoints: dict[str, object] = {}
        self.quarantines: dict[tuple[str, object], object] = {}

    @rule(on=st.sampled_from(PARENTS), address=st.sampled_from(ADDRESSES), until=st.floats(0, 9))
    def put_quarantine(self, on, address, until):
        one = Quarantine(on, address, "52:54:00:12:34:56", until)
        self.records.apply([Put(one)])
        self.quarantines[on, address] = one

    @rule(on=st.sampled_from(PARENTS), address=st.sampled_from(ADDRESSES))
    def drop_quarantine(self, on, address):
        self.records.apply([Drop(Quarantine(on, address, "", 0.0))])
        self.quarantines.pop((on, address), None)

    @rule(on=st.sampled_from(PARENTS))
    def drop_parent(self, on):
        if not self.records.networks_on(on):
            self.records.apply([Drop(parent(on)), Put(parent(on))])
            self.quarantines = {key: one for key, one in self.quarantines.items() if key[0] != on}

    @rule(one=st.sampled_from(POOLS))
    def put_pool(self, one):
        self.records.apply([Put(one)])
        self.pools[one.id] = one

    @rule(one=st.sampled_from(POOLS))
    def drop_pool(self, one):
        self.records.apply([Drop(one)])
        self.pools.pop(one.id, None)
        self.leases = {key: held for key, held in self.leases.items() if key[0] != one.id}

    @precondition(lambda self: self.pools)
    @rule(data=st.data(), address=st.sampled_from(ADDRESSES), users=st.integers(1, 3))
    def put_lease(self, data, address, users):
        one = lease(data.draw(st.sampled_from(list(self.pools.values()))), str(address), users=users)
        self.records.apply([Put(one)])
        self.leases[one.pool_id, address] = one

    @rule(of=st.sampled_from(POOLS), address=st.sampled_from(ADDRESSES))
    def drop_lease(self, of, address):
        self.records.apply([Drop(lease(of, str(address)))])
        self.leases.pop((of.id, address), None)

    @rule(one=st.sampled_from(NETWORKS))
    def put_network(self, one):
        self.records.apply([Put(one)])
        self.networks[one.id] = one

    @rule(one=st.sampled_from(NETWORKS))
    def drop_network(self, one):
        gone = [held for held in self.endpoints.values() if held.network_id == one.id]
        self.records.apply([*map(Drop, gone), Drop(one)])
        self.networks.pop(one.id, None)
        self.endpoints = {key: held for key, held in self.endpoints.items() if held not in gone}

    @precondition(lambda self: self.networks)
    @rule(data=st.data(), address=st.sampled_from(ADDRESSES))
    def put_endpoint(self, data, address):
        of = data.draw(st.sampled_from(list(self.networks.values())))
        if self.records.holder_of(of.parent, address) is None:
            one = endpoint(f"{of.parent}-{address}", network_id=of.id, addresses=(f"{address}/24",))
            self.records.apply([Put(one)])
            self.endpoints[one.id] = one

    @precondition(lambda self: self.endpoints)
    @rule(data=st.data())
    def drop_endpoint(self, data):
        one = data.draw(st.sampled_from(list(self.endpoints.values())))
        self.records.apply([Drop(one)])
        del self.endpoints[one.id]

    @invariant()
    def every_lease_is_found(self):
        for address in ADDRESSES:
            expected = {key[0] for key in self.leases if key[1] == address}
            assert expected == {one.pool_id for one in self.records.leases_for(address)}
        for of in POOLS:
            expected = [held for key, held in self.leases.items() if key[0] == of.id]
            assert expected == sorted(self.records.leases_of(of.id), key=expected.index)
            for address in ADDRESSES:
                assert self.leases.get((of.id, address)) == self.records.lease(of.id, address)

    @invariant()
    def every_quarantine_is_found(self):
        assert set(self.quarantines.values()) == set(self.records.quarantines())
        for on in PARENTS:
            for address in ADDRESSES:
                assert self.quarantines.get((on, address)) == self.records.quarantine(on, address)

    @invariant()
    def what_is_held_is_what_somebody_holds(self):
        for on in (*PARENTS, None):
            sharers = {None, on} if on is not None else {None, *PARENTS}
            expected = {int(key[1]) for key in self.leases if self.pools[key[0]].parent in sharers}
            for one in self.networks.values():
                if one.parent in sharers:
                    expected |= {int(ADDRESSES[0]) + number - 1 for number in FIXED[one.id]}
            for one in self.endpoints.values():
                if self.networks[one.network_id].parent in sharers:
                    expected |= {int(interface.ip) for interface in one.addresses}
            expected |= {int(address) for parent_, address in self.quarantines if parent_ in sharers}
            held = self.records.held(on, 4)
            assert expected == {number for first, last in held for number in range(first, last + 1)}


TestAddressesAgainstLists = AddressesAgainstLists.TestCase
TestAddressesAgainstLists.settings = settings(max_examples=60, stateful_step_count=30)


def test_cursors_go_with_their_owners():
    """A network and a pool remember what they chose last, until they are gone."""
    one, of, where = NETWORKS[0], POOLS[0], ip_network("192.168.20.0/24")
    records = Records([parent(), one, of, *(Cursor(owner.id, where, ADDRESSES[2]) for owner in (one, of))])
    assert ADDRESSES[2] == records.last_chosen(one.id, where) == records.last_chosen(of.id, where)

    records.apply([Drop(one), Drop(of)])

    assert None is records.last_chosen(one.id, where) is records.last_chosen(of.id, where)
    assert [] == list(records.cursors())
