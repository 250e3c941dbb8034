"""The operations on a real kernel with ipvlan: one process that forks for each point, kills the child there, and looks.

    python3 -m tests.faults.real_kernel FOLDER [SHARE [WORD]]

It works in a network namespace of its own, where eth0 and eth1 are dummies, and keeps its state in FOLDER. Of all
points of an operation it tries SHARE, or all (0), and of the operations those whose names match WORD. It prints
one line a fault, then how many points were tried, and ends with status 1 if there was one.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import replace
from ipaddress import ip_interface
from math import gcd
from pathlib import Path
from typing import Any

from pyroute2 import AsyncIPRoute, IPRoute
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nlsocket import NetlinkRequest

from ipvl.driver.engine import Engine
from ipvl.kernel import host_ports, namespaces, sandbox_ports
from ipvl.kernel.host_kernel import open_host_kernel
from ipvl.kernel.netlink import ipvlan_message
from ipvl.kernel.netlink.message_format import Message, Request
from ipvl.kernel.netlink.netlink_socket import NetlinkSocket
from ipvl.kernel.netlink.route_messages import RT_TABLE_MAIN
from ipvl.sandbox.etc.hosts_file import write_hosts
from ipvl.store.state_file import open_store
from ipvl.system_calls import CLONE_NEWNET, unshare

from .no_effects import NO_EFFECTS
from .operations import FIRST, OPERATIONS, Ledger, Operation, RefusedError, compare_with_docker, perform, start_up
from .pictures import check_same, check_whole, timeless, without_choice
from .points import Fault, Points

FINE, REFUSED, WRONG = 0, 3, 4
FAULTS = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.REFUSED, Fault.LOST)
BASES = ("eth0", "eth1")
HOSTS, BACK = "write hosts", "go back"
NEVER_REFUSED = {HOSTS, BACK, "ROLLBACK"}


class RealStage:
    """A stage for operations on this machine's kernel; its engine is there within `running`."""

    engine: Engine

    def __init__(self, folder: Path, processes: dict[str, int]) -> None:
        self.folder = folder
        self.ledger = Ledger()
        self.now = time.time()
        self.processes = processes
        self.names: dict[int, str] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Engine]:
        """Run an engine as the daemon does, without its repair."""
        with closing(open_store(self.folder / "state.db")) as store:
            # A kill loses nothing that was handed to the system, and the power stays on here.
            store._connection.execute("PRAGMA synchronous = OFF")
            async with open_host_kernel() as kernel:
                self.engine = Engine(kernel, store, lambda: self.now, replace(NO_EFFECTS, write_hosts=write_hosts))
                yield self.engine

    async def open(self, name: str) -> str:
        if name not in self.processes:
            self.processes[name] = namespace_holder()
        self.names[self.processes[name]] = name
        Path(self.hosts(name)).touch()
        return self._path(name)

    def hosts(self, name: str) -> str:
        return str(self.folder / f"{name}.hosts")

    def process(self, name: str) -> int:
        return self.processes[name]

    async def end(self, name: str) -> None:
        process = self.processes.pop(name, None)
        if process is not None:
            path = Path(f"/proc/{process}/ns/net")
            os.kill(process, signal.SIGKILL)
            while path.exists():
                time.sleep(0.001)
            with suppress(ChildProcessError):  # it is the parent's
                os.waitpid(process, 0)
            Path(self.hosts(name)).unlink(missing_ok=True)

    async def take(self, port: str, name: str) -> None:
        await move(port, None, "eth0", self._path(name))

    async def set_up(self, name: str, address: str, gateway: str) -> None:
        interface = ip_interface(address)
        async with inside(self._path(name)) as link:
            (port,) = await link.link("get", ifname="eth0")
            length = interface.network.prefixlen
            await link.addr("add", index=port["index"], address=str(interface.ip), prefixlen=length)
            await link.link("set", index=port["index"], state="up")
            await link.route("add", dst="default", gateway=gateway)

    async def give_back(self, port: str, name: str) -> None:
        await move("eth0", self._path(name), port, None)

    async def picture(self, *, chooses: bool) -> list[str]:
        """Return all that is there, with names in place of numbers."""
        kernel, records = self.engine.kernel, self.engine.records
        names = {link.index: link.name for link in await kernel.links()}
        lines = [
            f"host: {link.kind} {link.name} on {names.get(link.lower)}, up {link.up}, alias {link.alias}, "
            f"VLAN {link.vlan_id}, mode {link.mode}"
            for link in await kernel.links()
        ]
        lines += [
            f"host: {route.label} from {route.source}"
            for route in (await kernel.host_routing()).routes
            if not route.by_kernel
        ]
        lines += [repr(record) for record in timeless(self.engine.store.load())]
        for process, name in self.names.items():
            if name in self.processes:
                lines += [f"{name}: {line}" for line in await seen_inside(self._path(name))]
                lines += [f"{name} hosts: {line}" for line in Path(self.hosts(name)).read_text().splitlines()]
                inode = str(kernel.namespace_inode(self._path(name)))
                lines = [line.replace(inode, f"number of {name}") for line in lines]
            lines = [line.replace(f"/proc/{process}/", f"/proc/{name}/") for line in lines]
            lines = [re.sub(rf"\bprocess={process}\b", f"process={name}", line) for line in lines]
        lines = [re.sub(r"\binode=\d+", "inode=gone", line) for line in lines]
        for endpoint in records.endpoints():
            lines = [line.replace(endpoint.id, endpoint.label).replace(endpoint.port, "port") for line in lines]
        return without_choice(lines) if chooses else lines

    def _path(self, name: str) -> str:
        return f"/proc/{self.processes[name]}/ns/net"


