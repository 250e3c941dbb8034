"""Ports that Docker took for a container and did not give back: noted when they are handed over, removed from there."""

from __future__ import annotations

import logging
from contextlib import suppress

from ipvl.driver.engine import Engine
from ipvl.errors import IpvlError
from ipvl.model.endpoints import Endpoint
from ipvl.model.steps import RemoveLeftPort

log = logging.getLogger(__name__)

SET_UP_SECONDS = 30.0
"""Seconds that Docker may take to set up a port that it was given, or to fail at it."""


async def note_port(engine: Engine, endpoint: Endpoint, sandbox: str) -> None:
    """Remember the index of an endpoint's port, which is in the host's namespace, and where it is about to go."""
    with suppress(IpvlError):
        port = await engine.kernel.find_link(endpoint.port)
        if port is not None:
            now, handed_over = engine.clock(), engine.docker.handed_over
            for late in [one for one, (when, _) in handed_over.items() if now - when >= SET_UP_SECONDS]:
                del handed_over[late]
            handed_over[endpoint.id] = now, RemoveLeftPort(sandbox, port.index)


async def remove_left_port(engine: Engine, endpoint: Endpoint) -> None:
    """Remove a port that Docker took and did not give back; one that cannot be removed is logged.

    When it fails to set up an endpoint that joins a container which runs, it forgets the endpoint, but leaves the
    interface in there with its addresses, which the kernel then keeps from everybody else on the parent.
    """
    when, step = engine.docker.handed_over.pop(endpoint.id, (0.0, None))
    if step is not None and engine.clock() - when < SET_UP_SECONDS:
        for _, error in await engine.apply_all((step,)):
            log.warning("a port of endpoint %s may be left in %s: %s", endpoint.label, step.namespace, error)
