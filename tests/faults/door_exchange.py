"""Ask a door as its server would, without a socket."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from ipvl.http.messages import Door, Request, Response, Stream


@dataclass(frozen=True)
class Answer:
    """What came back; `body` is decoded JSON, or text where it is no JSON."""

    status: int
    media_type: str
    body: Any


async def exchange(door: Door, path: str, body: bytes = b"", method: str = "POST") -> Answer:
    """Ask once. A stream's answer is all that it says until it ends."""
    path, _, query = path.partition("?")
    request = Request(method, path, query, body)
    answer = door.answer(request)
    if not isinstance(answer, Response | Stream):
        work = asyncio.ensure_future(answer)
        await asyncio.wait([work])
        error = work.exception()
        if error is not None and not isinstance(error, Exception):
            raise error
        answer = work.result() if error is None else door.fail(request, error)
    if isinstance(answer, Stream):
        answer = Response(200, b"".join([piece async for piece in answer.pieces]), answer.media_type)
    is_json = answer.media_type.endswith("json")
    return Answer(answer.status, answer.media_type, json.loads(answer.body) if is_json else answer.body.decode())
