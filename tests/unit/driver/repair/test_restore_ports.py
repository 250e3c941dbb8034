"""Ports come back with their parents: what the engine does, and what it says when it cannot."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from ipvl.driver.endpoints import create_join_leave
from ipvl.driver.events.event_types import EventType
from ipvl.driver.repair import port_sightings
from ipvl.driver.repair.port_sightings import look_at_ports, watch_ports
from ipvl.driver.repair.restore_ports import restore_ports
from ipvl.model.endpoints import PortRoute, PortSetup
from ipvl.model.networks import ConflictCheck
from ipvl.model.steps import MakePort
from ipvl.records.changes import Put
from tests.contract.fake_kernel import Trouble
from tests.faults.no_effects import NO_EFFECTS
from tests.unit.builders import SANDBOX, endpoint, network

ONE = endpoint("e1" * 32, name="one")
DEFAULT = PortRoute(ip_network("0.0.0.0/0"), ip_address("192.168.20.1"), metric=0, table=254, protocol=3, scope=0)
SETUP = PortSetup(broadcast=True, queue_length=7, routes=(DEFAULT,), settings=(("ipv4/conf/*/rp_filter", "2"),))
LOST = "endpoint one of network lan has no port any more, since parent eth0 was made anew, and "


@pytest.fixture
def joined(world):
    """A host with a container of Docker's on eth0, set up as Docker does."""
    world.create_network(network(name="lan"))
    world.create_endpoint(ONE)
    world.attach(ONE)
    world.kernel.dress(SANDBOX, "eth0", ["192.168.20.10/24"], SETUP)
    world.run(look_at_ports(world.engine))
    return world


def remake(world):
    world.kernel.remove("eth0")
    world.kernel.add("eth0")


def dressed(world, interface="eth0"):
    addresses, setup = world.kernel.dressed(SANDBOX, interface)
    return [str(one) for one in addresses], setup


def events(world, type_):
    return [event for event in world.engine.events._recent if event.type is type_]


def test_a_port_comes_back_as_it_was(joined):
    """With its name, addresses, routes and settings; neighbours and listeners are told; once."""
    told = []
    joined.engine.effects = replace(
        NO_EFFECTS, announce=lambda network, endpoint: told.append((network.label, endpoint.label))
    )
    remake(joined)
    joined.run(restore_ports(joined.engine))
    joined.run(restore_ports(joined.engine))

    assert (["192.168.20.10/24"], SETUP) == dressed(joined)
    assert joined.kernel.link(ONE.port) is None
    assert [("lan", "one")] == told
    (event,) = events(joined, EventType.ENDPOINT_RESTORED)
    assert f"network lan: endpoint one has its port again in sandbox {SANDBOX}" == event.text
    assert () == joined.engine.warnings


def test_neighbours_are_told_when_the_parent_is_up(joined):
    """A NIC that is plugged in is down at first: nobody would hear."""
    told = []
    joined.engine.effects = replace(
        NO_EFFECTS, announce=lambda network, endpoint: told.append((network.label, endpoint.label))
    )
    joined.kernel.remove("eth0")
    joined.kernel.add("eth0", up=False, carrier=False)
    joined.run(restore_ports(joined.engine))
    assert (["192.168.20.10/24"], SETUP, []) == (*dressed(joined), told)

    joined.kernel.change("eth0", up=True, carrier=True)
    for _ in range(2):
        joined.run(restore_ports(joined.engine))
    assert [("lan", "one")] == told


def test_it_does_after_a_restart_too(joined):
    """What was seen is on the disk; the parent went while nobody looked."""
    remake(joined)
    joined.restart()
    joined.run(restore_ports(joined.engine))

    assert (["192.168.20.10/24"], SETUP) == dressed(joined)


def test_a_port_that_somebody_deleted_stays_deleted(joined):
    """Its parent is the same: who did that wanted it."""
    joined.kernel._take(SANDBOX, "eth0")
    joined.restart()
    joined.run(restore_ports(joined.engine))

    assert joined.kernel.link("eth0", SANDBOX) is None
    assert () == joined.engine.warnings


def test_nor_does_one_come_back_that_was_deleted_before_anybody_saw_it(world):
    """Its parent is still the one that it joined on; without Docker nobody else sets a port up meanwhile."""
    world.create_network(network(name="lan"))
    world.create_endpoint(ONE)
    world.attach(ONE)
    held = world.engine.records.endpoint(ONE.id)
    own = replace(held, inode=world.kernel.namespace_inode(SANDBOX), interface="eth0")
    world.engine.commit((Put(own),))
    world.kernel._take(SANDBOX, "eth0")
    world.run(look_at_ports(world.engine))
    assert world.engine.records.endpoint(own.id).seen is None
    world.run(restore_ports(world.engine))

    assert world.kernel.link("eth0", SANDBOX) is None


