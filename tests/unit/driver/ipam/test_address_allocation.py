"""Addresses and subnets for networks that ipvl manages itself."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ipvl.addresses.default_pools import unique_local_prefix
from ipvl.addresses.pool_requests import PoolRequest
from ipvl.driver.endpoints.create_join_leave import record_endpoint
from ipvl.driver.ipam import docker_pools, pool_leases
from ipvl.driver.ipam.address_allocation import allocate_addresses, allocate_subnets, moved_cursors
from ipvl.errors import IpvlError, Kind
from ipvl.model.networks import Mode
from ipvl.planning.reconciliation import UNJOINED_SECONDS
from tests.unit.builders import ID, OTHER_ID, SANDBOX, endpoint, network, subnet
from tests.unit.refusals import outcome
from tests.unit.world import World

WAY_OUT = "choose another address or remove what holds it"


def chosen(world, of, wanted4: str = "", wanted6: str = "", owner: str = "") -> list[str]:
    """Return what would be chosen, recording nothing."""

    async def work() -> list[str]:
        async with world.engine.lock:
            found = allocate_addresses(
                world.engine,
                of,
                ip_address(wanted4) if wanted4 else None,
                ip_address(wanted6) if wanted6 else None,
                owner,
                own=await world.kernel.own_addresses(),
            )
            return list(map(str, found))

    return world.run(work())


def attached(world, of, identity: str, wanted4: str = "") -> list[str]:
    """Choose addresses and record the endpoint that has them, as one operation."""

    async def work() -> list[str]:
        async with world.engine.lock:
            wanted = ip_address(wanted4) if wanted4 else None
            own = await world.kernel.own_addresses()
            found = allocate_addresses(world.engine, of, wanted, None, identity, own=own)
            one = endpoint(identity, network_id=of.id, addresses=tuple(map(str, found)), changed=world.now)
            await record_endpoint(world.engine, one, *moved_cursors(world.engine, of, found, own))
            return list(map(str, found))

    return world.run(work())


def refused(world, kind: Kind, of, wanted4: str = "", wanted6: str = "") -> str:
    async def work() -> None:
        allocate_addresses(
            world.engine,
            of,
            ip_address(wanted4) if wanted4 else None,
            ip_address(wanted6) if wanted6 else None,
            "new",
            own=await world.kernel.own_addresses(),
        )

    return world.refusal(kind, work())


@pytest.fixture
def net(world):
    """An embedded network on eth0."""

    def make(*subnets: object, identity: str = ID, name: str = "web", **fields: object):
        one = network(identity, name=name, subnets=subnets or ("192.168.20.0/29",), **fields)
        world.create_network(one)
        return one

    return make


@pytest.mark.parametrize(
    ("subnets", "expected"),
    [
        (("192.168.20.0/24",), ["192.168.20.2/24"]),
        (("192.168.20.0/24", "192.168.30.0/24"), ["192.168.20.2/24"]),
        (("192.168.20.0/24", "2001:db8::/64"), ["192.168.20.2/24", "2001:db8::2/64"]),
        (("2001:db8::/64", "192.168.20.0/24"), ["192.168.20.2/24", "2001:db8::2/64"]),
        (("2001:db8::/64",), ["2001:db8::2/64"]),
        ((subnet("192.168.20.0/24", "192.168.20.254"),), ["192.168.20.1/24"]),
        ((subnet("192.168.20.0/24", within="192.168.20.128/25"),), ["192.168.20.128/24"]),
        (
            (subnet("192.168.20.0/24", reserved=("192.168.20.2", "192.168.20.3")),),
            ["192.168.20.4/24"],
        ),
        (("192.168.20.4/31",), ["192.168.20.5/31"]),
        (("192.168.20.4/32",), ["192.168.20.4/32"]),
        (("2001:db8::4/127",), ["2001:db8::5/127"]),
        (("10.0.0.0/8",), ["10.0.0.2/8"]),
        ((), []),
    ],
)
def test_one_address_of_each_family(world, net, subnets, expected):
    """The first that is nobody's: not the subnet's own, the gateway's or a reserved one, and within the range."""
    one = net() if not subnets else net(*subnets)
    if not subnets:
        one = network(subnets=())

    assert expected == chosen(world, one)


