"""Names of members: each sandbox has a hosts file (hosts(5)) that ipvl keeps true while members come and go."""

from __future__ import annotations

from collections.abc import Iterable

from ipvl.model import Endpoint, Network, Phase
from ipvl.records import Records

LOCAL = (
    "127.0.0.1 localhost",
    "::1 localhost ip6-localhost ip6-loopback",
)


def hosts_text(own: Iterable[Endpoint], hostname: str, records: Records) -> str:
    """Return the hosts file of a sandbox: itself, and the members of each of its networks by name and alias.

    Args:
        own: the sandbox's endpoints.
        hostname: what it calls itself; empty for a namespace that is not ipvl's.
        records: what ipvl remembers.
    """
    lines = list(LOCAL)
    for endpoint in own:
        network = records.network(endpoint.network_id)
        lines += _lines(endpoint, network, hostname)
        for other in records.endpoints_of(endpoint.network_id):
            if other.id != endpoint.id and other.phase is not Phase.REMOVING:
                lines += _lines(other, network)
    return "\n".join(lines) + "\n"


def readers(network_id: str, records: Records) -> tuple[str, ...]:
    """Return the hosts files that tell of a network's members; one that is being taken off reads no more."""
    found = {
        endpoint.hosts
        for endpoint in records.endpoints_of(network_id)
        if endpoint.hosts and endpoint.phase is not Phase.REMOVING
    }
    return tuple(sorted(found))


def _lines(endpoint: Endpoint, network: Network | None, hostname: str = "") -> list[str]:
    names = dict.fromkeys(name for name in (hostname, endpoint.name, *endpoint.aliases) if name)
    if endpoint.name and network is not None and network.name:
        names[f"{endpoint.name}.{network.name}"] = None
    return [f"{interface.ip} {' '.join(names)}" for interface in endpoint.addresses] if names else []
