"""Leases over time: renewed, rebound, lost, got back, and left alone when their endpoint goes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from ipvl.clock.host_clocks import rfc3339
from ipvl.dhcp.dhcp_messages import MessageType
from ipvl.driver.dhcp_leases.lease_renewal import keep_leases
from ipvl.driver.dhcp_leases.lease_requests import LeaseRequest, create_leased_endpoint
from ipvl.driver.status.collect_status import collect_status
from ipvl.model.networks import Addressing
from ipvl.records.changes import Drop, Put
from tests.faults.dhcp_segment import LEASE, OWN, FakeServer
from tests.unit.builders import ENDPOINT_ID, ID, NOW, OTHER_ENDPOINT_ID, endpoint, network

FIRST = IPv4Address("192.168.20.100")
DISCOVER, REQUEST, RELEASE = MessageType.DISCOVER, MessageType.REQUEST, MessageType.RELEASE
DECLINE = MessageType.DECLINE
WEB = endpoint(addresses=(), name="web")
DB = endpoint(OTHER_ENDPOINT_ID, addresses=(), name="db")


@pytest.fixture
def server():
    """A server that grants two minutes."""
    return FakeServer()


@pytest.fixture
def lan(world, server):
    """A world with network lan on eth0, where the server is, and container web, which has a lease."""
    world.wire.servers["eth0"] = [server]
    world.create_network(network(name="lan", subnets=(), addressing=Addressing.DHCP))
    world.run(create_leased_endpoint(world.engine, WEB, LeaseRequest("web")))
    server.heard.clear()
    return world


def keep(world, seconds: float) -> None:
    """Keep leases for so many seconds, none of which is waited for."""
    end = world.now + seconds

    def wait(pause: float) -> None:
        world.now = min(world.now + pause, end)

    async def nap(pause: float) -> None:
        wait(pause)
        await asyncio.sleep(0)

    async def script() -> None:
        world.wire.wait = wait
        task = asyncio.create_task(keep_leases(world.engine, world.wire, nap))
        while world.now < end:
            assert not task.done(), task.exception()
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    world.run(script())


def told(world) -> list[tuple[str, str]]:
    """Return the events of leases and what they say after the endpoint's name, but that the first was obtained."""
    return [
        (event.type.value, event.text.removeprefix("network lan: endpoint web has "))
        for event in world.engine.events.kept()
        if event.type.subject == "lease" and event.type.value != "lease.obtained"
    ]


def lease(world):
    return world.engine.records.dhcp_lease((ID, "web"))


def test_a_lease_is_renewed_at_half_its_time(lan, server):
    """By one question to its server alone, with the address; the record has the new times."""
    keep(lan, LEASE / 2 + 1)

    (message,) = server.heard
    assert (REQUEST, FIRST, OWN) == (message.type, message.held, message.to.address)
    assert ("web", "web") == (message.client.identifier, message.client.hostname)
    assert NOW + LEASE / 2 + LEASE == lease(lan).terms.expires
    assert [("lease.renewed", "renewed the lease of 192.168.20.100 from server 192.168.20.1")] == told(lan)
    lan.picture()


def test_a_lease_is_renewed_again_and_again(lan, server):
    """For as long as the container is there."""
    keep(lan, 10 * LEASE)

    assert set(server.types) == {REQUEST}
    assert len(server.heard) >= 19


def test_a_lease_is_kept_after_a_restart(lan, server):
    """Killed in mid-lease: the times are in the records."""
    lan.wait(LEASE / 4)
    lan.restart()
    assert [] == server.heard, "it is not given back"

    keep(lan, LEASE / 4 + 1)

    assert [REQUEST] == server.types
    assert NOW + LEASE / 2 + LEASE == lease(lan).terms.expires


