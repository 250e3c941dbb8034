"""One client's connection: requests in, answers out, and how long the client may keep the daemon waiting."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol, cast

from ipvl.http.messages import JSON, Answer, Door, Request, Response, Stream
from ipvl.http.request_parser import BadRequestError, RequestReader

log = logging.getLogger(__name__)

REQUEST_SECONDS = 10.0
"""How long a client may take to send a request, head and body; both doors' clients send theirs in one go."""
IDLE_SECONDS = 5.0
"""How long a connection stays open between two requests, and how long a client may take to read its last answer."""
MOST_WAITING = 8
"""Requests that a client may have sent before the answer to the first."""


class ConnectionCounter(Protocol):
    """Who keeps count of a door's connections."""

    def admit(self, connection: Connection) -> str | None:
        """Take in a new connection; return why there is no room for it, if there is none."""

    def dismiss(self, connection: Connection) -> None:
        """Count a connection no more."""


class Connection(asyncio.Protocol):
    """A connection that is closed when its client keeps the daemon waiting.

    One request is served at a time; what a client sends before its answer waits. A call goes on when its client has
    gone: Docker asks again, and then it is done.

    Args:
        door: what answers.
        crowd: who keeps count.
    """

    def __init__(self, door: Door, crowd: ConnectionCounter) -> None:
        self._door = door
        self._crowd = crowd
        self._loop = asyncio.get_running_loop()
        self._reader = RequestReader()
        self._deadline: asyncio.TimerHandle | None = None
        self._work: asyncio.Task[Any] | None = None
        self._is_idle = self._streams = self._ending = False
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock, and ask for room."""
        self._transport = cast("asyncio.Transport", transport)
        self._await_request()
        refused = self._crowd.admit(self)
        if refused is not None:
            self._refuse(503, "unavailable", refused)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Forget the client, and what it waited for where that is a stream."""
        self._stop_clock()
        self._reader.whole.clear()
        self._writable.set()
        if self._work is not None and self._streams:
            self._work.cancel()
        self._crowd.dismiss(self)

    def pause_writing(self) -> None:
        """Hold a stream back: the client does not read it."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let a stream go on."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Serve each request that is whole by now."""
        if self._transport.is_closing() or self._streams:
            return
        try:
            self._reader.feed(data)
        except BadRequestError as error:
            self._refuse(error.status, "invalid", str(error))
            return
        if self._reader.awaits_permission and not self._is_served:
            self._reader.awaits_permission = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._reader.whole:
            self._serve_next()
        elif self._is_idle and not self._is_served:
            self._await_request()
        if len(self._reader.whole) > MOST_WAITING:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Keep the connection of a client that will send no more as long as it waits for an answer."""
        self._ending = True
        return self._is_served and not self._streams

    @property
    def keeps_waiting(self) -> bool:
        """Whether the client owes something: a request, or the reading of an answer."""
        return not self._transport.is_closing() and (not self._is_served or self.reads_nothing)

    @property
    def reads_nothing(self) -> bool:
        """Whether there is something that the client has not read."""
        return self._transport.get_write_buffer_size() > 0

    def abort(self) -> None:
        """End the connection now."""
        self._transport.abort()

    def finish(self) -> None:
        """End the connection when the call under way is answered; at once where there is none."""
        self._ending = True
        self._reader.whole.clear()
        if not self._is_served:
            self._transport.close()

    @property
    def _is_served(self) -> bool:
        return self._work is not None

    def _serve_next(self) -> None:
        while self._reader.whole and not self._is_served and not self._transport.is_closing():
            self._stop_clock()
            request = self._reader.whole.popleft()
            answer = self._door.answer(request)
            if isinstance(answer, Response):
                self._send(request, answer)
            else:
                self._work = self._loop.create_task(self._wait_for(request, answer))
                self._work.add_done_callback(partial(self._work_done, request))

    async def _wait_for(self, request: Request, answer: Stream | Awaitable[Answer]) -> None:
        known = answer if isinstance(answer, Stream) else await answer
        if isinstance(known, Response):
            self._send(request, known)
            return
        async with aclosing(known.pieces):
            await self._send_stream(request, known)

    def _work_done(self, request: Request, work: asyncio.Task[None]) -> None:
        self._work = None
        error = None if work.cancelled() else work.exception()
        if error is not None:
            log.error("%s %s failed", request.method[:20], repr(request.path[:80]), exc_info=error)
            if self._streams:
                self._transport.abort()  # the client knows a good end by the last piece
            else:
                self._send(request, self._door.fail(request, error))
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._serve_next()

    def _send(self, request: Request, response: Response) -> None:
        if self._transport.is_closing():
            return
        close = response.close or self._ending or not request.keep_alive
        self._transport.write(
            _head(response.status, response.media_type, close=close)
            + b"content-length: %d\r\n\r\n" % len(response.body)
            + (b"" if request.method == "HEAD" else response.body)
        )
        if close:
            self._close()
        else:
            self._is_idle = True
            self._start_clock(IDLE_SECONDS, self._transport.close)

    async def _send_stream(self, request: Request, stream: Stream) -> None:
        first = await anext(stream.pieces, b"")
        self._streams = True
        head = _head(200, stream.media_type, close=True)
        chunked = not request.http_1_0
        self._transport.write(head + (b"transfer-encoding: chunked\r\n\r\n" if chunked else b"\r\n"))
        if first:
            self._transport.write(_piece(first, chunked=chunked))
        async for piece in stream.pieces:
            self._transport.write(_piece(piece, chunked=chunked))
            await self._writable.wait()
        if chunked:
            self._transport.write(b"0\r\n\r\n")
        self._close()

    def _refuse(self, status: int, kind: str, sentence: str) -> None:
        """Answer and close; a client that has begun to get another answer, or has gone, is only cut off."""
        if not (self._streams or self._transport.is_closing()):
            body = json.dumps({"kind": kind, "what": sentence, "Err": sentence, "Error": sentence}).encode()
            head = _head(status, JSON, close=True) + b"content-length: %d\r\n\r\n" % len(body)
            self._transport.write(head + body)
        self._close()

    def _close(self) -> None:
        self._transport.close()
        # A client that reads nothing would keep a closed connection for ever.
        self._start_clock(IDLE_SECONDS, self._transport.abort)

    def _await_request(self) -> None:
        self._is_idle = False
        self._start_clock(REQUEST_SECONDS, self._refuse_late)

    def _refuse_late(self) -> None:
        self._refuse(408, "invalid", f"the request was not whole within {REQUEST_SECONDS:g} seconds")

    def _start_clock(self, seconds: float, then: Callable[[], None]) -> None:
        self._stop_clock()
        self._deadline = self._loop.call_later(seconds, then)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _head(status: int, media_type: str, *, close: bool) -> bytes:
    ending = "connection: close\r\n" if close else ""
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: {media_type}\r\n{ending}".encode("ascii")


def _piece(data: bytes, *, chunked: bool) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if chunked else data
