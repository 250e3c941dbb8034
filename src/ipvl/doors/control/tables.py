"""GET /tables/NAME: what there is as text, for commands that would rather not start a JSON parser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ipvl.clocks import wall_clock
from ipvl.doors.tables import networks_text, sandboxes_text, status_text
from ipvl.driver.engine import Engine
from ipvl.driver.status import status
from ipvl.embedded import networks, sandboxes
from ipvl.embedded.messages import AnyNetwork, AnySandbox


def table_routes(engine: Engine, learn_names: Callable[[], Awaitable[None]]) -> list[Route]:
    """Return the routes of every table; names that are on their way are learned first."""

    async def networks_table() -> str:
        await learn_names()
        return networks_text(await networks.listed(engine, AnyNetwork()))

    async def sandboxes_table() -> str:
        return sandboxes_text(await sandboxes.listed(engine, AnySandbox()), wall_clock())

    async def status_tables() -> str:
        await learn_names()
        return status_text(await status(engine.records, engine.kernel, engine.all_warnings(), date=engine.date))

    return [
        Route("/tables/networks", _serve(networks_table)),
        Route("/tables/sandboxes", _serve(sandboxes_table)),
        Route("/tables/status", _serve(status_tables)),
    ]


def _serve(text: Callable[[], Awaitable[str]]) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        return PlainTextResponse(f"{await text()}\n")

    return serve
