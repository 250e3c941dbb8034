"""What the daemon answers on its control socket."""

from __future__ import annotations

import msgspec
import pytest

from ipvl import __version__
from ipvl.doors.control.control_requests import control_door
from ipvl.driver.networks.create_remove import name_network
from ipvl.driver.status.collect_status import collect_status
from ipvl.driver.status.host_status import Status
from ipvl.errors import kernel_refused
from ipvl.model.troubles import Trouble
from tests.unit.builders import ID, endpoint, network
from tests.unit.doors.door_calls import Answer, call


def ask(world, path: str) -> Answer:
    return call(control_door(world.engine), path, method="GET")


def test_the_status_is_answered_whole(world):
    """Everything that the driver knows, and what the last repair could not mend."""
    world.create_network(network(parent="eth0.20", name="web"))
    world.create_endpoint(endpoint())
    world.engine.repair.left = (Trouble("parent eth7 does not exist"),)
    expected = world.run(collect_status(world.engine.records, world.kernel, world.engine.troubles))

    answer = ask(world, "/status")

    assert (200, "application/json") == (answer.status, answer.media_type)
    assert expected == msgspec.convert(answer.body, Status)


def test_the_version_is_answered():
    """Which daemon is running."""
    app = control_door(None)

    assert Answer(200, "application/json", {"version": __version__}) == call(app, "/version", method="GET")


@pytest.mark.parametrize("path", ["/status", "/tables/status", "/tables/networks", "/calls/network.list"])
def test_names_on_their_way_are_waited_for(world, path):
    """Whatever shows names has them learned first."""
    world.create_network(network(parent="eth0.20"))

    async def learn() -> None:
        await name_network(world.engine, ID, "web")

    method, body = ("POST", b"{}") if path.startswith("/calls/") else ("GET", b"")
    answer = call(control_door(world.engine, learn), path, body, method=method)

    assert 200 == answer.status
    assert "web" in str(answer.body)


def test_an_error_is_answered(world, monkeypatch):
    """The sentence reaches whoever asked."""

    async def refuse() -> None:
        raise kernel_refused("the host's links change faster than they can be listed", "try again")

    monkeypatch.setattr(world.kernel, "links", refuse)
    expected = {
        "kind": "kernel",
        "what": "the host's links change faster than they can be listed",
        "way_out": "try again",
    }

    assert Answer(500, "application/json", expected) == ask(world, "/status")
