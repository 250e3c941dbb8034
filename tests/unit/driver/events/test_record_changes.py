"""What the engine tells of what it does: all of it, in order, by name."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ipvl.driver.endpoints import create_join_leave
from ipvl.driver.events.event_types import Event, EventType
from ipvl.driver.networks import create_remove
from ipvl.driver.repair.unlisted_networks import remove_unlisted
from ipvl.errors import IpvlError
from tests.contract.fake_kernel import Trouble
from tests.unit.builders import ENDPOINT_ID, ID, NOW, OTHER_SANDBOX, SANDBOX, endpoint, network


@pytest.fixture
def told(world):
    """Call it for the events since the last call."""
    seen: list[Event] = []

    def new() -> list[Event]:
        async def read() -> list[Event]:
            with world.engine.events.reading(0.0) as reader:
                reader.end()
                return [one async for one in reader]

        everything = asyncio.run(read())
        fresh = everything[len(seen) :]
        seen[:] = everything
        return fresh

    return new


def types(events: list[Event]) -> list[str]:
    return [str(event.type) for event in events]


def test_the_life_of_a_network_and_its_endpoint(world, told):
    """From creation to removal, each with its sentence and what it is about."""
    world.create_network(network(parent="eth0.20"))
    world.create_endpoint(endpoint())
    world.attach(endpoint())
    world.run(create_remove.name_network(world.engine, ID, "web"))
    world.run(create_join_leave.name_endpoint(world.engine, ENDPOINT_ID, "shop"))
    world.leave(endpoint())
    world.delete_endpoint(endpoint())
    world.delete_network(ID)

    events = told()

    assert [
        ("parent.made", "parent eth0.20 is made"),
        ("network.created", "network aaaaaaaaaaaa is ready: mode l2, flag bridge, parent eth0.20"),
        ("endpoint.created", "network aaaaaaaaaaaa: endpoint eeeeeeeeeeee is created with 192.168.20.10"),
        ("endpoint.joined", f"network aaaaaaaaaaaa: endpoint eeeeeeeeeeee joined sandbox {SANDBOX}"),
        ("network.named", "network aaaaaaaaaaaa is called web"),
        ("endpoint.named", "network web: endpoint eeeeeeeeeeee is called shop"),
        ("endpoint.left", f"network web: endpoint shop left sandbox {SANDBOX}"),
        ("endpoint.deleted", "network web: endpoint shop is deleted"),
        ("parent.removed", "parent eth0.20 is removed"),
        ("network.removed", "network web is removed"),
    ] == [(str(event.type), event.text) for event in events]
    assert Event(NOW, EventType.ENDPOINT_LEFT, events[6].text, "web", ID, "shop", ENDPOINT_ID, "eth0.20") == events[6]
    assert Event(NOW, EventType.PARENT_MADE, events[0].text, parent="eth0.20") == events[0]


def test_a_call_that_is_repeated_is_told_once(world, told):
    """Docker repeats calls whose answer it did not get; nothing happens twice."""
    for _ in range(2):
        world.create_network(network())
        world.create_endpoint(endpoint())
        world.join(endpoint())
    for _ in range(2):
        world.leave(endpoint())
        world.delete_endpoint(endpoint())
        world.delete_network(ID)

    assert [
        "network.created",
        "endpoint.created",
        "endpoint.joined",
        "endpoint.left",
        "endpoint.deleted",
        "network.removed",
    ] == types(told())


def test_what_failed_is_not_told(world, told):
    """No network that was never made, no join without a port."""
    world.kernel.trouble[1] = Trouble.REFUSED
    with pytest.raises(IpvlError):
        world.create_network(network(parent="eth0.20"))
    assert [] == told()

    world.create_network(network())
    world.create_endpoint(endpoint())
    told()
    world.kernel.trouble[len(world.kernel.steps) + 1] = Trouble.REFUSED
    with pytest.raises(IpvlError):
        world.join(endpoint())
    world.delete_endpoint(endpoint())

    assert ["endpoint.deleted"] == types(told())


def test_an_endpoint_that_is_dropped_has_left(world, told):
    """However its record goes: with its network, or because its sandbox is gone."""
    world.create_network(network())
    world.create_endpoint(endpoint())
    world.attach(endpoint())
    told()

    world.kernel.end_sandbox(SANDBOX)
    world.now += 1000
    world.reconcile()
    assert ["endpoint.left", "endpoint.deleted"] == types(told())

    world.create_endpoint(replace(endpoint(), changed=world.now))
    world.attach(endpoint(), OTHER_SANDBOX)
    told()
    world.delete_network(ID)
    assert ["endpoint.left", "endpoint.deleted", "network.removed"] == types(told())


def test_another_sandbox_is_another_join(world, told):
    """It left the one that is gone."""
    world.create_network(network())
    world.create_endpoint(endpoint())
    world.attach(endpoint())
    world.kernel.end_sandbox(SANDBOX)
    told()

    world.attach(endpoint(), OTHER_SANDBOX)

    assert [
        ("endpoint.left", f"network aaaaaaaaaaaa: endpoint eeeeeeeeeeee left sandbox {SANDBOX}"),
        ("endpoint.joined", f"network aaaaaaaaaaaa: endpoint eeeeeeeeeeee joined sandbox {OTHER_SANDBOX}"),
    ] == [(str(event.type), event.text) for event in told()]


def test_what_a_restart_finds_is_told(world, told):
    """An endpoint that joined before it leaves after it; a network that was half made was never told of."""
    world.create_network(network())
    world.create_endpoint(endpoint())
    world.attach(endpoint())
    world.restart()
    told()

    world.leave(endpoint())

    assert ["endpoint.left"] == types(told())


def test_what_docker_dropped_is_told(world, told):
    """Docker forgets networks without asking when ipvl does not answer."""
    world.create_network(network(parent="eth0.20", name="web", seen_by="docker"))
    world.create_endpoint(endpoint())
    told()

    world.run(remove_unlisted(world.engine, (), (), NOW + 1000, "docker"))

    assert ["parent.removed", "endpoint.deleted", "network.removed"] == types(told())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"up": False}, ["parent.down", "warning"]),
        ({"carrier": False}, ["parent.down", "warning"]),
    ],
)
def test_a_parent_that_goes_down_and_comes_up(world, told, change, expected):
    """Told once each, however often the host is compared."""
    world.create_network(network())
    world.reconcile()
    told()

    world.kernel.change("eth0", **change)
    world.reconcile()
    world.reconcile()
    down = told()
    world.kernel.change("eth0", up=True, carrier=True)
    world.reconcile()
    world.reconcile()

    assert expected == types(down)
    assert {"eth0"} == {event.parent for event in down if event.type is EventType.PARENT_DOWN}
    assert ["parent.up"] == types(told())


def test_a_parent_that_goes_and_comes_back(world, told):
    """One of somebody else's, which ipvl can only wait for."""
    world.create_network(network())
    world.kernel.remove("eth0")
    world.reconcile()
    assert ["parent.lost", "warning"] == types(told()[1:])

    world.kernel.add("eth0")
    world.reconcile()
    assert [("parent.came_back", "parent eth0 came back")] == [(str(one.type), one.text) for one in told()]

    world.kernel.remove("eth0")
    world.reconcile()
    world.kernel.add("eth0")
    world.kernel.change("eth0", up=False)
    told()
    world.reconcile()
    assert ["parent.came_back", "parent.down"] == types(told())[:2]


def test_a_parent_that_ipvl_makes_again(world, told):
    """It was lost, and it is made; nothing came back."""
    world.create_network(network(parent="eth0.20"))
    world.reconcile()
    told()

    world.kernel.remove("eth0.20")
    world.reconcile()
    world.reconcile()

    assert ["parent.lost", "parent.made"] == types(told())


def test_warnings_of_a_network_are_told(world, told):
    """Once, with the network they are about."""
    world.kernel.change("eth0", up=False)

    world.create_network(network(name="web"))

    (warning,) = [event for event in told() if event.type is EventType.WARNING]
    assert ("web", ID, "eth0") == (warning.network, warning.network_id, warning.parent)
    assert "parent eth0 is down" in warning.text