def namespace_holder() -> int:
    """Start a process that holds a network namespace of its own; it ends with this one."""
    reader, writer = os.pipe()
    parent = os.getpid()
    process = os.fork()
    if process == 0:
        unshare(CLONE_NEWNET)
        os.write(writer, b".")
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)
    os.read(reader, 1)
    os.close(reader)
    os.close(writer)
    return process


async def move(name: str, source: str | None, new_name: str, target: str | None) -> None:
    """Move a link between this namespace (None) and others, as Docker does."""
    async with here() if source is None else inside(source) as link:
        (found,) = await link.link("get", ifname=name)
        with Path(target or "/proc/self/ns/net").open() as destination:
            await link.link("set", index=found["index"], net_ns_fd=destination.fileno(), ifname=new_name)


@asynccontextmanager
async def inside(path: str) -> AsyncIterator[AsyncIPRoute]:
    """Yield pyroute2's socket in another namespace: what is looked at is not read by what is tried."""
    with sandbox_ports.enter_namespace(path):
        opened = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    link = AsyncIPRoute(ext_ack=True, strict_check=True, fileno=opened.detach())
    await link.setup_endpoint()
    try:
        yield link
    finally:
        link.close()


def here() -> AsyncIPRoute:
    return AsyncIPRoute(ext_ack=True, strict_check=True)


async def seen_inside(path: str) -> list[str]:
    """Return the links, addresses and routes of a namespace, as lines."""
    lines = []
    async with inside(path) as link:
        names = {}
        async for one in await link.link("dump"):
            names[one["index"]] = one.get("ifname")
            if one.get("ifname") != "lo":
                lines.append(f"link {one.get('ifname')}, up {bool(one['flags'] & 1)}")
        lines += [
            f"{names[one['index']]} has {one.get('address')}/{one['prefixlen']}"
            async for one in await link.addr("dump")
            if not one.get("address").startswith("fe80") and names[one["index"]] != "lo"
        ]
        async for one in await link.route("dump", family=2):
            if one.get("table") == RT_TABLE_MAIN:
                way = f"to {one.get('dst')} via {one.get('gateway')}"
                lines.append(f"{way} through {names[one.get('oif')]}")
    return sorted(lines)


class DisturbedConnection:
    """A connection to SQLite with a point at each statement."""

    def __init__(self, connection: sqlite3.Connection, points: Points) -> None:
        self._connection = connection
        self._points = points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *values: Any) -> Any:
        # Giving up a transaction writes nothing, so it does not fail.
        error = None if statement == "ROLLBACK" else _full
        return self._points.call_now(statement[:40], lambda: self._connection.execute(statement, *values), error)

    def executemany(self, statement: str, *values: Any) -> Any:
        return self._points.call_now(statement[:40], lambda: self._connection.executemany(statement, *values), _full)


