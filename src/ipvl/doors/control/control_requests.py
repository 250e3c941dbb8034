"""The HTTP side of the control socket: GET for what there is, POST /calls/NAME for everything else.

POST /brief/NAME is a call whose answer is what the command prints, for commands that would rather start no JSON parser.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from ipvl import __version__
from ipvl.doors.control.event_stream import event_stream
from ipvl.doors.control.table_requests import table_writers
from ipvl.driver.engine import Engine
from ipvl.driver.status.collect_status import collect_status
from ipvl.embedded.all_calls import CALLS, Call
from ipvl.errors import IpvlError, Kind
from ipvl.http.messages import TEXT, Answer, Door, Request, Response

log = logging.getLogger(__name__)

HTTP_STATUS = {Kind.INVALID: 400, Kind.MISSING: 404, Kind.CONFLICT: 409, Kind.KERNEL: 500, Kind.UNAVAILABLE: 503}
PRINTED_ANSWERS: dict[str, Callable[[Any], str]] = {
    "attach": lambda member: "".join((f"{member.line}\n", *(f"notice: {notice}\n" for notice in member.notices))),
    "detach": lambda _: "",
}
"""What is printed: what the command answers, and notices behind it, which go to standard error."""
SHOW_NAMES = {"network.list", "network.inspect"}
"""Calls that show networks of any door by their names."""

Handler: TypeAlias = Callable[[Request], Awaitable[Answer]]


async def learn_no_names() -> None:
    """Ask nobody: without Docker, everything has its name from the start."""


def control_door(engine: Engine, learn_names: Callable[[], Awaitable[None]] = learn_no_names) -> Door:
    """Return what serves the `ipvl` command.

    Args:
        engine: what to show and to work on.
        learn_names: has the names learned that are on their way, before anything is shown by its name.
    """
    handlers = _handlers(engine, learn_names)

    async def answer(request: Request) -> Answer:
        handle = handlers.get((request.method, request.path))
        if handle is None:
            what = f"ipvl serves no {request.path[:80]!r} by {request.method[:20]}"
            return _failure(404, what, kind=Kind.MISSING)
        try:
            return await handle(request)
        except IpvlError as error:
            log.info("%s refused: %s", request.path, error)
            return _failure(HTTP_STATUS[error.kind], error.what, error.way_out, error.kind)

    return Door(answer, _internal_error)


def _handlers(engine: Engine, learn_names: Callable[[], Awaitable[None]]) -> Mapping[tuple[str, str], Handler]:
    async def serve_status(_: Request) -> Response:
        await learn_names()
        return _json(200, await collect_status(engine.records, engine.kernel, engine.troubles, date=engine.date))

    async def serve_version(_: Request) -> Response:
        return _json(200, {"version": __version__})

    async def serve_events(request: Request) -> Answer:
        return event_stream(engine, request.query)

    def serve_table(text: Callable[[], Awaitable[str]]) -> Handler:
        async def serve(_: Request) -> Response:
            return Response(200, f"{await text()}\n".encode(), TEXT)

        return serve

    found: dict[tuple[str, str], Handler] = {
        ("GET", "/status"): serve_status,
        ("GET", "/version"): serve_version,
        ("GET", "/events"): serve_events,
    }
    for name, table in table_writers(engine, learn_names).items():
        found["GET", f"/tables/{name}"] = serve_table(table)
    for name, text in PRINTED_ANSWERS.items():
        found["POST", f"/brief/{name}"] = _serve_call(CALLS[name], engine, text)
    for name, call in CALLS.items():
        before = learn_names if name in SHOW_NAMES else learn_no_names
        found["POST", f"/calls/{name}"] = _serve_call(call, engine, before=before)
    return found


def _serve_call(
    call: Call,
    engine: Engine,
    text: Callable[[Any], str] | None = None,
    before: Callable[[], Awaitable[None]] = learn_no_names,
) -> Handler:
    async def serve(request: Request) -> Response:
        try:
            question: object = msgspec.json.decode(request.body, type=call.request)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            return _failure(400, f"the body is not what the command sends: {error}")
        await before()
        answer = await call.handle(engine, question)
        return _json(200, answer) if text is None else Response(200, text(answer).encode(), TEXT)

    return serve


def _internal_error(request: Request, error: BaseException) -> Response:
    sentence = f"ipvl failed at {request.path[:80]} ({type(error).__name__})"
    return _failure(500, sentence, "its log has the details", Kind.UNAVAILABLE)


def _failure(code: int, what: str, way_out: str = "", kind: Kind = Kind.INVALID) -> Response:
    return _json(code, {"kind": kind, "what": what, "way_out": way_out})


def _json(code: int, body: object) -> Response:
    return Response(code, msgspec.json.encode(body))
