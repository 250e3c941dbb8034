"""What the driver may expect of a store; every implementation is listed in `STORES`."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, ip_address, ip_interface, ip_network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvl.errors import IpvlError, Kind
from ipvl.model.dhcp_leases import DhcpLease, GrantedTerms
from ipvl.model.endpoints import Endpoint, PortRoute, PortSetup, SeenPort
from ipvl.model.networks import Addressing, ConflictCheck, Flag, Mode, Network, Parent, ParentKind, Phase, Route
from ipvl.model.pools import Cursor, Pool, PoolLease, Quarantine
from ipvl.records.changes import Drop, Put, Record
from ipvl.records.records import Records
from ipvl.store.state_file import open_store
from tests.unit.builders import (
    ID,
    OTHER_ID,
    SANDBOX,
    endpoint,
    lease,
    network,
    parent,
    pool,
    subnet,
    vlan_parent,
)

STORES = {"sqlite": lambda folder: open_store(folder / "state.db")}

DUMMY = Parent("di-aaaaaaaaaaaa", ParentKind.DUMMY, made=True, mtu=9000)
FULL = network(
    OTHER_ID,
    name="web",
    door="cli",
    parent="eth0.20",
    mode=Mode.L3S,
    flag=Flag.VEPA,
    mtu=1400,
    interface_prefix="vlan",
    created=1_700_000_000.123456,
    phase=Phase.MAKING,
    conflict_check=ConflictCheck.PROBE,
    subnets=(
        "10.1.0.0/16",
        subnet("192.168.20.0/24", "192.168.20.254", "192.168.20.128/25", ("192.168.20.9", "192.168.20.130")),
        replace(subnet("2001:db8::/64", "fe80::1"), host=ip_address("2001:db8::5")),
    ),
    host_access=True,
    routes=(
        Route(ip_network("172.20.0.0/16")),
        Route(ip_network("2001:db8:1::/48"), ip_address("2001:db8::1")),
    ),
    default_routes=frozenset({4}),
    metric=4294967295,
)
ISOLATED = network(
    isolated=True,
    unused_parent="eth0.20",
    default_routes=frozenset(),
    subnets=(),
    announcements=0,
    announce_interval=250,
)
ONE = endpoint("one", network_id=OTHER_ID, addresses=("192.168.20.10/24", "2001:db8::a/64"))
SETUP = PortSetup(
    broadcast=True,
    queue_length=1000,
    alias="mine",
    routes=(
        PortRoute(ip_network("::/0"), ip_address("fe80::1"), 1024, 254, 3, 0, ip_address("2001:db8::a"), onlink=True),
        PortRoute(ip_network("10.9.0.0/16"), None, 0, 77, 4, 253),
    ),
    settings=(("ipv6/conf/*/disable_ipv6", "0"),),
    addresses=(ip_interface("10.0.0.2/8"), ip_interface("2001:db8::2/64")),
)
SEEN = SeenPort(7, "web3", SETUP)
JOINED = endpoint("two", addresses=("10.0.0.1/8",), name="shop", sandbox=SANDBOX, interface_prefix="web", seen=SEEN)
SHARED = pool("10.0.0.0/8", "10.9.0.0/16", users=2)
OWN = pool("2001:db8::/64", parent="eth0.20", conflict_check=ConflictCheck.PROBE)
GATEWAY = lease(SHARED, "10.0.0.1", gateway=True, users=2)
LEASE = lease(OWN, "2001:db8::a", owner="web", changed=7.25)
LEASED = network("l" * 64, subnets=(), addressing=Addressing.DHCP)
HOLDER = endpoint("three", network_id=LEASED.id, addresses=("192.168.30.7/24",))
DHCP_LEASES = (
    DhcpLease(
        LEASED.id,
        "web/lan/9e10d20a",
        HOLDER.id,
        "",
        1_700_000_000.5,
        GrantedTerms(
            address=IPv4Interface("192.168.30.7/24"),
            server=IPv4Address("192.168.30.1"),
            server_mac="02:00:00:00:00:02",
            obtained=1.5,
            renews=2.5,
            rebinds=3.5,
            expires=4.5,
            gateway=IPv4Address("192.168.30.254"),
            routes=(Route(ip_network("10.0.0.0/8"), ip_address("192.168.30.1")), Route(ip_network("10.9.0.0/16"))),
            resolvers=(IPv4Address("9.9.9.9"), IPv4Address("192.168.30.1")),
            domain="lan.example",
            mtu=1400,
        ),
        lost="it ran out",
    ),
    DhcpLease(
        LEASED.id,
        "db",
        None,
        "5f0c",
        2.0,
        GrantedTerms(IPv4Interface("192.168.30.8/24"), IPv4Address("192.168.30.1"), "02:00:00:00:00:02", obtained=1.0),
    ),
    DhcpLease(LEASED.id, "new", None, "", 3.0),
)
CURSORS = (
    Cursor(SHARED.id, SHARED.subnet, ip_address("10.9.0.4")),
    Cursor(FULL.id, FULL.subnets[1].pool, ip_address("192.168.20.10")),
)
QUARANTINE = Quarantine("eth0.20", ip_address("192.168.20.11"), "52:54:00:12:34:56", 7.25)
ELSEWHERE = Quarantine("eth9", ip_address("2001:db8::b"), "52:54:00:12:34:56", 8.5)
POOLS = (SHARED, OWN, GATEWAY, LEASE, *CURSORS, QUARANTINE, ELSEWHERE)
ALL = (vlan_parent("eth0.20", "eth0", 20), DUMMY, FULL, ISOLATED, ONE, JOINED, *POOLS)


@pytest.fixture(params=STORES)
def folder_and_open(request, tmp_path):
    """Where the store keeps its data, and how to open it."""
    return tmp_path, STORES[request.param]


@pytest.fixture
def store(folder_and_open):
    """An empty store."""
    folder, open_one = folder_and_open
    with closing(open_one(folder)) as store:
        yield store


def test_a_new_store_is_empty(store):
    """Nothing is remembered before anything was said."""
    assert () == store.load()


def test_every_field_of_every_record_comes_back(store):
    """Parents, networks and endpoints as they were put, each in the order they were made."""
    store.commit([Put(one) for one in ALL])

    assert ALL == store.load()


def test_records_survive_the_process(folder_and_open):
    """What was committed is there when the file is opened again."""
    folder, open_one = folder_and_open
    with closing(open_one(folder)) as store:
        store.commit([Put(one) for one in ALL])
    with closing(open_one(folder)) as store:
        assert ALL == store.load()


def test_records_survive_a_process_that_was_killed(folder_and_open):
    """Nothing waits for an orderly end: a second reader sees each commit at once."""
    folder, open_one = folder_and_open
    with closing(open_one(folder)) as store:
        store.commit([Put(one) for one in ALL])
        with closing(open_one(folder)) as reader:
            assert ALL == reader.load()


def test_parents_come_first_whatever_the_order_of_commits(store):
    """Whoever loads can build on it: networks after their parents, endpoints after their networks."""
    store.commit([Put(DUMMY), Put(ISOLATED), Put(JOINED)])
    store.commit([Put(ALL[0]), Put(FULL), Put(ONE)])

    assert (DUMMY, ALL[0], ISOLATED, FULL, JOINED, ONE) == store.load()


def test_a_record_that_is_put_again_is_replaced_in_its_place(store):
    """What may change does: a network's name and phase, a parent's nature, an endpoint's sandbox, name and time."""
    store.commit([Put(one) for one in ALL])
    taken = Parent("eth0.20", ParentKind.LINK, made=False)
    named = replace(FULL, name="db", phase=Phase.READY)
    joined = replace(ONE, name="shop", sandbox=SANDBOX, changed=7.5, addresses=ONE.addresses[:1])

    store.commit([Put(taken), Put(named), Put(joined)])

    assert (taken, DUMMY, named, ISOLATED, joined, JOINED, *POOLS) == store.load()


