"""Addresses that somebody on the segment has, where ipvl places the port itself."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest

from ipvl.driver.ipam.address_conflicts import QUARANTINE_SECONDS
from ipvl.embedded import attach_detach, networks
from ipvl.embedded.call_messages import AnyNetwork, Attach, Connect, CreateNetwork, Detach, NamedNetwork
from ipvl.embedded.reconcile_members import reconcile_all
from ipvl.embedded.sandbox_messages import NetworkAttachment
from ipvl.errors import IpvlError, Kind
from ipvl.model.pools import Quarantine
from tests.contract.fake_kernel import KilledError
from tests.unit.builders import NOW
from tests.unit.driver.ipam.test_address_conflicts import CHOOSE, MAC, WatchedKernel
from tests.unit.embedded.members import BLUE, RED, attach, start


@pytest.fixture
def careful(world):
    """A world with two networks that ask first, and two namespaces."""
    for name, parent, subnets in (
        ("web", "eth0", ("192.168.1.0/24", "2001:db8:1::/64")),
        ("db", "eth1", ("10.7.0.0/16",)),
    ):
        options = {"parent": parent, "conflict_check": "probe"}
        world.run(networks.create(world.engine, CreateNetwork(name, subnets=subnets, options=options)))
    for path in (BLUE, RED):
        world.kernel.open_sandbox(path)
    return world


def in_vain(world, **wish) -> str:
    with pytest.raises(IpvlError) as refused:
        attach(world, **wish)
    assert Kind.CONFLICT is refused.value.kind
    return str(refused.value)


def test_the_next_address_is_taken(careful):
    """In either family, and whoever has the first is kept out."""
    careful.kernel.add_neighbour("eth0", "192.168.1.2", MAC)
    careful.kernel.add_neighbour("eth0", "2001:db8:1::2", MAC)

    assert ("192.168.1.3/24", "2001:db8:1::3/64") == attach(careful).addresses
    expected = [
        Quarantine("eth0", ip_address(address), MAC, NOW + QUARANTINE_SECONDS)
        for address in ("192.168.1.2", "2001:db8:1::2")
    ]
    assert expected == list(careful.engine.records.quarantines())
    assert ("192.168.1.4/24", "2001:db8:1::4/64") == attach(careful, RED).addresses
    careful.picture()


@pytest.mark.parametrize(
    ("wish", "address"), [({"ip": "192.168.1.9"}, "192.168.1.9"), ({"ip6": "2001:db8:1::9"}, "2001:db8:1::9")]
)
def test_an_explicit_address_is_refused(careful, wish, address):
    """With the MAC address that answered; nothing is left but the quarantine, and the other family is free again."""
    links = careful.picture()[1]
    careful.kernel.add_neighbour("eth0", address, MAC)

    assert f"address {address} is in use on eth0 by {MAC}; {CHOOSE}" == in_vain(careful, **wish)
    assert links == careful.picture()[1]
    assert [address] == [str(one.address) for one in careful.engine.records.quarantines()]
    assert [] == list(careful.engine.records.endpoints())
    careful.kernel.remove_neighbour("eth0", address)
    attach(careful, **wish)
    assert [] == list(careful.engine.records.quarantines())


def test_an_explicit_address_stays_when_the_other_familys_is_in_use(careful):
    """Only what ipvl chose is chosen again."""
    careful.kernel.add_neighbour("eth0", "2001:db8:1::2", MAC)

    assert ("192.168.1.9/24", "2001:db8:1::3/64") == attach(careful, ip="192.168.1.9").addresses


def test_a_sandbox_is_refused_as_a_whole(careful):
    """Its first network is left again, and it is forgotten."""
    careful.kernel.add_neighbour("eth1", "10.7.0.9", MAC)
    attachments = (NetworkAttachment("web"), NetworkAttachment("db", ip="10.7.0.9"))

    with pytest.raises(IpvlError, match=f"address 10.7.0.9 is in use on eth1 by {MAC}"):
        start(careful, 47, "one", attachments=attachments)

    assert [] == [*careful.engine.records.sandboxes(), *careful.engine.records.endpoints()]


def watched(world, meanwhile) -> list:
    """Have something happen when the segment is asked for the first time."""
    done = []

    async def once() -> None:
        if not done:
            done.append(True)
            done.append(await meanwhile())

    world.engine.kernel = WatchedKernel(world.kernel, once)
    return done


def test_a_kill_while_the_segment_is_asked_leaves_nothing(careful):
    """As wherever else ipvl is stopped."""

    async def killed() -> None:
        raise KilledError

    watched(careful, killed)
    with pytest.raises(KilledError):
        attach(careful)
    careful.stop()
    careful.start()
    careful.run(reconcile_all(careful.engine))

    assert [] == list(careful.engine.records.endpoints())
    assert "192.168.1.3/24" == attach(careful).addresses[0]


def test_a_repair_meanwhile_leaves_the_endpoint_alone(careful):
    """And what is not there yet has no name for others."""
    attach(careful, RED, name="red", hosts="/red")

    async def repaired() -> None:
        await reconcile_all(careful.engine)
        assert "blue" not in careful.hosts["/red"]

    watched(careful, repaired)
    attach(careful, name="blue")

    assert "blue" in careful.hosts["/red"]


@pytest.mark.parametrize("call", [networks.remove, networks.prune])
def test_a_network_that_is_being_joined_is_not_removed(careful, call):
    """Its first member is on the way."""

    async def removed() -> object:
        request = NamedNetwork("web") if call is networks.remove else AnyNetwork()
        try:
            return (await call(careful.engine, request)).names
        except IpvlError as error:
            return error.kind

    done = watched(careful, removed)
    attach(careful)

    assert done[1] in (Kind.CONFLICT, ("db",))
    assert ["web"] == [one.label for one in careful.engine.records.networks() if one.name == "web"]


def test_a_namespace_that_is_taken_off_meanwhile_stays_off(careful):
    """Whoever attached it is told."""

    async def detached() -> None:
        await attach_detach.detach(careful.engine, Detach("web", BLUE))

    watched(careful, detached)

    expected = "blue was taken off network web while its addresses were being asked for; put it on again"
    assert expected == in_vain(careful, name="blue")
    assert [] == list(careful.engine.records.endpoints())
    assert {"lo"} == careful.run(careful.kernel.sandbox_view(BLUE)).interfaces


def test_the_same_namespace_at_once_is_refused(careful):
    """The first call goes on undisturbed."""

    async def again() -> str:
        with pytest.raises(IpvlError) as refused:
            await attach_detach.attach(careful.engine, Attach(NetworkAttachment("web"), BLUE))
        return str(refused.value)

    done = watched(careful, again)
    attach(careful)

    assert f"{BLUE} is being put on network web already; wait for that" == done[1]
    assert 1 == len(list(careful.engine.records.endpoints()))


def test_two_networks_at_once_have_two_interfaces(careful):
    """What the namespace has is looked at again after the wait."""
    start(careful, 47, "one")

    async def another() -> object:
        return (await attach_detach.connect(careful.engine, Connect(NetworkAttachment("db"), "one"))).interface

    done = watched(careful, another)
    found = careful.run(attach_detach.connect(careful.engine, Connect(NetworkAttachment("web"), "one")))

    assert ("eth0", "eth1") == (done[1], found.interface)
    assert {"eth0", "eth1"} == {one.interface for one in careful.engine.records.endpoints()}
    careful.picture()


def test_a_namespace_that_ends_meanwhile_leaves_nothing(careful):
    """Its record goes, too."""

    async def ended() -> None:
        careful.kernel.end_sandbox(BLUE)

    watched(careful, ended)
    with pytest.raises(IpvlError, match=f"sandbox {BLUE} is gone"):
        attach(careful)

    assert [] == list(careful.engine.records.endpoints())


def test_many_at_once_do_not_wait_for_each_other(careful):
    """The lock is free while the segment is asked: all of them ask at the same time."""
    together = asyncio.Event()
    waiting = []

    async def until_all_ask() -> None:
        waiting.append(True)
        if len(waiting) == 5:
            together.set()
        await together.wait()

    careful.engine.kernel = WatchedKernel(careful.kernel, until_all_ask)
    paths = [f"/run/netns/box{number}" for number in range(5)]
    for path in paths:
        careful.kernel.open_sandbox(path)

    async def all_of_them() -> list[str]:
        requests = [Attach(NetworkAttachment("web"), path) for path in paths]
        found = await asyncio.gather(*(attach_detach.attach(careful.engine, request) for request in requests))
        return [member.addresses[0] for member in found]

    assert [f"192.168.1.{number}/24" for number in range(2, 7)] == sorted(careful.run(all_of_them()))
    careful.picture()


def test_the_network_shows_what_it_was_asked(careful):
    """`ipvl network inspect`, and the dry run in words."""
    seen = careful.run(networks.inspected(careful.engine, NamedNetwork("web")))
    assert ("probe", None, None) == (seen.conflict_check, seen.announcements, seen.announce_interval)

    request = CreateNetwork(
        "dry", ("10.8.0.0/16",), options={"parent": "eth1", "conflict_check": "probe"}, dry_run=True
    )
    planned = careful.run(networks.create(careful.engine, request)).plan
    assert "each address asked for on eth1 before it is used" in planned
