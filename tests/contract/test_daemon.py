"""The daemon from its first instruction to its last, on this machine's kernel and in a namespace of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

from pyroute2 import AsyncIPRoute

from ipvl.daemon import host_watch, lifecycle
from ipvl.daemon.privileges import NEEDED
from ipvl.driver.engine import Engine
from ipvl.http.messages import Door
from ipvl.http.server import Server
from ipvl.records.changes import Put
from ipvl.startup.configuration import Configuration
from ipvl.store.state_file import open_store
from tests.contract.own_namespace import in_own_namespace
from tests.unit.builders import network, parent


class Daemon:
    """A daemon in this process, what it has told systemd, and each repair it has finished."""

    def __init__(self, folder: Path) -> None:
        self.settings = Configuration(
            state_folder=folder / "state",
            docker_socket=folder / "run" / "ipvl.sock",
            control_socket=folder / "run" / "control.sock",
            engine_socket=folder / "docker.sock",
        )
        self.repairs: asyncio.Queue[None] = asyncio.Queue()
        self.servers: list[Server] = []
        self._notify = folder / "notify"

    def remember(self, *records: object) -> None:
        self.settings.state_folder.mkdir()
        with closing(open_store(self.settings.state_file)) as store:
            store.commit([Put(one) for one in records])

    def run(self, script: Callable[[Daemon], Awaitable[None]]) -> None:
        """Serve, run the script once systemd was told READY=1, and stop with SIGTERM."""
        reconcile_all = lifecycle.reconcile_all

        async def report(engine: Engine, *, ports: bool = True) -> None:
            self.engine = engine
            await reconcile_all(engine, ports=ports)
            self.repairs.put_nowait(None)

        async def work() -> None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as systemd:
                systemd.bind(str(self._notify))
                loop = asyncio.get_running_loop()
                async with asyncio.timeout(30):
                    serving = asyncio.create_task(lifecycle.serve(self.settings, {"NOTIFY_SOCKET": str(self._notify)}))
                    ready = asyncio.create_task(loop.sock_recv(systemd, 100))
                    await asyncio.wait([serving, ready], return_when=asyncio.FIRST_COMPLETED)
                    if serving.done():
                        ready.cancel()
                        serving.result()
                    assert b"READY=1" == ready.result()
                    await script(self)
                    os.kill(os.getpid(), signal.SIGTERM)
                    assert b"STOPPING=1" == await loop.sock_recv(systemd, 100)
                    await serving

        def keep(door: Door) -> Server:
            self.servers.append(Server(door))
            return self.servers[-1]

        # In the child, which ends afterwards: nothing needs to be put back.
        lifecycle.Server = keep
        lifecycle.reconcile_all = host_watch.reconcile_all = report
        host_watch.SETTLE_SECONDS = 0.0
        asyncio.run(work())

    async def ask(self, path: Path, method: str, target: str) -> dict:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(f"{method} {target} HTTP/1.1\r\nHost: plugin\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        assert head.startswith(b"HTTP/1.1 200 "), head
        return json.loads(body)

    async def status(self) -> dict:
        return await self.ask(self.settings.control_socket, "GET", "/status")


def daemon(folder: Path, script: Callable[[Daemon], Awaitable[None]], *records: object) -> Daemon:
    """Run a script against a daemon that remembers these records."""
    one = Daemon(folder)
    if records:
        one.remember(*records)
    in_own_namespace(lambda: one.run(script))
    return one


def test_the_daemon_serves_docker_and_the_command(tmp_path):
    """Both sockets answer, for root alone; all of it is gone after SIGTERM, but the state."""

    async def script(one: Daemon) -> None:
        answer = await one.ask(one.settings.docker_socket, "POST", "/Plugin.Activate")
        assert {"Implements": ["NetworkDriver", "IpamDriver"]} == answer
        tables = ("networks", "parents", "endpoints", "pools", "warnings", "quarantines", "kept")
        assert {table: [] for table in tables} == await one.status()
        for path in (one.settings.docker_socket, one.settings.control_socket):
            assert 0o600 == os.stat(path).st_mode & 0o777  # noqa: PTH116 - a look, not work

    one = daemon(tmp_path, script)

    assert [] == list(one.settings.docker_socket.parent.iterdir())
    assert one.settings.state_file.exists()


def test_docker_gets_a_connection_a_call(tmp_path):
    """A kept one could close just when Docker sends its next call, which Docker repeats with an empty body."""

    async def script(one: Daemon) -> None:
        reader, writer = await asyncio.open_unix_connection(one.settings.docker_socket)
        writer.write(b"POST /Plugin.Activate HTTP/1.1\r\nHost: plugin\r\nContent-Length: 0\r\n\r\n" * 2)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        assert b"connection: close" in head.lower().splitlines()
        assert {"Implements": ["NetworkDriver", "IpamDriver"]} == json.loads(body), "one answer only"

    daemon(tmp_path, script)


def test_a_daemon_that_stopped_can_start_again(tmp_path):
    """Lock, sockets and state are free."""

    async def nothing(one: Daemon) -> None:
        pass

    one = daemon(tmp_path, nothing)

    one._notify.unlink()
    in_own_namespace(lambda: one.run(nothing))


def test_a_second_daemon_is_refused(tmp_path):
    """The command ends with a sentence and the status of a conflict, and the first daemon goes on."""

    async def script(one: Daemon) -> None:
        flags = [
            word
            for name in ("state_folder", "docker_socket", "control_socket", "engine_socket")
            for word in (f"--{name.replace('_', '-')}", str(getattr(one.settings, name)))
        ]
        second = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ipvl", "serve", *flags, stderr=asyncio.subprocess.PIPE
        )
        _, printed = await second.communicate()
        expected = (
            f"ipvl: another ipvl (process {os.getpid()}) uses state folder {one.settings.state_folder}; "
            "stop that one, or give this one a folder and sockets of its own\n"
        )
        assert (3, expected) == (second.returncode, printed.decode())
        await one.status()

    daemon(tmp_path, script)


def test_a_parent_that_comes_is_noticed(tmp_path):
    """The kernel's announcement starts a repair: a warning is taken back without a call or a timer."""

    async def script(one: Daemon) -> None:
        await one.repairs.get()
        await one.repairs.get()
        expected = (
            "network web cannot be joined: parent br7 does not exist on this host; "
            "make it first, or name it NAME.VID (such as eth0.20) to have it made"
        )
        assert [expected] == (await one.status())["warnings"]
        async with AsyncIPRoute() as socket_:
            await socket_.link("add", ifname="br7", kind="bridge")
        await one.repairs.get()
        expected = "parent br7 is down, so its containers reach nobody: bring it up with `ip link set br7 up`"
        assert [expected] == (await one.status())["warnings"]

    daemon(tmp_path, script, parent("br7"), network(parent="br7", name="web"))


