"""Wait for what Docker knows and no handler can ask for: names, for a refusal, and addresses that others asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from ipvl.driver.engine import Engine
from ipvl.model.addresses import IPAddress

NAME_WAIT_SECONDS = 1.0
"""Seconds. Docker's events bring a name half a second after a container joined. A handler cannot ask for it, as Docker
may hold the locks that its answer needs, but it can let whoever follows the events finish."""
LIST_WAIT_SECONDS = 1.0
"""Seconds that Docker has to say what its stopped containers ask for, which takes it some milliseconds."""


async def await_names(engine: Engine, parent: str | None, addresses: Iterable[IPAddress], but: str = "") -> None:
    """Wait until everybody who has one of the addresses has a name, and the network too, or until that takes too long.

    Args:
        engine: what to work on; its lock is free. Nobody is waited for where Docker's events are not followed.
        parent: where the addresses are used; None for every parent.
        addresses: the addresses.
        but: the id of an endpoint that may have them without a name.
    """
    wanted = tuple(addresses)
    with suppress(TimeoutError):
        async with asyncio.timeout(NAME_WAIT_SECONDS):
            while engine.docker.followed and any(_is_unnamed(engine, parent, address, but) for address in wanted):
                engine.docker.named.clear()
                await engine.docker.named.wait()


async def await_static_addresses(engine: Engine) -> None:
    """Wait until Docker was asked what its stopped containers ask for, or that takes too long; the lock is free.

    Before an address is chosen: `docker network connect --ip` of a container that does not run, with which compose puts
    one on its second network, is no event of Docker's.
    """
    if not engine.docker.followed:
        return
    learnt = asyncio.get_running_loop().create_future()
    engine.docker.awaiting_list.append(learnt)
    engine.docker.list_due.set()
    with suppress(TimeoutError):
        async with asyncio.timeout(LIST_WAIT_SECONDS):
            await learnt


def _is_unnamed(engine: Engine, parent: str | None, address: IPAddress, but: str) -> bool:
    parents = [parent] if parent is not None else [one.name for one in engine.records.parents()]
    for name in parents:
        endpoint = engine.records.holder_of(name, address)
        if endpoint is not None and endpoint.id != but:
            network = engine.network(endpoint.network_id)
            if network.is_dockers and None in {endpoint.name, network.name}:
                return True
    return False
