"""Serve a door at a listening socket, and end in order."""

from __future__ import annotations

import asyncio
import socket

from ipvl.http.connection import Connection
from ipvl.http.messages import Door

MOST_CONNECTIONS = 384
"""To one door: two doors stay below 1024 open files, which is what a process may have unless it is given more."""
MOST_UNACCEPTED = 1024
"""Clients that may wait to be taken in."""
GRACE_SECONDS = 10.0
"""Seconds that calls under way get to finish after the server is stopped."""
STALLED_SECONDS = 1.0
"""Seconds that clients get to read what they were sent; one that stopped reading must not hold up a restart."""


class Server:
    """Serves one door, for as long as it is not stopped.

    Where every place is taken, a new client displaces the one that has kept the daemon waiting longest, by not sending
    a request or by not reading an answer; one that waits for the daemon is never displaced. `connections` are those
    that are open, the oldest first.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self.connections: dict[Connection, None] = {}
        self._stopping = asyncio.Event()
        self._empty = asyncio.Event()

    async def serve(self, listener: socket.socket) -> None:
        """Serve until `stop` is called and what was under way is answered, or `GRACE_SECONDS` is over.

        Args:
            listener: a listening stream socket; it is closed at the end.
        """
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self._door, self), sock=listener, backlog=MOST_UNACCEPTED)
        await self._stopping.wait()
        server.close()
        for connection in tuple(self.connections):
            connection.finish()
        timer = loop.call_later(STALLED_SECONDS, self._abort_stalled)
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                await self._wait_until_empty()
        except TimeoutError:
            for connection in tuple(self.connections):
                connection.abort()
        finally:
            timer.cancel()

    def stop(self) -> None:
        """Take no more clients; `serve` ends when the calls under way are done."""
        self._stopping.set()

    def admit(self, connection: Connection) -> str | None:
        """Take in a new connection; return why there is no room for it, if there is none."""
        self.connections[connection] = None
        if len(self.connections) <= MOST_CONNECTIONS:
            return None
        for one in self.connections:
            if one is not connection and one.keeps_waiting:
                one.abort()
                return None
        return f"ipvl serves {MOST_CONNECTIONS} clients already"

    def dismiss(self, connection: Connection) -> None:
        """Count a connection no more."""
        self.connections.pop(connection, None)
        if not self.connections:
            self._empty.set()

    async def _wait_until_empty(self) -> None:
        while self.connections:
            self._empty.clear()
            await self._empty.wait()

    def _abort_stalled(self) -> None:
        for connection in tuple(self.connections):
            if connection.reads_nothing:
                connection.abort()