def test_where_ipvl_may_not_enter_it_says_whom_to_restart(joined):
    """Until the container has a port again."""
    joined.kernel.closed.add(SANDBOX)
    remake(joined)
    for _ in range(2):
        joined.run(restore_ports(joined.engine))

    told = f"{LOST}ipvl may not enter its namespace: restart it, or let ipvl enter namespaces (embedded.conf, see"
    assert (f"{told} docs/embedded.md)",) == joined.engine.warnings
    assert 1 == len(events(joined, EventType.WARNING)), "it is told once"
    assert not [step for step in joined.kernel.steps[1:] if isinstance(step, MakePort)]
    joined.leave(ONE)
    joined.attach(ONE)
    joined.run(restore_ports(joined.engine))
    assert () == joined.engine.warnings


def test_whoever_has_taken_the_name_keeps_it(joined):
    """It is said until the name is free, and then the port is made."""
    remake(joined)
    joined.kernel.dress(SANDBOX, "eth0", [])
    joined.run(restore_ports(joined.engine))
    told = f"{LOST}another link in its sandbox is called eth0 now: remove that, or restart it"
    assert (told,) == joined.engine.warnings

    joined.kernel._take(SANDBOX, "eth0")
    joined.run(restore_ports(joined.engine))
    assert (["192.168.20.10/24"], SETUP) == dressed(joined)
    assert () == joined.engine.warnings


def test_an_address_that_the_host_has_by_now_is_the_hosts(joined):
    """A container with it would take the host off its LAN; the port is made when the host lets go of it."""
    remake(joined)
    joined.kernel.add_address("192.168.20.10/24", "eth1")
    joined.run(restore_ports(joined.engine))
    assert (f"{LOST}address 192.168.20.10 is this host's own, on eth1: take it from there, or restart it",) == (
        joined.engine.warnings
    )
    assert joined.kernel.link("eth0", SANDBOX) is None

    joined.kernel.remove_address("192.168.20.10", "eth1")
    joined.run(restore_ports(joined.engine))
    assert (["192.168.20.10/24"], SETUP) == dressed(joined)
    assert () == joined.engine.warnings


def test_a_machine_that_has_the_address_by_now_keeps_it(world):
    """Where the network says that the segment is asked."""
    world.create_network(network(name="lan", conflict_check=ConflictCheck.PROBE))
    world.create_endpoint(ONE)
    world.attach(ONE)
    world.kernel.dress(SANDBOX, "eth0", ["192.168.20.10/24"], SETUP)
    world.run(look_at_ports(world.engine))
    remake(world)
    world.kernel.add_neighbour("eth0", "192.168.20.10", "02:00:00:00:00:99")
    world.run(restore_ports(world.engine))
    told = f"{LOST}address 192.168.20.10 is in use on eth0 by 02:00:00:00:00:99: take it from there, or restart it"
    assert (told,) == world.engine.warnings

    world.kernel.remove_neighbour("eth0", "192.168.20.10")
    world.run(restore_ports(world.engine))
    assert (["192.168.20.10/24"], SETUP) == dressed(world)


def test_addresses_that_somebody_gave_beside_its_own_are_given_again(joined, monkeypatch):
    """But for what a machine, the host or another endpoint has by now, such as one that moves between machines."""
    given = ["192.168.20.10/24", *(f"192.168.20.{number}/32" for number in range(200, 205))]
    joined.kernel.dress(SANDBOX, "eth0", given, SETUP)
    joined.run(look_at_ports(joined.engine))
    joined.kernel.remove("eth0")
    joined.kernel.add("eth0", up=False, carrier=False)
    joined.run(restore_ports(joined.engine))
    assert joined.kernel.link("eth0", SANDBOX) is None, "nobody can be asked yet"
    joined.kernel.change("eth0", up=True, carrier=True)
    joined.kernel.add_neighbour("eth0", "192.168.20.201", "02:00:00:00:00:99")
    joined.kernel.add_neighbour("eth0", "192.168.20.204", "02:00:00:00:00:98")
    every = joined.kernel.probe_addresses

    async def first_answer(link, addresses):
        return dict(list((await every(link, addresses)).items())[:1])

    monkeypatch.setattr(joined.kernel, "probe_addresses", first_answer)
    joined.kernel.add_address("192.168.20.202/24", "eth1")
    joined.create_endpoint(endpoint("e2" * 32, addresses=("192.168.20.203/24",)))
    joined.run(restore_ports(joined.engine))

    assert (["192.168.20.10/24", "192.168.20.200/32"], SETUP) == dressed(joined)
    assert () == joined.engine.warnings