def test_a_lease_of_the_hosts_own_address_is_declined_once(lan, server):
    """The host got it meanwhile. It is asked for again when the host has it no more, and not before."""
    lan.kernel.add_address("192.168.20.100/24")
    why = (
        "it is this host's own address as well, on eth0, so it was declined; the server must go by client identifiers"
        " (option 61, RFC 4361), not by MAC addresses"
    )
    keep(lan, 10 * LEASE)

    assert [DECLINE] == server.types
    assert why == lease(lan).lost
    assert [("lease.lost", f"lost the lease of 192.168.20.100: {why}")] == told(lan)
    server.taken.clear()
    lan.kernel.remove_address("192.168.20.100")
    keep(lan, 100)
    assert [DECLINE, DISCOVER, REQUEST] == server.types[:3]
    assert "" == lease(lan).lost


@pytest.mark.parametrize("lost", [False, True])
def test_a_server_that_grants_the_hosts_address_meanwhile_is_told_no(lan, server, lost):
    """The host gets it while the server is asked to renew the lease, or for one that was lost."""
    if lost:
        lan.engine.commit((Put(replace(lease(lan), lost="it ran out")),))

    def answer(message):
        if message.type is REQUEST:
            lan.kernel.add_address("192.168.20.100/24")

    server.before_answer = answer
    keep(lan, 10 * LEASE)

    assert DECLINE == server.types[-1]
    assert 1 == server.types.count(DECLINE)
    assert lease(lan).lost.startswith("it is this host's own address as well, on eth0, so it was declined")


def test_a_lease_that_is_due_is_renewed_at_once(lan, server):
    """Ipvl was away when it was time."""
    lan.wait(LEASE * 0.9)
    keep(lan, 1)

    (message,) = server.heard
    assert (REQUEST, None) == (message.type, message.to), "too late for its own server alone"
    assert "" == lease(lan).lost


def test_another_server_takes_over(lan, server):
    """Its own is gone; the lease is known to another, which is asked when three quarters are over."""
    server.up = False
    other = FakeServer(address=IPv4Address("192.168.20.2"), granted={"web": FIRST})
    lan.wire.servers["eth0"].append(other)

    keep(lan, LEASE * 0.875 + 1)

    assert other.address == lease(lan).terms.server
    assert [("lease.renewed", "renewed the lease of 192.168.20.100 from server 192.168.20.2")] == told(lan)


def test_a_lease_that_nobody_extends_is_lost_when_it_ends(lan, server):
    """Not before. That is an event, a state, and a sentence that says what to do."""
    server.up = False
    keep(lan, LEASE - 1)
    assert "" == lease(lan).lost

    keep(lan, 2)

    why = "it ran out, and no server extended it"
    assert why == lease(lan).lost
    assert [("lease.lost", f"lost the lease of 192.168.20.100: {why}")] == told(lan)
    shown = lan.run(collect_status(lan.engine.records, lan.kernel))
    assert ["lease lost"] == [one.state for one in shown.endpoints]
    assert ("lost", why) == (shown.endpoints[0].lease.state, shown.endpoints[0].lease.why)
    assert rfc3339(NOW + LEASE) == shown.endpoints[0].lease.expires
    assert (
        f"web has lost the lease of 192.168.20.100: {why}; others may get that address now:"
        " restart the container for another"
    ) in shown.networks[0].trouble
    lan.picture()


def test_after_a_suspend_a_lease_is_looked_at_soon(lan, server):
    """The host slept for hours, which stops asyncio's timers: what ended meanwhile is had again at once."""
    naps = []

    async def script() -> None:
        well = asyncio.Event()

        async def sleep(pause: float) -> None:
            naps.append(pause)
            if len(naps) > 1:
                well.set()
                await asyncio.Event().wait()
            lan.now += 4 * 3600

        task = asyncio.create_task(keep_leases(lan.engine, lan.wire, sleep))
        await asyncio.wait_for(well.wait(), 10)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    lan.run(script())

    assert naps[0] <= 30
    assert ["lease.lost", "lease.renewed"] == [type_ for type_, _ in told(lan)]
    assert ("", FIRST) == (lease(lan).lost, lease(lan).terms.address.ip)


