"""Members whose addresses come from a DHCP server, without Docker."""

from __future__ import annotations

from ipaddress import ip_interface

import pytest

from ipvl.dhcp.dhcp_messages import MessageType
from ipvl.embedded import attach_detach, networks, sandboxes
from ipvl.embedded.call_messages import AnySandbox, Connect, CreateNetwork, Detach, Disconnect, NamedNetwork
from ipvl.embedded.sandbox_messages import CheckSandbox, NetworkAttachment, SandboxEnded
from ipvl.errors import IpvlError, Kind
from tests.contract.fake_kernel import Trouble
from tests.faults.dhcp_segment import FakeServer
from tests.unit.embedded.members import BLUE, RED, attach, start

FIRST = "192.168.20.100/24"
RELEASE = MessageType.RELEASE


@pytest.fixture
def server(world):
    """A server on eth0."""
    server = FakeServer()
    world.wire.servers["eth0"] = [server]
    return server


@pytest.fixture
def lan(web, server):
    """The world of networks web and db with network lan as well, whose addresses the server chooses."""
    web.run(networks.create(web.engine, CreateNetwork("lan", options={"parent": "eth0", "addressing": "dhcp"})))
    return web


def identifiers(server) -> list[str]:
    """Return who asked, each once, with what follows the host's own part cut off."""
    return list(dict.fromkeys(message.client.identifier.rpartition("/")[0] for message in server.heard))


def refused(world, kind: Kind, work) -> str:
    with pytest.raises(IpvlError) as found:
        world.run(work)
    assert kind is found.value.kind
    assert set() == world.engine.dhcp.pending
    return str(found.value)


def test_a_sandbox_is_known_to_the_server_by_its_name(lan, server):
    """On every start it gets the address it had."""
    start(lan, 100, "one", "lan")
    lan.kernel.end_sandbox("/proc/100/ns/net")
    lan.run(sandboxes.ended(lan.engine, SandboxEnded(f"{100:064x}", 0)))
    assert RELEASE is server.types[-1]

    start(lan, 200, "two", "lan")
    (view,) = lan.run(sandboxes.listed(lan.engine, AnySandbox())).sandboxes
    assert (FIRST,) == view.members[0].addresses, "free at the server"
    start(lan, 101, "one", "lan", id=f"{100:064x}")

    assert ["one/lan", "two/lan"] == identifiers(server)
    assert {"one", "two"} == {message.client.hostname for message in server.heard if message.client.hostname}
    lan.picture()


def test_a_sandbox_has_gateway_routes_and_resolvers_of_its_lease(lan, server):
    """Its resolv.conf names them; one on other networks alone keeps the host's."""
    server.fields.update(resolvers=(server.address,), domain="lan.example")
    start(lan, 100, "one", "web", "lan")
    start(lan, 102, "plain", "web")

    _, routes = lan.kernel.set_up("/proc/100/ns/net", "eth1")
    assert [()] == [step.gateways for step in routes], "network web was first"
    assert {"/run/ipvl/sandboxes/100/hosts": "search lan.example\nnameserver 192.168.20.1\n"} == lan.resolvers


def test_resolvers_come_and_go_with_the_lease(lan, server):
    """Connected later, the sandbox asks the lease's; taken off again, those it had before."""
    server.fields.update(resolvers=(server.address,))
    start(lan, 100, "one", "web")
    assert {} == lan.resolvers
    lan.run(attach_detach.connect(lan.engine, Connect(NetworkAttachment("lan"), "one")))
    assert {"/run/ipvl/sandboxes/100/hosts": "nameserver 192.168.20.1\n"} == lan.resolvers

    lan.run(attach_detach.disconnect(lan.engine, Disconnect("lan", "one")))

    assert {"/run/ipvl/sandboxes/100/hosts": ""} == lan.resolvers
    lan.resolvers.clear()
    lan.run(attach_detach.disconnect(lan.engine, Disconnect("web", "one")))
    assert {} == lan.resolvers, "what a program wrote there itself stays"


def test_a_lease_of_the_hosts_own_address_costs_the_other_network_nothing(lan, server):
    """It is declined; that of the network before is given back, since nobody else has its address."""
    other = FakeServer(first=ip_interface("10.7.0.100/16"))
    lan.wire.servers["eth1"] = [other]
    options = {"parent": "eth1", "addressing": "dhcp"}
    lan.run(networks.remove(lan.engine, NamedNetwork("db")))
    lan.run(networks.create(lan.engine, CreateNetwork("lan2", options=options)))
    lan.kernel.add_address("10.7.0.100/16", "lo")

    with pytest.raises(IpvlError, match=r"leases this host's own address, 10\.7\.0\.100 on lo, so it was declined"):
        start(lan, 100, "one", "lan", "lan2")

    assert (RELEASE, MessageType.DECLINE) == (server.types[-1], other.types[-1])
    assert MessageType.DECLINE not in server.types


def test_what_a_lease_says_is_shown(lan, server):
    """`ipvl network inspect` tells address, server, identifier and times."""
    attach(lan, network="lan", name="blue")

    view = lan.run(networks.inspected(lan.engine, NamedNetwork("lan")))

    (member,) = view.members
    assert ("dhcp", (), (FIRST,)) == (view.addressing, view.subnets, member.addresses)
    assert ("held", "192.168.20.1", "192.168.20.1") == (member.lease.state, member.lease.server, member.lease.gateway)
    assert member.lease.client_id.startswith("blue/lan/")


