"""Namespaces on networks: addresses, routes, names, and the way back."""

from __future__ import annotations

import pytest

from ipvl.embedded import members, networks, sandboxes
from ipvl.embedded.messages import (
    AnySandbox,
    Attach,
    Attachment,
    Connect,
    CreateNetwork,
    Detach,
    Disconnect,
    NamedSandbox,
    SandboxEnded,
    StartSandbox,
)
from ipvl.errors import IpvlError, Kind
from tests.contract.fake_kernel import KilledError, Trouble

BLUE, RED = "/run/netns/blue", "/run/netns/red"


@pytest.fixture
def web(world):
    """A world with network web on eth0, network db routed on eth1, and two namespaces."""
    for request in (
        CreateNetwork("web", subnets=("192.168.1.0/24",), options={"parent": "eth0"}),
        CreateNetwork("db", subnets=("10.7.0.0/16",), options={"parent": "eth1", "ipvlan_mode": "l3"}),
    ):
        world.run(networks.create(world.engine, request))
    for path in (BLUE, RED):
        world.kernel.open_sandbox(path)
    return world


def attach(world, path=BLUE, network="web", name="", hosts="", **wish):
    return world.run(members.attach(world.engine, Attach(Attachment(network, **wish), path, name, hosts)))


def start(world, process, name, *networks_, **fields):
    world.kernel.open_sandbox(f"/proc/{process}/ns/net")
    request = StartSandbox(
        **{
            "id": f"{process:064x}",
            "name": name,
            "hostname": name,
            "command": ("sh",),
            "root_filesystem": "alpine",
            "process": process,
            "supervisor": process - 1,
            "removed_at_end": False,
            "attachments": tuple(Attachment(network) for network in networks_),
            "hosts": f"/run/ipvl/sandboxes/{process}/hosts",
            **fields,
        }
    )
    return world.run(sandboxes.start(world.engine, request))


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
    web.run(members.detach(web.engine, Detach("web", BLUE)))
    _, ways = web.kernel.set_up(BLUE, "eth1")
    assert ["0.0.0.0/0"] == [str(route.destination) for route in ways[-1].routes]


def test_detaching_frees_everything(web):
    """Port, address and record."""
    before = web.picture()[1], web.store.load()[:4]
    attach(web)
    web.run(members.detach(web.engine, Detach("web", BLUE)))

    assert before == (web.picture()[1], web.store.load()[:4])
    assert ("192.168.1.9/24",) == attach(web, RED, ip="192.168.1.9").addresses


def test_an_address_is_given_once_on_a_parent(web):
    """Also from two networks, and the holder is named."""
    attach(web, name="blue", ip="192.168.1.9")

    request = Attach(Attachment("web", ip="192.168.1.9"), RED)
    expected = (
        "address 192.168.1.9 is in use on parent eth0 by endpoint blue of network web;"
        " choose another address or remove what holds it"
    )
    assert expected == web.refusal(Kind.CONFLICT, members.attach(web.engine, request))


def test_the_same_namespace_twice_is_refused(web):
    """It is on the network already."""
    attach(web, name="blue")

    expected = "blue is on network web already, with 192.168.1.2; take it off first: ipvl network disconnect web blue"
    assert expected == web.refusal(Kind.CONFLICT, members.attach(web.engine, Attach(Attachment("web"), BLUE)))


@pytest.mark.parametrize(
    ("request_", "kind", "expected"),
    [
        (
            Attach(Attachment("web"), "/run/netns/none"),
            Kind.MISSING,
            "there is no network namespace at /run/netns/none",
        ),
        (Attach(Attachment("none"), BLUE), Kind.MISSING, "network none does not exist"),
        (Attach(Attachment("web", ip="x"), BLUE), Kind.INVALID, "x is not an IPv4 address; write it like --ip"),
        (
            Attach(Attachment("web", ip="10.0.0.9"), BLUE),
            Kind.INVALID,
            "address 10.0.0.9 is in no subnet of network web",
        ),
        (Attach(Attachment("web", interface="lo"), BLUE), Kind.CONFLICT, "interface lo exists in the sandbox already"),
    ],
)
def test_a_wrong_wish_is_refused(web, request_, kind, expected):
    """In one sentence, and nothing changes."""
    assert web.refusal(kind, members.attach(web.engine, request_)).startswith(expected)


