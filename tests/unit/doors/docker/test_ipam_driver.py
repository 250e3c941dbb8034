"""Pools and addresses as Docker asks for them."""

from __future__ import annotations

import pytest

from tests.contract.fake_kernel import KilledError, Trouble
from tests.unit.builders import ENDPOINT_ID, ID, OTHER_ENDPOINT_ID, endpoint, network, subnet

SUBNET = "192.168.20.0/24"
GATEWAY = {"RequestAddressType": "com.docker.network.gateway"}
WAY_OUT = "choose another address or remove what holds it"


@pytest.fixture
def pool(ask):
    """Call it with what Docker asks for to get the id of the pool."""

    def request(subnet: str = SUBNET, within: str = "", parent: str = "", **options: str) -> str:
        if parent:
            options["parent"] = parent
        body = {
            "AddressSpace": "ipvl-local",
            "Pool": subnet,
            "SubPool": within,
            "Options": options,
            "V6": ":" in subnet,
        }
        return ask("IpamDriver.RequestPool", body).body["PoolID"]

    return request


@pytest.fixture
def address(ask):
    """Call it with a pool and what is wanted of it to get what Docker would show."""

    def request(pool_id: str, wanted: str = "", name: str | None = "web", **options: str) -> str:
        if name is not None and not options:
            options["com.docker.network.endpoint.name"] = name
        body = {"PoolID": pool_id, "Address": wanted, "Options": options or None}
        answer = ask("IpamDriver.RequestAddress", body).body
        return answer.get("Address") or answer["Error"]

    return request


def gateway(address, pool_id: str, wanted: str = "") -> str:
    return address(pool_id, wanted, **GATEWAY)


def release(ask, pool_id: str, one: str) -> None:
    assert {} == ask("IpamDriver.ReleaseAddress", {"PoolID": pool_id, "Address": one}).body


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"Pool": "192.168.20.0/24"}, "192.168.20.0/24"),
        ({"Pool": "192.168.20.7/24"}, "192.168.20.0/24"),
        ({"Pool": "10.0.0.0/8"}, "10.0.0.0/8"),
        ({"Pool": "2001:db8::/64", "V6": True}, "2001:db8::/64"),
        ({"Pool": ""}, "172.17.0.0/16"),
        ({}, "172.17.0.0/16"),
        ({"Pool": "0.0.0.0/0"}, "172.17.0.0/16"),
        ({"Pool": "0.0.0.0/24"}, "172.17.0.0/24"),
        ({"Pool": "", "Options": None}, "172.17.0.0/16"),
        ({"Pool": "", "Options": {"parent": "eth0"}}, "172.17.0.0/16"),
        ({"Pool": "", "Options": {"com.docker.network.ipam.serial": "true"}}, "172.17.0.0/16"),
    ],
)
def test_a_pool_is_granted(ask, body, expected):
    """As it was asked for, or one of Docker's default pools."""
    assert expected == ask("IpamDriver.RequestPool", body).body["Pool"]


def test_docker_never_gets_a_pool_twice_that_it_did_not_name(world, ask):
    """It holds what overlaps a route it knows of and asks again; what the host uses is not offered at all."""
    world.kernel.add_route("172.18.0.0/16")

    found = [ask("IpamDriver.RequestPool", {"Pool": ""}).body for _ in range(3)]

    assert ["172.17.0.0/16", "172.19.0.0/16", "172.20.0.0/16"] == [one["Pool"] for one in found]
    ask("IpamDriver.ReleasePool", {"PoolID": found[0]["PoolID"]})
    assert found[0] == ask("IpamDriver.RequestPool", {"Pool": ""}).body


