"""Checks of leftovers and records: what is really left, and what is merely on its way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipvl.model.endpoints import Sandbox
from ipvl.model.links import MADE_BY_IPVL
from ipvl.model.networks import Flag, Mode, Phase
from tests.unit.builders import NOW, OTHER_ID, SANDBOX, endpoint, host, link, network, parent, pool, vlan_parent
from tests.unit.diagnosis.cases import ETH0, ETH1, evidence, facts, found, without

ON_ETH1 = (parent("eth1"), network(parent="eth1", name="web"))
HERE = "/run/docker/netns/0123456789ab"
PORT = link("eth0", 30, kind="ipvlan", lower=3, mode=Mode.L2, flag=Flag.BRIDGE, namespace=HERE)
BARE = link("veth0123456", 31, kind="ipvlan", lower=3, up=False)


@pytest.mark.parametrize(
    ("left", "what"),
    [
        (link("ipvl+00112233", 8, kind="dummy"), "link ipvl+00112233 is a parent that ipvl never finished"),
        (
            link("eth0.20", 8, kind="vlan", alias=MADE_BY_IPVL),
            "link eth0.20 was made by ipvl, but no network that ipvl knows uses it",
        ),
        (
            link("ih-0123456789ab", 8, kind="ipvlan", lower=3, alias=MADE_BY_IPVL),
            "host port ih-0123456789ab is of no network that ipvl knows",
        ),
        (
            link("ipvl0123456789a", 8, kind="ipvlan", lower=3),
            "port ipvl0123456789a belongs to no container that ipvl knows",
        ),
    ],
)
def test_what_ipvl_left(left, what):
    """Named with the line that removes it; and not mentioned if it only just came."""
    sick = evidence(*ON_ETH1, links=(ETH0, ETH1, left))

    assert [f"warning: {what}; remove it with `ip link del {left.name}`"] == found("leftovers", sick)
    assert [] == found("leftovers", without(sick, left.name))


def test_a_host_port_that_is_gone():
    """Where its parent is there, and it did not just go."""
    of = network(parent="eth1", name="web", host_access=True, subnets=("10.0.0.0/24",))
    port = link(of.host_port, 8, kind="ipvlan", lower=3, mode=Mode.L2, flag=Flag.BRIDGE, alias=MADE_BY_IPVL)
    sick = evidence(parent("eth1"), of)

    assert found("records", sick) == [
        "problem: host port ih-aaaaaaaaaaaa of network web is gone, so this host does not reach its containers;"
        " `systemctl restart ipvl` makes it again"
    ]
    assert [] == found("records", evidence(parent("eth1"), of, links=(ETH0,)))
    healthy = evidence(parent("eth1"), of, links=(ETH0, ETH1, port))
    assert [] == found("records", healthy) + found("leftovers", healthy)
    assert [] == found("records", replace(sick, earlier=healthy.host))


def test_a_parent_that_ipvl_lost_but_containers_use():
    """The state may have been lost while they ran: removing the link would cut them off."""
    lost = link("eth0.20", 8, kind="vlan", lower=2, alias=MADE_BY_IPVL)

    assert found("leftovers", evidence(links=(ETH0, lost), moved=(replace(PORT, lower=8),))) == [
        f"warning: link eth0.20 was made by ipvl and carries {PORT.label}, but no network that ipvl knows uses it;"
        " containers may be running there: end them, then remove it with `ip link del eth0.20`"
    ]


def test_what_ipvl_uses():
    """Its parents, and a port on its way into a container."""
    ours = endpoint()
    port = link(ours.port, 9, kind="ipvlan", lower=3)
    made = link("eth0.20", 8, kind="vlan", lower=2, vlan_id=20, alias=MADE_BY_IPVL)
    other = network(OTHER_ID, parent="eth0.20", subnets=("10.0.0.0/24",))
    healthy = evidence(*ON_ETH1, vlan_parent("eth0.20", "eth0", 20), other, ours, links=(ETH0, ETH1, made, port))

    assert [] == found("leftovers", healthy)


def test_what_others_left():
    """A bare port; one that is up or has an address was set up by somebody."""
    assert found("leftovers", evidence(*ON_ETH1, links=(ETH1, BARE))) == [
        "warning: ipvlan port veth0123456, which ipvl did not make, is in the host's namespace, down and bare;"
        " if nobody needs it, remove it with `ip link del veth0123456`"
    ]
    assert [] == found("leftovers", evidence(*ON_ETH1, links=(ETH1, replace(BARE, up=True))))
    assert [] == found("leftovers", evidence(*ON_ETH1, links=(ETH1, BARE), stack=(facts(BARE.name, "10.0.0.1/24"),)))


DUMMY = link("di-0123456789ab", 8, kind="dummy")


def test_a_dummy_of_dockers_own_driver():
    """Only when Docker says that its network is gone."""
    sick = evidence(links=(DUMMY,), docker_networks=frozenset({OTHER_ID}))
    used = evidence(links=(DUMMY,), docker_networks=frozenset({"0123456789ab" + "0" * 52}))

    assert found("leftovers", sick) == [
        "warning: dummy di-0123456789ab is of Docker's own driver, but Docker has no network 0123456789ab;"
        " remove it with `ip link del di-0123456789ab`"
    ]
    assert [] == found("leftovers", used)
    assert [] == found("leftovers", evidence(links=(DUMMY,), docker_networks=None)), "Docker does not answer"


@pytest.mark.parametrize(
    "links",
    [
        (DUMMY, link("eth0", 30, kind="ipvlan", lower=8)),
        (replace(DUMMY, name="di-mine"),),
        (replace(DUMMY, kind="bridge"),),
    ],
)
def test_dummies_that_are_something_else(links):
    """With a port on it, or not of Docker's making."""
    assert [] == found("leftovers", evidence(links=links, docker_networks=frozenset()))