def test_a_dropped_record_is_gone_with_its_parts(store):
    """Subnets and cursors go with their network, addresses with their endpoint, leases with their pool, quarantines
    with their parent.
    """
    store.commit([Put(one) for one in ALL])
    store.commit([Drop(ONE), Drop(FULL), Drop(ALL[0])])
    assert (DUMMY, ISOLATED, JOINED, SHARED, OWN, GATEWAY, LEASE, CURSORS[0], ELSEWHERE) == store.load()
    store.commit([Drop(SHARED), Drop(OWN), Drop(ELSEWHERE)])
    assert (DUMMY, ISOLATED, JOINED) == store.load()

    store.commit([Put(ALL[0]), Put(replace(FULL, subnets=())), Put(replace(ONE, id="three"))])

    assert (DUMMY, ALL[0], ISOLATED, replace(FULL, subnets=()), JOINED, replace(ONE, id="three")) == store.load()


def test_a_parent_gets_another_name(store):
    """In every record that has it; a pool keeps its id, and what is on another parent stays."""
    records = (
        parent("eth0", also=("uplink0lan",)),
        parent("eth1"),
        vlan_parent("eth0.20", "eth0", 20),
        network(),
        network(OTHER_ID, parent="eth0.20"),
        network("c" * 64, parent="eth1"),
        endpoint(sandbox=SANDBOX),
        pool(parent="eth0"),
        Quarantine("eth0", ip_address("192.168.20.9"), "02:00:5e:00:53:01", 99.0),
        Quarantine("eth1", ip_address("192.168.20.9"), "02:00:5e:00:53:01", 99.0),
    )
    store.commit(map(Put, records))
    store.rename_parent("eth0", "lan0")

    expected = (
        replace(records[0], name="lan0"),
        records[1],
        replace(records[2], base="lan0"),
        replace(records[3], parent="lan0"),
        *records[4:7],
        replace(records[7], parent="lan0"),
        replace(records[8], parent="lan0"),
        records[9],
    )
    assert expected == store.load()
    assert "lan0" == Records(store.load()).network(ID).parent


