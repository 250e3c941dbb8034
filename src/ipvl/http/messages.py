"""Requests and answers as plain values, and a door: what answers them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is whole. `path` is as the client wrote it, `query` what follows the question mark."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    keep_alive: bool = True
    http_1_0: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """An answer that is known as a whole; with `close` the connection ends behind it."""

    status: int
    body: bytes
    media_type: str = JSON
    close: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer with status 200 that comes in pieces, and ends the connection.

    The first piece comes, and may be empty, when nothing that happens from then on can be missed: the head of the
    answer is sent after it. A client that goes away closes the generator.
    """

    pieces: AsyncGenerator[bytes, None]
    media_type: str


Answer: TypeAlias = Response | Stream


@dataclass(frozen=True, slots=True)
class Door:
    """What answers the requests that come in at a socket.

    `answer` returns the answer itself where there is nothing to wait for. `fail` words an error of ipvl's own.
    """

    answer: Callable[[Request], Answer | Awaitable[Answer]]
    fail: Callable[[Request, BaseException], Response]
