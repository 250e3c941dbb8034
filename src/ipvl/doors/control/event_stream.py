"""GET /events: what happens, as one JSON object a line, for as long as the client listens."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from urllib.parse import parse_qs

import msgspec

from ipvl.clock.steady_clock import LONGEST_NAP
from ipvl.driver.engine import Engine
from ipvl.driver.events.event_log import Reader
from ipvl.driver.events.event_types import Selection
from ipvl.errors import invalid, unavailable
from ipvl.http.messages import Stream

MEDIA_TYPE = "application/x-ndjson"
MOST_READERS = 64
"""A reader holds its connection for hours; the other places are for calls."""
MOST_FIELDS = 1000
"""A query that names every network of a large host is far below; more is not the command's."""


class EventQuery(msgspec.Struct, forbid_unknown_fields=True):
    """What the query asks for.

    `since` and `until` are seconds since the epoch by the wall clock: without `since` nothing past is told, without
    `until` the stream goes on. They mean the moments that they are when they are asked for; a clock that is set later
    moves neither. `network` and `type` may be repeated and are as in `ipvl.driver.events.event_types.Selection`.
    """

    since: float | None = None
    until: float | None = None
    network: list[str] = []
    type: list[str] = []


def event_stream(engine: Engine, query: str) -> Stream:
    """Return the answer to GET /events with this query.

    Raises:
        IpvlError: the query is not what the command sends, or there are too many readers.
    """
    question = _question(query)
    if engine.events.readers >= MOST_READERS:
        raise unavailable(f"{engine.events.readers} readers follow the events already", "end one of them")
    selection = Selection(frozenset(question.network), frozenset(question.type))
    # A network that is gone, or that had no name yet, is known by what was told of it since.
    for event in engine.events.kept():
        selection.learn(event.network, event.network_id, event.parent)
    for network in engine.records.networks():
        selection.learn(network.label, network.id, network.parent)
    return Stream(_lines(engine, question, selection), MEDIA_TYPE)


def _question(query: str) -> EventQuery:
    """Return the query as a question.

    Raises:
        IpvlError: it has an unknown key or a value of another type.
    """
    try:
        found = parse_qs(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise invalid(f"the query is not what the command sends: {error}") from error
    asked = {key: values if key in {"network", "type"} else values[-1] for key, values in found.items()}
    try:
        question = msgspec.convert(asked, EventQuery, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(f"the query is not what the command sends: {error}") from error
    for name, seconds in (("since", question.since), ("until", question.until)):
        if seconds is not None and not math.isfinite(seconds):
            raise invalid(f"{name} is {seconds}, not a time", "give it in seconds since 1970")
    return question


async def _lines(engine: Engine, question: EventQuery, selection: Selection) -> AsyncGenerator[bytes, None]:
    """Yield nothing once it listens, then each event as a line."""
    since = None if question.since is None else engine.moment(question.since)
    until = math.inf if question.until is None else engine.moment(question.until)
    with engine.events.reading(since) as reader:
        timer = None if math.isinf(until) else asyncio.create_task(_end_in_time(engine, reader, until))
        try:
            yield b""
            async for event in reader:
                if event.time <= until and selection.wants(event):
                    told = msgspec.to_builtins(event) | {"time": engine.date(event.time)}
                    yield msgspec.json.encode(told) + b"\n"
        finally:
            if timer is not None:
                timer.cancel()


async def _end_in_time(engine: Engine, reader: Reader, until: float) -> None:
    """End a reader at a moment of the engine's; a timer of the loop's stands still while the host is suspended."""
    left = until - engine.clock()
    while left > 0:
        await asyncio.sleep(min(left, LONGEST_NAP))
        left = until - engine.clock()
    reader.end()