def test_leftovers_elsewhere_are_not_asked_for():
    """Whoever asks about one parent hears about that one."""
    left = (replace(BARE, lower=2), link("ipvl+00112233", 8, kind="dummy"))

    assert [] == found("leftovers", evidence(*ON_ETH1, links=(ETH0, ETH1, *left), parent="eth1"))
    assert 1 == len(found("leftovers", evidence(*ON_ETH1, links=(ETH0, ETH1, *left), parent="eth0")))


def test_a_parent_that_is_gone():
    """One that ipvl makes again, unless it went this very moment."""
    made = (vlan_parent("eth0.20", "eth0", 20), network(parent="eth0.20", name="web"))
    sick = evidence(*made)

    assert found("records", sick) == [
        "problem: parent eth0.20 of network web, which ipvl made, is gone; `systemctl restart ipvl` makes it again"
    ]
    before = host(ETH0, link("eth0.20", 8, kind="vlan", lower=2, vlan_id=20))
    assert [] == found("records", replace(sick, earlier=before))


def test_a_container_that_is_gone():
    """Two minutes after it was last heard of."""
    ours = endpoint(sandbox=SANDBOX, name="shop")

    assert found("records", evidence(*ON_ETH1, ours, now=NOW + 121)) == [
        "warning: container shop of network web is gone, but still holds 192.168.20.10;"
        " `systemctl restart ipvl` frees them"
    ]
    assert [] == found("records", evidence(*ON_ETH1, ours, now=NOW + 119))


@pytest.mark.parametrize(
    ("phase", "age", "word"),
    [(Phase.MAKING, 61.0, "made"), (Phase.MAKING, 1.0, ""), (Phase.REMOVING, 0.0, "removed")],
)
def test_a_network_that_is_half_done(phase, age, word):
    """Unless it is being made right now."""
    half = network(parent="eth1", name="web", phase=phase)

    said = found("records", evidence(parent("eth1"), half, now=NOW + age))

    expected = (
        f"warning: network web was not {word} to the end;"
        " remove it with `docker network rm web`, or `systemctl restart ipvl`"
    )
    assert ([expected] if word else []) == said


def test_a_container_without_its_port():
    """Neither at the first look nor at the second, neither in its namespace nor in the host's."""
    ours = endpoint(sandbox=SANDBOX, name="shop")
    sick = evidence(*ON_ETH1, ours, sandboxes=(SANDBOX,))

    assert found("records", sick) == [
        "problem: container shop has no port on eth1 any more, though ipvl gave it one in network web;"
        " restart the container"
    ]
    assert [] == found("records", evidence(*ON_ETH1, ours, sandboxes=(SANDBOX,), moved=(PORT,)))
    waiting = link(ours.port, 9, kind="ipvlan", lower=3)
    assert [] == found("records", replace(sick, earlier=host(ETH0, ETH1, waiting)))


