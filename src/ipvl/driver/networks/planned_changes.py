"""Look at the host and plan with the engine's lock held; look for what the host hides without it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Protocol, TypeVar

from ipvl.driver.engine import Engine
from ipvl.planning.host import Host


class Plan(Protocol):
    """What is to be done."""

    @property
    def guesses(self) -> bool:
        """Whether it matters what is on a link in other namespaces, something is, and nobody looked."""


_Plan = TypeVar("_Plan", bound=Plan)


@asynccontextmanager
async def planned(engine: Engine, plan: Callable[[Host], _Plan], *, routing: bool = False) -> AsyncIterator[_Plan]:
    """Hold the engine's lock, with a plan made of the host as it is.

    Looking into every namespace takes as long as there are namespaces. So that is done only where the kernel shows
    that a link which the plan is about has ports on it that are not to be seen otherwise, and with the lock released;
    then it is planned anew.

    Args:
        engine: what to work on; its lock is not held.
        plan: makes the plan; the lock is held.
        routing: whether it needs the host's own addresses and routes.

    Raises:
        IpvlError: the host cannot be read, or `plan` refused.
    """
    async with engine.lock:
        found = plan(await _look(engine, routing=routing))
        if not found.guesses:
            yield found
            return
    moved = await engine.kernel.ports_in_other_namespaces()
    async with engine.lock:
        yield plan(replace(await _look(engine, routing=routing), moved=moved))


async def _look(engine: Engine, *, routing: bool) -> Host:
    members = await engine.kernel.all_hosts_members()
    return replace(await engine.host(routing=routing), all_hosts_members=members)
