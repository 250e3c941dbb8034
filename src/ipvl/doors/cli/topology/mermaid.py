"""The topology as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html)."""

from __future__ import annotations

import re

from ipvl.doors.cli.topology.graph import LinkNode, NetworkNode, ParentNode, graph, label
from ipvl.driver.status.host_status import NetworkStatus, ParentStatus, Status
from ipvl.model.networks import ParentKind

SHOWN = 12
"""Endpoints of one network that are drawn; Mermaid gives up at 500 edges."""
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 .,:/()_+-]")
STYLES = (
    "  classDef link fill:#64748b,stroke:#475569,color:#ffffff",
    "  classDef parent fill:#0ea5e9,stroke:#0369a1,color:#ffffff",
    "  classDef network fill:#6366f1,stroke:#4338ca,color:#ffffff",
    "  classDef endpoint fill:#10b981,stroke:#047857,color:#ffffff",
    "  classDef trouble fill:#dc2626,stroke:#7f1d1d,color:#ffffff",
)


def topology_mermaid(status: Status) -> str:
    """Return the flowchart, from the host's links on the left to endpoints on the right."""
    return "\n".join(_Chart().of(graph(status)))


def escaped(text: str) -> str:
    """Return text as a label may hold it: everything that could mean something to Mermaid is a character code."""
    return _NOT_PLAIN.sub(lambda found: f"#{ord(found[0])};", " ".join(text.split()))


class _Chart:
    """A flowchart under way; nodes are numbered, so that no name becomes syntax."""

    def __init__(self) -> None:
        self._lines = ["flowchart LR"]
        self._nodes = 0

    def of(self, links: tuple[LinkNode, ...]) -> list[str]:
        if not links:
            self._node(("no networks yet",), "link")
        for link in links:
            if link.parent is not None:
                top = self._node(_parent_label(link.parent.parent), _parent_class(link.parent.parent, "link"))
                self._networks(link.parent, top)
            else:
                top = self._node((link.name,), "link")
            for vlan in link.vlans:
                below = self._node(_parent_label(vlan.parent), _parent_class(vlan.parent, "parent"), top)
                self._networks(vlan, below)
        return [*self._lines, *STYLES]

    def _networks(self, node: ParentNode, parent: str) -> None:
        for one in node.networks:
            network = self._node(_network_label(one.network), "trouble" if one.network.trouble else "network", parent)
            self._endpoints(one, network)

    def _endpoints(self, node: NetworkNode, network: str) -> None:
        shown = node.endpoints if len(node.endpoints) <= SHOWN else node.endpoints[: SHOWN - 1]
        for endpoint in shown:
            self._node((label(endpoint), *endpoint.addresses), "endpoint", network)
        if len(shown) < len(node.endpoints):
            self._node((f"+ {len(node.endpoints) - len(shown)} more",), "endpoint", network)

    def _node(self, lines: tuple[str, ...], kind: str, above: str | None = None) -> str:
        name = f"n{self._nodes}"
        self._nodes += 1
        self._lines.append(f'  {name}["{"<br/>".join(map(escaped, lines))}"]:::{kind}')
        if above is not None:
            self._lines.append(f"  {above} --- {name}")
        return name


def _parent_label(parent: ParentStatus) -> tuple[str, ...]:
    kind = {ParentKind.VLAN: f"VLAN {parent.vlan_id}", ParentKind.DUMMY: "leads nowhere"}.get(ParentKind(parent.kind))
    return (parent.name, *((kind,) if kind else ()), *(() if parent.state == "up" else (parent.state,)))


def _parent_class(parent: ParentStatus, kind: str) -> str:
    return kind if parent.state == "up" else "trouble"


def _network_label(network: NetworkStatus) -> tuple[str, ...]:
    flag = "" if network.flag == "bridge" else f" {network.flag}"
    return (
        label(network),
        f"mode {network.mode}{flag}",
        *(one.subnet + (f" gateway {one.gateway}" if one.gateway else "") for one in network.subnets),
    )
