"""The HTTP side of the control socket: GET for what there is, POST /calls/NAME for everything else."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
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
LARGEST_BODY = 1 << 20


def control_app(engine: Engine) -> Starlette:
    """Return the ASGI application that serves the `ipvl` command."""

    async def serve_status(request: Request) -> Response:
        return _json(200, await status(engine.records, engine.kernel, engine.warnings))

    async def serve_version(request: Request) -> Response:
        return _json(200, {"version": __version__})

    async def serve_events(request: Request) -> Response:
        return event_stream(engine, request)

    return Starlette(
        routes=[
            Route("/status", serve_status),
            Route("/version", serve_version),
            Route("/events", serve_events),
            *table_routes(engine),
            *(Route(f"/calls/{name}", _endpoint(call, engine), methods=["POST"]) for name, call in CALLS.items()),
        ],
        exception_handlers={IpvlError: _refusal},
    )


def _endpoint(call: Call, engine: Engine) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_BODY:
                return _json(413, {"kind": Kind.INVALID, "what": f"the body is larger than {LARGEST_BODY} bytes"})
        try:
            question: object = msgspec.json.decode(bytes(body), type=call.request)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            return _json(400, {"kind": Kind.INVALID, "what": f"the body is not what the command sends: {error}"})
        return _json(200, await call.handle(engine, question))

    return serve


async def _refusal(request: Request, error: Exception) -> Response:
    if not isinstance(error, IpvlError):
        raise error
    log.info("%s refused: %s", request.url.path, error)
    return _json(HTTP_STATUS[error.kind], {"kind": error.kind, "what": error.what, "way_out": error.way_out})


def _json(code: int, body: object) -> Response:
    return Response(msgspec.json.encode(body), code, media_type="application/json")
