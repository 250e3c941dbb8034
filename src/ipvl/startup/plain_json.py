"""JSON of data classes as msgspec writes it, for commands that start and end before msgspec would be imported."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any


def plain_json(value: object) -> bytes:
    """Return a value as JSON; data classes are objects, sets are lists in order, and paths are text."""
    return json.dumps(value, default=_plain, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(value: Any) -> object:
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return {name: getattr(value, name) for name in value.__dataclass_fields__}
