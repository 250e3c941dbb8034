"""Both doors on real unix sockets with the daemon's own server, over the fake kernel and the real store."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from ipvl.daemon.sockets import listening
from ipvl.doors.control.control_requests import control_door
from ipvl.doors.docker.plugin_requests import docker_door
from ipvl.http.messages import Answer as DoorsAnswer
from ipvl.http.messages import Door, Request
from ipvl.http.server import Server
from tests.unit.world import World

DOCKER, CONTROL = "docker", "control"
WITHIN = 20
"""Seconds: a hang is told from a slow machine."""

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Answer:
    """What came back: 0 where the connection ended without an answer."""

    status: int
    body: Any = None


class Complaints(logging.Handler):
    """What the log says that only a bug says: tracebacks and errors."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or record.levelno >= logging.ERROR:
            self.found.append(logging.Formatter().format(record))
        elif not record.getMessage().isprintable():
            self.found.append(f"more than one line: {record.getMessage()!r}")


class Doors:
    """The daemon's two servers in this thread's own event loop, which runs while something is asked."""

    def __init__(self, folder: Path) -> None:
        self.paths = {DOCKER: folder / "ipvl.sock", CONTROL: folder / "control.sock"}
        self.furnished: object = None
        self.complaints = Complaints()
        logging.getLogger().addHandler(self.complaints)
        self._folder = folder
        self._runner = asyncio.Runner()
        self.renew()
        self._servers: list[tuple[Server, Any, asyncio.Task[None]]] = []
        self.run(self._open())

    def renew(self) -> None:
        """Begin again with a new host."""
        self.world = World(self._folder)
        self._apps = {DOCKER: docker_door(self.world.engine), CONTROL: control_door(self.world.engine)}

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return self._runner.run(work)

    async def _open(self) -> None:
        for door, path in self.paths.items():

            def answer(request: Request, door: str = door) -> DoorsAnswer | Awaitable[DoorsAnswer]:
                return self._apps[door].answer(request)

            server = Server(Door(answer, self._apps[door].fail))
            listener = listening(path, {})
            serving = asyncio.create_task(server.serve(listener.__enter__()))
            self._servers.append((server, listener, serving))

    def close(self) -> None:
        async def stop() -> None:
            for server, listener, serving in self._servers:
                server.stop()
                await serving
                listener.__exit__(None, None, None)

        self.run(stop())
        self._runner.close()
        self.world.stop()
        logging.getLogger().removeHandler(self.complaints)

    def client(self, door: str) -> Client:
        """Connect."""
        return Client(self.paths[door])

    async def send(self, door: str, request: bytes, *, whole: bool = True) -> Answer:
        """Send bytes and return the first answer; a request that is not whole is followed by the client's end."""
        async with asyncio.timeout(WITHIN):
            with self.client(door) as client:
                await client.send(request)
                if not whole:
                    client.end()
                return await client.answer()

    async def ask(self, door: str, method: str, target: str, body: bytes = b"") -> Answer:
        """Ask as an honest client does."""
        head = f"{method} {target} HTTP/1.1\r\nHost: ipvl\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        return await self.send(door, head.encode() + body)


class Client:
    """A connection to a door, closed at the end of the block; no stream, which would warn where a client just goes."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(0)
        self._socket.connect(str(path))
        self._received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    async def send(self, request: bytes) -> None:
        """Send all of it, or as much as the server reads before it closes."""
        with suppress(ConnectionError):
            await asyncio.get_running_loop().sock_sendall(self._socket, request)

    def end(self) -> None:
        """Say that no more will be sent."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    async def more(self) -> bytes:
        """Return what comes next, nothing at the end."""
        try:
            return await asyncio.get_running_loop().sock_recv(self._socket, 1 << 20)
        except ConnectionError:
            return b""

    async def answer(self) -> Answer:
        """Return what the server answers next."""
        while b"\r\n\r\n" not in self._received:
            if not await self._receive():
                assert self._received == b""
                return Answer(0)
        raw, _, self._received = self._received.partition(b"\r\n\r\n")
        head = raw.decode("ascii").lower()
        status = int(head.split()[1])
        if status == 100:
            return await self.answer()
        if "application/x-ndjson" in head:
            return Answer(status)
        assert "json" in head, head
        (length,) = (int(line.partition(":")[2]) for line in head.splitlines() if line.startswith("content-length:"))
        while len(self._received) < length:
            assert await self._receive(), f"{head}: the body ended early"
        body, self._received = self._received[:length], self._received[length:]
        return Answer(status, json.loads(body))

    async def _receive(self) -> bool:
        part = await self.more()
        self._received += part
        return part != b""
