"""Notice the end of sandboxes whose supervisor cannot tell it any more: it was killed."""

from __future__ import annotations

import asyncio
import logging
import os

from ipvl.driver.engine import Engine
from ipvl.driver.events.event_types import EventType
from ipvl.embedded.sandboxes import supervisor_gone
from ipvl.errors import IpvlError
from ipvl.model.endpoints import Sandbox
from ipvl.sandbox.folders import sandbox_folders
from ipvl.startup.configuration import Configuration

log = logging.getLogger(__name__)

RETRY_SECONDS = 10.0
"""How long until what could not be watched is tried again: too many files were open, or the disk was full."""
EVENTS_OF_STARTS = frozenset({EventType.SANDBOX_STARTED, EventType.EVENTS_LOST})


def remove_sandbox_files(configuration: Configuration, sandbox: Sandbox) -> None:
    """Remove what a sandbox's supervisor would have removed at its end."""
    sandbox_folders(configuration, sandbox.id).remove(layer=sandbox.removed_at_end)


async def watch_supervisors(engine: Engine) -> None:
    """Free what a sandbox has the moment its supervisor is killed; runs until it is cancelled."""
    watched: dict[str, asyncio.Task[None]] = {}
    async with asyncio.TaskGroup() as tasks:
        with engine.events.reading() as events:
            while True:
                for sandbox in engine.records.sandboxes():
                    if sandbox.ended is None and sandbox.id not in watched:
                        watched[sandbox.id] = tasks.create_task(_watch(engine, sandbox), name=sandbox.id)
                        watched[sandbox.id].add_done_callback(lambda task: watched.pop(task.get_name(), None))
                async for event in events:
                    if event.type in EVENTS_OF_STARTS:
                        break
                else:
                    return


async def _watch(engine: Engine, sandbox: Sandbox) -> None:
    while True:
        try:
            await _await_end_of(sandbox.supervisor)
            if engine.records.sandbox(sandbox.id) == sandbox:
                # The kernel ends it with its supervisor, a moment later.
                await _await_end_of(sandbox.process)
                await supervisor_gone(engine, sandbox.id)
        except (IpvlError, OSError) as error:
            log.warning("the end of sandbox %s cannot be noticed: %s", sandbox.name, error)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


async def _await_end_of(process: int) -> None:
    """Wait until a process has ended; one that is not there has."""
    try:
        file = os.pidfd_open(process)
    except ProcessLookupError:
        return
    try:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(file, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(file)
    finally:
        os.close(file)
