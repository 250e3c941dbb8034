"""GET /events: what happens, as one JSON object a line, for as long as the client listens."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from ipvl.driver.engine import Engine
from ipvl.driver.event_log import Reader
from ipvl.driver.events import Selection
from ipvl.driver.steady_clock import LONGEST_NAP
from ipvl.errors import invalid, unavailable

MEDIA_TYPE = "application/x-ndjson"
ONE_STREAM_A_CONNECTION = {"connection": "close"}
"""So that nothing is left open when the daemon stops."""


MOST_READERS = 64
"""A reader holds its connection for hours; the other places are for calls."""


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """What the query asks for.

    `since` and `until` are seconds since the epoch by the wall clock: without `since` nothing past is told, without
    `until` the stream goes on. They mean the moments that they are when they are asked for; a clock that is set later
    moves neither. `network` and `type` may be repeated and are as in `ipvl.driver.events.Selection`.
    """

    since: float | None = None
    until: float | None = None
    network: list[str] = []
    type: list[str] = []


def event_stream(engine: Engine, request: Request) -> Response:
    """Return the answer to GET /events.

    Raises:
        IpvlError: the query is not what the command sends, or there are too many readers.
    """
    question = _question(request)
    if engine.events.readers >= MOST_READERS:
        raise unavailable(f"{engine.events.readers} readers follow the events already", "end one of them")
    selection = Selection(frozenset(question.network), frozenset(question.type))
    # A network that is gone, or that had no name yet, is known by what was told of it since.
    for event in engine.events.kept():
        selection.learn(event.network, event.network_id, event.parent)
    for network in engine.records.networks():
        selection.learn(network.label, network.id, network.parent)
    return _EventStream(engine, question, selection)


def _question(request: Request) -> Question:
    """Return the query as a question.

    Raises:
        IpvlError: it has an unknown key or a value of another type.
    """
    query = request.query_params
    asked = {key: query.getlist(key) if key in {"network", "type"} else query[key] for key in query}
    try:
        question = msgspec.convert(asked, Question, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(f"the query is not what the command sends: {error}") from error
    for name, seconds in (("since", question.since), ("until", question.until)):
        if seconds is not None and not math.isfinite(seconds):
            raise invalid(f"{name} is {seconds}, not a time", "give it in seconds since 1970")
    return question


class _EventStream(StreamingResponse):
    """Listens from the first byte of the answer to the last, however that comes about."""

    def __init__(self, engine: Engine, question: Question, selection: Selection) -> None:
        self._engine = engine
        self._since = None if question.since is None else engine.moment(question.since)
        self._until = None if question.until is None else engine.moment(question.until)
        self._selection = selection
        self._timer: asyncio.TimerHandle | None = None
        super().__init__(iter(()), headers=ONE_STREAM_A_CONNECTION, media_type=MEDIA_TYPE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. Starlette ends this when the client goes away, though nothing happens that could be sent."""
        with self._engine.events.reading(self._since) as reader:
            self.body_iterator = self._lines(reader)
            self._end_in_time(reader)
            try:
                await super().__call__(scope, receive, send)
            finally:
                if self._timer is not None:
                    self._timer.cancel()

    def _end_in_time(self, reader: Reader) -> None:
        if self._until is None:
            return
        left = self._until - self._engine.clock()
        if left <= 0:
            reader.end()
        else:
            self._timer = asyncio.get_running_loop().call_later(min(left, LONGEST_NAP), self._end_in_time, reader)

    async def _lines(self, reader: Reader) -> AsyncIterator[bytes]:
        until = self._until
        async for event in reader:
            if until is not None and event.time > until:
                continue
            if self._selection.wants(event):
                told = msgspec.to_builtins(event) | {"time": self._engine.date(event.time)}
                yield msgspec.json.encode(told) + b"\n"
