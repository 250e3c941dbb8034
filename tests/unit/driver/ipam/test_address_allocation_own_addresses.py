"""An address of the host's is nobody else's: passed over, refused, told of when it comes later."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from ipvl.addresses.pool_requests import PoolRequest
from ipvl.driver.dhcp_leases.lease_requests import LeaseRequest
from ipvl.driver.dhcp_leases.lease_requests import create_leased_endpoint as create_leased
from ipvl.driver.endpoints import create_join_leave
from ipvl.driver.ipam import docker_pools, pool_leases
from ipvl.driver.networks import create_remove
from ipvl.driver.status.collect_status import collect_status
from ipvl.embedded import attach_detach
from ipvl.embedded import networks as embedded
from ipvl.embedded.call_messages import Attach, CreateNetwork
from ipvl.embedded.sandbox_messages import NetworkAttachment
from ipvl.errors import IpvlError, Kind
from ipvl.model.networks import Addressing, Mode
from tests.faults.dhcp_segment import FakeServer
from tests.unit.builders import ENDPOINT_ID, ID, OTHER_ENDPOINT_ID, OTHER_ID, endpoint, network, subnet
from tests.unit.embedded.members import BLUE, RED, attach

TEN = ip_address("192.168.20.10")
DOCKERS_WAY_OUT = (
    "choose another --ip, or have Docker pass it over: create the network with --aux-address own={address}, with an"
    " --ip-range that leaves it out, or with --ipam-driver ipvl"
)
POOL = "192.168.20.0/24"
LAN = network(name="lan", subnets=(POOL, "2001:db8::/64"))


def troubles(world) -> list[str]:
    return [
        one for each in world.run(collect_status(world.engine.records, world.kernel)).networks for one in each.trouble
    ]


def warnings(world) -> list[str]:
    return [event.text for event in world.engine.events.kept() if event.type.value == "warning"]


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("192.168.20.10", "eth0"),
        ("192.168.20.10", "eth1"),
        ("192.168.20.10", "lo"),
        ("2001:db8::10", "eth0"),
        ("2001:db8::10", "lo"),
    ],
)
@pytest.mark.parametrize("fields", [{}, {"mode": Mode.L3}, {"isolated": True}])
def test_docker_is_refused_an_address_of_the_hosts(world, address, link, fields):
    """In every kind of network, whichever of the host's links has it, with the ways to keep it out."""
    world.create_network(network(name="lan", subnets=(POOL, "2001:db8::/64"), **fields))
    world.kernel.add_address(f"{address}/{24 if '.' in address else 64}", link)
    wish = endpoint(addresses=("192.168.20.10/24", "2001:db8::10/64"))

    said = world.refusal(Kind.CONFLICT, create_join_leave.create_endpoint(world.engine, wish))

    way_out = DOCKERS_WAY_OUT.format(address=address)
    assert f"address {address} is this host's own, on {link}; {way_out}" == said


def test_a_link_local_address_is_of_its_link_alone(world):
    """Every link may have the same."""
    world.create_network(network(name="lan", subnets=("169.254.0.0/16",)))
    world.kernel.add_address("169.254.7.7/16", "eth1")

    world.create_endpoint(endpoint(addresses=("169.254.7.7/16",)))

    assert [] == troubles(world)


def test_what_docker_asks_again_is_done_already(world):
    """Although the host has got the address meanwhile."""
    one = endpoint(addresses=("192.168.20.10/24",))
    world.create_network(LAN)
    world.create_endpoint(one)
    world.kernel.add_address("192.168.20.10/24")

    world.create_endpoint(one)

    assert [one] == list(world.engine.records.endpoints())
    world.delete_endpoint(one)
    with pytest.raises(IpvlError, match="is this host's own, on eth0"):
        world.create_endpoint(one)


def test_the_hosts_port_is_refused_in_the_networks_words(world):
    """Which network has it there is more than that the host has."""
    given = replace(subnet(POOL), host=TEN)
    world.create_network(network(name="web", subnets=(given,), host_access=True))

    said = world.refusal(
        Kind.CONFLICT, create_join_leave.create_endpoint(world.engine, endpoint(addresses=("192.168.20.10/24",)))
    )

    assert said.startswith("address 192.168.20.10 is the host's own in network web (host_access); ")


def test_a_pool_passes_it_over(world):
    """The last of the range and the first, so that it goes round."""
    world.run(
        docker_pools.request_pool(world.engine, PoolRequest(4, ip_network(POOL), range=ip_network("192.168.20.8/30")))
    )
    identity = next(world.engine.records.pools()).id
    world.kernel.add_address("192.168.20.8/24", "eth1")
    world.kernel.add_address("192.168.20.10/24")

    leased = [str(world.run(pool_leases.request_address(world.engine, identity, None, "web")).ip) for _ in range(2)]

    assert ["192.168.20.9", "192.168.20.11"] == leased
    expected = (
        "range 192.168.20.8/30 of subnet 192.168.20.0/24 is full: all 4 addresses are in use or reserved; remove a"
        " container, ask for an address outside of the range, or give a larger --ip-range"
    )
    assert expected == world.refusal(Kind.CONFLICT, pool_leases.request_address(world.engine, identity, None, "web"))


def test_a_pool_refuses_it_to_an_endpoint_and_reserves_it(world):
    """Before Docker 29 the two cannot be told apart: then the endpoint is refused."""
    world.run(docker_pools.request_pool(world.engine, PoolRequest(4, ip_network(POOL))))
    world.create_network(LAN)
    world.kernel.add_address("192.168.20.10/24")
    expected = "address 192.168.20.10 is this host's own, on eth0; choose another address"

    assert expected == world.refusal(Kind.CONFLICT, pool_leases.request_address(world.engine, POOL, TEN, "web"))
    assert TEN == world.run(pool_leases.request_address(world.engine, POOL, TEN, None)).ip
    one = endpoint(addresses=("192.168.20.10/24",))
    assert expected == world.refusal(Kind.CONFLICT, create_join_leave.create_endpoint(world.engine, one))


