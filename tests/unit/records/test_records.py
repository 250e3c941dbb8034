"""The records in memory, against a model that has no index."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Network
from ipvl.records.changes import Drop, Put
from ipvl.records.records import Records
from tests.unit.builders import ID, OTHER_ID, endpoint, network, parent, vlan_parent

PARENTS = ("eth0", "eth1")
NETWORKS = ("net1", "net2", "net3")
ENDPOINTS = ("end1", "end2", "end3", "end4")
ADDRESSES = ("192.168.20.10/24", "192.168.20.11/24", "2001:db8::a/64")


class RecordsAgainstLists(RuleBasedStateMachine):
    """Every answer of the index is what a walk over plain lists gives."""

    def __init__(self) -> None:
        super().__init__()
        self.records = Records(map(parent, PARENTS))
        self.networks: list[Network] = []
        self.endpoints: list[Endpoint] = []

    def free(self, address: str, on: str) -> bool:
        holders = {one.id for one in self.networks if one.parent == on}
        return not any(
            str(interface) == address
            for one in self.endpoints
            if one.network_id in holders
            for interface in one.addresses
        )

    @precondition(lambda self: len(self.networks) < len(NETWORKS))
    @rule(data=st.data(), on=st.sampled_from(PARENTS))
    def put_network(self, data: st.DataObject, on: str) -> None:
        held = {one.id for one in self.networks}
        one = network(data.draw(st.sampled_from([name for name in NETWORKS if name not in held])), parent=on)
        self.records.apply([Put(one)])
        self.networks.append(one)

    @precondition(lambda self: self.networks)
    @rule(data=st.data(), name=st.sampled_from(["web", "db"]))
    def put_network_again(self, data: st.DataObject, name: str) -> None:
        position = data.draw(st.integers(0, len(self.networks) - 1))
        self.networks[position] = replace(self.networks[position], name=name)
        self.records.apply([Put(self.networks[position])])

    @precondition(lambda self: self.networks)
    @rule(data=st.data())
    def drop_network(self, data: st.DataObject) -> None:
        one = self.networks.pop(data.draw(st.integers(0, len(self.networks) - 1)))
        gone = [held for held in self.endpoints if held.network_id == one.id]
        self.records.apply([*map(Drop, gone), Drop(one)])
        self.endpoints = [held for held in self.endpoints if held not in gone]

    @precondition(lambda self: self.networks and len(self.endpoints) < len(ENDPOINTS))
    @rule(data=st.data())
    def put_endpoint(self, data: st.DataObject) -> None:
        of = data.draw(st.sampled_from(self.networks))
        held = {one.id for one in self.endpoints}
        identity = data.draw(st.sampled_from([name for name in ENDPOINTS if name not in held]))
        wanted = data.draw(st.sets(st.sampled_from(ADDRESSES)))
        one = endpoint(
            identity,
            network_id=of.id,
            addresses=tuple(address for address in ADDRESSES if address in wanted and self.free(address, of.parent)),
        )
        self.records.apply([Put(one)])
        self.endpoints.append(one)

    @precondition(lambda self: self.endpoints)
    @rule(data=st.data(), sandbox=st.sampled_from([None, "/run/a"]), keep=st.booleans())
    def put_endpoint_again(self, data: st.DataObject, sandbox: str | None, *, keep: bool) -> None:
        position = data.draw(st.integers(0, len(self.endpoints) - 1))
        held = self.endpoints[position]
        self.endpoints[position] = replace(held, sandbox=sandbox, addresses=held.addresses if keep else ())
        self.records.apply([Put(self.endpoints[position])])

    @precondition(lambda self: self.endpoints)
    @rule(data=st.data())
    def drop_endpoint(self, data: st.DataObject) -> None:
        one = self.endpoints.pop(data.draw(st.integers(0, len(self.endpoints) - 1)))
        self.records.apply([Drop(one)])

    @rule(identity=st.sampled_from(NETWORKS))
    def drop_what_is_not_there(self, identity: str) -> None:
        if all(one.id != identity for one in self.networks):
            self.records.apply([Drop(endpoint("nobody", network_id=identity)), Drop(network(identity))])

    @invariant()
    def every_list_is_in_order(self) -> None:
        assert self.networks == list(self.records.networks())
        assert self.endpoints == list(self.records.endpoints())

    @invariant()
    def every_record_is_found_by_its_id(self) -> None:
        networks = {one.id: one for one in self.networks}
        endpoints = {one.id: one for one in self.endpoints}
        assert [networks.get(identity) for identity in NETWORKS] == list(map(self.records.network, NETWORKS))
        assert [endpoints.get(identity) for identity in ENDPOINTS] == list(map(self.records.endpoint, ENDPOINTS))

    @invariant()
    def every_parent_knows_its_networks(self) -> None:
        for name in (*PARENTS, "eth7"):
            assert [one for one in self.networks if one.parent == name] == sorted(
                self.records.networks_on(name), key=self.networks.index
            )

    @invariant()
    def every_network_knows_its_endpoints(self) -> None:
        for identity in NETWORKS:
            assert [one for one in self.endpoints if one.network_id == identity] == sorted(
                self.records.endpoints_of(identity), key=self.endpoints.index
            )

    @invariant()
    def every_address_knows_its_holder(self) -> None:
        networks = {one.id: one for one in self.networks}
        for name in PARENTS:
            for address in (ip_address(text.partition("/")[0]) for text in ADDRESSES):
                expected = [
                    one
                    for one in self.endpoints
                    if networks[one.network_id].parent == name
                    and any(interface.ip == address for interface in one.addresses)
                ]
                assert (expected or [None])[0] == self.records.holder_of(name, address)


TestRecordsAgainstLists = RecordsAgainstLists.TestCase
TestRecordsAgainstLists.settings = settings(max_examples=40, stateful_step_count=25)


def test_records_come_back_as_they_were_given():
    """What the store loaded is what the records hold, in the same order."""
    parents = [parent(), vlan_parent("eth0.20", "eth0", 20)]
    networks = [network(OTHER_ID, parent="eth0.20"), network(ID)]
    endpoints = [endpoint("one"), endpoint("two", network_id=OTHER_ID)]

    records = Records([*parents, *networks, *endpoints])

    assert parents == list(records.parents())
    assert networks == list(records.networks())
    assert endpoints == list(records.endpoints())
    assert parents[1] == records.parent("eth0.20")
    assert None is records.parent("eth7")


def test_a_walk_sees_the_records_as_they_were_when_it_began():
    """A loop may change what it walks over."""
    records = Records([parent(), network(ID), network(OTHER_ID)])

    for one in records.networks():
        records.apply([Drop(one)])

    assert [] == list(records.networks())


def test_one_address_may_be_on_two_parents():
    """Parents are separate segments."""
    one = endpoint("one")
    other = endpoint("two", network_id=OTHER_ID)
    records = Records([parent(), parent("eth1"), network(ID), network(OTHER_ID, parent="eth1"), one, other])

    assert one == records.holder_of("eth0", ip_address("192.168.20.10"))
    assert other == records.holder_of("eth1", ip_address("192.168.20.10"))


def test_an_address_that_was_handed_on_stays_with_its_new_holder():
    """Dropping the old holder after the new one came does not free the address."""
    old = endpoint("old")
    new = endpoint("new")
    records = Records([parent(), network(), old])

    records.apply([Put(new), Drop(old)])

    assert new == records.holder_of("eth0", ip_address("192.168.20.10"))


def test_a_link_concerns_ipvl_if_it_is_a_parent_or_below_one():
    """Announcements about other links are passed over."""
    records = Records([vlan_parent("eth0.20", "eth0", 20), parent("foo")])

    assert [True, True, True, False] == [records.concerns(name) for name in ("eth0", "eth0.20", "foo", "eth1")]
