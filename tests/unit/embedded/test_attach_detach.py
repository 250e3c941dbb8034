"""Namespaces on networks: addresses, routes, names, and the way back."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address, ip_network

import pytest

from ipvl.embedded import attach_detach, networks
from ipvl.embedded.call_messages import Attach, CreateNetwork, Detach, Disconnect, NamedNetwork
from ipvl.embedded.sandbox_messages import NetworkAttachment
from ipvl.errors import IpvlError, Kind
from ipvl.model.endpoints import PortRoute, PortSetup
from ipvl.model.steps import RemoveSandboxPort
from tests.contract.fake_kernel import KilledError, Trouble
from tests.unit.embedded.members import BLUE, RED, attach


def test_a_namespace_gets_port_address_and_route(web):
    """The first free address after the gateway, and a default route by it."""
    member = attach(web)

    placed, (routed,) = web.kernel.set_up(BLUE, "eth0")
    assert ("eth0", ("192.168.1.2/24",)) == (member.interface, member.addresses)
    assert ["192.168.1.2/24"] == [str(address) for address in placed.addresses]
    assert ["192.168.1.1"] == [str(gateway) for gateway in routed.gateways]
    assert "l2" == web.kernel.link("eth0", BLUE).mode


def test_a_second_network_brings_no_second_default_route(web):
    """Until the first is left: then it takes over."""
    attach(web)
    member = attach(web, network="db")

    _, (routed,) = web.kernel.set_up(BLUE, member.interface)
    assert ("eth1", ()) == (member.interface, routed.routes)
    web.run(attach_detach.detach(web.engine, Detach("web", BLUE)))
    _, ways = web.kernel.set_up(BLUE, "eth1")
    assert ["0.0.0.0/0"] == [str(route.destination) for route in ways[-1].routes]


def test_a_network_that_lost_its_port_takes_nothing_over(web):
    """Somebody removed its parent, and the port with it: that must not keep the namespace on the other network."""
    attach(web)
    attach(web, network="db")
    web.kernel.remove("eth1")

    web.run(attach_detach.detach(web.engine, Detach("web", BLUE)))

    assert ["db"] == [web.engine.network(one.network_id).name for one in web.engine.records.endpoints()]
    assert frozenset({"lo"}) == web.run(web.kernel.sandbox_view(BLUE)).interfaces


def test_a_network_whose_port_is_down_takes_nothing_over(web):
    """Somebody set it down in there, and the kernel adds no route by a link that is down."""
    attach(web)
    attach(web, network="db")
    web.kernel.change("eth1", BLUE, up=False)

    web.run(attach_detach.detach(web.engine, Detach("web", BLUE)))

    left = web.run(web.kernel.sandbox_view(BLUE))
    assert (frozenset({"lo", "eth1"}), frozenset()) == (left.interfaces, left.default_routes)


def test_detaching_frees_everything(web):
    """Port, address and record."""
    before = web.picture()[1], web.store.load()[:4]
    attach(web)
    web.run(attach_detach.detach(web.engine, Detach("web", BLUE)))

    assert before == (web.picture()[1], web.store.load()[:4])
    assert ("192.168.1.9/24",) == attach(web, RED, ip="192.168.1.9").addresses


def test_an_address_is_given_once_on_a_parent(web):
    """Also from two networks, and the holder is named."""
    attach(web, name="blue", ip="192.168.1.9")

    request = Attach(NetworkAttachment("web", ip="192.168.1.9"), RED)
    expected = (
        "address 192.168.1.9 is in use on parent eth0 by endpoint blue of network web;"
        " choose another address or remove what holds it"
    )
    assert expected == web.refusal(Kind.CONFLICT, attach_detach.attach(web.engine, request))


def test_the_same_namespace_twice_is_refused(web):
    """It is on the network already."""
    attach(web, name="blue")

    expected = "blue is on network web already, with 192.168.1.2; take it off first: ipvl network disconnect web blue"
    assert expected == web.refusal(
        Kind.CONFLICT, attach_detach.attach(web.engine, Attach(NetworkAttachment("web"), BLUE))
    )


@pytest.mark.parametrize(
    ("request_", "kind", "expected"),
    [
        (
            Attach(NetworkAttachment("web"), "/run/netns/none"),
            Kind.MISSING,
            "there is no network namespace at /run/netns/none",
        ),
        (Attach(NetworkAttachment("none"), BLUE), Kind.MISSING, "network none does not exist"),
        (Attach(NetworkAttachment("web", ip="x"), BLUE), Kind.INVALID, "x is not an IPv4 address; write it like --ip"),
        (
            Attach(NetworkAttachment("web", ip="10.0.0.9"), BLUE),
            Kind.INVALID,
            "address 10.0.0.9 is in no subnet of network web",
        ),
        (
            Attach(NetworkAttachment("web", interface="lo"), BLUE),
            Kind.CONFLICT,
            "interface lo exists in the sandbox already",
        ),
    ],
)
def test_a_wrong_wish_is_refused(web, request_, kind, expected):
    """In one sentence, and nothing changes."""
    assert web.refusal(kind, attach_detach.attach(web.engine, request_)).startswith(expected)


def test_dockers_networks_are_dockers(web):
    """The way out is Docker's command."""
    from tests.unit.builders import network

    web.create_network(network(parent="eth0", subnets=("192.168.2.0/24",), name="dockers"))

    expected = "network dockers belongs to docker; use `docker network connect`, or make one with `ipvl network create`"
    assert expected == web.refusal(
        Kind.CONFLICT, attach_detach.attach(web.engine, Attach(NetworkAttachment("dockers"), BLUE))
    )


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_refusal_of_the_kernel_leaves_nothing(web, step):
    """Whatever step it refuses."""
    before = web.picture()[1], [record for record in web.store.load() if type(record).__name__ != "Cursor"]
    web.kernel.trouble[len(web.kernel.steps) + step] = Trouble.REFUSED

    with pytest.raises(IpvlError):
        attach(web)

    after = web.picture()[1], [record for record in web.store.load() if type(record).__name__ != "Cursor"]
    assert before == after


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("trouble", [Trouble.KILLED_BEFORE, Trouble.KILLED_AFTER])
def test_killed_at_any_step_it_can_be_asked_again(web, step, trouble):
    """What was half done is cleared up at the next start or by the next call."""
    web.kernel.trouble[len(web.kernel.steps) + step] = trouble
    with pytest.raises(KilledError):
        attach(web)

    web.restart()
    links = [link.name for link in web.run(web.kernel.links())]
    assert [] == [name for name in links if name.startswith("ipvl")]
    if web.kernel.link("eth0", BLUE) is None:
        assert attach(web).interface == "eth0"
    else:
        web.run(attach_detach.detach(web.engine, Detach("web", BLUE)))
        assert attach(web).interface == "eth0"


