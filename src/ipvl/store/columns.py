"""How values that several tables have are written in a column, and read again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from ipvl.model import Route


def text_of(value: object | None) -> str | None:
    """Return how a value is written, None for none."""
    return None if value is None else str(value)


def routes_text(routes: Iterable[Route]) -> str:
    """Return how routes are written: JSON, pairs of a destination and a router or null."""
    return json.dumps([(str(route.destination), text_of(route.via)) for route in routes])


def routes_in(text: str) -> tuple[Route, ...]:
    """Return the routes that `routes_text` wrote.

    Raises:
        ValueError: that is not what it writes.
    """
    return tuple(
        Route(ip_network(destination), None if via is None else ip_address(via))
        for destination, via in json.loads(text)
    )