def test_ipv6_pools_are_this_hosts_own(ask):
    """Two networks, two /64s of one prefix."""
    one, two = (ask("IpamDriver.RequestPool", {"Pool": "", "V6": True}).body["Pool"] for _ in range(2))

    assert one != two
    assert one.startswith("fd") and one.endswith("::/64") and one[:14] == two[:14]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"Pool": SUBNET, "Options": {"parnet": "eth0"}},
            "unknown option parnet; did you mean parent? known options: parent, conflict_check",
        ),
        (
            {"Pool": SUBNET, "Options": {"ipvlan_mode": "l3"}},
            "unknown option ipvlan_mode; known options: parent, conflict_check",
        ),
        (
            {"Pool": SUBNET, "Options": {"parent": "eth0/1"}},
            "eth0/1 is not a link name; use a name that `ip link` shows, such as eth0, or NAME.VID, such as eth0.20",
        ),
        (
            {"Pool": SUBNET, "Options": {"parent": "lo"}},
            "parent lo is the loopback, which leads nowhere; name the parent of the network",
        ),
        (
            {"Pool": SUBNET, "Options": {"conflict_check": "probe"}},
            "--ipam-opt conflict_check=probe does not say on which parent to ask; give --ipam-opt parent= as well, the"
            " same as in -o parent=",
        ),
        (
            {"Pool": SUBNET, "Options": {"parent": "eth0", "conflict_check": "ask"}},
            "conflict_check ask does not exist; use one of none, probe",
        ),
        ({"Pool": "everywhere"}, "subnet everywhere is not in CIDR notation; write it like 192.168.20.0/24"),
        ({"Pool": SUBNET, "V6": True}, "subnet 192.168.20.0/24 is not IPv6; give an IPv6 one"),
        ({"Pool": "2001:db8::/64"}, "subnet 2001:db8::/64 is not IPv4; give an IPv4 one"),
        (
            {"Pool": SUBNET, "SubPool": "192.168.21.0/25"},
            "range 192.168.21.0/25 is not within subnet 192.168.20.0/24; give a part of the subnet",
        ),
        (
            {"Pool": SUBNET, "SubPool": "192.168.0.0/16"},
            "range 192.168.0.0/16 is not within subnet 192.168.20.0/24; give a part of the subnet",
        ),
        (
            {"Pool": SUBNET, "SubPool": "some"},
            "range some is not in CIDR notation; write it like a part of 192.168.20.0/24",
        ),
        (
            {"Pool": "", "SubPool": "192.168.20.0/25"},
            "range 192.168.20.0/25 has no subnet that it is a part of; give the --subnet as well",
        ),
        ({"Pool": "0.0.0.0/4"}, "no default IPv4 pool is as large as a /4; give the --subnet in full"),
    ],
)
def test_a_pool_that_cannot_be_is_refused(refused, body, expected):
    """With status 200, so that Docker shows the sentence as it is; nothing is recorded."""
    assert expected == refused("IpamDriver.RequestPool", body)


def test_a_networks_life(world, ask, pool, address):
    """Gateway, containers, an address of somebody else; then all of it is given back and nothing is left."""
    before, one = world.picture(), pool()
    assert "192.168.20.1/24" == gateway(address, one)
    assert "192.168.20.3/24" == address(one, "192.168.20.3", None)
    assert ["192.168.20.2/24", "192.168.20.4/24"] == [address(one) for _ in range(2)]

    world.restart()
    assert "192.168.20.5/24" == address(one)
    for number in (1, 2, 3, 4, 5):
        release(ask, one, f"192.168.20.{number}")
    assert [] == list(world.engine.records.leases())
    ask("IpamDriver.ReleasePool", {"PoolID": one})

    assert before == world.picture()


def test_what_is_left_of_a_pool_goes_with_it(world, ask, pool, address):
    """An address that Docker never gave back does not stay for ever."""
    before, one = world.picture(), pool()
    address(one)

    ask("IpamDriver.ReleasePool", {"PoolID": one})

    assert before == world.picture()


def test_an_address_that_was_given_back_comes_again_last(ask, pool, address):
    """The others first."""
    one = pool("192.168.20.0/29")
    gateway(address, one)
    assert ["192.168.20.2/29", "192.168.20.3/29"] == [address(one) for _ in range(2)]
    release(ask, one, "192.168.20.2")

    assert [f"192.168.20.{number}/29" for number in (4, 5, 6, 2)] == [address(one) for _ in range(4)]


