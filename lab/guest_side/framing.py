"""Frames between host and guest: one JSON object a line.

Shared by both ends. A line that is no JSON object is dropped: after a reconnect either end may see the rest of a frame
that was meant for its predecessor.
"""

from __future__ import annotations

import base64
import json
from typing import Any

Frame = dict[str, Any]


def encode(frame: Frame) -> bytes:
    """Return `frame` as the bytes of one line."""
    return json.dumps(frame, separators=(",", ":")).encode() + b"\n"


def pack(data: bytes) -> str:
    """Return any bytes as text that may stand in a frame."""
    return base64.b64encode(data).decode("ascii")


def unpack(text: str) -> bytes:
    """Return the bytes that `pack` was given."""
    return base64.b64decode(text)


class Decoder:
    """Cuts a byte stream into frames."""

    def __init__(self) -> None:
        """Start with an empty buffer."""
        self._partial: list[bytes] = []

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes of the stream and return the frames that are complete with them."""
        *lines, rest = data.split(b"\n")
        if lines:
            lines[0] = b"".join([*self._partial, lines[0]])
            self._partial = []
        if rest:
            self._partial.append(rest)
        return [frame for line in lines if (frame := _parse(line)) is not None]


def _parse(line: bytes) -> Frame | None:
    try:
        frame = json.loads(line)
    except ValueError:
        return None
    return frame if isinstance(frame, dict) else None