@pytest.mark.parametrize(
    ("sandbox", "fields"),
    [
        (None, {}),
        (SANDBOX, {}),
        (SANDBOX, {"sandboxes": (SANDBOX,), "knows_namespaces": False}),
        (SANDBOX, {"sandboxes": (SANDBOX,), "links": (ETH0,)}),
    ],
)
def test_ports_that_nobody_can_miss(sandbox, fields):
    """Not joined, ended, not looked for, or gone with the parent."""
    healthy = evidence(*ON_ETH1, endpoint(sandbox=sandbox), **fields)

    assert [] == [line for line in found("records", healthy) if "no port" in line]


OWN = (parent("eth1"), network(parent="eth1", name="web", door="embedded"))
DAEMON = ", and so does `ipvl network ls` where no daemon runs"


def test_ways_out_without_docker():
    """What has no Docker is told ipvl's own commands."""
    made = (vlan_parent("eth0.20", "eth0", 20), network(parent="eth0.20", name="web", door="embedded"))
    half = network(parent="eth1", name="web", door="embedded", phase=Phase.REMOVING)
    gone = endpoint(sandbox=SANDBOX, name="shop")

    assert found("records", evidence(*made)) == [
        "problem: parent eth0.20 of network web, which ipvl made, is gone;"
        f" `systemctl restart ipvl` makes it again{DAEMON}"
    ]
    assert found("records", evidence(parent("eth1"), half)) == [
        f"warning: network web was not removed to the end; `systemctl restart ipvl` removes it{DAEMON}"
    ]
    assert found("records", evidence(*OWN, gone, now=NOW + 121)) == [
        "warning: member shop of network web is gone, but still holds 192.168.20.10;"
        f" `systemctl restart ipvl` frees them{DAEMON}"
    ]


def test_a_sandbox_without_its_port():
    """Gets one by being connected once more, with the addresses it had; what was attached, by being attached."""
    addresses = ("192.168.20.10/24", "2001:db8::10/64")
    ours = endpoint(addresses=addresses, sandbox="/proc/42/ns/net", name="shop", inode=4026532000)
    ran = Sandbox("f" * 64, "shop", "shop", ("sh",), "alpine", 42, 4026532000, 41, NOW, "/run/hosts")
    what = "problem: member shop has no port on eth1 any more, though ipvl gave it one in network web;"
    flags = "--ip 192.168.20.10 --ip6 2001:db8::10"

    assert found("records", evidence(*OWN, ours, ran, sandboxes=("/proc/42/ns/net",))) == [
        f"{what} `ipvl network connect {flags} web shop` gives it one again"
    ]
    assert found("records", evidence(*OWN, ours, sandboxes=("/proc/42/ns/net",))) == [
        f"{what} `ipvl attach --net web --netns /proc/42/ns/net {flags} --name shop` gives it one again"
    ]
    other = replace(ours, inode=4026539999)
    said = found("records", evidence(*OWN, other, sandboxes=("/proc/42/ns/net",)))
    assert [] == [line for line in said if "no port" in line], "it is another process's by now"


def test_what_a_docker_made_that_the_one_that_is_asked_has_not():
    """A second Docker's, perhaps: a warning, with the line that removes it. Nobody can tell while Docker is silent."""
    records = (parent(), network(name="blue"), network(OTHER_ID, name="green"), pool("10.9.0.0/16"))
    lists = {"docker_networks": frozenset({OTHER_ID}), "docker_pools": frozenset()}
    later = NOW + 61

    asked = "the Docker that ipvl asks (/run/docker.sock, unless it was told another)"
    unless = "if no other Docker on this host has it, remove it with `ipvl network forget"
    of_network = f"warning: network blue was made by a Docker, but {asked} does not have it; {unless} blue`"
    of_pool = (
        f"warning: pool 10.9.0.0/16 was asked for by a Docker, but {asked} has no network that uses it; {unless} --pool"
        " '10.9.0.0/16'`"
    )
    assert [of_network, of_pool] == found("records", evidence(*records, now=later, **lists))
    assert [of_network] == found("records", evidence(*records, now=later, network="blue", **lists))
    assert [] == found("records", evidence(*records, now=NOW + 59, **lists))
    assert [] == found("records", evidence(*records, now=later))
