"""Every operation of both doors, disturbed at every call to store and kernel, is whole when it was asked for again."""

from __future__ import annotations

import asyncio
import copy
import errno
import itertools
import os
import shutil
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from ipvl.embedded.recovery import publish_all, recover
from ipvl.errors import kernel_refused, unavailable
from ipvl.links import MakeDummy, MakeVlan, PlacePort, Step
from ipvl.records import Change
from tests.contract.fake_kernel import FakeKernel, KilledError, Trouble
from tests.faults.operations import (
    BYSTANDERS,
    OPERATIONS,
    Act,
    Ledger,
    Operation,
    RefusedError,
    compare_with_docker,
    perform,
)
from tests.faults.pictures import check_same, check_whole, timeless, without_choice
from tests.faults.points import POINTS, Fault, Points
from tests.unit.world import TroubledStore, World

FIRST, AGAIN = 1, 2
KILLS = (Fault.KILLED_BEFORE, Fault.KILLED_WITHIN, Fault.KILLED_AFTER)


class DisturbedKernel:
    """The fake kernel with points in front of it; after a kill it hears nothing more."""

    def __init__(self, kernel: FakeKernel, points: Points, check_alive: Callable[[], None]) -> None:
        self._kernel = kernel
        self._points = points
        self._check_alive = check_alive
        self.release = kernel.release
        self.machine = kernel.machine

    def __getattr__(self, name: str) -> Any:
        async def ask(*values: Any) -> Any:
            self._check_alive()
            work = getattr(self._kernel, name)
            return await self._points.call(name, lambda: work(*values), lambda: _no_memory(name))

        return ask

    async def apply(self, step: Step) -> None:
        self._check_alive()
        halved = isinstance(step, MakeDummy | MakeVlan | PlacePort)
        await self._points.call(
            step.describe(),
            lambda: self._kernel.apply(step),
            lambda: _no_memory(step.describe()),
            (lambda: self._half(step)) if halved else None,
        )

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
        self._processes: dict[str, int] = {}

    @property
    def engine(self):
        return self.world.engine

    async def open(self, name: str) -> str:
        if name not in self._processes:
            self._processes[name] = 101 + len(self._processes)
            self.world.kernel.open_sandbox(self._path(name))
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
        return copied

    def disturb(self, number: int, fault: Fault) -> Points:
        """Put points between the engine, and store and kernel."""
        points = Points(number, fault, self._kill)
        engine = self.world.engine
        engine.kernel = DisturbedKernel(self.world.kernel, points, self._check_alive)
        engine.store = DisturbedStore(self.world.store, points, self._check_alive)
        publish = self.world.hosts.__setitem__

        def write(path: str, text: str) -> None:
            self._check_alive()
            points.call_now("write hosts", lambda: publish(path, text), None)

        engine.publish = write
        return points

    def calm(self) -> None:
        """Take the points away."""
        engine = self.world.engine
        engine.kernel, engine.store, engine.publish = self.world.kernel, self.world.store, self.world.hosts.__setitem__

    def restart(self) -> None:
        self._dead = False
        self.world.now += 1
        self.world.stop()
        self.world.start()
        asyncio.run(recover(self.engine))
        publish_all(self.engine)

    def check_whole(self) -> None:
        check_whole(self.engine.records, asyncio.run(self.world.kernel.all()))

    def picture(self, *, chooses: bool) -> list[str]:
        """Return all that is there; without what a second attempt may choose anew."""
        on_disk, links = self.world.picture()
        ways = {}
        for key in sorted(self.world.kernel._set_up):
            placed, routed = self.world.kernel.set_up(*key)
            ways[key] = placed, {*(way for step in routed for way in (*step.gateways, *step.routes))}
        hosts = sorted(self.world.hosts.items())
        seen = [*sorted(map(repr, timeless(on_disk))), *map(repr, links), *map(repr, ways.items()), *map(repr, hosts)]
        seen += self.world.engine.warnings
        return without_choice(seen) if chooses else seen

    def _path(self, name: str) -> str:
        return f"/proc/{self._processes[name]}/ns/net"

    def _kill(self) -> None:
        self._dead = True
        raise KilledError

    def _check_alive(self) -> None:
        if self._dead:
            raise KilledError


def _no_memory(what: str) -> Exception:
    return kernel_refused(f"the kernel refused to {what}: {os.strerror(errno.ENOMEM)} (ENOMEM)")


def scene(folder, operation: Operation) -> FakeStage:
    """Return a stage with a bystander, ready for the operation."""
    folder.mkdir()
    stage = FakeStage(World(folder))
    for act in (*BYSTANDERS, *operation.prepare):
        stage.run(act)
    return stage


def expected_after(folder, operation: Operation, attempts: tuple[int, ...]) -> object:
    """Return what is there after an operation that nobody disturbed, at the last of these attempts."""
    stage = scene(folder, operation)
    for attempt in attempts[:-1]:
        asyncio.run(stage.open(f"one{attempt}"))
        asyncio.run(stage.end(f"one{attempt}"))
    stage.run(operation.act, attempts[-1])
    asyncio.run(compare_with_docker(stage))
    picture = stage.picture(chooses=operation.chooses)
    stage.world.stop()
    shutil.rmtree(folder)
    return picture


def disturbances(folder, name: str, fault: Fault, then: Callable[[FakeStage], None]) -> int:
    """Disturb the first, second, ... call of an operation until it has no more; return how many were disturbed."""
    operation = OPERATIONS[name]
    again = AGAIN if operation.give_up is not None else FIRST
    expected = expected_after(folder / "undisturbed", operation, (FIRST, again) if again != FIRST else (FIRST,))
    prepared = scene(folder / "prepared", operation)
    prepared.world.stop()
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
                    asyncio.run(perform(stage, operation, again))
                    asyncio.run(compare_with_docker(stage))
                    if fault is Fault.REFUSED:
                        asyncio.run(recover(stage.engine))
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
def test_a_kill_at_any_call_loses_and_leaks_nothing(tmp_path, record_property, name, fault):
    """Killed before, within or after any call to store or kernel, started and asked again: as if nothing had been."""
    points = disturbances(tmp_path, name, fault, restart)
    record_property(POINTS, points)

    assert points > 0 or fault is Fault.KILLED_WITHIN


@pytest.mark.parametrize("then", [nothing, restart])
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_refusal_of_any_call_can_be_tried_again(tmp_path, record_property, name, then):
    """Kernel or disk refuse any call once: the caller reads a sentence, and the same call again does what was asked."""
    points = disturbances(tmp_path, name, Fault.REFUSED, then)
    record_property(POINTS, points)

    assert points > 0