@pytest.mark.parametrize("fields", [{"mode": Mode.L3}, {"isolated": True}])
def test_where_no_gateway_is_used_its_address_is_free(world, net, fields):
    """Routed modes and isolated networks."""
    assert ["192.168.20.1/29"] == chosen(world, net(**fields))


def test_addresses_come_in_turn_and_come_back_last(world, net):
    """Also after a restart: what was chosen last is on the disk."""
    one = net()
    assert [["192.168.20.2/29"], ["192.168.20.3/29"]] == [attached(world, one, name) for name in ("a", "b")]
    world.delete_endpoint(endpoint("b"))

    world.restart()

    assert [[f"192.168.20.{number}/29"] for number in (4, 5, 6, 3)] == [attached(world, one, name) for name in "cdef"]


def test_an_address_that_was_asked_for_leaves_the_turn_as_it_is(world, net):
    """The next one is what it would have been."""
    one = net()
    attached(world, one, "a")
    attached(world, one, "b", "192.168.20.5")

    assert [["192.168.20.3/29"], ["192.168.20.4/29"], ["192.168.20.6/29"]] == [
        attached(world, one, name) for name in "cde"
    ]


def test_the_cursor_and_the_endpoint_are_one_commit(world, net):
    """A kill between the two cannot be."""
    one = net()
    commits = world.store.commits

    attached(world, one, "a")

    assert commits + 1 == world.store.commits
    world.picture()


def test_the_second_subnet_follows_when_the_first_is_full(world, net):
    """In the order they were given; then the refusal names them all."""
    one = net("192.168.20.0/30", "192.168.30.0/30")
    assert [["192.168.20.2/30"], ["192.168.30.2/30"]] == [attached(world, one, name) for name in "ab"]

    expected = (
        "every IPv4 subnet of network web is full: 192.168.20.0/30, 192.168.30.0/30; "
        "remove a container, or make a network with a larger subnet"
    )
    assert expected == refused(world, Kind.CONFLICT, one)


def test_a_full_subnet_is_refused(world, net):
    """It says which and how many."""
    one = net("192.168.20.0/30")
    attached(world, one, "a")

    expected = (
        "subnet 192.168.20.0/30 is full: all 2 addresses are in use or reserved; "
        "remove a container, or make a network with a larger subnet"
    )
    assert expected == refused(world, Kind.CONFLICT, one)


def test_a_full_subnet_gives_what_is_held_by_nobody_that_lives(world, net):
    """An endpoint whose sandbox is gone gives way, the one gone longest first."""
    one = net("192.168.20.0/29")
    for name in "abcde":
        attached(world, one, name)
        world.now += 1
    world.kernel.open_sandbox(SANDBOX)
    world.attach(endpoint("a", addresses=("192.168.20.2/29",)))
    world.now += UNJOINED_SECONDS

    assert ["192.168.20.3/29"] == attached(world, one, "f")
    assert None is world.engine.records.endpoint("b")


@pytest.mark.parametrize("wanted", ["192.168.20.5", "192.168.20.200"])
def test_an_address_inside_or_outside_of_the_range_can_be_asked_for(world, net, wanted):
    """The range is for what is chosen."""
    one = net(subnet("192.168.20.0/24", within="192.168.20.128/25"))

    assert [f"{wanted}/24"] == chosen(world, one, wanted)


def test_an_address_is_taken_from_the_subnet_it_is_in(world, net):
    """Two IPv4 subnets, one IPv4 address."""
    one = net("192.168.20.0/24", "192.168.30.0/24", "2001:db8::/64")

    assert ["192.168.30.9/24", "2001:db8::9/64"] == chosen(world, one, "192.168.30.9", "2001:db8::9")


def test_an_endpoint_that_is_there_is_chosen_its_own_again(world, net):
    """A repeated operation gets the same."""
    one = net()
    attached(world, one, "a")

    assert ["192.168.20.2/29"] == chosen(world, one, owner="a") == chosen(world, one, "192.168.20.2", owner="a")


