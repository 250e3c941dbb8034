"""Networks without Docker: made, listed, removed, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipvl.embedded import attach_detach, networks
from ipvl.embedded.call_messages import AnyNetwork, Attach, CreateNetwork, Detach, NamedNetwork
from ipvl.embedded.sandbox_messages import NetworkAttachment
from ipvl.errors import Kind
from ipvl.model.networks import Mode
from tests.unit.embedded.members import BLUE, RED, attach

WEB = CreateNetwork("web", subnets=("192.168.20.0/24",), options={"parent": "eth0.20"})


def create(world, **fields):
    request = CreateNetwork(**{"name": "web", "subnets": WEB.subnets, "options": WEB.options, **fields})
    return world.run(networks.create(world.engine, request))


def inspect(world, name="web"):
    return world.run(networks.inspected(world.engine, NamedNetwork(name)))


def test_a_network_is_made_with_its_parent_and_goes_with_it(world):
    """The sub-interface is made on demand, and nothing is left afterwards."""
    before = world.picture()
    created = create(world)

    assert ("vlan", 20) == (world.kernel.link("eth0.20").kind, world.kernel.link("eth0.20").vlan_id)
    view = inspect(world, created.id[:8])
    assert ("web", "embedded", "eth0.20", "l2", False) == (view.name, view.door, view.parent, view.mode, view.internal)
    assert "2023-11-14T22:13:20.000000Z" == view.created, "RFC 3339, as `docker network inspect` has it"
    assert [("192.168.20.0/24", "192.168.20.1")] == [(one.subnet, one.gateway) for one in view.subnets]
    assert ("web",) == world.run(networks.remove(world.engine, NamedNetwork("web"))).names
    assert before == world.picture()


def test_a_described_parent_is_found_and_told(world):
    """So that whoever typed it sees which link it is here."""
    world.kernel.add_address("10.9.0.1/16", "eth1")

    created = create(world, options={"parent": "subnet:10.9.0.0/16.20"})

    assert ("the parent is eth1.20",) == created.notices
    assert "eth1.20" == inspect(world).parent


def test_host_bits_are_accepted_and_noticed(world):
    """What the network team writes is taken as it is meant."""
    created = create(world, subnets=("172.16.50.0/22",), gateways=("172.16.50.1",))

    assert ("subnet 172.16.50.0/22 has host bits set: it is 172.16.48.0/22",) == created.notices
    assert "172.16.48.0/22" == inspect(world).subnets[0].subnet
    assert "172.16.50.1" == inspect(world).subnets[0].gateway


@pytest.mark.parametrize(
    ("gateway", "notices"),
    [
        ("2001:db8::1", ("gateway 2001:db8::1 of 2001:db8::/64 is passed over, since gateway6 is fe80::1",)),
        ("fe80::2", ("gateway fe80::2 of 2001:db8::/64 is passed over, since gateway6 is fe80::1",)),
        ("fe80::1", ()),
    ],
)
def test_a_gateway_that_is_passed_over_is_noticed(world, gateway, notices):
    """Where gateway6 is given as well; IPv4's has nothing to do with it."""
    created = create(
        world,
        subnets=("172.16.48.0/22", "2001:db8::/64"),
        gateways=("172.16.50.1", gateway),
        options={"parent": "eth0", "gateway6": "fe80::1"},
    )

    assert notices == created.notices
    assert ["172.16.50.1", "fe80::1"] == [one.gateway for one in inspect(world).subnets]


def test_what_belongs_to_a_subnet_is_found_by_containment(world):
    """In any order, as Docker takes it."""
    create(
        world,
        subnets=("192.168.20.0/24", "2001:db8::/64"),
        gateways=("2001:db8::22", "192.168.20.254"),
        ranges=("192.168.20.128/25",),
        reserved={"printer": "192.168.20.200"},
        labels={"team": "net"},
    )

    four, six = inspect(world).subnets
    assert ("192.168.20.254", "192.168.20.128/25", ("192.168.20.200",)) == (four.gateway, four.range, four.reserved)
    assert ("2001:db8::22", None) == (six.gateway, six.range)
    assert {"team": "net"} == inspect(world).labels


def test_a_dry_run_says_what_it_would_do_and_does_nothing(world):
    """Links, addresses and routes, in words."""
    before = world.picture()

    created = create(world, dry_run=True)

    assert (
        "make eth0.20, VLAN 20 of eth0",
        "ports in mode l2, flag bridge",
        "addresses from 192.168.20.0/24, gateway 192.168.20.1",
        "default route via 192.168.20.1",
    ) == created.plan
    assert before == world.picture()


