"""Call an ASGI application as a server would, without a socket and without a loop that runs already."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette

from tests.faults.asgi import Answer, exchange

DOCKERS_MEDIA_TYPE = "application/vnd.docker.plugins.v1.2+json"


def call(app: Starlette, path: str, body: bytes = b"", method: str = "POST", *, cut_short: bool = False) -> Answer:
    """Send one request, its body in two parts, or in one and a half when it is cut short."""
    return asyncio.run(exchange(app, path, body, method, cut_short=cut_short))


__all__ = ["DOCKERS_MEDIA_TYPE", "Answer", "call"]
