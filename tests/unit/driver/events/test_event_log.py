"""Events to readers: in order, without waiting for anybody, and nothing lost in silence."""

from __future__ import annotations

import asyncio

import pytest

from ipvl.driver.events.event_log import EventLog, Reader
from ipvl.driver.events.event_types import Event, EventType, Selection


def event(number: int, **fields: object) -> Event:
    return Event(float(number), **{"type": EventType.NETWORK_CREATED, "text": f"event {number}", **fields})


def numbered(*numbers: int) -> list[Event]:
    return [event(number) for number in numbers]


async def rest(reader: Reader) -> list[Event]:
    return [one async for one in reader]


def test_a_reader_sees_what_happens_after_it_came():
    """In order, and nothing from before."""

    async def script() -> list[Event]:
        log = EventLog()
        log.publish(event(1))
        with log.reading() as reader:
            log.publish(event(2))
            log.publish(event(3))
            reader.end()
            return await rest(reader)

    assert numbered(2, 3) == asyncio.run(script())


def test_a_reader_may_ask_for_what_is_past():
    """What is kept since then comes first, and no event is missing or double between past and present."""

    async def script() -> list[Event]:
        log = EventLog()
        for number in range(1, 5):
            log.publish(event(number))
        with log.reading(since=3.0) as reader:
            log.publish(event(5))
            reader.end()
            return await rest(reader)

    assert numbered(3, 4, 5) == asyncio.run(script())


def test_a_waiting_reader_wakes_up():
    """It sleeps until something happens."""

    async def script() -> Event:
        log = EventLog()
        with log.reading() as reader:
            waiting = asyncio.ensure_future(anext(reader))
            await asyncio.sleep(0)
            assert not waiting.done()
            log.publish(event(1))
            return await waiting

    assert event(1) == asyncio.run(script())


def test_a_slow_reader_is_told_how_many_it_lost():
    """In the place where they are missing; the others lose nothing."""

    async def script() -> tuple[list[Event], list[Event]]:
        log = EventLog(queued=2)
        with log.reading() as slow, log.reading() as quick:
            seen = []
            for number in range(1, 6):
                log.publish(event(number))
                seen.append(await anext(quick))
            late = [await anext(slow)]
            log.publish(event(6))
            log.publish(event(7))
            slow.end()
            return late + await rest(slow), seen

    late, seen = asyncio.run(script())

    lost = "3 events were lost: this reader takes them too slowly"
    last = "1 event was lost: this reader takes them too slowly"
    assert [
        event(1),
        event(2),
        Event(5.0, EventType.EVENTS_LOST, lost),
        event(6),
        Event(7.0, EventType.EVENTS_LOST, last),
    ] == late
    assert numbered(1, 2, 3, 4, 5) == seen


def test_only_so_many_are_kept():
    """Who asks for more is told that they are lost."""

    async def script(since: float) -> list[Event]:
        log = EventLog(kept=3)
        for number in range(1, 6):
            log.publish(event(number))
        with log.reading(since) as reader:
            reader.end()
            return await rest(reader)

    lost = Event(2.0, EventType.EVENTS_LOST, "older events are lost: the last 3 are kept")
    assert [lost, *numbered(3, 4, 5)] == asyncio.run(script(0.0))
    assert numbered(3, 4, 5) == asyncio.run(script(3.0))
    assert numbered(5) == asyncio.run(script(5.0))


def test_the_end_is_told_to_all():
    """Those who read, and those who come after it, who get nothing but the past."""

    async def script() -> tuple[list[Event], list[Event], list[Event]]:
        log = EventLog()
        with log.reading() as reader:
            log.end(event(1, type=EventType.DAEMON_STOPPING))
            seen = await rest(reader)
        with log.reading() as late, log.reading(0.0) as curious:
            return seen, await rest(late), await rest(curious)

    last = event(1, type=EventType.DAEMON_STOPPING)
    assert ([last], [], [last]) == asyncio.run(script())


def test_the_end_is_told_to_a_reader_that_lost_events():
    """Else it would take a daemon that stops for one that has nothing to tell."""

    async def script() -> list[Event]:
        log = EventLog(queued=1)
        with log.reading() as reader:
            log.publish(event(1))
            log.publish(event(2))
            log.end(event(3, type=EventType.DAEMON_STOPPING))
            return await rest(reader)

    lost = Event(2.0, EventType.EVENTS_LOST, "1 event was lost: this reader takes them too slowly")
    assert [event(1), lost, event(3, type=EventType.DAEMON_STOPPING)] == asyncio.run(script())


def test_who_has_gone_costs_nothing():
    """No queue is kept for a reader that left."""

    async def script() -> None:
        log = EventLog()
        with log.reading():
            pass
        assert not log._readers

    asyncio.run(script())


WEB = {"network": "web", "network_id": "a" * 64, "parent": "eth0.20"}
UNNAMED = {"network": "a" * 12, "network_id": "a" * 64, "parent": "eth0.20"}
OTHER = {"network": "db", "network_id": "b" * 64, "parent": "eth0"}


@pytest.mark.parametrize(
    ("types", "wanted"),
    [
        ((), True),
        (("network",), True),
        (("network.created",), True),
        (("network.removed",), False),
        (("endpoint", "parent"), False),
        (("endpoint", "network.created"), True),
    ],
)
def test_types_are_chosen_whole_or_by_subject(types, wanted):
    """All of them when none is given."""
    assert wanted is Selection(types=types).wants(event(1, **WEB))


@pytest.mark.parametrize("name", ["web", "a" * 12, "a" * 64, "a" * 20])
def test_networks_are_chosen_by_name_or_id(name):
    """As `ipvl status` shows them."""
    selection = Selection(networks=(name,))

    assert selection.wants(event(1, **WEB))
    assert not selection.wants(event(2, **OTHER))


def test_a_short_prefix_is_no_id():
    """It could be anybody's."""
    assert not Selection(networks=("aaa",)).wants(event(1, **WEB))


def test_a_network_is_known_from_before_it_had_its_name():
    """Once its name is known, so is its id."""
    selection = Selection(networks=("web",))

    assert not selection.wants(event(1, **UNNAMED))
    selection.learn("web", "a" * 64, "eth0.20")
    assert selection.wants(event(2, **UNNAMED))


def test_what_happens_to_its_parent_concerns_a_network():
    """And to no other network's."""
    selection = Selection(networks=("web",))
    selection.learn("web", "a" * 64, "eth0.20")

    assert selection.wants(event(1, type=EventType.PARENT_DOWN, parent="eth0.20"))
    assert not selection.wants(event(2, type=EventType.PARENT_DOWN, parent="eth0"))
    assert not selection.wants(event(3, type=EventType.WARNING))


def test_what_concerns_the_stream_is_told_to_all():
    """That events were lost, and that the daemon stops."""
    selection = Selection(("web",), ("endpoint",))

    assert selection.wants(event(1, type=EventType.EVENTS_LOST))
    assert selection.wants(event(1, type=EventType.DAEMON_STOPPING))
