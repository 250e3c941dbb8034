"""Parents, networks and endpoints as a tree for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ipvl.doors.cli.topology.graph import NetworkNode, ParentNode, graph, label, no_subnet
from ipvl.driver.status.host_status import EndpointStatus, NetworkStatus, ParentStatus, Status
from ipvl.model.networks import ParentKind


@dataclass(frozen=True, slots=True)
class Node:
    """A line of the tree and what hangs under it."""

    text: str
    children: tuple[Node, ...] = ()


def topology_text(status: Status) -> str:
    """Return the tree: links at the top, their VLANs, the networks each parent carries, the endpoints of each."""
    roots = tree(status)
    return "\n".join(line for root in roots for line in (root.text, *_lines(root.children))) or "no networks yet"


def tree(status: Status) -> tuple[Node, ...]:
    """Return the roots: base links with the VLANs that ipvl makes on them, other parents by themselves."""
    return tuple(
        Node(
            parent_text(link.parent.parent) if link.parent is not None else link.name,
            (
                *(_networks(link.parent) if link.parent is not None else ()),
                *(Node(parent_text(vlan.parent), _networks(vlan)) for vlan in link.vlans),
            ),
        )
        for link in graph(status)
    )


def parent_text(parent: ParentStatus) -> str:
    """Return a parent as one line: its name, what it is, who made it, and its state."""
    kind = {ParentKind.VLAN: f"VLAN {parent.vlan_id}", ParentKind.DUMMY: "dummy, leads nowhere"}.get(
        ParentKind(parent.kind), "link"
    )
    owner = ", made by ipvl" if parent.made else ""
    return f"{parent.name} ({kind}{owner}, {parent.state})"


def _networks(node: ParentNode) -> tuple[Node, ...]:
    return tuple(map(_network, node.networks))


def _network(node: NetworkNode) -> Node:
    return Node(_network_text(node.network), tuple(Node(_endpoint_text(endpoint)) for endpoint in node.endpoints))


def _network_text(network: NetworkStatus) -> str:
    pools = ", ".join(
        subnet.subnet + (f" gateway {subnet.gateway}" if subnet.gateway else "") for subnet in network.subnets
    )
    flag = "" if network.flag == "bridge" else f" {network.flag}"
    return f"network {label(network)}: {network.mode}{flag}, {pools or no_subnet(network)}"


def _endpoint_text(endpoint: EndpointStatus) -> str:
    return " ".join((label(endpoint), *endpoint.addresses))


def _lines(nodes: Sequence[Node], indent: str = "") -> list[str]:
    lines = []
    for node in nodes:
        last = node is nodes[-1]
        lines.append(f"{indent}{'└── ' if last else '├── '}{node.text}")
        lines += _lines(node.children, indent + ("    " if last else "│   "))
    return lines
