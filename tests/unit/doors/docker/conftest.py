"""Docker's door on a fake host."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ipvl.doors.docker.plugin_requests import docker_door
from tests.unit.doors.door_calls import DOCKERS_MEDIA_TYPE, Answer, call


@pytest.fixture
def ask(world) -> Callable[..., Answer]:
    """Call it with a method and a body to ask as Docker does; None is an empty body."""

    def ask_once(method: str, body: Any = None) -> Answer:
        app = docker_door(world.engine)
        answer = call(app, f"/{method}", b"" if body is None else json.dumps(body).encode())
        assert answer.media_type == DOCKERS_MEDIA_TYPE
        return answer

    return ask_once


@pytest.fixture
def refused(world, ask) -> Callable[[str, Any], str]:
    """Call it with what must be refused: Docker reads the sentence whichever key it looks for, and nothing changed."""

    def ask_in_vain(method: str, body: Any) -> str:
        before = world.picture()
        answer = ask(method, body)
        assert answer.status == 200
        assert set(answer.body) == {"Err", "Error"}
        assert answer.body["Err"] == answer.body["Error"]
        assert before == world.picture()
        return answer.body["Err"]

    return ask_in_vain