def test_what_the_kernel_refuses_is_tried_again(joined):
    """Nothing of it is left meanwhile."""
    remake(joined)
    joined.kernel.trouble[len(joined.kernel.steps) + 3] = Trouble.REFUSED
    joined.run(restore_ports(joined.engine))
    (told,) = joined.engine.warnings
    assert told.startswith(f"{LOST}the kernel refused to move port {ONE.port}")
    assert joined.kernel.link(ONE.port) is None

    joined.run(restore_ports(joined.engine))
    assert (["192.168.20.10/24"], SETUP) == dressed(joined)
    assert () == joined.engine.warnings


def test_a_port_is_looked_at_a_moment_after_it_joined(world, monkeypatch):
    """And again, since Docker adds its routes later; until then a container's start has nothing to do with it."""
    monkeypatch.setattr(port_sightings, "LOOK_SECONDS", (0.01, 0.01, 0.01))
    monkeypatch.setattr(port_sightings, "GROUPED_SECONDS", 0.01)
    world.create_network(network(name="lan"))
    world.create_endpoint(ONE)
    looked = asyncio.Event()
    remember = port_sightings.record_seen_ports

    def remember_and_tell(engine, seen):
        remember(engine, seen)
        if seen:
            looked.set()

    monkeypatch.setattr(port_sightings, "record_seen_ports", remember_and_tell)

    async def container_starts():
        watching = asyncio.create_task(watch_ports(world.engine))
        await asyncio.sleep(0)
        world.kernel.open_sandbox(SANDBOX)
        await create_join_leave.join(world.engine, ONE.network_id, ONE.id, SANDBOX)
        assert world.engine.records.endpoint(ONE.id).seen is None
        for _ in range(10):  # turns of the loop, which is all it takes
            await asyncio.sleep(0)
        assert [world.kernel.link("eth0").index] == list(world.engine.repair.parent_at_join.values()), (
            "its parent is noted at once"
        )
        world.kernel.take(ONE.port, SANDBOX)
        world.kernel.dress(SANDBOX, "eth0", ["192.168.20.10/24"])
        await looked.wait()
        world.kernel.dress(SANDBOX, "eth0", ["192.168.20.10/24"], SETUP)
        looked.clear()
        await looked.wait()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    world.run(asyncio.wait_for(container_starts(), 20))

    seen = world.engine.records.endpoint(ONE.id).seen
    assert ("eth0", world.kernel.link("eth0").index) == (seen.interface, seen.parent)


def test_what_is_changed_in_a_sandbox_later_is_seen_in_the_end(joined, monkeypatch):
    """Nothing tells of it, so all ports are looked at now and again."""
    monkeypatch.setattr(port_sightings, "SEEN_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(port_sightings, "LOOK_AT_ALL_SECONDS", 0.01)

    remember = port_sightings.record_seen_ports
    first, second = asyncio.Event(), asyncio.Event()

    def remember_and_tell(engine, seen):
        remember(engine, seen)
        (second if engine.records.endpoint(ONE.id).seen.setup.addresses else first).set()

    monkeypatch.setattr(port_sightings, "record_seen_ports", remember_and_tell)

    async def somebody_adds_an_address():
        watching = asyncio.create_task(watch_ports(joined.engine))
        await first.wait()
        joined.kernel.dress(SANDBOX, "eth0", ["192.168.20.10/24", "192.168.20.200/32"], SETUP)
        await second.wait()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    joined.run(asyncio.wait_for(somebody_adds_an_address(), 20))


def test_a_port_that_docker_is_still_setting_up_comes_back_too(world):
    """Its parent was made anew before anybody saw the port whole: the lowest free name and the network's own routes."""
    world.create_network(network(name="lan"))
    world.create_endpoint(ONE)
    world.attach(ONE)
    world.run(look_at_ports(world.engine))
    assert world.engine.records.endpoint(ONE.id).seen is None
    remake(world)
    world.run(restore_ports(world.engine))

    addresses, setup = dressed(world)
    assert (["192.168.20.10/24"], ["0.0.0.0/0 via 192.168.20.1"]) == (addresses, [one.label for one in setup.routes])
    world.run(look_at_ports(world.engine))
    assert "eth0" == world.engine.records.endpoint(ONE.id).seen.interface


def test_who_joins_anew_was_never_seen(joined):
    """What was seen is another sandbox's, or another time's."""
    joined.leave(ONE)
    assert joined.engine.records.endpoint(ONE.id).seen is None
