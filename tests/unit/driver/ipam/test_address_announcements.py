"""Neighbours are told where a new endpoint's addresses are: how often, and until when."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from ipaddress import ip_address

import pytest

from ipvl.driver.ipam import address_announcements
from ipvl.driver.ipam.address_announcements import Announcer, announce_endpoint, announcement_pauses
from ipvl.embedded import attach_detach, networks
from ipvl.embedded.call_messages import CreateNetwork, Detach
from ipvl.embedded.sandbox_messages import NetworkAttachment
from ipvl.model.networks import Mode
from tests.faults.no_effects import NO_EFFECTS
from tests.unit.builders import network
from tests.unit.embedded.members import BLUE, attach

COUNT, INTERVAL = "com.docker.network.advertise_addr_nmsgs", "com.docker.network.advertise_addr_ms"
SAID = ("eth0", (ip_address("192.168.1.2"), ip_address("2001:db8:1::2")))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (0.0, 1.0, 1.0)),
        ({"announcements": 0}, ()),
        ({"announcements": 1}, (0.0,)),
        ({"announcements": 2, "announce_interval": 100}, (0.0, 0.1)),
        ({"announce_interval": 2000}, (0.0, 2.0, 2.0)),
        ({"mode": Mode.L3}, ()),
        ({"mode": Mode.L3S, "announcements": 3}, ()),
        ({"isolated": True}, ()),
    ],
)
def test_the_schedule(fields, expected):
    """Docker's defaults; the first at once; none where there is no neighbour."""
    assert expected == announcement_pauses(network(**fields))


@pytest.fixture
def loud(world):
    """Call it with options to get a world whose network web announces, and what was slept."""

    def make(**options):
        request = CreateNetwork("web", ("192.168.1.0/24", "2001:db8:1::/64"), options={"parent": "eth0", **options})
        world.run(networks.create(world.engine, request))
        world.kernel.open_sandbox(BLUE)
        return world

    return make


@pytest.fixture
def naps(monkeypatch):
    """What was slept between announcements, in place of sleeping."""
    slept: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await real(0)

    monkeypatch.setattr(address_announcements.asyncio, "sleep", sleep)
    return slept


async def background(world, announcer: Announcer, rounds: int = 20) -> None:
    """Let the daemon's task work until it has nothing to do."""
    task = asyncio.create_task(announcer.run(world.engine))
    for _ in range(rounds):
        await asyncio.wait([task], timeout=0)
    task.cancel()
    await asyncio.wait([task])


def announced(world, *, before=None) -> list:
    async def scene() -> None:
        announcer = Announcer()  # its queue is the loop's
        world.engine.effects = replace(NO_EFFECTS, announce=announcer.add)
        await attach_detach.attach(world.engine, attach_detach.Attach(NetworkAttachment("web"), BLUE))
        assert [] == world.kernel.announced, "nothing is held up by it"
        if before is not None:
            await before()
        await background(world, announcer)

    world.run(scene())
    return world.kernel.announced


def test_each_address_is_announced_as_often_as_the_network_says(loud, naps):
    """By default three times, a second apart, in the background."""
    assert [SAID] * 3 == announced(loud())
    assert [0.0, 1.0, 1.0] == naps


def test_count_and_interval_are_the_users(loud, naps):
    """Under the keys that Docker has for them."""
    assert [SAID] * 2 == announced(loud(**{COUNT: "2", INTERVAL: "250"}))
    assert [0.0, 0.25] == naps


def test_silence_can_be_had(loud, naps):
    """Then the kernel is not asked to announce either."""
    world = loud(**{COUNT: "0"})

    assert [] == announced(world)
    placed, _ = world.kernel.set_up(BLUE, "eth0")
    assert not placed.announced


def test_whoever_has_left_is_not_announced(loud, naps):
    """Its address may be another's by now."""
    world = loud()

    async def left() -> None:
        await attach_detach.detach(world.engine, Detach("web", BLUE))

    assert [] == announced(world, before=left)


def test_a_parent_that_is_down_is_a_line_in_the_log(loud, naps, caplog):
    """And nothing else: the member is there when the parent is."""
    world = loud()
    attach(world, name="blue")
    world.kernel.change("eth0", up=False)
    (endpoint,) = world.engine.records.endpoints()
    caplog.clear()

    with caplog.at_level(logging.WARNING):
        assert not announce_endpoint(world.engine, world.engine.network(endpoint.network_id), endpoint)
    expected = (
        "network web: endpoint blue: 192.168.1.2 and 2001:db8:1::2 could not be announced on eth0: Network is down;"
        " neighbours that remember another machine for it find out within minutes"
    )
    assert [expected] == caplog.messages
