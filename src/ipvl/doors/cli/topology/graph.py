"""What every picture draws: host links, the parents on them, the networks of those, and their endpoints."""

from __future__ import annotations

from dataclasses import dataclass

from ipvl.driver.status.host_status import EndpointStatus, NetworkStatus, ParentStatus, Status
from ipvl.model.networks import Addressing


@dataclass(frozen=True, slots=True)
class NetworkNode:
    """A network and its endpoints."""

    network: NetworkStatus
    endpoints: tuple[EndpointStatus, ...]


@dataclass(frozen=True, slots=True)
class ParentNode:
    """A parent and the networks it carries."""

    parent: ParentStatus
    networks: tuple[NetworkNode, ...]


@dataclass(frozen=True, slots=True)
class LinkNode:
    """A link of the host; `parent` is set when it carries networks itself.

    `vlans` are the parents made on it, those with two tags after the one that they are made on.
    """

    name: str
    parent: ParentNode | None
    vlans: tuple[ParentNode, ...]

    @property
    def parents(self) -> tuple[ParentNode, ...]:
        """The link itself, if it is a parent, and its VLANs."""
        return ((self.parent,) if self.parent is not None else ()) + self.vlans


def graph(status: Status) -> tuple[LinkNode, ...]:
    """Return the host's links in the order in which they were first used."""
    nodes = {parent.name: ParentNode(parent, _networks(parent.name, status)) for parent in status.parents}
    bases = {parent.name: parent.base for parent in status.parents}
    vlans: dict[str, list[ParentNode]] = {}
    for parent in status.parents:
        link = parent.name
        while (below := bases.get(link)) is not None:
            link = below
        vlans.setdefault(link, [])
        if parent.base is not None:
            vlans[link].append(nodes[parent.name])
    return tuple(LinkNode(name, nodes.get(name), tuple(on_it)) for name, on_it in vlans.items())


def no_subnet(network: NetworkStatus) -> str:
    """Return what to say of a network without subnets in their place."""
    return "no addresses" if network.addressing == Addressing.NONE else "no subnet"


def label(thing: NetworkStatus | EndpointStatus) -> str:
    """Return what to call a network or an endpoint: its name, or the first twelve characters of its id."""
    return thing.name or thing.id[:12]


def _networks(parent: str, status: Status) -> tuple[NetworkNode, ...]:
    return tuple(
        NetworkNode(
            network,
            tuple(
                endpoint
                for endpoint in status.endpoints
                if endpoint.network == label(network) and endpoint.parent == parent
            ),
        )
        for network in status.networks
        if network.parent == parent
    )
