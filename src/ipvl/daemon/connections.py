"""What a client may do to a connection: how long, how much and how many, so that none can hold up the others."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ipvl.daemon.transports import GatheredWrites

REQUEST_SECONDS = 10.0
"""How long a client may take to send a request, head and body; both doors' clients send theirs in one go."""
IDLE_SECONDS = 5
"""How long a connection stays open between two requests."""
LARGEST_HEAD = 16 << 10
"""Bytes of a request line and its headers that are kept while they are not whole."""
MOST_CONNECTIONS = 384
"""To one door: two doors stay below 1024 open files, which is what a process may have unless it is given more."""


class GuardedConnection(H11Protocol):
    """A connection that is closed when its client keeps the daemon waiting.

    Where every place is taken, a new client displaces the one that has kept the daemon waiting longest, by not sending
    a request or by not reading an answer; one that waits for the daemon is never displaced.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock, and make room."""
        super().connection_made(GatheredWrites(transport, self.loop))
        self.since = self.loop.time()
        self._start_clock()
        if len(self.connections) > MOST_CONNECTIONS:
            others = (one for one in self.connections if isinstance(one, GuardedConnection) and one is not self)
            waited_for = [one for one in others if one.keeps_waiting]
            if waited_for:
                min(waited_for, key=lambda one: one.since).transport.abort()
            else:
                self._refuse(503, "unavailable", f"ipvl serves {MOST_CONNECTIONS} clients already")

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Stop the clock when the request is whole."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._is_served:
            self._stop_clock()
        elif self._deadline is None and not self.transport.is_closing():
            self._start_clock()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the name is uvicorn's, the words are not
        """Say what is wrong, in the words of both doors, unless an answer is on its way already."""
        self._refuse(400, "invalid", "this is not an HTTP request, or its head is too large")

    @property
    def keeps_waiting(self) -> bool:
        """Whether the client owes something: a request, or the reading of an answer."""
        return not self._is_served or self.transport.get_write_buffer_size() > 0

    @property
    def _is_served(self) -> bool:
        return self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete

    def _start_clock(self) -> None:
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self._too_late)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if not self._is_served:
            self._refuse(408, "invalid", f"the request was not whole within {REQUEST_SECONDS:g} seconds")

    def _refuse(self, status: int, kind: str, sentence: str) -> None:
        """Answer and close; a client that has begun to get another answer, or has gone, is only cut off."""
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE} and not self.transport.is_closing():
            body = json.dumps({"kind": kind, "what": sentence, "Err": sentence, "Error": sentence}).encode()
            headers: list[tuple[bytes, bytes]] = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ]
            events: tuple[Any, ...] = (
                h11.Response(status_code=status, headers=headers, reason=b""),
                h11.Data(data=body),
                h11.EndOfMessage(),
            )
            for event in events:
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        # A client that reads nothing would keep a closed connection for ever.
        self.loop.call_later(IDLE_SECONDS, self.transport.abort)
