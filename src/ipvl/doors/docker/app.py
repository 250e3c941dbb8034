"""The HTTP side of Docker's plugin protocol: POST /Kind.Method with a JSON body (moby, pkg/plugins)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ipvl.doors.docker import ipam_driver, network_driver, wire
from ipvl.doors.docker.network_driver import Call
from ipvl.driver.engine import Engine
from ipvl.errors import IpvlError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/vnd.docker.plugins.v1.2+json"
CALLS = network_driver.CALLS | ipam_driver.CALLS
LARGEST_BODY = 1 << 20
"""Bytes; Docker's own bodies are a few kilobytes."""
ONE_CALL_A_CONNECTION = {"connection": "close"}
"""A kept connection that the server closes for idleness, or with the daemon, may do so just when Docker sends its next
call; Docker then repeats the call with an empty body (moby, pkg/plugins/client.go reuses the drained buffer)."""


def docker_app(engine: Engine) -> Starlette:
    """Return the ASGI application that serves Docker."""
    app = Starlette(
        routes=[Route(f"/{name}", _endpoint(name, call, engine), methods=["POST"]) for name, call in CALLS.items()],
        exception_handlers={HTTPException: _unknown, Exception: _internal_error},
    )
    app.router.redirect_slashes = False
    return app


def _endpoint(name: str, call: Call, engine: Engine) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        try:
            body = await _body(request)
        except _TooLargeError:
            return _failure(413, f"{name}: the body is larger than {LARGEST_BODY} bytes")
        except ClientDisconnect:
            return _failure(400, f"{name}: the body ended early")
        try:
            message = call.request() if call.request is wire.Nothing else msgspec.json.decode(body, type=call.request)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            return _failure(400, f"{name}: the body is not what Docker sends: {error}")
        try:
            answer = await call.handle(engine, message)
        except IpvlError as error:
            log.warning("%s refused: %s", name, error)
            # Status 200 makes Docker show the sentence as it is; any other puts the method's name before it.
            return _failure(200, str(error))
        return _json(200, answer)

    return serve


class _TooLargeError(Exception):
    """The body is larger than any that Docker sends."""


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise _TooLargeError
    return bytes(body)


async def _unknown(request: Request, error: Exception) -> Response:
    # Not request.url, which is made with whatever the client calls its host.
    return _failure(404, f"ipvl has no method {request.scope['path'][:80]!r} by {request.method[:20]}")


async def _internal_error(request: Request, error: Exception) -> Response:
    # Starlette raises the error again after this answer, and the server logs it with its traceback.
    return _failure(
        500, f"ipvl failed at {request.scope['path'][:80]} ({type(error).__name__}); its log has the details"
    )


def _failure(status: int, sentence: str) -> Response:
    return _json(status, wire.Failure(err=sentence, error=sentence))


def _json(status: int, message: wire.Message) -> Response:
    return Response(msgspec.json.encode(message), status, ONE_CALL_A_CONNECTION, MEDIA_TYPE)
