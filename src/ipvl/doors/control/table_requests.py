"""GET /tables/NAME: what there is as text, for commands that would rather not start a JSON parser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ipvl.clock.host_clocks import wall_clock
from ipvl.doors.text_tables import networks_text, sandboxes_text, status_text
from ipvl.driver.engine import Engine
from ipvl.driver.status.collect_status import collect_status
from ipvl.embedded import networks, sandboxes
from ipvl.embedded.call_messages import AnyNetwork, AnySandbox


def table_writers(
    engine: Engine, learn_names: Callable[[], Awaitable[None]]
) -> dict[str, Callable[[], Awaitable[str]]]:
    """Return what writes each table, by its name; names that are on their way are learned first."""

    async def networks_table() -> str:
        await learn_names()
        return networks_text(await networks.listed(engine, AnyNetwork()))

    async def sandboxes_table() -> str:
        return sandboxes_text(await sandboxes.listed(engine, AnySandbox()), wall_clock())

    async def status_tables() -> str:
        await learn_names()
        return status_text(await collect_status(engine.records, engine.kernel, engine.troubles, date=engine.date))

    return {"networks": networks_table, "sandboxes": sandboxes_table, "status": status_tables}