@pytest.mark.parametrize(
    ("wanted", "kind", "expected"),
    [
        (
            "10.0.0.1",
            Kind.INVALID,
            "address 10.0.0.1 is in no subnet of network web; its subnets: 192.168.20.0/24",
        ),
        (
            "2001:db8::1",
            Kind.INVALID,
            "address 2001:db8::1 is in no subnet of network web; its subnets: 192.168.20.0/24",
        ),
        (
            "192.168.20.255",
            Kind.INVALID,
            "address 192.168.20.255 is the broadcast address of subnet 192.168.20.0/24; "
            "ask for one from 192.168.20.1 to 192.168.20.254",
        ),
        ("192.168.20.1", Kind.CONFLICT, f"address 192.168.20.1 is the gateway of network web; {WAY_OUT}"),
        (
            "192.168.20.9",
            Kind.CONFLICT,
            f"address 192.168.20.9 is reserved in network web (--aux-address); {WAY_OUT}",
        ),
        (
            "192.168.20.2",
            Kind.CONFLICT,
            f"address 192.168.20.2 is in use on parent eth0 by endpoint a of network web; {WAY_OUT}",
        ),
        (
            "192.168.20.77",
            Kind.CONFLICT,
            f"address 192.168.20.77 is leased from pool 192.168.0.0/16 to shop; {WAY_OUT}",
        ),
        (
            "192.168.20.66",
            Kind.CONFLICT,
            f"address 192.168.20.66 is the gateway of pool 192.168.0.0/16; {WAY_OUT}",
        ),
    ],
)
def test_an_address_that_cannot_be_had_is_refused(world, net, wanted, kind, expected):
    """With who has it: the network, an endpoint, or Docker."""
    one = net(subnet("192.168.20.0/24", reserved=("192.168.20.9",)))
    attached(world, one, "a")
    pool = world.run(docker_pools.request_pool(world.engine, PoolRequest(4, ip_network("192.168.0.0/16"))))
    world.run(pool_leases.request_address(world.engine, pool.id, ip_address("192.168.20.77"), "shop"))
    world.run(pool_leases.request_gateway(world.engine, pool.id, ip_address("192.168.20.66")))

    assert expected == refused(world, kind, one, *(("", wanted) if ":" in wanted else (wanted,)))


def test_networks_on_one_parent_share_addresses_and_gateways(world, net):
    """Two routers on one segment, and each network spares both."""
    one = net(subnet("192.168.20.0/29", "192.168.20.1"))
    two = net(subnet("192.168.20.0/29", "192.168.20.3"), identity=OTHER_ID, name="db")

    assert ["192.168.20.2/29"] == attached(world, one, "a")
    assert ["192.168.20.4/29"] == attached(world, two, "b")
    expected = f"address 192.168.20.3 is the gateway of network db; {WAY_OUT}"
    assert expected == refused(world, Kind.CONFLICT, one, "192.168.20.3")


def test_equal_subnets_on_other_parents_are_separate(world, net):
    """Another segment: the same addresses again."""
    one, two = net(), net(identity=OTHER_ID, parent="eth1", name="db")

    assert ["192.168.20.2/29"] == attached(world, one, "a") == attached(world, two, "b")


@pytest.mark.parametrize(("parent", "expected"), [(None, 3), ("eth0", 3), ("eth1", 2)])
def test_what_is_leased_to_docker_is_spared(world, net, parent, expected):
    """By a pool without a parent on every parent, by one with a parent there."""
    wish = PoolRequest(4, ip_network("192.168.20.0/24"), parent=parent)
    pool = world.run(docker_pools.request_pool(world.engine, wish))
    world.run(pool_leases.request_address(world.engine, pool.id, ip_address("192.168.20.2"), None))

    assert [f"192.168.20.{expected}/29"] == chosen(world, net())


def test_an_endpoint_never_gets_what_the_parent_keeps(world, net):
    """Whichever door hands the address out: the gateway and reserved addresses are refused when it is made."""
    net(subnet("192.168.20.0/24", reserved=("192.168.20.9",)))

    for address, why in (("1", "is the gateway of network web"), ("9", "is reserved in network web (--aux-address)")):
        wish = endpoint(addresses=(f"192.168.20.{address}/24",))
        sentence = world.refusal(Kind.CONFLICT, record_endpoint(world.engine, wish))
        assert f"address 192.168.20.{address} {why}; {WAY_OUT}" == sentence


