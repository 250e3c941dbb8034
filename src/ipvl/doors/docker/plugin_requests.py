"""The HTTP side of Docker's plugin protocol: POST /Kind.Method with a JSON body (moby, pkg/plugins)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable

import msgspec

from ipvl.doors.docker import ipam_driver, network_driver, network_messages
from ipvl.doors.docker.network_driver import Call
from ipvl.driver.engine import Engine
from ipvl.errors import IpvlError
from ipvl.http.messages import Door, Request, Response

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/vnd.docker.plugins.v1.2+json"
CALLS = network_driver.CALLS | ipam_driver.CALLS


def docker_door(engine: Engine) -> Door:
    """Return what serves Docker."""
    calls = {f"/{name}": (name, call) for name, call in CALLS.items()}

    def answer(request: Request) -> Response | Awaitable[Response]:
        found = calls.get(request.path) if request.method == "POST" else None
        if found is None:
            return _failure(404, f"ipvl has no method {request.path[:80]!r} by {request.method[:20]}")
        return _serve(engine, *found, request.body)

    return Door(answer, _internal_error)


def _serve(engine: Engine, name: str, call: Call, body: bytes) -> Response | Awaitable[Response]:
    try:
        message = (
            call.request() if call.request is network_messages.Nothing else msgspec.json.decode(body, type=call.request)
        )
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return _failure(400, f"{name}: the body is not what Docker sends: {error}")
    try:
        answer = call.handle(engine, message)
    except IpvlError as error:
        return _refusal(name, error)
    return _json(200, answer) if isinstance(answer, network_messages.Message) else _wait_for(name, answer)


async def _wait_for(name: str, answer: Awaitable[network_messages.Message]) -> Response:
    try:
        return _json(200, await answer)
    except IpvlError as error:
        return _refusal(name, error)


def _refusal(name: str, error: IpvlError) -> Response:
    log.warning("%s refused: %s", name, error)
    # Status 200 makes Docker show the sentence as it is; any other puts the method's name before it.
    return _failure(200, str(error))


def _internal_error(request: Request, error: BaseException) -> Response:
    return _failure(500, f"ipvl failed at {request.path[:80]} ({type(error).__name__}); its log has the details")


def _failure(status: int, sentence: str) -> Response:
    return _json(status, network_messages.Failure(err=sentence, error=sentence))


def _json(status: int, message: network_messages.Message) -> Response:
    # A kept connection that the server closes for idleness, or with the daemon, may do so just when Docker sends its
    # next call; Docker then repeats that one with an empty body (moby, pkg/plugins/client.go: the buffer is drained).
    return Response(status, msgspec.json.encode(message), MEDIA_TYPE, close=True)