def test_a_pool_a_lease_and_a_cursor_can_change(store):
    """Users come and go, a lease becomes the gateway, the cursor moves on; a quarantine is renewed."""
    store.commit([Put(one) for one in ALL])
    shared, gateway = replace(SHARED, users=3, changed=8.5), replace(LEASE, gateway=True, users=2, changed=8.5)
    moved = replace(CURSORS[0], address=ip_address("10.9.0.5"))

    renewed = replace(QUARANTINE, holder="this host itself", until=9.5)

    store.commit([Put(shared), Put(gateway), Put(moved), Put(renewed), Drop(GATEWAY), Drop(CURSORS[1])])

    assert (*ALL[:6], shared, OWN, gateway, moved, renewed, ELSEWHERE) == store.load()


@pytest.mark.parametrize("one", ALL, ids=lambda one: type(one).__name__)
def test_dropping_what_is_not_there_is_done(store, one):
    """Clean-up may be repeated."""
    store.commit([Drop(one)])

    assert () == store.load()


def test_no_change_is_a_commit(store):
    """An empty list is taken."""
    store.commit([])

    assert () == store.load()


@pytest.mark.parametrize(
    "changes",
    [
        [Put(parent("eth1")), Put(network("c" * 64, parent="nowhere"))],
        [Put(parent("eth1")), Put(endpoint("three", network_id="nothing"))],
        [Drop(JOINED), Drop(ISOLATED), Drop(DUMMY), Drop(ALL[0])],
        [Drop(ONE), Drop(ISOLATED)],
        [Put(replace(JOINED, id="three", port="ipvl00000000000")), Put(parent("eth1"))],
        [Put(parent("eth1")), Put(replace(LEASE, pool_id="nothing"))],
    ],
    ids=["no parent", "no network", "parent in use", "network in use", "address in use", "no pool"],
)
def test_changes_are_taken_together_or_not_at_all(store, changes):
    """One that contradicts the records takes the others back with it, and the store can be used on."""
    store.commit([Put(one) for one in ALL])

    with pytest.raises(IpvlError) as refused:
        store.commit(changes)

    assert Kind.UNAVAILABLE is refused.value.kind
    assert ALL == store.load()
    store.commit([Put(parent("eth1"))])
    assert parent("eth1") in store.load()