async def one_after_the_other(engine, *calls):
    """Do the calls, which all have come before the first of them is begun; return answers and refusals."""
    async with engine.lock:
        tasks = []
        for call in calls:
            tasks.append(asyncio.create_task(call))
            await asyncio.sleep(0)
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_a_member_that_comes_while_its_network_is_removed_is_refused(web):
    """The network is looked for when it is this call's turn, not before."""
    remove = networks.remove(web.engine, NamedNetwork("web"))
    join = attach_detach.attach(web.engine, Attach(NetworkAttachment("web"), BLUE))

    removed, refused = web.run(one_after_the_other(web.engine, remove, join))

    assert ("web",) == removed.names
    assert "network web does not exist; list them with `ipvl network ls`" == str(refused)
    assert None is web.kernel.link("eth0", BLUE)


def test_a_network_is_not_removed_under_a_member_that_came_first(web):
    """Whoever waited for the lock before it is in."""
    join = attach_detach.attach(web.engine, Attach(NetworkAttachment("web"), BLUE, name="blue"))
    remove = networks.remove(web.engine, NamedNetwork("web"))

    member, refused = web.run(one_after_the_other(web.engine, join, remove))

    assert str(refused).startswith("network web has 1 member: blue;")
    assert member.id == web.engine.records.endpoints_of(web.engine.records.endpoint(member.id).network_id)[0].id


def test_a_network_whose_removal_failed_takes_no_members(web):
    """The next repair would remove it under them."""
    web.run(networks.create(web.engine, CreateNetwork("vlan20", options={"parent": "eth0.20"})))
    web.kernel.trouble[len(web.kernel.steps) + 1] = Trouble.REFUSED
    with pytest.raises(IpvlError):
        web.run(networks.remove(web.engine, NamedNetwork("vlan20")))

    expected = "network vlan20 is being removed; do so again: ipvl network rm vlan20"
    assert expected == web.refusal(
        Kind.CONFLICT, attach_detach.attach(web.engine, Attach(NetworkAttachment("vlan20"), BLUE))
    )