def test_a_dry_run_says_what_is_asked_beside_the_usual(world):
    """Routes, a metric, who gives the default route, and the host's own address."""
    wish = {**WEB.options, "metric": "200", "route": "10.0.0.0/8,via=192.168.20.254", "host_access": "true"}
    ways = {
        "": ["default route via 192.168.20.1, metric 200", "route 10.0.0.0/8 via 192.168.20.254, metric 200"],
        "no_default_route": [
            "no default route: another network may give one",
            "route 10.0.0.0/8 via 192.168.20.254, metric 200",
        ],
    }

    for option, expected in ways.items():
        plan = create(world, dry_run=True, options={**wish, option: "true"} if option else wish).plan
        assert ("a port of the host's own with 192.168.20.2", *expected) == plan[3:]
    world.kernel.add_route("192.168.20.2/32", "eth1")
    request = CreateNetwork("web", subnets=WEB.subnets, options=wish, dry_run=True, reserved={"host": "192.168.20.2"})
    assert "is where its route 192.168.20.2/32 by eth1 leads already" in world.refusal(
        Kind.CONFLICT, networks.create(world.engine, request)
    )


def test_what_is_asked_beside_the_usual_is_shown(world):
    """As `ipvl network inspect` has it."""
    create(
        world,
        options={**WEB.options, "route": "10.0.0.0/8,via=192.168.20.254", "host_access": "", "no_default_route": ""},
        reserved={"host": "192.168.20.9"},
    )
    view = inspect(world)

    assert (("10.0.0.0/8 via 192.168.20.254",), False, ("192.168.20.9",)) == (
        view.routes,
        view.default_route,
        view.host_access,
    )
    assert None is view.subnets[0].gateway, "what members get"


def test_without_a_subnet_the_first_free_default_pool_is_taken(world):
    """What the host has an address of is passed over; IPv6 alone gets IPv4 as well, unless told not to."""
    world.kernel.add_address("172.17.0.1/16")
    create(world, subnets=())
    create(world, name="six", subnets=("2001:db8::/64",), options={"parent": "eth1"})
    create(world, name="only", subnets=("2001:db8:1::/64",), options={"parent": "eth1"}, ipv4=False)

    assert ["172.18.0.0/16"] == [one.subnet for one in inspect(world).subnets]
    assert ["172.19.0.0/16", "2001:db8::/64"] == [one.subnet for one in inspect(world, "six").subnets]
    assert ["2001:db8:1::/64"] == [one.subnet for one in inspect(world, "only").subnets]


@pytest.mark.parametrize(
    ("fields", "kind", "expected"),
    [
        ({"name": "a/b"}, Kind.INVALID, "network name a/b is not made of 1 to 63 letters, digits, dots, - and _"),
        ({"subnets": ("x",)}, Kind.INVALID, "subnet x is not in CIDR notation; write it like 192.168.20.0/24"),
        (
            {"gateways": ("10.0.0.1",)},
            Kind.INVALID,
            "gateway 10.0.0.1 is in no subnet of the network; its subnets: 192.168.20.0/24",
        ),
        (
            {"subnets": (), "ranges": ("10.0.0.0/24",)},
            Kind.INVALID,
            "IP range 10.0.0.0/24 needs a subnet; give the --subnet that it is in",
        ),
        (
            {"gateways": ("192.168.20.1", "192.168.20.2")},
            Kind.INVALID,
            "subnet 192.168.20.0/24 has two gateways, 192.168.20.1 and 192.168.20.2; give one",
        ),
        ({"subnets": ("192.168.20.0/24",) * 2}, Kind.INVALID, "subnet 192.168.20.0/24 is given twice"),
        ({"options": {"parnet": "eth0"}}, Kind.INVALID, "unknown option parnet; did you mean parent?"),
    ],
)
def test_a_wrong_wish_is_refused(world, fields, kind, expected):
    """In one sentence, and nothing changes."""
    request = CreateNetwork(**{"name": "web", "subnets": WEB.subnets, "options": WEB.options, **fields})

    assert world.refusal(kind, networks.create(world.engine, request)).startswith(expected)


def test_a_name_is_taken_once(world):
    """The second network of the name is refused."""
    create(world)

    expected = "network web exists already; choose another name, or remove that network first"
    assert expected == world.refusal(Kind.CONFLICT, networks.create(world.engine, WEB))


def test_a_network_with_members_stays(world):
    """Its members are named."""
    create(world)
    world.kernel.open_sandbox("/run/netns/blue")
    world.run(attach_detach.attach(world.engine, Attach(NetworkAttachment("web"), "/run/netns/blue", "blue")))

    expected = "network web has 1 member: blue; stop them, or disconnect them with `ipvl network disconnect web NAME`"
    assert expected == world.refusal(Kind.CONFLICT, networks.remove(world.engine, NamedNetwork("web")))
    assert () == world.run(networks.prune(world.engine, AnyNetwork(own=True))).names


