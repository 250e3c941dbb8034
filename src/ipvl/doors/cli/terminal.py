"""What a terminal shows beyond plain text: colours, and what is being waited for. Pipes and files get neither."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import TextIO

ERASE_LINE = "\r\033[K"


class Colour(IntEnum):
    """Foreground colours (ECMA-48, SGR)."""

    RED = 31
    GREEN = 32
    YELLOW = 33


def coloured(text: str, colour: Colour) -> str:
    """Return text as standard output shall have it: in colour on a terminal, unless NO_COLOR is set (no-color.org)."""
    if os.environ.get("NO_COLOR") or not _understands_escapes(sys.stdout):
        return text
    return f"\033[{colour.value}m{text}\033[0m"


@contextmanager
def waiting_for(what: str) -> Iterator[None]:
    """Say what takes so long while the block runs, and take that back at its end."""
    if not _understands_escapes(sys.stderr):
        yield
        return
    sys.stderr.write(f"{what} …")
    sys.stderr.flush()
    try:
        yield
    finally:
        sys.stderr.write(ERASE_LINE)
        sys.stderr.flush()


def _understands_escapes(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
