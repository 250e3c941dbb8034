"""Which hosts files are out of date, since members came to their networks or left, until they are written again."""

from __future__ import annotations

from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Phase
from ipvl.records.changes import Change, Drop, Put
from ipvl.records.records import Records


class OutdatedHostsFiles:
    """Notes which networks' members, and whose hosts files, changes to the records concern.

    However an endpoint goes (it leaves, its namespace is gone, its network is removed), its fellow members must no
    longer know it; so this is noted where records change, not where people ask for it.
    """

    def __init__(self) -> None:
        self._networks: set[str] = set()
        self._files: set[tuple[str, int]] = set()

    def note(self, change: Change, records: Records) -> None:
        """Take note of one change; the records are as they were before it.

        An endpoint that is being removed counts as gone, so its record's end is no news. One that is dropped without
        having been removed never came to be, or was in a namespace that is gone: nobody reads its file.
        """
        if not isinstance(change.record, Endpoint):
            return
        held = records.endpoint(change.record.id)
        if isinstance(change, Drop) and held is not None and held.phase is Phase.REMOVING:
            return
        for endpoint in (held, change.record):
            if endpoint is None:
                continue
            self._networks.add(endpoint.network_id)
            known = isinstance(change, Put) and endpoint.phase is not Phase.MAKING
            if known and endpoint.hosts and endpoint.inode is not None:
                self._files.add((endpoint.hosts, endpoint.inode))

    def take(self) -> tuple[set[str], set[tuple[str, int]]]:
        """Return the ids of the networks, and the hosts files with their namespaces' numbers; begin anew."""
        taken = self._networks, self._files
        self._networks, self._files = set(), set()
        return taken