def test_an_address_can_be_handed_on_in_one_commit(store):
    """The holder that is gone and the one that comes, in this order."""
    store.commit([Put(DUMMY), Put(ISOLATED), Put(JOINED)])
    heir = replace(JOINED, id="three", port="ipvl00000000000")

    store.commit([Drop(JOINED), Put(heir)])

    assert (DUMMY, ISOLATED, heir) == store.load()


PARENTS = (parent("eth0"), vlan_parent("eth0.20", "eth0", 20), DUMMY)


POOL_CHANGES = ["pool", "lease", "drop lease", "cursor", "drop pool"]
QUARANTINE_CHANGES = ["quarantine", "end of quarantine", "drop parent"]


def change_of_pools(draw: st.DrawFn, kind: str, held: dict[str, Record], number: int) -> Put | Drop:
    """Draw a change of a kind to pools, leases and cursors, and keep track of the pools."""
    if kind == "pool":
        made = pool(f"10.{number}.0.0/16", parent=draw(st.sampled_from([None, "eth0"])))
        held |= {made.id: made}
        return Put(made)
    of = draw(st.sampled_from([one for one in held.values() if isinstance(one, Pool)]))
    address = f"10.0.0.{draw(st.integers(1, 3))}"
    match kind:
        case "lease":
            return Put(lease(of, address))
        case "drop lease":
            return Drop(lease(of, address))
        case "cursor":
            return Put(Cursor(of.id, of.subnet, ip_address(address)))
        case _:
            del held[of.id]
            return Drop(of)


@st.composite
def histories(draw: st.DrawFn) -> list[list[Put | Drop]]:
    """Commits that a driver could make: every record is put before what depends on it, and dropped after."""
    held: dict[str, Record] = {}
    commits: list[list[Put | Drop]] = []
    for number in range(draw(st.integers(1, 12))):
        networks = [one for one in held.values() if isinstance(one, Network)]
        endpoints = [one for one in held.values() if isinstance(one, Endpoint)]
        kinds = (
            ["network"] + ["endpoint", "rename", "drop network"] * bool(networks) + ["drop endpoint"] * bool(endpoints)
        )
        pools = [one for one in held.values() if isinstance(one, Pool)]
        kinds += POOL_CHANGES if pools else POOL_CHANGES[:1]
        kinds += QUARANTINE_CHANGES
        kind = draw(st.sampled_from(kinds))
        if kind == "network":
            on = draw(st.sampled_from(PARENTS))
            one = network(f"network{number}", parent=on.name, subnets=draw(st.sampled_from([(), ("10.0.0.0/8",)])))
            held |= {one.id: one}
            commits.append([Put(on), Put(one)])
        elif kind == "endpoint":
            of = draw(st.sampled_from(networks))
            one = endpoint(f"endpoint{number}", network_id=of.id, addresses=(f"10.0.0.{number}/8",))
            held |= {one.id: one}
            commits.append([Put(one)])
        elif kind in QUARANTINE_CHANGES:
            address = ip_address(f"10.0.0.{draw(st.integers(1, 3))}")
            kept = Quarantine(draw(st.sampled_from(["eth0", "eth9"])), address, "52:54:00:12:34:56", float(number))
            change = {"quarantine": Put(kept), "end of quarantine": Drop(kept), "drop parent": Drop(parent("eth9"))}
            commits.append([change[kind]])
        elif kind in POOL_CHANGES:
            commits.append([change_of_pools(draw, kind, held, number)])
        elif kind == "rename":
            one = replace(draw(st.sampled_from(networks)), name=f"name{number}")
            held |= {one.id: one}
            commits.append([Put(one)])
        elif kind == "drop endpoint":
            one = draw(st.sampled_from(endpoints))
            del held[one.id]
            commits.append([Drop(one)])
        else:
            one = draw(st.sampled_from(networks))
            parts = [part for part in endpoints if part.network_id == one.id]
            for gone in (*parts, one):
                del held[gone.id]
            commits.append([*map(Drop, parts), Drop(one)])
    return commits


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(histories())
def test_disk_and_memory_tell_the_same(history):
    """After any history what a store loads is what the records in memory hold, in the same order."""
    with tempfile.TemporaryDirectory() as folder:
        for open_one in STORES.values():
            records = Records()
            with closing(open_one(Path(folder))) as store:
                for changes in history:
                    store.commit(changes)
                    records.apply(changes)
                in_memory = (
                    *records.parents(),
                    *records.networks(),
                    *records.endpoints(),
                    *records.pools(),
                    *records.leases(),
                    *records.cursors(),
                    *records.quarantines(),
                )
                assert in_memory == store.load()


