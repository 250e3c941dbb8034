"""What there is as people read it: aligned columns, one thing a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import localtime, strftime

from ipvl.clock.host_clocks import epoch_of
from ipvl.driver.status.dhcp_lease import DhcpStatus
from ipvl.driver.status.host_status import (
    EndpointStatus,
    NetworkStatus,
    ParentStatus,
    PoolLeaseStatus,
    PoolStatus,
    QuarantineStatus,
    Status,
)
from ipvl.embedded.call_messages import Networks, NetworkView, Sandboxes, SandboxView

NETWORK_COLUMNS = ("NETWORK", "ID", "MODE", "FLAG", "PARENT", "SUBNETS", "GATEWAYS", "ENDPOINTS", "STATE")
PARENT_COLUMNS = ("PARENT", "KIND", "MADE BY", "STATE", "MTU", "NETWORKS")
ENDPOINT_COLUMNS = ("ENDPOINT", "ID", "NETWORK", "ADDRESSES", "PARENT", "STATE")
POOL_COLUMNS = ("POOL", "RANGE", "PARENT", "NETWORKS", "LEASES")
HOST_COLUMNS = ("HOST PORT", "NETWORK", "ADDRESSES")
ROUTE_COLUMNS = ("ROUTE", "NETWORK", "METRIC")
LEASE_COLUMNS = ("LEASE", "POOL", "FOR", "NETWORKS")
QUARANTINE_COLUMNS = ("IN USE BY OTHERS", "PARENT", "HOLDER", "KEPT OUT UNTIL")
KEPT_COLUMNS = ("KEPT ADDRESS", "NETWORK", "FOR")
DHCP_COLUMNS = ("DHCP LEASE", "ENDPOINT", "NETWORK", "SERVER", "CLIENT ID", "ENDS", "STATE")
NOTHING = "-"
NO_NETWORKS = "no networks yet; make one with `ipvl network create`, or with `docker network create -d ipvl` for Docker"


def status_text(status: Status) -> str:
    """Return a table each of networks, parents, endpoints, pools, leases and others' addresses, then what is wrong."""
    if not status.networks and not status.pools:
        return "\n".join((NO_NETWORKS, *_troubles(status)))
    leases = [(lease, pool) for pool in status.pools for lease in pool.leases]
    tables: tuple[tuple[Sequence[str], Sequence[Sequence[str]]], ...] = (
        (NETWORK_COLUMNS, [_network_row(one) for one in status.networks]),
        (PARENT_COLUMNS, [_parent_row(one) for one in status.parents]),
        (ENDPOINT_COLUMNS, [_endpoint_row(one) for one in status.endpoints]),
        (HOST_COLUMNS, [_host_row(one) for one in status.networks if one.host_port]),
        (ROUTE_COLUMNS, [row for one in status.networks for row in _route_rows(one)]),
        (DHCP_COLUMNS, [_dhcp_row(one, one.lease) for one in status.endpoints if one.lease is not None]),
        (POOL_COLUMNS, [_pool_row(one) for one in status.pools]),
        (LEASE_COLUMNS, [_lease_row(lease, pool) for lease, pool in leases]),
        (KEPT_COLUMNS, [(one.address, one.network, one.owner) for one in status.kept]),
        (QUARANTINE_COLUMNS, [_quarantine_row(one) for one in status.quarantines]),
    )
    parts = [table(columns, rows) for columns, rows in tables if rows]
    troubles = _troubles(status)
    if troubles:
        parts.append("\n".join(troubles))
    return "\n\n".join(parts)


def networks_text(networks: Networks) -> str:
    """Return a table of networks and how many members each has."""
    return table(
        ("NETWORK ID", "NAME", "DOOR", "PARENT", "MODE", "SUBNETS", "MEMBERS"), map(_listed_network, networks.networks)
    )


def sandboxes_text(sandboxes: Sandboxes, now: float) -> str:
    """Return a table of sandboxes at the moment `now`, in seconds since the epoch by the wall clock."""
    rows = (
        (
            sandbox.id[:12],
            sandbox.name,
            sandbox.root_filesystem or NOTHING,
            " ".join(sandbox.command)[:40],
            _state(sandbox, now),
            ", ".join(" ".join((member.network, *member.addresses)) for member in sandbox.members) or NOTHING,
        )
        for sandbox in sandboxes.sandboxes
    )
    return table(("SANDBOX ID", "NAME", "ROOTFS", "COMMAND", "STATE", "NETWORKS"), rows)


