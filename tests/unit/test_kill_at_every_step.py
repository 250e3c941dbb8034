"""Every operation of both doors, disturbed at every call to store and kernel, is whole when it was asked for again."""

from __future__ import annotations

import asyncio
import copy
import errno
import itertools
import os
import shutil
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from functools import cache, partial
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from ipvl.embedded.reconcile_members import reconcile_all
from ipvl.errors import kernel_refused, unavailable
from ipvl.model.endpoints import PortRoute, PortSetup
from ipvl.model.host_port_steps import AddHostRoutes, MakeHostPort
from ipvl.model.steps import KeepHostOff, MakeDummy, MakeVlan, PlacePort, RouteByParent, Step
from ipvl.records.changes import Change
from tests.contract.fake_kernel import HOST, FakeKernel, KilledError, Trouble
from tests.faults.operations import (
    BYSTANDERS,
    FIRST,
    OPERATIONS,
    Act,
    Ledger,
    Operation,
    RefusedError,
    compare_with_docker,
    perform,
    start_up,
)
from tests.faults.pictures import check_same, check_whole, timeless, without_choice
from tests.faults.points import POINTS, Fault, Points
from tests.unit.world import TroubledStore, World

HALVES = (MakeDummy, MakeVlan, KeepHostOff, RouteByParent, PlacePort, MakeHostPort, AddHostRoutes)
KILLS = (Fault.KILLED_BEFORE, Fault.KILLED_WITHIN, Fault.KILLED_AFTER)


class DisturbedKernel:
    """The fake kernel with points in front of it; after a kill it hears nothing more."""

    def __init__(self, kernel: FakeKernel, points: Points, check_alive: Callable[[], None]) -> None:
        self._kernel = kernel
        self._points = points
        self._check_alive = check_alive
        self.kernel_release = kernel.kernel_release
        self.machine = kernel.machine

    def __getattr__(self, name: str) -> Any:
        async def ask(*values: Any, **named: Any) -> Any:
            work = getattr(self._kernel, name)
            return await self._call(name, lambda: work(*values, **named))

        return ask

    async def apply(self, step: Step) -> None:
        half = (lambda: self._half(step)) if isinstance(step, HALVES) else None
        work = partial(self._kernel.apply, step)
        if isinstance(step, PlacePort) and self._points.fault is Fault.LOST and self._points.next_is_due:
            work = partial(self._move, step)  # the only one of its answers whose loss leaves anything
        await self._call(step.describe(), work, half)

    async def _move(self, step: PlacePort) -> None:
        self._kernel._move(step.name, HOST, step.name, step.namespace)

    async def _call(
        self, what: str, work: Callable[[], Awaitable[Any]], half: Callable[[], Awaitable[object]] | None = None
    ) -> Any:
        self._check_alive()
        try:
            return await self._points.call(what, work, lambda: _refusal(what, errno.ENOMEM), half)
        except OSError as error:  # the real one says so in a sentence, too
            raise _refusal(what, error.errno) from error

    def namespace_inode(self, path: str) -> int | None:
        self._check_alive()
        return self._points.call_now(f"look at {path}", lambda: self._kernel.namespace_inode(path), None)

    async def _half(self, step: Step) -> None:
        self._kernel.trouble[len(self._kernel.steps) + 1] = Trouble.KILLED_WITHIN
        await self._kernel.apply(step)


class DisturbedStore:
    """The store with points in front of it; after a kill it hears nothing more."""

    def __init__(self, store: TroubledStore, points: Points, check_alive: Callable[[], None]) -> None:
        self._store = store
        self._points = points
        self._check_alive = check_alive

    def commit(self, changes: Iterable[Change]) -> None:
        self._check_alive()
        self._points.call_now(
            "commit", lambda: self._store.commit(changes), lambda: unavailable("state file cannot be used: disk full")
        )


