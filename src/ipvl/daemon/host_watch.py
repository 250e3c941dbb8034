"""Hear what the kernel announces of links, addresses and exposure, and compare the host with the records then."""

from __future__ import annotations

import asyncio
import logging

from ipvl.driver.engine import Engine
from ipvl.embedded.reconcile_members import reconcile_all
from ipvl.errors import IpvlError
from ipvl.kernel.netlink.change_notifications import LinkState, address_changes, exposure_changes, link_changes

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.2
"""Time for link changes to come to rest before the host is looked at: one `ip link del` is several announcements."""
RETRY_SECONDS = 5.0
"""How long until the host is compared once more when it could not be."""


async def reconcile_on_changes(engine: Engine) -> None:
    """Compare host and records whenever the kernel announces a change that concerns them; runs until cancelled."""
    changed = asyncio.Event()

    async def listen_for_addresses() -> None:
        async for address in address_changes():
            if address is None or engine.concerns_address(address):
                changed.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_listen_for_links(engine, changed))
        tasks.create_task(listen_for_addresses())
        tasks.create_task(_listen_for_exposure(engine, changed))
        while True:
            await changed.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            changed.clear()
            try:
                await reconcile_all(engine)
            except IpvlError as error:
                log.warning("the host could not be compared with the records: %s", error)
                asyncio.get_running_loop().call_later(RETRY_SECONDS, changed.set)


async def _listen_for_exposure(engine: Engine, changed: asyncio.Event) -> None:
    async for name in exposure_changes():
        if name is None or engine.keeps_host_off(name):
            changed.set()


async def _listen_for_links(engine: Engine, changed: asyncio.Event) -> None:
    seen: dict[int, LinkState] = {}
    async for state in link_changes():
        if state is None:
            changed.set()
            continue
        # Each port that comes or goes makes its parent announce itself, unchanged; a rename keeps the index.
        before = seen.get(state.index)
        if before != state and (before is not None or any(map(engine.concerns, (state.name, *state.altnames)))):
            if before is not None and before.mtu != state.mtu:
                # It may be back by the time that the host is looked at, and all ports have lost theirs.
                engine.repair.parent_mtus.pop(state.name, None)
            seen[state.index] = state
            changed.set()