@contextmanager
def disturbed(points: Points, engine: Engine) -> Iterator[None]:
    """Put a point at each netlink request, each statement, each entry into a namespace and each file written."""
    connection, effects = engine.store._connection, engine.effects
    send, exchange, enter, plain = (
        NetlinkRequest.send,
        NetlinkSocket.exchange,
        namespaces.set_namespace,
        sandbox_ports.Path,
    )
    own, settings = Path(namespaces.THREAD_NAMESPACE).stat().st_ino, host_ports.IPV6_SYSCTLS

    def disturbed_exchange(conversation: NetlinkSocket, request: Request) -> tuple[Message, ...]:
        refused = NetlinkError(errno.ENOMEM, "no memory")
        return points.answer_now(f"netlink {request.kind}", lambda: exchange(conversation, request), lambda: refused)

    async def disturbed_send(request: NetlinkRequest) -> Any:
        # The kernel has done what was asked when sending returns (net/netlink/af_netlink.c, netlink_unicast_kernel).
        what = f"netlink {request.msg['header']['type']}"
        return await points.call(what, lambda: send(request), lambda: NetlinkError(errno.ENOMEM, "no memory"))

    def set_namespace(fd: int, kind: int) -> None:
        # The way back to where it came from is open to whoever was let in.
        outside = os.fstat(fd).st_ino == own
        error = None if outside else lambda: OSError(errno.EPERM, os.strerror(errno.EPERM))
        points.call_now(BACK if outside else "enter", lambda: enter(fd, kind), error)

    class DisturbedPath(type(Path())):
        def write_text(self, text: str) -> int:
            return points.call_now(
                str(self), lambda: Path(self).write_text(text), lambda: OSError(errno.EIO, os.strerror(errno.EIO))
            )

    engine.store._connection = DisturbedConnection(connection, points)
    engine.effects = replace(
        effects, write_hosts=lambda path, text: points.call_now(HOSTS, lambda: effects.write_hosts(path, text), None)
    )
    NetlinkRequest.send, NetlinkSocket.exchange = disturbed_send, disturbed_exchange
    namespaces.set_namespace, sandbox_ports.Path = set_namespace, DisturbedPath
    host_ports.IPV6_SYSCTLS = DisturbedPath(settings)
    try:
        yield
    finally:
        engine.store._connection, engine.effects = connection, effects
        NetlinkRequest.send, NetlinkSocket.exchange = send, exchange
        namespaces.set_namespace, sandbox_ports.Path = enter, plain
        host_ports.IPV6_SYSCTLS = settings


def _full() -> Exception:
    return sqlite3.OperationalError("database or disk is full")