def test_prune_takes_what_nobody_is_on(world):
    """A member whose namespace is gone is none."""
    create(world)
    world.kernel.open_sandbox("/run/netns/blue")
    world.run(attach_detach.attach(world.engine, Attach(NetworkAttachment("web"), "/run/netns/blue", "blue")))
    world.kernel.end_sandbox("/run/netns/blue")

    assert ("web",) == world.run(networks.prune(world.engine, AnyNetwork(own=True))).names
    assert None is world.kernel.link("eth0.20")


def test_a_network_that_is_not_there_is_named(world):
    """And where to look."""
    expected = "network nothing does not exist; list them with `ipvl network ls`"
    assert expected == world.refusal(Kind.MISSING, networks.remove(world.engine, NamedNetwork("nothing")))


NO_ADDRESSES = ("without IPv4 and IPv6 the network gives no addresses: its members add their own",)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("parent", [{"parent": "eth0"}, {}])
@pytest.mark.parametrize(("fields", "notices"), [({"ipv4": False}, NO_ADDRESSES), ({"addressing": "none"}, ())])
def test_a_network_without_addresses(world, mode, parent, fields, notices):
    """Members have a port on it, in every mode; no default pool is taken, and no address is to be had."""
    fields = dict(fields)
    options = {"ipvlan_mode": mode, **parent} | {key: fields.pop(key) for key in ("addressing",) if key in fields}
    request = CreateNetwork("bare", options=options, **fields)
    plan = world.run(networks.create(world.engine, replace(request, dry_run=True)))
    assert ("no addresses and no routes: members add their own", notices) == (plan.plan[-1], plan.notices)
    world.run(networks.create(world.engine, request))

    world.kernel.open_sandbox(BLUE)
    one = attach(world, BLUE, "bare", "blue")
    assert ("eth0", ()) == (one.line, one.addresses)
    set_up, routes = world.kernel.set_up(BLUE, "eth0")
    assert ((), [((), ())]) == (set_up.addresses, [(step.gateways, step.routes) for step in routes])
    (view,) = world.run(networks.listed(world.engine, AnyNetwork())).networks
    assert ("none", ()) == (view.addressing, view.subnets)
    world.kernel.open_sandbox(RED)
    expected = (
        "address 10.0.0.9 cannot be given on network bare, which has no addresses; "
        "drop it: a member of this network adds its addresses itself"
    )
    again = attach_detach.attach(world.engine, Attach(NetworkAttachment("bare", "10.0.0.9"), RED, "red"))
    assert expected == world.refusal(Kind.INVALID, again)
    world.restart()
    world.run(attach_detach.detach(world.engine, Detach("bare", BLUE)))
    assert ("bare",) == world.run(networks.remove(world.engine, NamedNetwork("bare"))).names


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            CreateNetwork("bare", options={"parent": "eth0", "addressing": "none"}, ipv6=True),
            "addressing none gives no IPv6 addresses either; leave --ipv6 out",
        ),
        (
            CreateNetwork("bare", ("10.2.0.0/16",), options={"parent": "eth0", "addressing": "none"}),
            "subnet 10.2.0.0/16 cannot be given with addressing none: the network has no addresses to give; "
            "leave --subnet out, and with Docker add --ipam-driver=null",
        ),
        (
            CreateNetwork("bare", ipv4=False, options={"parent": "eth0", "host_access": "true"}),
            "host_access cannot be had on a network without addresses: the host's address is one of a subnet; "
            "leave host_access out, or give a --subnet",
        ),
        (
            CreateNetwork("bare", ipv4=False, options={"parent": "eth0", "conflict_check": "probe"}),
            "conflict_check cannot be had on a network without addresses: there is no address to ask for; "
            "leave conflict_check out, or give a --subnet",
        ),
    ],
)
def test_what_a_network_without_addresses_cannot_have(world, request_, expected):
    """What needs a subnet is refused, not passed over."""
    assert expected == world.refusal(Kind.INVALID, networks.create(world.engine, request_))


def test_an_ipv4_subnet_without_ipv4_is_refused(world):
    """One of the two is a mistake."""
    request = CreateNetwork("web", subnets=("10.2.0.0/16",), ipv4=False)
    expected = "subnet 10.2.0.0/16 is IPv4, which --no-ipv4 switches off; leave one of them out"
    assert expected == world.refusal(Kind.INVALID, networks.create(world.engine, request))