@pytest.mark.parametrize(
    ("subnet", "within", "expected"),
    [
        (
            "192.168.20.0/30",
            "",
            [
                "192.168.20.2/30",
                "subnet 192.168.20.0/30 is full: all 2 addresses are in use or reserved; "
                "remove a container, or make a network with a larger subnet",
            ],
        ),
        (
            "192.168.20.0/24",
            "192.168.20.130/31",
            [
                "192.168.20.130/24",
                "192.168.20.131/24",
                "range 192.168.20.130/31 of subnet 192.168.20.0/24 is full: all 2 addresses are in use or reserved; "
                "remove a container, ask for an address outside of the range, or give a larger --ip-range",
            ],
        ),
        (
            "192.168.20.4/31",
            "",
            [
                "192.168.20.5/31",
                "subnet 192.168.20.4/31 is full: all 2 addresses are in use or reserved; "
                "remove a container, or make a network with a larger subnet",
            ],
        ),
        ("2001:db8::4/127", "", ["2001:db8::5/127"]),
    ],
)
def test_a_pool_ends(pool, address, subnet, within, expected):
    """Which, and how many addresses it had; its gateway is one of them."""
    one = pool(subnet, within)
    gateway(address, one)

    assert expected == [address(one, name=f"c{number}") for number in range(len(expected))]


def test_a_pool_of_one_address_has_room_for_a_container(pool, address):
    """Docker wants to hear of a gateway, but there is none to have."""
    one = pool("192.168.20.4/32")

    assert "192.168.20.4/32" == gateway(address, one)
    assert "192.168.20.4/32" == address(one)


def test_without_a_gateway_both_addresses_of_a_31_are_containers(pool, address):
    """Docker 28 asks for none in routed modes and isolated networks."""
    one = pool("192.168.20.4/31")

    assert ["192.168.20.4/31", "192.168.20.5/31"] == [address(one) for _ in range(2)]


def test_networks_that_ask_for_the_same_share_the_pool_and_the_gateway(world, ask, pool, address):
    """And never an address; the gateway stays until the last of them is gone."""
    one, two = pool(), pool()
    assert one == two
    assert "192.168.20.1/24" == gateway(address, one) == gateway(address, two) == gateway(address, two, "192.168.20.1")
    assert "192.168.20.2/24" == address(one)
    assert "192.168.20.3/24" == address(two)

    for _ in range(2):
        release(ask, one, "192.168.20.1")
    ask("IpamDriver.ReleasePool", {"PoolID": one})
    expected = f"address 192.168.20.1 is the gateway of pool {one}; {WAY_OUT}"
    assert expected == address(two, "192.168.20.1")
    release(ask, two, "192.168.20.1")
    assert "192.168.20.1/24" == address(two, "192.168.20.1")


def test_ranges_of_one_subnet_never_collide(pool, address):
    """Two pools, one segment: an address outside of the range may be another's."""
    one, two = pool(within="192.168.20.8/30"), pool(within="192.168.20.8/29")

    assert ["192.168.20.8/24", "192.168.20.9/24"] == [address(one), address(two)]
    assert f"address 192.168.20.9 is leased from pool {two} to web; {WAY_OUT}" == address(one, "192.168.20.9")


def test_equal_subnets_of_different_parents_are_separate(pool, address):
    """Same addresses, same gateway, no word of the other."""
    one, two = pool(parent="eth0.20"), pool(parent="eth0.30")

    for each in (one, two):
        assert "192.168.20.1/24" == gateway(address, each, "192.168.20.1")
        assert "192.168.20.2/24" == address(each)


def test_a_pool_without_a_parent_shares_with_all(pool, address):
    """Docker did not say where its network will be."""
    one, two, everywhere = pool(parent="eth0.20"), pool(parent="eth0.30"), pool()
    assert "192.168.20.1/24" == address(one, name="a")
    assert "192.168.20.1/24" == address(two, name="b")

    assert "192.168.20.2/24" == address(everywhere, name="c")
    assert "192.168.20.3/24" == address(one) == address(two)
    assert f"address 192.168.20.2 is leased from pool {everywhere} to c; {WAY_OUT}" == address(two, "192.168.20.2")


@pytest.mark.parametrize("parent", ["", "eth0"])
def test_what_others_have_on_the_segment_is_spared(world, pool, address, parent):
    """Endpoints of other networks, their gateways, and what they reserve."""
    reserved = subnet("192.168.20.0/24", "192.168.20.3", reserved=("192.168.20.4",))
    world.create_network(network(door="cli", name="lan", subnets=(reserved,)))
    world.create_endpoint(endpoint(addresses=("192.168.20.2/24",), name="db"))
    one = pool(parent=parent)

    assert [f"192.168.20.{number}/24" for number in (1, 5)] == [address(one, name=name) for name in "ab"]
    held = "address 192.168.20.2 is in use on parent eth0 by endpoint db of network lan"
    assert f"{held}; {WAY_OUT}" == address(one, "192.168.20.2")
    assert f"address 192.168.20.3 is the gateway of network lan; {WAY_OUT}" == address(one, "192.168.20.3")
    expected = f"address 192.168.20.4 is reserved in network lan (--aux-address); {WAY_OUT}"
    assert expected == address(one, "192.168.20.4")


