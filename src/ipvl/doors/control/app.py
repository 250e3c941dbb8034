"""The HTTP side of the control socket: GET for what there is, POST /calls/NAME for everything else.

POST /brief/NAME is a call whose answer is what the command prints, for commands that would rather start no JSON parser.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ipvl import __version__
from ipvl.doors.control.events import event_stream
from ipvl.doors.control.tables import table_routes
from ipvl.driver.engine import Engine
from ipvl.driver.status import status
from ipvl.embedded.calls import CALLS, Call
from ipvl.errors import IpvlError, Kind

log = logging.getLogger(__name__)

HTTP_STATUS = {Kind.INVALID: 400, Kind.MISSING: 404, Kind.CONFLICT: 409, Kind.KERNEL: 500, Kind.UNAVAILABLE: 503}
BRIEF: dict[str, Callable[[Any], str]] = {
    "attach": lambda member: "".join((f"{member.line}\n", *(f"notice: {notice}\n" for notice in member.notices))),
    "detach": lambda _: "",
}
"""What is printed: what the command answers, and notices behind it, which go to standard error."""
BY_NAME = {"network.list", "network.inspect"}
"""Calls that show networks of any door by their names."""
LARGEST_BODY = 1 << 20
CLOSED = {"connection": "close"}
"""After a body that was not read to its end."""


async def know_all_names() -> None:
    """Ask nobody: without Docker, everything has its name from the start."""


def control_app(engine: Engine, learn_names: Callable[[], Awaitable[None]] = know_all_names) -> Starlette:
    """Return the ASGI application that serves the `ipvl` command.

    Args:
        engine: what to show and to work on.
        learn_names: has the names learned that are on their way, before anything is shown by its name.
    """

    async def serve_status(request: Request) -> Response:
        await learn_names()
        return _json(200, await status(engine.records, engine.kernel, engine.all_warnings(), date=engine.date))

    async def serve_version(request: Request) -> Response:
        return _json(200, {"version": __version__})

    async def serve_events(request: Request) -> Response:
        return event_stream(engine, request)

    def serve_call(name: str, call: Call) -> Callable[[Request], Awaitable[Response]]:
        return _endpoint(call, engine, before=learn_names if name in BY_NAME else know_all_names)

    app = Starlette(
        routes=[
            # Paths are compared one after the other: what has to be quick comes first.
            *(
                Route(f"/brief/{name}", _endpoint(CALLS[name], engine, text), methods=["POST"])
                for name, text in BRIEF.items()
            ),
            *table_routes(engine, learn_names),
            Route("/status", serve_status),
            Route("/version", serve_version),
            Route("/events", serve_events),
            *(Route(f"/calls/{name}", serve_call(name, call), methods=["POST"]) for name, call in CALLS.items()),
        ],
        exception_handlers={IpvlError: _refusal, HTTPException: _unknown, Exception: _internal_error},
    )
    app.router.redirect_slashes = False
    return app


def _endpoint(
    call: Call,
    engine: Engine,
    text: Callable[[Any], str] | None = None,
    before: Callable[[], Awaitable[None]] = know_all_names,
) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_BODY:
                    return _failure(413, f"the body is larger than {LARGEST_BODY} bytes")
        except ClientDisconnect:
            return _failure(400, "the body ended early")
        try:
            question: object = msgspec.json.decode(bytes(body), type=call.request)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            return _failure(400, f"the body is not what the command sends: {error}")
        await before()
        answer = await call.handle(engine, question)
        return _json(200, answer) if text is None else PlainTextResponse(text(answer))

    return serve


async def _refusal(request: Request, error: Exception) -> Response:
    if not isinstance(error, IpvlError):
        raise error
    log.info("%s refused: %s", request.scope["path"], error)
    return _failure(HTTP_STATUS[error.kind], error.what, error.way_out, error.kind)


async def _unknown(request: Request, error: Exception) -> Response:
    # Not request.url, which is made with whatever the client calls its host.
    return _failure(404, f"ipvl serves no {request.scope['path'][:80]!r} by {request.method[:20]}", kind=Kind.MISSING)


async def _internal_error(request: Request, error: Exception) -> Response:
    # Starlette raises the error again after this answer, and the server logs it with its traceback.
    sentence = f"ipvl failed at {request.scope['path'][:80]} ({type(error).__name__})"
    return _failure(500, sentence, "its log has the details", Kind.UNAVAILABLE)


def _failure(code: int, what: str, way_out: str = "", kind: Kind = Kind.INVALID) -> Response:
    return _json(code, {"kind": kind, "what": what, "way_out": way_out}, CLOSED if code in {400, 413} else None)


def _json(code: int, body: object, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), code, headers, media_type="application/json")
