"""Ask Docker's API on its unix socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import h11
import msgspec

ANSWER_WITHIN = 60.0
CHUNK = 65536


def filters(**wanted: Sequence[str]) -> str:
    """Return filters as Docker takes them in a query."""
    return quote(msgspec.json.encode(wanted).decode(), safe="")


async def fetch(socket: Path, path: str, into: type[Any]) -> Any:
    """Return what Docker answers, None when it has no such thing (404).

    Raises:
        OSError: Docker's API cannot be reached, or does not answer (TimeoutError).
        h11.ProtocolError: what came is not HTTP.
        msgspec.DecodeError: what came is not what Docker says.
    """
    async with asyncio.timeout(ANSWER_WITHIN):
        answer = get(socket, path)
        async with aclosing(answer):
            status = await anext(answer)
            body = b"".join([chunk async for chunk in answer])
    return None if status == b"404" else msgspec.json.decode(body, type=into)


async def get(socket: Path, path: str) -> AsyncGenerator[bytes, None]:
    """Yield the status code, then the body as it comes.

    Raises:
        OSError: the socket cannot be reached or broke.
        h11.ProtocolError: what came is not HTTP.
    """
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        connection = h11.Connection(h11.CLIENT)
        request = h11.Request(method="GET", target=path, headers=[("Host", "docker"), ("Connection", "close")])
        writer.write(connection.send(request) + connection.send(h11.EndOfMessage()))
        await writer.drain()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(CHUNK))
            elif isinstance(event, h11.Response):
                yield str(event.status_code).encode()
            elif isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                return
    finally:
        writer.close()
