"""Names of members: each sandbox has a hosts file (hosts(5)) that ipvl keeps true while members come and go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ipvl.driver.engine import Engine
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Network, Phase
from ipvl.records.records import Records


def write_hosts_files(engine: Engine, *, all_networks: bool = False) -> None:
    """Write the hosts files that have become untrue since the last call; the engine's lock is held.

    A file whose namespace is on no network any more is written too: somebody else may have made it. An endpoint that is
    not there yet, or is being taken off, is known to nobody and knows nobody.

    Args:
        engine: what to work on.
        all_networks: the files of all of them, since ipvl may have been stopped before it wrote one.
    """
    networks, files = engine.hosts_files.take()
    if all_networks:
        networks |= {network.id for network in engine.records.networks()}
    for network_id in networks:
        files |= {
            (endpoint.hosts, endpoint.inode)
            for endpoint in engine.records.members_with_hosts(network_id)
            if endpoint.hosts and endpoint.inode is not None
        }
    own: dict[str, list[Endpoint]] = {}
    for file, inode in sorted(files):
        sharing = [endpoint for endpoint in engine.records.endpoints_in(inode) if endpoint.hosts == file]
        own.setdefault(file, []).extend(_ready_endpoints(sharing))
    hostnames = {sandbox.hosts: sandbox.hostname for sandbox in engine.records.sandboxes() if sandbox.ended is None}
    names = _Names(engine.records)
    for file, endpoints in own.items():
        engine.effects.write_hosts(file, names.seen_by(endpoints, hostnames.get(file, "")))


def _ready_endpoints(endpoints: Iterable[Endpoint]) -> Iterator[Endpoint]:
    return (endpoint for endpoint in endpoints if endpoint.phase is Phase.READY)


@dataclass(frozen=True, slots=True)
class _Members:
    """The lines of a network's members, and where among them each one's are."""

    text: str
    spans: dict[str, tuple[int, int]]


class _Names:
    """Puts together what each of many hosts files says; a network's lines are made once for all of them."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._members: dict[str, _Members] = {}

    def seen_by(self, own: Iterable[Endpoint], hostname: str) -> str:
        """Return the names for a namespace: its own first, then the other members' of each of its networks.

        Args:
            own: its endpoints.
            hostname: what it calls itself; empty for a namespace that is not ipvl's.
        """
        parts = []
        for endpoint in own:
            members = self._members_of(endpoint.network_id)
            start, end = members.spans[endpoint.id]
            parts.append(_lines(endpoint, self._records.network(endpoint.network_id), hostname))
            parts += [members.text[:start], members.text[end:]]
        return "".join(parts)

    def _members_of(self, network_id: str) -> _Members:
        found = self._members.get(network_id)
        if found is None:
            network = self._records.network(network_id)
            parts, spans, length = [], {}, 0
            for endpoint in _ready_endpoints(self._records.endpoints_of(network_id)):
                parts.append(_lines(endpoint, network))
                spans[endpoint.id] = (length, length + len(parts[-1]))
                length += len(parts[-1])
            found = self._members[network_id] = _Members("".join(parts), spans)
        return found


def _lines(endpoint: Endpoint, network: Network | None, hostname: str = "") -> str:
    names = dict.fromkeys(name for name in (hostname, endpoint.name, *endpoint.aliases) if name)
    if endpoint.name and network is not None and network.name:
        names[f"{endpoint.name}.{network.name}"] = None
    return "".join(f"{interface.ip} {' '.join(names)}\n" for interface in endpoint.addresses) if names else ""
