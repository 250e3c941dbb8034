"""How values that several tables have are written in a column, and read again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

from ipvl.model.endpoints import PortRoute, PortSetup, SeenPort
from ipvl.model.networks import Route


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


def seen_text(seen: SeenPort | None) -> str | None:
    """Return how what was seen of a port is written: JSON, None for none."""
    if seen is None:
        return None
    setup = seen.setup and {
        "broadcast": seen.setup.broadcast,
        "queue_length": seen.setup.queue_length,
        "alias": seen.setup.alias,
        "settings": seen.setup.settings,
        "addresses": [str(address) for address in seen.setup.addresses],
        "routes": [
            [
                str(route.destination),
                text_of(route.via),
                route.metric,
                route.table,
                route.protocol,
                route.scope,
                text_of(route.source),
                route.onlink,
            ]
            for route in seen.setup.routes
        ],
    }
    return json.dumps({"parent": seen.parent, "interface": seen.interface, "setup": setup})


def seen_in(text: str | None) -> SeenPort | None:
    """Return what `seen_text` wrote.

    Raises:
        ValueError: that is not what it writes.
    """
    if text is None:
        return None
    try:
        found = json.loads(text)
        return SeenPort(found["parent"], found["interface"], found["setup"] and _setup(found["setup"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"what was seen of a port is not what ipvl writes: {error}") from error


def _setup(found: dict[str, Any]) -> PortSetup:
    return PortSetup(
        broadcast=found["broadcast"],
        queue_length=found["queue_length"],
        alias=found["alias"],
        settings=tuple((name, value) for name, value in found["settings"]),
        addresses=tuple(map(ip_interface, found["addresses"])),
        routes=tuple(
            PortRoute(
                ip_network(destination),
                None if via is None else ip_address(via),
                metric,
                table,
                protocol,
                scope,
                None if source is None else ip_address(source),
                onlink,
            )
            for destination, via, metric, table, protocol, scope, source, onlink in found["routes"]
        ),
    )
