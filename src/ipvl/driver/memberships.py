"""Who came to which network and who left, until those who are told of it have been."""

from __future__ import annotations

from ipvl.model import Endpoint
from ipvl.records import Change, Records


class Memberships:
    """Notes which networks' members, and whose hosts files, changes to the records concern.

    However an endpoint goes (it leaves, its namespace is gone, its network is removed), its fellow members must no
    longer know it; so this is noted where records change, not where people ask for it.

    Args:
        records: what there is already: ipvl may have been stopped before it told of that.
    """

    def __init__(self, records: Records) -> None:
        self._networks: set[str] = set()
        self._files: set[tuple[str, int]] = set()
        for endpoint in records.endpoints():
            self._note(endpoint)

    def note(self, change: Change, records: Records) -> None:
        """Take note of one change; the records are as they were before it."""
        if not isinstance(change.record, Endpoint):
            return
        for endpoint in (records.endpoint(change.record.id), change.record):
            if endpoint is not None:
                self._note(endpoint)

    def take(self) -> tuple[set[str], set[tuple[str, int]]]:
        """Return the ids of the networks, and the hosts files with their namespaces' numbers; begin anew."""
        taken = self._networks, self._files
        self._networks, self._files = set(), set()
        return taken

    def _note(self, endpoint: Endpoint) -> None:
        self._networks.add(endpoint.network_id)
        if endpoint.hosts and endpoint.inode is not None:
            self._files.add((endpoint.hosts, endpoint.inode))
