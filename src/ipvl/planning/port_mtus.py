"""Ports whose MTU the kernel overwrote: it does so with all of a parent's whenever the parent's changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ipvl.model.endpoints import Endpoint
from ipvl.model.links import Link
from ipvl.model.networks import Network, Phase
from ipvl.model.steps import SetMtu
from ipvl.planning.host import Host
from ipvl.records.records import Records


@dataclass(frozen=True, slots=True)
class WrongMtu:
    """A port that has not the MTU it should have; `endpoint` is None for the host's own."""

    network: Network
    endpoint: Endpoint | None
    port: Link
    wanted: int

    @property
    def step(self) -> SetMtu:
        """What puts it right."""
        return SetMtu(self.port.name, self.wanted, self.port.namespace)

    @property
    def label(self) -> str:
        """What is wrong, as the beginning of a sentence."""
        who = self.port.name if self.endpoint is None else f"endpoint {self.endpoint.label}"
        return f"{who} of network {self.network.label} has MTU {self.port.mtu} instead of {self.wanted}"


def networks_with_mtu(records: Records) -> tuple[Network, ...]:
    """Return the networks with an MTU of theirs, or of a DHCP lease: the kernel does right by all others."""
    leased = {lease.network_id for lease in records.dhcp_leases() if lease.terms is not None and lease.terms.mtu}
    return tuple(
        one for one in records.networks() if one.phase is Phase.READY and (one.mtu is not None or one.id in leased)
    )


def wrong_mtus(
    networks: Iterable[Network], records: Records, host: Host, inode_of: Callable[[str], int | None]
) -> Iterator[WrongMtu]:
    """Yield the ports of these networks that have another MTU than their network's, or the parent's if that is less.

    Where the network has none, that of an endpoint's DHCP lease counts.

    Which port is an endpoint's is told by its namespace and parent, and by its name where ipvl gave it one. Where
    Docker put two endpoints of a parent into one namespace nobody can tell, so those are passed over.

    Args:
        networks: whose ports are meant.
        records: what ipvl remembers.
        host: the host, with its ports in other namespaces.
        inode_of: returns the number of the network namespace at a path, None when there is none.
    """
    for network in networks:
        link = host.link(network.parent)
        if link is None:
            continue
        own = host.link(network.host_port) if network.host_access else None
        if own is not None and network.mtu is not None and own.mtu != min(network.mtu, link.mtu):
            yield WrongMtu(network, None, own, min(network.mtu, link.mtu))
        for endpoint in records.endpoints_of(network.id):
            mtu = network.mtu or _leased(records, endpoint)
            if mtu is None:
                continue
            wanted = min(mtu, link.mtu)
            waiting = host.link(endpoint.port)
            if waiting is not None and waiting.mtu != wanted:
                yield WrongMtu(network, endpoint, waiting, wanted)
            inode = None if endpoint.sandbox is None else inode_of(endpoint.sandbox)
            if inode is None or endpoint.inode not in {None, inode}:
                continue
            ports = [
                port
                for port in host.moved
                if port.lower == link.index
                and inode_of(port.namespace or "") == inode
                and endpoint.interface in {None, port.name}
            ]
            if len(ports) == 1 and ports[0].mtu != wanted:
                yield WrongMtu(network, endpoint, ports[0], wanted)


def _leased(records: Records, endpoint: Endpoint) -> int | None:
    lease = records.dhcp_lease_of(endpoint.id)
    return None if lease is None or lease.terms is None else lease.terms.mtu