def test_subnets_by_default_overlap_nothing(world, net):
    """Neither the host's addresses and routes nor any network's or pool's subnet."""
    world.kernel.add_address("172.17.0.1/16")
    world.kernel.add_route("172.18.128.0/24")
    world.kernel.add_route("0.0.0.0/0")
    net("172.19.0.0/24")
    world.run(docker_pools.request_pool(world.engine, PoolRequest(4, ip_network("172.20.5.0/24"))))

    found = world.run(allocate_subnets(world.engine, ipv4=True, ipv6=True))

    expected = next(unique_local_prefix(world.kernel.machine).subnets(new_prefix=64))
    assert (subnet("172.21.0.0/16"), subnet(str(expected))) == found
    assert found[1:] == world.run(allocate_subnets(world.engine, ipv4=False, ipv6=True))
    assert () == world.run(allocate_subnets(world.engine, ipv4=False, ipv6=False))


class NobodySharesAnAddress(RuleBasedStateMachine):
    """Whatever both doors do, in any order and over restarts, no address is handed out twice where it matters."""

    NETWORKS = (("n0", "eth0", "10.0.0.0/28"), ("n1", "eth0", "10.0.0.0/29"), ("n2", "eth1", "10.0.0.0/28"))
    POOLS = (
        PoolRequest(4, ip_network("10.0.0.0/28")),
        PoolRequest(4, ip_network("10.0.0.0/28"), parent="eth0"),
        PoolRequest(4, ip_network("10.0.0.0/27"), parent="eth1"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.world = World(Path(self.folder.name))
        self.number = 0
        self.networks = [
            network(identity, parent=on, subnets=(pool,), name=identity) for identity, on, pool in self.NETWORKS
        ]
        for one in self.networks:
            self.world.create_network(one)
        self.pools = [self.world.run(docker_pools.request_pool(self.world.engine, wish)) for wish in self.POOLS]

    def done_or_held(self, call, *arguments: object):
        result = outcome(call, *arguments)
        assert not isinstance(result, IpvlError) or result.kind is Kind.CONFLICT

    @rule(index=st.integers(0, 2), wanted=st.sampled_from(["", "10.0.0.5", "10.0.0.6"]))
    def attach(self, index, wanted):
        self.number += 1
        self.done_or_held(attached, self.world, self.networks[index], f"e{self.number}", wanted)

    @rule(index=st.integers(0, 2), wanted=st.sampled_from(["", "10.0.0.5", "10.0.0.6"]))
    def lease(self, index, wanted):
        self.number += 1
        address = ip_address(wanted) if wanted else None
        asked = pool_leases.request_address(self.world.engine, self.pools[index].id, address, f"c{self.number}")
        self.done_or_held(self.world.run, asked)

    @rule(index=st.integers(0, 2), wanted=st.sampled_from([None, "10.0.0.5"]))
    def gateway(self, index, wanted):
        address = None if wanted is None else ip_address(wanted)
        self.done_or_held(self.world.run, pool_leases.request_gateway(self.world.engine, self.pools[index].id, address))

    @precondition(lambda self: next(self.world.engine.records.endpoints(), None))
    @rule(data=st.data())
    def detach(self, data):
        self.world.delete_endpoint(data.draw(st.sampled_from(list(self.world.engine.records.endpoints()))))

    @precondition(lambda self: next(self.world.engine.records.leases(), None))
    @rule(data=st.data())
    def release(self, data):
        one = data.draw(st.sampled_from(list(self.world.engine.records.leases())))
        self.world.run(pool_leases.release_address(self.world.engine, one.pool_id, one.address))

    @rule()
    def restart(self):
        self.world.restart()

    @invariant()
    def nobody_shares(self):
        records = self.world.engine.records
        holders = [
            (records.network(one.network_id).parent, interface.ip)
            for one in records.endpoints()
            for interface in one.addresses
        ]
        holders += [(records.pool(one.pool_id).parent, one.address) for one in records.leases() if not one.gateway]
        for number, (on, address) in enumerate(holders):
            for other, same in holders[number + 1 :]:
                assert address != same or (on is not None and other is not None and on != other)
        gateways = {(records.pool(one.pool_id).parent, one.address) for one in records.leases() if one.gateway}
        gateways |= {(on, ip_address("10.0.0.1")) for on in ("eth0", "eth1")}
        for on, address in holders:
            assert not any(same == address and (other in {on, None} or on is None) for other, same in gateways)

    def teardown(self):
        self.world.picture()
        self.world.stop()
        self.folder.cleanup()


TestNobodySharesAnAddress = NobodySharesAnAddress.TestCase
TestNobodySharesAnAddress.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
