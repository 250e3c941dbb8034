"""ipvl on a host: the real engine and the real store over the fake kernel, to be stopped and started at will."""

from __future__ import annotations

import asyncio
import copy
import tempfile
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ipvl.driver.endpoints import create_join_leave
from ipvl.driver.engine import Engine
from ipvl.driver.networks import create_remove
from ipvl.driver.repair.reconcile import reconcile
from ipvl.errors import IpvlError, Kind, unavailable
from ipvl.model.endpoints import Endpoint, JoinInfo
from ipvl.model.networks import Network
from ipvl.records.changes import Change, Record
from ipvl.store.state_file import SqliteStore, open_store
from tests.contract.fake_kernel import FakeKernel, KilledError, Trouble
from tests.faults.dhcp_segment import FakeWire
from tests.faults.no_effects import NO_EFFECTS
from tests.unit.builders import NOW, SANDBOX

_Result = TypeVar("_Result")


class TroubledStore:
    """The real store, which can be told to refuse a commit or to stop the process before or after one."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        # Only a power failure could tell the difference, and waiting for the disk is most of the time tests take.
        store._connection.execute("PRAGMA synchronous = OFF")
        self.commits = 0
        self.trouble: dict[int, Trouble] = {}

    def load(self) -> tuple[Record, ...]:
        return self._store.load()

    def commit(self, changes: Iterable[Change]) -> None:
        self._write(lambda: self._store.commit(changes))

    def rename_parent(self, before: str, after: str) -> None:
        self._write(lambda: self._store.rename_parent(before, after))

    def _write(self, write: Callable[[], None]) -> None:
        self.commits += 1
        trouble = self.trouble.pop(self.commits, None)
        if trouble is Trouble.REFUSED:
            raise unavailable("state file cannot be used: disk full")
        if trouble is Trouble.KILLED_BEFORE:
            raise KilledError
        write()
        if trouble is not None:
            raise KilledError

    def close(self) -> None:
        self._store.close()


@cache
def _new_state_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "state.db")
        open_store(path).close()
        return path.read_bytes()


class World:
    """A host with eth0 and eth1, a state file, and the engine between them."""

    def __init__(self, folder: Path) -> None:
        self.kernel = FakeKernel()
        self.kernel.add("eth0")
        self.kernel.add("eth1")
        self.now = NOW
        self.wire = FakeWire(self.wait)
        self.hosts: dict[str, str] = {}
        self.resolvers: dict[str, str] = {}
        self.discarded: list[str] = []
        self._file = folder / "state.db"
        self._file.write_bytes(_new_state_file())
        self.start()
        self.engine.dhcp.wire = self.wire

    def copy(self, folder: Path) -> World:
        """Return another world that is as this one, which has stopped, is now."""
        copied = copy.copy(self)
        copied.kernel, copied.hosts, copied.discarded = copy.deepcopy((self.kernel, self.hosts, self.discarded))
        copied._file = folder / "state.db"
        copied._file.write_bytes(self._file.read_bytes())
        copied.start()
        return copied

    def start(self) -> None:
        self.store = TroubledStore(open_store(self._file))
        self.engine = Engine(
            self.kernel,
            self.store,
            lambda: self.now,
            replace(
                NO_EFFECTS,
                write_hosts=self.hosts.__setitem__,
                write_resolvers=self.resolvers.__setitem__,
                remove_files=lambda sandbox: self.discarded.append(sandbox.name),
            ),
        )

    def stop(self) -> None:
        self.store.close()

    def restart(self) -> None:
        """Stop without clean-up and start again, as the daemon does: read the file, then repair."""
        self.stop()
        self.start()
        self.reconcile()
        self.engine.dhcp.wire = self.wire

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return asyncio.run(work)

    def create_network(self, network: Network) -> None:
        self.run(create_remove.create_network(self.engine, network))

    def delete_network(self, network_id: str) -> None:
        self.run(create_remove.delete_network(self.engine, network_id))

    def create_endpoint(self, endpoint: Endpoint) -> None:
        self.run(create_join_leave.create_endpoint(self.engine, endpoint))

    def delete_endpoint(self, endpoint: Endpoint) -> None:
        self.run(create_join_leave.delete_endpoint(self.engine, endpoint.network_id, endpoint.id))

    def join(self, endpoint: Endpoint, sandbox: str = SANDBOX) -> JoinInfo:
        """Open the sandbox and join it, without taking the port there."""
        self.kernel.open_sandbox(sandbox)
        return self.run(create_join_leave.join(self.engine, endpoint.network_id, endpoint.id, sandbox))

    def attach(self, endpoint: Endpoint, sandbox: str = SANDBOX) -> JoinInfo:
        """Join a sandbox and take the port there, as Docker does."""
        attachment = self.join(endpoint, sandbox)
        self.kernel.take(endpoint.port, sandbox)
        return attachment

    def leave(self, endpoint: Endpoint) -> None:
        self.run(create_join_leave.leave(self.engine, endpoint.network_id, endpoint.id))

    def reconcile(self) -> None:
        self.run(reconcile(self.engine))

    def picture(self) -> tuple[object, object]:
        """Return everything that is recorded, and every link there is. What is in memory is what is on disk."""
        on_disk = self.store.load()
        records = self.engine.records
        in_memory = (
            *records.parents(),
            *records.networks(),
            *records.endpoints(),
            *records.pools(),
            *records.leases(),
            *records.cursors(),
            *records.sandboxes(),
            *records.quarantines(),
            *records.dhcp_leases(),
            *records.static_addresses(),
        )
        assert in_memory == on_disk
        return on_disk, self.kernel.picture()

    def refusal(self, kind: Kind, work: Coroutine[Any, Any, object]) -> str:
        """Run what must be refused, check that nothing changed, and return the sentence."""
        before = self.picture()
        with pytest.raises(IpvlError) as refused:
            self.run(work)
        assert kind is refused.value.kind
        assert before == self.picture()
        return str(refused.value)