def test_a_lost_address_is_got_back(lan, server):
    """The server was away for too long; when it is back and nobody has the address, all is well again."""
    server.up = False
    keep(lan, LEASE + 5)
    server.up = True

    keep(lan, 70)

    assert ("", FIRST) == (lease(lan).lost, lease(lan).terms.address.ip)
    assert ("lease.renewed", "again a lease of 192.168.20.100 from server 192.168.20.1") in told(lan)
    assert ["waiting"] == [one.state for one in lan.run(collect_status(lan.engine.records, lan.kernel)).endpoints]


def test_a_lost_address_that_another_has_stays_lost(lan, server):
    """No other is taken in its place: the container could not be given it."""
    server.up = False
    keep(lan, LEASE + 5)
    server.up, server.granted = True, {"other": FIRST}

    keep(lan, 300)

    assert "" != lease(lan).lost
    assert {"other": FIRST} == server.granted
    assert set(server.types) == {DISCOVER}


@pytest.mark.parametrize(
    ("pinned", "why"),
    [(IPv4Address("192.168.20.77"), "server 192.168.20.1 took it back ('not yours')")],
)
def test_a_server_that_changes_its_mind_takes_the_lease(lan, server, pinned, why):
    """Somebody gave the client identifier another address there."""
    server.pinned["web"] = pinned

    keep(lan, LEASE / 2 + 1)

    assert why == lease(lan).lost
    assert [("lease.lost", f"lost the lease of 192.168.20.100: {why}")] == told(lan)[:1]


def test_a_new_gateway_is_a_warning(lan, server):
    """A container that runs keeps the one it started with."""
    server.fields["routers"] = (IPv4Address("192.168.20.9"),)

    keep(lan, LEASE / 2 + 1)

    warned = [event.text for event in lan.engine.events.kept() if event.type == "warning"]
    assert [
        "network lan: the DHCP server now names gateway 192.168.20.9 for endpoint web, which has 192.168.20.1 until it"
        " is started again"
    ] == warned


def test_a_parent_that_is_away_loses_nothing_before_the_end(lan, server):
    """The lease lasts, and is renewed when the parent is back."""
    lan.wire.links.remove("eth0")
    keep(lan, LEASE * 0.75)
    assert ("", []) == (lease(lan).lost, server.heard)

    lan.wire.links.add("eth0")
    keep(lan, LEASE * 0.1 + 10)

    assert ("", [REQUEST]) == (lease(lan).lost, server.types)


def test_a_parent_that_stays_away_loses_the_lease(lan):
    """Nobody can be asked."""
    lan.wire.links.remove("eth0")

    keep(lan, LEASE + 15)

    assert "it ran out, and no server extended it" == lease(lan).lost


def test_a_lease_for_ever_is_left_alone(lan, server):
    """There is nothing to ask."""
    lan.engine.commit((_for_ever(lan),))

    keep(lan, 86400)

    assert [] == server.heard


def test_the_lease_of_a_container_that_goes_is_kept_no_longer(lan, server):
    """It is given back once, and nothing is said afterwards."""

    async def script() -> None:
        async def nap(pause: float) -> None:
            if pause > 0:
                await asyncio.sleep(3600)

        task = asyncio.create_task(keep_leases(lan.engine, lan.wire, nap))
        await asyncio.sleep(0)
        lan.engine.commit((_drop(lan),))
        lan.wait(LEASE)
        for _ in range(10):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    lan.run(script())

    assert [RELEASE] == server.types
    assert [("lease.released", "released the lease of 192.168.20.100")] == told(lan)


def test_two_leases_are_kept_at_once(lan, server):
    """Each at its own time, with its own address."""
    lan.run(create_leased_endpoint(lan.engine, DB, LeaseRequest("db")))
    server.heard.clear()

    keep(lan, LEASE)

    assert {"web", "db"} == {message.client.identifier for message in server.heard}
    assert {message.held for message in server.heard} == set(server.granted.values())


def _for_ever(world):
    held = lease(world)
    return Put(replace(held, terms=replace(held.terms, renews=None, rebinds=None, expires=None)))


def _drop(world):
    return Drop(world.engine.records.endpoint(ENDPOINT_ID))