class Trial:
    """The operations, one point at a time.

    Args:
        folder: where the state is kept.
        share: how many points of each operation are tried; 0 for all.
    """

    def __init__(self, folder: Path, share: int) -> None:
        self.tried = 0
        self.all = 0
        self.faults: list[str] = []
        self._folder = folder
        self._share = share
        self._where = folder / "where"
        self._processes: dict[str, int] = {}
        self._new_state = b""

    def operation(self, name: str) -> None:
        """Try the points of an operation."""
        operation = OPERATIONS[name]
        # The first time namespaces are given numbers, which they keep: those calls are not made again.
        asyncio.run(self._undisturbed(operation))
        calls, expected, places = asyncio.run(self._undisturbed(operation))
        points = [
            (number, fault)
            for number, what in enumerate(calls, 1)
            for fault in FAULTS
            if (what.startswith("netlink") or fault is not Fault.LOST)
            and (what not in NEVER_REFUSED or fault is not Fault.REFUSED)
        ]
        self.all += len(points)
        if self._share:
            # The same few each time, spread over calls and faults: a step prime to their number visits all of them.
            step = next(one for one in range(len(points) * 5 // 8, 2 * len(points) + 2) if gcd(one, len(points)) == 1)
            points = [points[step * turn % len(points)] for turn in range(1, self._share + 1)]
        for number, fault in points:
            where = f"{name}: {fault.value} {number}, {calls[number - 1]}"
            disturbed = Points(number, fault, kill, self._where.write_text)
            try:
                self._point(operation, disturbed, expected, places)
            except (AssertionError, RefusedError) as error:
                self.faults.append(f"{where}: {error}")
                print(self.faults[-1], flush=True)

    async def _undisturbed(self, operation: Operation) -> tuple[list[str], list[str], set[str]]:
        """Return the calls of an operation, what is there after it, and the namespaces it needs."""
        stage = await self._prepared(operation)
        points = Points(0, Fault.REFUSED, kill)
        if operation.give_up is not None:
            await stage.open(f"one{FIRST}")
            await stage.end(f"one{FIRST}")
        async with stage.running():
            with disturbed(points, stage.engine):
                await operation.act(stage, operation.last_attempt)
            await compare_with_docker(stage)
            expected = await stage.picture(chooses=operation.chooses)
        return points.passed, expected, set(stage.names.values())

    def _point(self, operation: Operation, points: Points, expected: list[str], places: set[str]) -> None:
        stage = asyncio.run(self._prepared(operation, places))
        self._where.unlink(missing_ok=True)
        status, text = in_child(lambda: asyncio.run(self._act(stage, operation, points)))
        assert status != WRONG, text
        assert self._where.exists(), "this call was not made again"
        self.tried += 1
        asyncio.run(self._look(stage, operation, expected, asked_again=status != FINE))

    async def _act(self, stage: RealStage, operation: Operation, points: Points) -> int:
        async with stage.running():
            try:
                with disturbed(points, stage.engine):
                    await operation.act(stage, FIRST)
            except RefusedError:
                if operation.give_up is None:
                    await perform(stage, operation, FIRST)  # the daemon runs on, and its caller asks again at once
                return REFUSED
        return FINE

    async def _look(self, stage: RealStage, operation: Operation, expected: list[str], *, asked_again: bool) -> None:
        """Start again, check that all is whole, and let the caller ask again.

        Raises:
            AssertionError: it is not.
            RefusedError: the caller is refused.
        """
        stage.now += 1
        async with stage.running():
            await start_up(stage)
            check_whole(stage.engine.records, await stage.engine.kernel.links())
            if asked_again:
                if operation.give_up is not None:
                    await operation.give_up(stage, FIRST)
                await perform(stage, operation, operation.last_attempt)
                await compare_with_docker(stage)
                check_whole(stage.engine.records, await stage.engine.kernel.links())
                check_same(expected, await stage.picture(chooses=operation.chooses))

    async def _prepared(self, operation: Operation, places: set[str] = frozenset()) -> RealStage:
        """Return a stage as it is before the operation; namespaces that are there already are used again."""
        for path in self._folder.iterdir():
            path.unlink()
        await empty(self._processes)
        (self._folder / "state.db").write_bytes(self._new_state)
        stage = RealStage(self._folder, self._processes)
        for place in sorted(places):
            await stage.open(place)
        async with stage.running():
            self._new_state = self._new_state or (self._folder / "state.db").read_bytes()
            for act in operation.prepare:
                await act(stage, FIRST)
        return stage


async def empty(processes: dict[str, int]) -> None:
    """Remove every link but the bases, here and in the namespaces of these processes."""
    async with here() as link:
        for kind in ("ipvlan", "vlan", "dummy"):
            # What sits on another comes after it, but goes with it: the last made first.
            made = [one async for one in await link.link("dump", kind=kind) if one.get("ifname") not in BASES]
            for one in sorted(made, key=lambda one: one["index"], reverse=True):
                await link.link("del", index=one["index"])
    for process in processes.values():
        async with inside(f"/proc/{process}/ns/net") as link:
            for one in [one async for one in await link.link("dump")]:
                if one.get("ifname") != "lo":
                    await link.link("del", index=one["index"])


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_child(work: Callable[[], int]) -> tuple[int, str]:
    """Do the work in a child; return its status, negative for the signal that killed it, and what it said."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = WRONG
        try:
            status = work()
        except BaseException as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode()[:4000])
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), text


def main(folder: Path, share: int, word: str) -> int:
    """Try the points of the operations whose names match a word, and report."""
    began = time.monotonic()
    unshare(CLONE_NEWNET)
    ipvlan_message.register()
    folder.mkdir(parents=True, exist_ok=True)
    with IPRoute() as links:
        for name in BASES:
            links.link("add", ifname=name, kind="dummy")
            links.link("set", index=links.link_lookup(ifname=name)[0], state="up")
    trial = Trial(folder, share)
    for name in OPERATIONS:
        if re.search(word, name):
            trial.operation(name)
    seconds = time.monotonic() - began
    print(f"{trial.tried} of {trial.all} points tried in {seconds:.0f} s, {len(trial.faults)} faults")
    return 1 if trial.faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int([*sys.argv, "0"][2]), [*sys.argv, "", ""][3]))