def test_the_names_used_here_are_different():
    """The records above do not overwrite one another."""
    named = [one for one in ALL if not isinstance(one, PoolLease | Cursor | Quarantine)]
    assert len(named) == len({getattr(one, "id", None) or one.name for one in named})
    assert ID != OTHER_ID


def leased(store):
    """Put a network whose addresses come from DHCP, with an endpoint and three leases."""
    store.commit([Put(one) for one in (parent("eth0"), LEASED, HOLDER, *DHCP_LEASES)])
    return store


def dhcp_leases(store) -> tuple[DhcpLease, ...]:
    return tuple(one for one in store.load() if isinstance(one, DhcpLease))


def test_every_field_of_a_dhcp_lease_comes_back(store):
    """With an endpoint, without one, and without terms."""
    assert DHCP_LEASES == dhcp_leases(leased(store))
    assert LEASED in store.load()


def test_a_dhcp_lease_that_is_put_again_is_replaced_in_its_place(store):
    """All of it but its network and identifier."""
    changed = (replace(DHCP_LEASES[0], terms=None, lost="", endpoint_id=None, shape="x", changed=9.0), *DHCP_LEASES[1:])
    leased(store).commit([Put(changed[0])])

    assert changed == dhcp_leases(store)


def test_a_dhcp_lease_outlives_its_endpoint(store):
    """The next endpoint with the identifier gets the address of this one; memory and disk agree."""
    records = Records(leased(store).load())
    store.commit([Drop(HOLDER)])
    records.apply([Drop(HOLDER)])

    expected = (replace(DHCP_LEASES[0], endpoint_id=None), *DHCP_LEASES[1:])
    assert expected == dhcp_leases(store) == tuple(records.dhcp_leases())
    assert records.dhcp_lease_of(HOLDER.id) is None


def test_dhcp_leases_go_with_their_network(store):
    """Or alone."""
    records = Records(leased(store).load())
    assert DHCP_LEASES[0] == records.dhcp_lease_of(HOLDER.id)
    store.commit([Drop(DHCP_LEASES[2])])
    assert DHCP_LEASES[:2] == dhcp_leases(store)

    store.commit([Drop(HOLDER), Drop(LEASED)])
    records.apply([Drop(HOLDER), Drop(LEASED)])

    assert () == dhcp_leases(store) == tuple(records.dhcp_leases())


def test_a_dhcp_lease_moves_to_another_endpoint(store):
    """The container was started again: in one commit the old endpoint goes and the new one has the lease."""
    records = Records(leased(store).load())
    heir = endpoint("four", network_id=LEASED.id, addresses=("192.168.30.7/24",))
    changes = [Drop(HOLDER), Put(heir), Put(replace(DHCP_LEASES[0], endpoint_id=heir.id))]
    store.commit(changes)
    records.apply(changes)

    assert heir.id == dhcp_leases(store)[0].endpoint_id
    assert store.load() == (parent("eth0"), LEASED, heir, *records.dhcp_leases())
    assert (None, heir.id) == (records.dhcp_lease_of(HOLDER.id), records.dhcp_lease_of(heir.id).endpoint_id)
