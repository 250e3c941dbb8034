"""What is written to a connection in one go, sent in one go."""

from __future__ import annotations

import asyncio
from typing import Any


class GatheredWrites(asyncio.Transport):
    """A transport that sends what was written since the event loop last waited as one piece.

    uvicorn writes head and body of an answer apart, and each would wake the client. What was written goes out before
    the event loop waits again, and before the connection is closed.

    Args:
        transport: what sends. Whoever made it calls its protocol; this stands between the protocol and it.
        loop: the event loop.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._waiting = bytearray()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send the data with what else is written now."""
        if not self._waiting and data:
            self._loop.call_soon(self._send)
        self._waiting += data

    def close(self) -> None:
        """Close the connection when everything that was written is sent."""
        self._send()
        self._transport.close()

    def abort(self) -> None:
        """Close the connection now."""
        self._waiting.clear()
        self._transport.abort()

    def is_closing(self) -> bool:
        """Tell whether the connection is closed, or is about to be."""
        return self._transport.is_closing()

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the client has not taken yet."""
        return self._transport.get_write_buffer_size() + len(self._waiting)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Stop handing over what the client sends."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Hand over again what the client sends."""
        self._transport.resume_reading()

    def _send(self) -> None:
        if self._waiting:
            data, self._waiting = bytes(self._waiting), bytearray()
            if not self._transport.is_closing():
                self._transport.write(data)
