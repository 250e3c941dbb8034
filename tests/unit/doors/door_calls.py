"""Ask a door as its server would, without a socket and without a loop that runs already."""

from __future__ import annotations

import asyncio

from ipvl.http.messages import Door
from tests.faults.door_exchange import Answer, exchange

DOCKERS_MEDIA_TYPE = "application/vnd.docker.plugins.v1.2+json"


def call(door: Door, path: str, body: bytes = b"", method: str = "POST") -> Answer:
    """Ask once."""
    return asyncio.run(exchange(door, path, body, method))


__all__ = ["DOCKERS_MEDIA_TYPE", "Answer", "call"]