def test_two_members_of_one_name_are_refused(web):
    """Others could not tell which they reach; a member that is gone has no name any more."""
    attach(web, name="blue")

    request = Attach(NetworkAttachment("web"), RED, name="blue")
    expected = "network web has a member blue already; choose another name"
    assert expected == web.refusal(Kind.CONFLICT, attach_detach.attach(web.engine, request))
    web.kernel.end_sandbox(BLUE)
    assert "blue" == attach(web, RED, name="blue").name


def test_a_port_that_could_not_be_placed_costs_no_other_its_name(web):
    """What has the interface's name in the namespace by then is somebody else's."""
    web.kernel.trouble[len(web.kernel.steps) + 2] = Trouble.REFUSED

    with pytest.raises(IpvlError):
        attach(web)

    assert "eth0" not in {step.interface for step in web.kernel.steps if isinstance(step, RemoveSandboxPort)}


def test_the_hosts_own_namespace_is_refused(web):
    """It would get a second address on its own link, and perhaps a default route."""
    web.kernel.open_sandbox("/proc/self/ns/net")

    request = Attach(NetworkAttachment("web"), "/proc/self/ns/net")
    expected = "/proc/self/ns/net is the host's own network namespace; attach another, such as a container's"
    assert expected == web.refusal(Kind.INVALID, attach_detach.attach(web.engine, request))


def test_a_namespace_without_a_name_is_disconnected_by_what_it_is_called(web):
    """As the refusal of a second endpoint says."""
    member = attach(web)
    refused = web.refusal(Kind.CONFLICT, attach_detach.attach(web.engine, Attach(NetworkAttachment("web"), BLUE)))
    word = refused.rpartition(" ")[2]

    web.run(attach_detach.disconnect(web.engine, Disconnect("web", word)))

    assert member.name == word
    assert None is web.kernel.link("eth0", BLUE)


def default_routes(world, path=BLUE):
    return world.run(world.kernel.sandbox_view(path)).default_routes


def make(world, name, third, **options):
    options = {"parent": "eth1", "ipvlan_mode": "l3", **options}
    world.run(networks.create(world.engine, CreateNetwork(name, subnets=(f"10.{third}.0.0/16",), options=options)))


def test_networks_with_metrics_all_give_their_default_route(web):
    """Two with the same metric do not: then the second takes over when the first is left."""
    for third, (name, metric) in enumerate((("slow", "200"), ("fast", "100"), ("spare", "200")), 8):
        make(web, name, third, metric=metric)
        attach(web, network=name)

    assert {(4, 200), (4, 100)} == default_routes(web)
    _, (routed,) = web.kernel.set_up(BLUE, "eth2")
    assert (200, ()) == (routed.metric, routed.routes)
    web.run(attach_detach.detach(web.engine, Detach("slow", BLUE)))
    _, ways = web.kernel.set_up(BLUE, "eth2")
    assert ["0.0.0.0/0"] == [str(route.destination) for route in ways[-1].routes]
    assert {(4, 200), (4, 100)} == default_routes(web)


def test_a_network_without_a_metric_leaves_the_default_route_to_one_that_is_there(web):
    """Whatever metric that has; and one with no_default_route leaves it to whoever comes."""
    make(web, "silent", 8, no_default_route="true", route="172.20.0.0/16")
    make(web, "slow", 9, metric="200")
    attach(web, network="silent")
    assert set() == default_routes(web)
    _, (routed,) = web.kernel.set_up(BLUE, "eth0")
    assert ["172.20.0.0/16"] == [route.label for route in routed.routes]
    attach(web, network="slow")
    attach(web, network="db")

    assert {(4, 200)} == default_routes(web)


def test_a_default_route_of_somebody_elses_is_left_and_said(web):
    """A gateway that was named is not there without a word; between networks of ipvl's the first one gives it."""
    way = PortRoute(ip_network("0.0.0.0/0"), ip_address("10.9.0.1"), metric=0, table=254, protocol=4, scope=0)
    web.kernel.dress(BLUE, "up0", (), PortSetup(routes=(way,)))
    member = attach(web)
    assert (
        f"network web gives {member.name} no IPv4 default route, since there is one in {BLUE} that is none of ipvl's;"
        " remove that, or make the network with another -o metric",
    ) == member.notices
    assert () == attach(web, network="db").notices