def test_dockers_networks_are_dockers(web):
    """The way out is Docker's command."""
    from tests.unit.builders import network

    web.create_network(network(parent="eth0", subnets=("192.168.2.0/24",), name="dockers"))

    expected = "network dockers belongs to docker; use `docker network connect`, or make one with `ipvl network create`"
    assert expected == web.refusal(Kind.CONFLICT, members.attach(web.engine, Attach(Attachment("dockers"), BLUE)))


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
    links = [link.name for link in web.run(web.kernel.all())]
    assert [] == [name for name in links if name.startswith("ipvl")]
    if web.kernel.link("eth0", BLUE) is None:
        assert attach(web).interface == "eth0"
    else:
        web.run(members.detach(web.engine, Detach("web", BLUE)))
        assert attach(web).interface == "eth0"


def test_members_know_each_other_by_name_and_alias(web):
    """In every direction, while they come and go."""
    start(web, 100, "one", "web")
    start(web, 200, "two", "web", attachments=(Attachment("web", aliases=("api",)),))

    one, two = (web.hosts[f"/run/ipvl/sandboxes/{process}/hosts"] for process in (100, 200))
    assert "192.168.1.3 two api two.web\n" in one
    assert "192.168.1.2 one one.web\n" in two
    web.run(sandboxes.ended(web.engine, SandboxEnded(f"{200:064x}", 0)))
    assert "two" not in web.hosts["/run/ipvl/sandboxes/100/hosts"]


def test_an_attached_namespace_can_have_a_hosts_file(web):
    """It knows the others and they know it."""
    attach(web, name="blue", hosts="/etc/netns/blue/hosts")
    start(web, 100, "one", "web")

    assert "192.168.1.3 one one.web\n" in web.hosts["/etc/netns/blue/hosts"]
    assert "192.168.1.2 blue blue.web\n" in web.hosts["/run/ipvl/sandboxes/100/hosts"]


def test_a_sandbox_is_on_many_networks_and_comes_off_all(web):
    """Its end frees every address."""
    before = web.picture()[1]
    start(web, 100, "one", "web", "db")
    (started,) = web.run(sandboxes.listed(web.engine, AnySandbox())).sandboxes
    assert ["eth0", "eth1"] == [member.interface for member in started.members]

    web.kernel.end_sandbox("/proc/100/ns/net")
    web.run(sandboxes.ended(web.engine, SandboxEnded(f"{100:064x}", 3)))

    (view,) = web.run(sandboxes.listed(web.engine, AnySandbox(all=True))).sandboxes
    assert (False, 3, ()) == (view.running, view.exit_status, view.members)
    assert [] == list(web.engine.records.endpoints())
    assert before == web.picture()[1]


def test_a_sandbox_that_cannot_join_its_second_network_is_not_started(web):
    """Nothing is left on the first either."""
    before = web.picture()[1]
    with pytest.raises(IpvlError, match="network none does not exist"):
        start(web, 100, "one", "web", "none")

    assert [] == list(web.engine.records.endpoints())
    assert [] == list(web.engine.records.sandboxes())
    assert before == web.picture()[1]


def test_connect_and_disconnect(web):
    """A running sandbox goes on one more network and off again."""
    start(web, 100, "one", "web")
    member = web.run(members.connect(web.engine, Connect(Attachment("db", ip="10.7.0.9"), "one")))
    assert ("one", "eth1", ("10.7.0.9/16",)) == (member.name, member.interface, member.addresses)

    web.run(members.disconnect(web.engine, Disconnect("db", "one")))
    assert None is web.kernel.link("eth1", "/proc/100/ns/net")
    expected = "one is not on network db; see `ipvl network inspect db`"
    assert expected == web.refusal(Kind.MISSING, members.disconnect(web.engine, Disconnect("db", "one")))


def test_a_sandbox_whose_supervisor_was_killed_is_noticed(web):
    """Its process is gone, so its address is free and its record says that it ended."""
    start(web, 100, "one", "web")
    web.kernel.end_sandbox("/proc/100/ns/net")

    view = web.run(sandboxes.inspected(web.engine, NamedSandbox("one")))

    assert (False, 137) == (view.running, view.exit_status)
    assert [] == list(web.engine.records.endpoints())
    assert (f"{100:064x}",) == web.run(sandboxes.remove(web.engine, NamedSandbox("one"))).names


def test_a_sandbox_that_runs_is_not_removed(web):
    """Stop it first."""
    start(web, 100, "one", "web")

    expected = "sandbox one runs; stop it first: ipvl stop one"
    assert expected == web.refusal(Kind.CONFLICT, sandboxes.remove(web.engine, NamedSandbox("one")))