def test_another_parents_endpoints_are_no_obstacle(world, pool, address):
    """Where the pool says which parent it is for."""
    world.create_network(network(door="cli"))
    world.create_endpoint(endpoint(addresses=("192.168.20.2/24",)))

    assert "192.168.20.2/24" == address(pool(parent="eth1"), "192.168.20.2")


def test_networks_may_share_a_router_that_one_of_them_reserves(world, pool, address):
    """Routers and others' addresses are outside; only a container in their place would be wrong."""
    world.create_network(network(door="cli", subnets=(subnet("192.168.20.0/24", reserved=("192.168.20.9",)),)))
    one = pool()

    assert "192.168.20.1/24" == gateway(address, one, "192.168.20.1")
    assert "192.168.20.9/24" == gateway(address, one, "192.168.20.9")
    assert "192.168.20.9/24" == address(one, "192.168.20.9", None)


def test_a_gateway_in_a_containers_place_is_refused(world, pool, address):
    """Whether the container is ours to see or only its lease."""
    world.create_network(network(door="cli", name="lan"))
    world.create_endpoint(endpoint(addresses=("192.168.20.2/24",), name="db"))
    one = pool()
    address(one, "192.168.20.5")

    expected = "address {} cannot be the gateway of pool 192.168.20.0/24: it {}; " + WAY_OUT
    assert expected.format("192.168.20.2", "is in use on parent eth0 by endpoint db of network lan") == gateway(
        address, one, "192.168.20.2"
    )
    assert expected.format("192.168.20.5", "is leased from pool 192.168.20.0/24 to web") == gateway(
        address, one, "192.168.20.5"
    )


def test_an_older_docker_tells_no_names(world, ask, pool, address):
    """A container and somebody else's address come with the same call: the container is refused when it is made."""
    one = pool()
    gateway(address, one)
    assert "192.168.20.9/24" == address(one, "192.168.20.9", None)
    body = {
        "NetworkID": ID,
        "Options": {"com.docker.network.generic": {"parent": "eth0"}},
        "IPv4Data": [
            {"Pool": SUBNET, "Gateway": "192.168.20.1/24", "AuxAddresses": {"switch": "192.168.20.9/24"}},
        ],
    }
    ask("NetworkDriver.CreateNetwork", body)
    assert "192.168.20.9/24" == address(one, "192.168.20.9", None)

    interface = {"Address": "192.168.20.9/24"}
    answer = ask(
        "NetworkDriver.CreateEndpoint", {"NetworkID": ID, "EndpointID": ENDPOINT_ID, "Interface": interface}
    ).body

    expected = f"address 192.168.20.9 is reserved in network {ID[:12]} (--aux-address); {WAY_OUT}"
    assert expected == answer["Err"]
    expected = f"address 192.168.20.9 is reserved in network {ID[:12]} (--aux-address); {WAY_OUT}"
    assert expected == address(one, "192.168.20.9")


def test_a_container_of_an_older_docker_keeps_others_off(world, pool, address):
    """Its lease has no name, yet it is one."""
    one = pool()
    address(one, "192.168.20.5", None)

    expected = f"address 192.168.20.5 is leased from pool {one}; {WAY_OUT}"
    assert expected == address(one, "192.168.20.5", None)


def test_a_lost_answer_can_be_asked_for_again(world, pool, address):
    """Ipvl was stopped between writing it down and saying so: the same container gets the same address."""
    one = pool()
    world.store.trouble[world.store.commits + 1] = Trouble.KILLED_AFTER
    with pytest.raises(KilledError):
        address(one, "192.168.20.5")
    world.restart()

    assert "192.168.20.5/24" == address(one, "192.168.20.5")
    assert [1] == [lease.users for lease in world.engine.records.leases()]


def test_an_address_whose_container_is_made_is_not_asked_for_again(world, pool, address):
    """A second container of the same name, on another network of the same pool."""
    one = pool()
    address(one, "192.168.20.5")
    world.create_network(network(name="lan"))
    world.create_endpoint(endpoint(OTHER_ENDPOINT_ID, addresses=("192.168.20.5/24",), name="web"))

    expected = f"address 192.168.20.5 is in use on parent eth0 by endpoint web of network lan; {WAY_OUT}"
    assert expected == address(one, "192.168.20.5")