class FakeStage:
    """A stage for operations on the fake kernel."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ledger = Ledger()
        self._dead = False
        self.calm()
        self._processes: dict[str, int] = {}

    @property
    def engine(self):
        return self.world.engine

    async def open(self, name: str) -> str:
        if name not in self._processes:
            self._processes[name] = 101 + len(self._processes)
            self.world.kernel.open_sandbox(self._path(name))
            self.world.hosts[self.hosts(name)] = ""
        return self._path(name)

    def hosts(self, name: str) -> str:
        return f"/run/{name}.hosts"

    def process(self, name: str) -> int:
        return self._processes[name]

    async def end(self, name: str) -> None:
        self.world.kernel.end_sandbox(self._path(name))
        self.world.hosts.pop(self.hosts(name), None)

    async def take(self, port: str, name: str) -> None:
        self.world.kernel.take(port, self._path(name))

    async def set_up(self, name: str, address: str, gateway: str) -> None:
        default = PortRoute(ip_network("0.0.0.0/0"), ip_address(gateway), metric=0, table=254, protocol=3, scope=0)
        self.world.kernel.dress(self._path(name), "eth0", [address], PortSetup(routes=(default,)))

    async def give_back(self, port: str, name: str) -> None:
        self.world.kernel.give_back(port, self._path(name))

    def run(self, act: Act, attempt: int = FIRST) -> None:
        asyncio.run(act(self, attempt))

    def copy(self, folder) -> FakeStage:
        """Return another stage that is as this one, which has stopped, is now."""
        folder.mkdir()
        copied = copy.copy(self)
        copied.ledger, copied._processes = copy.deepcopy((self.ledger, self._processes))
        copied.world = self.world.copy(folder)
        copied.calm()
        return copied

    def disturb(self, number: int, fault: Fault) -> Points:
        """Put points between the engine, and store and kernel."""
        points = Points(number, fault, self._kill)
        engine = self.world.engine
        engine.kernel = DisturbedKernel(self.world.kernel, points, self._check_alive)
        engine.store = DisturbedStore(self.world.store, points, self._check_alive)

        def write(path: str, text: str) -> None:
            self._check_alive()
            points.call_now("write hosts", lambda: self._publish(path, text), None)

        engine.effects = replace(engine.effects, write_hosts=write)
        return points

    def calm(self) -> None:
        """Take the points away."""
        engine = self.world.engine
        engine.kernel, engine.store = self.world.kernel, self.world.store
        engine.effects = replace(engine.effects, write_hosts=self._publish)

    def restart(self) -> None:
        self._dead = False
        self.world.now += 1
        self.world.stop()
        self.world.start()
        self.calm()
        asyncio.run(start_up(self))

    def check_whole(self) -> None:
        check_whole(self.engine.records, asyncio.run(self.world.kernel.links()))

    def picture(self, *, chooses: bool) -> list[str]:
        """Return all that is there; without what a second attempt may choose anew."""
        on_disk, links = self.world.picture()
        ways = {}
        for key in sorted(self.world.kernel._set_up):
            placed, routed = self.world.kernel.set_up(*key)
            ways[key] = placed, {*(way for step in routed for way in (*step.gateways, *step.routes))}
        hosts = sorted(self.world.hosts.items())
        seen = [*sorted(map(repr, timeless(on_disk))), *map(repr, links), *map(repr, ways.items()), *map(repr, hosts)]
        seen += sorted(map(repr, self.world.kernel._own_routes.values()))
        seen += sorted(map(repr, self.world.kernel._own_addresses))
        seen += sorted(map(repr, self.world.kernel.reaches().items()))
        seen += [
            repr((key, addresses, sorted(map(repr, setup.routes))))
            for key, (addresses, setup) in sorted(self.world.kernel._dressed.items())
        ]
        seen += self.world.engine.warnings
        return without_choice(seen) if chooses else seen

    def _publish(self, path: str, text: str) -> None:
        """Write a hosts file that is there; that of a sandbox goes with it."""
        if path in self.world.hosts:
            self.world.hosts[path] = text

    def _path(self, name: str) -> str:
        return f"/proc/{self._processes[name]}/ns/net"

    def _kill(self) -> None:
        self._dead = True
        raise KilledError

    def _check_alive(self) -> None:
        if self._dead:
            raise KilledError


def _refusal(what: str, code: int) -> Exception:
    return kernel_refused(f"the kernel refused to {what}: {os.strerror(code)} ({errno.errorcode[code]})")


def scene(folder, operation: Operation) -> FakeStage:
    """Return a stage with a bystander, ready for the operation."""
    folder.mkdir()
    stage = FakeStage(World(folder))
    for act in (*BYSTANDERS, *operation.prepare):
        stage.run(act)
    return stage


def expected_after(folder, operation: Operation) -> list[str]:
    """Return what is there after an operation that nobody disturbed, at its last attempt."""
    stage = scene(folder, operation)
    if operation.last_attempt != FIRST:
        asyncio.run(stage.open(f"one{FIRST}"))
        asyncio.run(stage.end(f"one{FIRST}"))
    stage.run(operation.act, operation.last_attempt)
    asyncio.run(compare_with_docker(stage))
    stage.world.stop()
    stage.world.start()
    picture = stage.picture(chooses=operation.chooses)
    stage.world.stop()
    return picture


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    """Call it with an operation's name to get a stage that is ready for it, and what is there after it."""

    @cache
    def prepare(name: str) -> tuple[FakeStage, list[str]]:
        folder = tmp_path_factory.mktemp("scenes")
        prepared = scene(folder / "prepared", OPERATIONS[name])
        prepared.world.stop()
        return prepared, expected_after(folder / "undisturbed", OPERATIONS[name])

    return prepare