def test_a_namespace_without_a_name_is_known_by_its_path(lan, server):
    """The same path has the same address again, another has another."""
    attach(lan, BLUE, "lan")
    lan.run(attach_detach.detach(lan.engine, Detach("lan", BLUE)))
    lan.wait(1)
    attach(lan, RED, "lan")
    lan.run(attach_detach.detach(lan.engine, Detach("lan", RED)))
    attach(lan, BLUE, "lan")

    asked = [message.client.identifier for message in server.heard if message.type is MessageType.DISCOVER]
    assert asked[0] == asked[2] != asked[1]


def test_connect_and_disconnect(lan, server):
    """A sandbox that runs gets a lease and gives it back."""
    start(lan, 100, "one", "web")
    member = lan.run(attach_detach.connect(lan.engine, Connect(NetworkAttachment("lan"), "one")))
    assert (FIRST,) == member.addresses

    lan.run(attach_detach.disconnect(lan.engine, Disconnect("lan", "one")))

    assert RELEASE is server.types[-1]


def test_a_member_that_cannot_be_placed_gives_its_lease_back(lan, server):
    """The kernel refused the port."""
    lan.kernel.trouble[len(lan.kernel.steps) + 1] = Trouble.REFUSED
    with pytest.raises(IpvlError):
        attach(lan, BLUE, "lan", "blue")

    assert [RELEASE, {}] == [server.types[-1], server.granted]
    assert [] == list(lan.engine.records.endpoints())
    lan.picture()


def test_a_sandbox_that_cannot_join_another_network_gives_its_lease_back(lan, server):
    """Nothing of it is left."""
    with pytest.raises(IpvlError, match="network none does not exist"):
        start(lan, 100, "one", "lan", "none")

    assert [RELEASE, {}] == [server.types[-1], server.granted]


def test_the_same_name_twice_is_refused(lan, server):
    """The server would take both for one."""
    attach(lan, BLUE, "lan", "one")
    wish = attach_detach.Attach(NetworkAttachment("lan"), RED, "one")

    expected = "network lan has a member one already; choose another name"
    assert expected == refused(lan, Kind.CONFLICT, attach_detach.attach(lan.engine, wish))
    assert {FIRST.partition("/")[0]} == set(map(str, server.granted.values()))


def test_a_lease_that_is_not_needed_is_given_back_and_not_declined(lan, server):
    """Its address is as good as any: only what somebody else has is declined."""
    attach(lan, BLUE, "lan", "one")
    again = attach_detach.Attach(NetworkAttachment("lan"), BLUE, "two")
    expected = "one is on network lan already, with 192.168.20.100; take it off first: ipvl network disconnect lan one"

    assert expected == refused(lan, Kind.CONFLICT, attach_detach.attach(lan.engine, again))
    assert RELEASE is server.types[-1]
    assert {FIRST.partition("/")[0]} == set(map(str, server.granted.values()))


def test_an_address_cannot_be_chosen(lan, server):
    """The server chooses; a sandbox learns it before anything is unpacked."""
    expected = (
        "address 192.168.20.9 cannot be chosen on network lan: its DHCP server chooses;"
        " drop it, and have the server give that address to this member's client identifier"
    )
    wish = NetworkAttachment("lan", ip="192.168.20.9")

    assert expected == refused(lan, Kind.INVALID, attach_detach.attach(lan.engine, attach_detach.Attach(wish, BLUE)))
    assert expected == refused(lan, Kind.INVALID, sandboxes.check(lan.engine, CheckSandbox("one", (wish,))))
    assert [] == server.heard


def test_without_a_daemon_nobody_joins(lan):
    """The network can be made; members need somebody who renews."""
    lan.engine.dhcp.wire = None
    expected = (
        "network lan has its addresses from DHCP, and without the daemon nobody would renew them;"
        " start the daemon: systemctl start ipvl"
    )

    assert expected == refused(
        lan, Kind.UNAVAILABLE, attach_detach.attach(lan.engine, attach_detach.Attach(NetworkAttachment("lan"), BLUE))
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ipv6": True}, "addressing dhcp is IPv4 alone; leave --ipv6 and --no-ipv4 out"),
        ({"ipv4": False}, "addressing dhcp is IPv4 alone; leave --ipv6 and --no-ipv4 out"),
        (
            {"subnets": ("192.168.20.0/24",)},
            "subnet 192.168.20.0/24 cannot be given with addressing dhcp: the DHCP server chooses; "
            "leave --subnet out, and with Docker add --ipam-driver=null",
        ),
    ],
)
def test_a_network_that_cannot_be_is_refused(web, fields, expected):
    """With nothing changed."""
    request = CreateNetwork("lan", options={"parent": "eth0", "addressing": "dhcp"}, **fields)

    assert expected == web.refusal(Kind.INVALID, networks.create(web.engine, request))


def test_a_dry_run_says_where_addresses_come_from(web):
    """Nothing is asked of anybody."""
    request = CreateNetwork("lan", options={"parent": "eth0", "addressing": "dhcp"}, dry_run=True)

    plan = web.run(networks.create(web.engine, request)).plan

    assert "addresses, gateway and resolvers from the DHCP server on eth0" in plan
