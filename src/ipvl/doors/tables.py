"""Status as people read it: aligned columns, one thing a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ipvl.driver.status import EndpointStatus, NetworkStatus, ParentStatus, Status

NOTHING = "-"


def status_text(status: Status) -> str:
    """Return networks, parents and endpoints as three tables, then what is wrong, one line each."""
    if not status.networks:
        return "\n".join(("no networks yet: docker network create -d ipvl -o parent=eth0 ...", *_troubles(status)))
    parts = [
        table(
            ("NETWORK", "ID", "MODE", "FLAG", "PARENT", "SUBNETS", "GATEWAYS", "ENDPOINTS", "STATE"),
            map(_network_row, status.networks),
        ),
        table(("PARENT", "KIND", "MADE BY", "STATE", "MTU", "NETWORKS"), map(_parent_row, status.parents)),
    ]
    if status.endpoints:
        parts.append(
            table(("ENDPOINT", "ID", "NETWORK", "ADDRESSES", "PARENT", "STATE"), map(_endpoint_row, status.endpoints))
        )
    troubles = _troubles(status)
    if troubles:
        parts.append("\n".join(troubles))
    return "\n\n".join(parts)


def names(status: Status, kind: str) -> tuple[str, ...]:
    """Return what the `networks`, `parents` or `endpoints` are called, each name once."""
    labels = {
        "networks": [one.name or one.id[:12] for one in status.networks],
        "parents": [one.name for one in status.parents],
        "endpoints": [one.name or one.id[:12] for one in status.endpoints],
    }
    return tuple(dict.fromkeys(labels[kind]))


def _network_row(network: NetworkStatus) -> tuple[str, ...]:
    return (
        network.name or NOTHING,
        network.id[:12],
        network.mode,
        network.flag,
        network.parent,
        ",".join(subnet.subnet for subnet in network.subnets) or NOTHING,
        ",".join(subnet.gateway for subnet in network.subnets if subnet.gateway) or NOTHING,
        str(network.endpoints),
        "trouble" if network.trouble else "ready",
    )


def _parent_row(parent: ParentStatus) -> tuple[str, ...]:
    return (
        parent.name,
        parent.kind,
        "ipvl" if parent.made else "others",
        parent.state,
        str(parent.mtu or NOTHING),
        ",".join(parent.networks) or NOTHING,
    )


def _endpoint_row(endpoint: EndpointStatus) -> tuple[str, ...]:
    return (
        endpoint.name or NOTHING,
        endpoint.id[:12],
        endpoint.network,
        ",".join(endpoint.addresses),
        endpoint.parent,
        endpoint.state,
    )


def _troubles(status: Status) -> list[str]:
    found = [
        f"network {network.name or network.id[:12]}: {trouble}"
        for network in status.networks
        for trouble in network.trouble
    ]
    return found + [warning for warning in status.warnings if not any(warning.endswith(trouble) for trouble in found)]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return aligned columns under their names, one row a line."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