@pytest.mark.parametrize("mode", ["l2", "l3"])
def test_members_get_others(world, mode):
    """Passed over in both families, refused when it is asked for; the turn goes on behind it."""
    world.kernel.add_address("192.168.1.3/24", "eth1")
    world.kernel.add_address("2001:db8:7::3/64", "eth1")
    options = {"parent": "eth0", "ipvlan_mode": mode}
    pool4, pool6 = "192.168.1.0/29", "2001:db8:7::/64"
    gateways = ("192.168.1.1", "2001:db8:7::1") if mode == "l2" else ()
    ranges = ("192.168.1.2/31", "2001:db8:7::2/127")
    request = CreateNetwork("web", subnets=(pool4, pool6), gateways=gateways, ranges=ranges, options=options)
    world.run(embedded.create(world.engine, request))
    for path in (BLUE, RED):
        world.kernel.open_sandbox(path)

    for asked, address in (({"ip": "192.168.1.3"}, "192.168.1.3"), ({"ip6": "2001:db8:7::3"}, "2001:db8:7::3")):
        said = world.refusal(
            Kind.CONFLICT, attach_detach.attach(world.engine, Attach(NetworkAttachment("web", **asked), BLUE, "", ""))
        )
        assert f"address {address} is this host's own, on eth1; choose another address" == said
    assert ("192.168.1.2/29", "2001:db8:7::2/64") == attach(world).addresses
    with pytest.raises(IpvlError, match="is full"):
        attach(world, RED)


def test_an_address_of_a_gone_endpoint_is_not_taken_over_from_the_host(world):
    """The one address of a full subnet is the host's since."""
    options = {"parent": "eth0", "ipvlan_mode": "l3"}
    world.run(embedded.create(world.engine, CreateNetwork("web", subnets=("10.7.0.5/32",), options=options)))
    for path in (BLUE, RED):
        world.kernel.open_sandbox(path)
    attach(world)
    world.kernel.end_sandbox(BLUE)
    world.wait(1000)
    world.kernel.add_address("10.7.0.5/32", "lo")

    with pytest.raises(IpvlError, match=r"subnet 10.7.0.5/32 is full"):
        attach(world, RED)


def test_the_hosts_port_does_not_get_what_another_link_has(world):
    """Host access chooses for itself."""
    world.kernel.add_address("10.1.0.2/24")
    wish = network(name="web", door="embedded", subnets=("10.1.0.0/24",), host_access=True)

    world.run(create_remove.create_network(world.engine, wish))

    assert ["10.1.0.3"] == [str(one.host) for one in world.engine.records.network(ID).subnets]


def test_an_address_that_the_host_gets_later_is_a_trouble(world):
    """In status at once, in log and events once each time, by its network's way out; over when either lets go."""
    world.create_network(LAN)
    world.create_endpoint(endpoint(addresses=("192.168.20.10/24", "2001:db8::10/64"), name="web"))
    world.reconcile()
    assert ([], []) == (troubles(world), warnings(world))
    assert not world.engine.concerns_address(ip_address("192.168.20.11"))
    world.kernel.add_address("2001:db8::10/64", "eth1")

    expected = (
        "address 2001:db8::10 of web is this host's own as well, on eth1, so one of the two is not reached: take it off"
        " eth1, or start the container with another"
    )
    assert [expected] == troubles(world)
    assert world.engine.concerns_address(ip_address("2001:db8::10"))
    world.reconcile()
    world.reconcile()
    assert [f"network lan: {expected}"] == warnings(world)
    world.kernel.remove_address("2001:db8::10", "eth1")
    assert [] == troubles(world)
    world.reconcile()
    world.kernel.add_address("2001:db8::10/64", "eth1")
    world.reconcile()
    assert 2 == len(warnings(world))


def test_the_way_out_of_a_member(world):
    """By ipvl's own commands."""
    world.create_network(replace(LAN, door="embedded"))
    world.create_endpoint(endpoint(addresses=("192.168.20.10/24",), name="web"))
    world.create_network(network(OTHER_ID, parent="eth1", name="other"))
    world.create_endpoint(endpoint(OTHER_ENDPOINT_ID, network_id=OTHER_ID, addresses=("192.168.20.11/24",)))
    world.kernel.add_address("192.168.20.10/24", "eth1")

    (said,) = troubles(world)

    assert said.endswith(": take it off eth1, or `ipvl network disconnect lan web` and `connect` it with another")


def test_a_server_that_leases_it_is_told_no(world):
    """It pinned the MAC address: the lease is declined, once, and the sentence says what the server must do."""
    server = FakeServer()
    world.wire.servers["eth0"] = [server]
    world.create_network(network(name="lan", subnets=(), addressing=Addressing.DHCP))
    world.kernel.add_address("192.168.20.100/24")
    wish = endpoint(addresses=())

    with pytest.raises(IpvlError) as refused:
        world.run(create_leased(world.engine, wish, LeaseRequest("web")))

    assert (
        "DHCP server 192.168.20.1 leases this host's own address, 192.168.20.100 on eth0, so it was declined; have the"
        " server go by client identifiers (option 61, RFC 4361), not by MAC addresses, which containers share with this"
        " host"
    ) == str(refused.value)
    assert ["discover", "request", "decline"] == [one.name.lower() for one in server.types]
    assert world.engine.records.endpoint(ENDPOINT_ID) is None
    world.picture()