def disturbances(folder, scenes, name: str, fault: Fault, then: Callable[[FakeStage], None]) -> int:
    """Disturb the first, second, ... call of an operation until it has no more; return how many were disturbed."""
    operation = OPERATIONS[name]
    prepared, expected = scenes(name)
    struck = 0
    for number in itertools.count(1):
        stage = prepared.copy(folder / "disturbed")
        points = stage.disturb(number, fault)
        try:
            stage.run(operation.act)
            failed = False
        except (RefusedError, KilledError):
            failed = True
        past = number > len(points.passed)
        stage.calm()
        if not past and (points.struck or failed):
            struck += 1
            then(stage)
            if failed:
                try:
                    if operation.give_up is not None:
                        stage.run(operation.give_up)
                    asyncio.run(perform(stage, operation, operation.last_attempt))
                    asyncio.run(compare_with_docker(stage))
                    if fault not in KILLS:
                        asyncio.run(reconcile_all(stage.engine))
                    stage.check_whole()
                    check_same(expected, stage.picture(chooses=operation.chooses))
                except (AssertionError, RefusedError) as error:
                    where = f"{fault.value} {number}, {points.passed[number - 1]}"
                    raise AssertionError(f"{name}: {where}: {error}") from None
        stage.world.stop()
        shutil.rmtree(folder / "disturbed")
        if past:
            return struck
    raise AssertionError


def restart(stage: FakeStage) -> None:
    stage.restart()
    stage.check_whole()


def nothing(stage: FakeStage) -> None:
    pass


@pytest.mark.parametrize("fault", KILLS, ids=lambda fault: fault.value)
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_kill_at_any_call_loses_and_leaks_nothing(tmp_path, scenes, record_property, name, fault):
    """Killed before, within or after any call to store or kernel, started and asked again: as if nothing had been."""
    points = disturbances(tmp_path, scenes, name, fault, restart)
    record_property(POINTS, points)

    assert points > 0 or fault is Fault.KILLED_WITHIN


@pytest.mark.parametrize(
    "case",
    [(fault, then) for fault in (Fault.REFUSED, Fault.LOST) for then in (nothing, restart)],
    ids=lambda case: f"{case[0].name.lower()} then {case[1].__name__}",
)
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_refusal_of_any_call_can_be_tried_again(tmp_path, scenes, record_property, name, case):
    """Kernel or disk refuse any call once, or its answer is lost: the caller reads a sentence, and asks again."""
    fault, then = case
    points = disturbances(tmp_path, scenes, name, fault, then)
    record_property(POINTS, points)

    assert points > 0 or fault is Fault.LOST
