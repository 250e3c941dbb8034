"""Look at the host with the engine's lock held, and look for what it hides without."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

from ipvl.driver.engine import Engine
from ipvl.planning.hidden_ports import has_hidden_ports
from ipvl.planning.host import Host


@asynccontextmanager
async def locked_host(
    engine: Engine, parents: Callable[[Host], Iterable[str]], *, routing: bool = False
) -> AsyncIterator[Host]:
    """Hold the engine's lock, with the host as it is.

    Looking into every namespace takes as long as there are namespaces. So that is done only where the kernel shows
    that a parent has ports on it that are not to be seen otherwise, and with the lock released: all that the caller
    decides by comes after.

    Args:
        engine: what to work on; its lock is not held.
        parents: returns which links matter, for a host without what it hides; the lock is held.
        routing: whether the host's own addresses and routes matter.

    Raises:
        IpvlError: the host cannot be read.
    """
    async with engine.lock:
        host = await _look(engine, routing=routing)
        if not any(has_hidden_ports(name, engine.records, host) for name in parents(host)):
            yield host
            return
    moved = await engine.kernel.ports_in_other_namespaces()
    async with engine.lock:
        yield replace(await _look(engine, routing=routing), moved=moved)


async def _look(engine: Engine, *, routing: bool) -> Host:
    members = await engine.kernel.all_hosts_members()
    return replace(await engine.host(routing=routing), all_hosts_members=members)
