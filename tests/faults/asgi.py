"""Call an ASGI application as a server would, without a socket."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette


@dataclass(frozen=True)
class Answer:
    """What came back; `body` is decoded JSON, or text where it is no JSON."""

    status: int
    media_type: str
    body: Any


async def exchange(
    app: Starlette, path: str, body: bytes = b"", method: str = "POST", *, cut_short: bool = False
) -> Answer:
    """Send one request, its body in two parts, or in one and a half when it is cut short."""
    half = len(body) // 2
    events = [
        {"type": "http.request", "body": body[:half], "more_body": True},
        {"type": "http.disconnect"} if cut_short else {"type": "http.request", "body": body[half:]},
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return events.pop(0)

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": [(b"host", b"plugin")]}
    try:
        await app(scope, receive, send)
    except Exception:
        # A server logs what goes wrong inside, after it has sent the answer.
        if not sent:
            raise
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    content = b"".join(event.get("body", b"") for event in sent[1:])
    media_type = headers["content-type"]
    return Answer(sent[0]["status"], media_type, json.loads(content) if "json" in media_type else content.decode())
