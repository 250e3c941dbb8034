"""The end of supervisors, noticed the moment it comes."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ipvl.daemon.supervisor_watch import remove_sandbox_files, watch_supervisors
from ipvl.driver.events.event_types import EventType
from ipvl.embedded import networks, sandboxes
from ipvl.embedded.call_messages import CreateNetwork
from ipvl.embedded.sandbox_messages import SandboxEnded
from ipvl.model.endpoints import Sandbox
from ipvl.sandbox.folders import sandbox_folders
from ipvl.startup.configuration import Configuration
from tests.unit.embedded.members import started


@contextmanager
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits for its end."""
    with subprocess.Popen(["sleep", "60"]) as one:
        try:
            yield one
        finally:
            one.kill()


@pytest.fixture
def web(world):
    """A world with network web."""
    world.run(networks.create(world.engine, CreateNetwork("web", subnets=("192.168.1.0/24",))))
    return world


async def ended(world):
    """Wait until the end of a sandbox is told, and return it."""
    with world.engine.events.reading(0.0) as events:
        async for event in events:
            if event.type is EventType.SANDBOX_ENDED:
                return event
    raise AssertionError


async def start(world, supervisor: int, first: int, name: str = "one") -> None:
    world.kernel.open_sandbox(f"/proc/{first}/ns/net")
    await sandboxes.start(world.engine, started(first, name, "web", supervisor=supervisor))


@pytest.mark.parametrize("watched_first", [True, False])
def test_the_address_of_a_sandbox_is_free_once_its_supervisor_is_killed(web, watched_first):
    """Without any call, whether it started before the daemon or after."""

    async def script(supervisor, first):
        if not watched_first:
            await start(web, supervisor.pid, first.pid)
        watching = asyncio.create_task(watch_supervisors(web.engine))
        await asyncio.sleep(0)
        if watched_first:
            await start(web, supervisor.pid, first.pid)
        supervisor.send_signal(signal.SIGKILL)
        web.kernel.end_sandbox(f"/proc/{first.pid}/ns/net")
        first.send_signal(signal.SIGKILL)
        event = await asyncio.wait_for(ended(web), 30)
        watching.cancel()
        return event

    with process() as supervisor, process() as first:
        event = web.run(script(supervisor, first))

    assert (137, "web") == (event.exit_status, event.network)
    assert [] == list(web.engine.records.endpoints())
    assert ["one"] == web.discarded


def test_a_supervisor_that_told_of_the_end_is_believed(web):
    """Its own end, a moment later, changes nothing; the next sandbox is watched as well."""

    async def script(supervisor, first, second):
        watching = asyncio.create_task(watch_supervisors(web.engine))
        await start(web, supervisor.pid, first.pid)
        web.kernel.end_sandbox(f"/proc/{first.pid}/ns/net")
        await sandboxes.ended(web.engine, SandboxEnded(f"{first.pid:064x}", 3))
        await start(web, supervisor.pid, second.pid, "two")
        web.kernel.end_sandbox(f"/proc/{second.pid}/ns/net")
        second.kill()
        supervisor.kill()
        with web.engine.events.reading(0.0) as events:
            found = []
            async for event in events:
                found += [event] if event.type is EventType.SANDBOX_ENDED else []
                if len(found) == 2:
                    break
        watching.cancel()
        return found

    with process() as supervisor, process() as first, process() as second:
        found = web.run(asyncio.wait_for(script(supervisor, first, second), 30))

    assert [("one", 3), ("two", 137)] == [(event.sandbox, event.exit_status) for event in found]
    assert ["two"] == web.discarded


@pytest.mark.parametrize("removed_at_end", [True, False])
def test_the_files_of_a_sandbox_go_with_it(tmp_path, removed_at_end):
    """Those in its layer stay until it is removed."""
    settings = Configuration(state_folder=tmp_path / "state", control_socket=tmp_path / "run" / "control.sock")
    folders = sandbox_folders(settings, "1")
    for folder in (folders.run, folders.layer):
        folder.mkdir(parents=True)

    remove_sandbox_files(settings, Sandbox("1", "one", "one", (), "", 1, 1, 1, 0.0, "", removed_at_end))

    assert (False, not removed_at_end) == (folders.run.exists(), folders.layer.exists())