def test_a_parent_that_goes_is_noticed(tmp_path):
    """And so is one that leaves."""

    async def script(one: Daemon) -> None:
        await one.repairs.get()
        await one.repairs.get()
        async with AsyncIPRoute() as socket_:
            await socket_.link("add", ifname="br7", kind="bridge")
            await one.repairs.get()
            await socket_.link("set", ifname="br7", state="up")
            await one.repairs.get()
            await socket_.link("del", ifname="br7")
        while not any("does not exist" in warning for warning in (await one.status())["warnings"]):
            await one.repairs.get()

    daemon(tmp_path, script, parent("br7"), network(parent="br7", name="web"))


def test_the_daemon_keeps_only_what_it_needs(tmp_path):
    """Before it answers anybody, and for good; it still makes links."""

    async def script(one: Daemon) -> None:
        text = Path("/proc/self/status").read_text()  # noqa: ASYNC240 - a look, not work
        fields = dict(line.split(":\t") for line in text.splitlines())
        needed = f"{sum(1 << number for number in NEEDED):016x}"
        assert [needed] * 3 == [fields[name] for name in ("CapEff", "CapPrm", "CapBnd")]
        assert ["0" * 16] * 2 == [fields[name] for name in ("CapInh", "CapAmb")]
        assert "1" == fields["NoNewPrivs"]

    daemon(tmp_path, script)