def test_a_nameless_lost_answer_can_be_asked_for_again(world, ask, pool, address):
    """If it was another container after all, that one is refused when it is made, and the first keeps the address."""
    one = pool()
    world.create_network(network(name="lan"))
    assert "192.168.20.5/24" == address(one, "192.168.20.5", None) == address(one, "192.168.20.5", None)
    interface = {"Address": "192.168.20.5/24"}
    ask("NetworkDriver.CreateEndpoint", {"NetworkID": ID, "EndpointID": ENDPOINT_ID, "Interface": interface})

    world.attach(endpoint(addresses=("192.168.20.5/24",)))
    answer = ask(
        "NetworkDriver.CreateEndpoint", {"NetworkID": ID, "EndpointID": OTHER_ENDPOINT_ID, "Interface": interface}
    )
    release(ask, one, "192.168.20.5")

    held = f"address 192.168.20.5 is in use on parent eth0 by endpoint {ENDPOINT_ID[:12]} of network lan; "
    assert answer.body["Err"].startswith(held)
    assert ["192.168.20.5"] == [str(lease.address) for lease in world.engine.records.leases()]


def test_a_nameless_request_is_no_repetition_after_a_minute(world, pool, address):
    """Docker gives up sooner."""
    one = pool()
    world.create_network(network(name="lan"))
    address(one, "192.168.20.5", None)
    world.now += 60

    expected = f"address 192.168.20.5 is leased from pool {one}; {WAY_OUT}"
    assert expected == address(one, "192.168.20.5", None)


def test_a_gateway_is_no_containers_even_without_a_name(pool, address):
    """A network of another driver may have its addresses here, whose containers ipvl never sees."""
    one = pool()
    gateway(address, one)

    expected = f"address 192.168.20.1 is the gateway of pool {one}; {WAY_OUT}"
    assert expected == address(one, "192.168.20.1", None)


@pytest.mark.parametrize("method", ["ReleasePool", "ReleaseAddress"])
def test_what_is_not_there_is_released_already(world, ask, method):
    """Docker's clean-up may be repeated."""
    before = world.picture()

    assert {} == ask(f"IpamDriver.{method}", {"PoolID": "10.0.0.0/8", "Address": "10.0.0.1"}).body
    assert before == world.picture()


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        (
            "RequestAddress",
            {"PoolID": "10.0.0.0/8"},
            "address pool '10.0.0.0/8' is not known to ipvl; remove the network and create it again",
        ),
        (
            "RequestAddress",
            {"PoolID": SUBNET, "Address": "192.168.20.0"},
            "address 192.168.20.0 is the network address of subnet 192.168.20.0/24; "
            "ask for one from 192.168.20.1 to 192.168.20.254",
        ),
        (
            "RequestAddress",
            {"PoolID": SUBNET, "Address": "10.0.0.1", "Options": GATEWAY},
            "address 10.0.0.1 is not in subnet 192.168.20.0/24; ask for one that is",
        ),
        (
            "RequestAddress",
            {"PoolID": SUBNET, "Address": "192.168.20.5/24"},
            "192.168.20.5/24 is not an address; write it like 192.168.20.10",
        ),
        (
            "ReleaseAddress",
            {"PoolID": SUBNET},
            "no address of pool '192.168.20.0/24' is named; name the one to release",
        ),
    ],
)
def test_what_cannot_be_granted_is_refused(pool, refused, method, body, expected):
    """And nothing is recorded."""
    pool()

    assert expected == refused(f"IpamDriver.{method}", body)


def test_every_grant_is_one_commit(world, pool, address):
    """A lease and the cursor that it moves are written together."""
    one = pool()
    commits = world.store.commits

    address(one)

    assert commits + 1 == world.store.commits
    assert ["192.168.20.1"] == [str(cursor.address) for cursor in world.engine.records.cursors()]
    world.picture()


def test_a_lease_that_could_not_be_written_is_not_granted(world, pool, refused):
    """The disk is full: the same address is granted once it is not."""
    one = pool()
    world.store.trouble[world.store.commits + 1] = Trouble.REFUSED

    assert "state file cannot be used: disk full" == refused("IpamDriver.RequestAddress", {"PoolID": one})