def names(status: Status, kind: str) -> tuple[str, ...]:
    """Return what the `networks`, `parents` or `endpoints` are called, each name once."""
    labels = {
        "networks": [one.name or one.id[:12] for one in status.networks],
        "parents": [one.name for one in status.parents],
        "endpoints": [one.name or one.id[:12] for one in status.endpoints],
    }
    return tuple(dict.fromkeys(labels[kind]))


def _listed_network(network: NetworkView) -> tuple[str, ...]:
    return (
        network.id[:12],
        network.name,
        network.door,
        network.parent,
        network.mode if network.flag == "bridge" else f"{network.mode} {network.flag}",
        ", ".join(subnet.subnet for subnet in network.subnets) or _no_subnets(network.addressing),
        str(len(network.members)),
    )


def _state(sandbox: SandboxView, now: float) -> str:
    if sandbox.running:
        return f"up {_age(now - epoch_of(sandbox.started))}"
    ago = "" if sandbox.ended is None else f" {_age(now - epoch_of(sandbox.ended))} ago"
    return f"ended ({sandbox.exit_status}){ago}"


def _age(seconds: float) -> str:
    for name, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {name}"
    return f"{max(0, int(seconds))} s"


def _network_row(network: NetworkStatus) -> tuple[str, ...]:
    return (
        network.name or NOTHING,
        network.id[:12],
        network.mode,
        network.flag,
        network.parent,
        ",".join(subnet.subnet for subnet in network.subnets) or _no_subnets(network.addressing),
        ",".join(subnet.gateway for subnet in network.subnets if subnet.gateway) or NOTHING,
        str(network.endpoints),
        "trouble" if network.trouble else "ready",
    )


def _no_subnets(addressing: str) -> str:
    return {"pool": NOTHING, "none": "no addresses"}.get(addressing, addressing)


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
        ",".join(endpoint.addresses) or NOTHING,
        endpoint.parent,
        endpoint.state,
    )


def _host_row(network: NetworkStatus) -> tuple[str, ...]:
    return (network.host_port or NOTHING, network.name or network.id[:12], ",".join(network.host_addresses) or NOTHING)


def _route_rows(network: NetworkStatus) -> list[tuple[str, ...]]:
    """Return what a network's containers get otherwise than those of most."""
    name, metric = network.name or network.id[:12], str(network.metric or NOTHING)
    rows: list[tuple[str, ...]] = [(route, name, metric) for route in network.routes]
    if not network.isolated and not network.default_route:
        rows.append(("no default", name, NOTHING))
        return rows
    if not network.isolated and len(network.default_route_families) == 1:
        left = "IPv6" if "ipv4" in network.default_route_families else "IPv4"
        rows.append((f"no {left} default", name, NOTHING))
    if network.metric is not None:
        rows.append(("default", name, metric))
    return rows


def _pool_row(pool: PoolStatus) -> tuple[str, ...]:
    return (pool.subnet, pool.range or NOTHING, pool.parent or "any", str(pool.users), str(len(pool.leases)))


def _lease_row(lease: PoolLeaseStatus, pool: PoolStatus) -> tuple[str, ...]:
    return (lease.address, pool.subnet, lease.owner or lease.use, str(lease.users))


def _quarantine_row(quarantine: QuarantineStatus) -> tuple[str, ...]:
    until = strftime("%H:%M:%S", localtime(epoch_of(quarantine.until)))
    return (quarantine.address, quarantine.parent, quarantine.holder, until)


def _dhcp_row(endpoint: EndpointStatus, lease: DhcpStatus) -> tuple[str, ...]:
    ends = NOTHING if lease.expires is None else strftime("%Y-%m-%dT%H:%M:%S", localtime(epoch_of(lease.expires)))
    return (
        ",".join(endpoint.addresses),
        endpoint.name or endpoint.id[:12],
        endpoint.network,
        lease.server,
        lease.client_id,
        ends,
        lease.state,
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
