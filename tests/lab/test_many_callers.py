"""Many callers at once, and one for long: what they were granted is there, and nothing is left or grows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lab.docker_host import DockerHost

LOAD = "python3 -S /work/scenario/load.py"
SLOPE = 0.5
"""KiB a cycle that the daemon's memory may grow; an endpoint that is never forgotten costs more."""
LEAST_LEAK = 0.15
"""KiB a cycle that memory may grow by once it is warm: less than two small objects that nobody forgets."""
WARMING = 3072
"""KiB that it may grow once: the thousand events that are kept, and the allocator's arenas."""


def many_at_once(host: DockerHost, seconds: int, seed: int) -> dict[str, int]:
    """Let 64 callers act on both doors at random and return what was called how often."""
    ran = host.guest.run(f"{LOAD} callers --seconds {seconds} --seed {seed}", timeout=seconds + 300)
    assert "Traceback" not in host.log()
    calls: dict[str, int] = json.loads(ran.stdout)
    return calls


def cycles(host: DockerHost, number: int) -> list[dict[str, Any]]:
    """Attach and detach so often; return the figures of five instants, after each fifth of it."""
    process = host.run("cat /run/lab/ipvl.pid").stdout.strip()
    command = f"{LOAD} cycles --cycles {number} --process {process}"
    figures: list[dict[str, Any]] = json.loads(host.guest.run(command, timeout=60 + 2 * number).stdout)
    return figures


def assert_flat(figures: list[dict[str, Any]]) -> None:
    """Files, links and rows are as many after each fifth."""
    for what in ("files", "links", "rows"):
        assert 1 == len({one[what] for one in figures}), f"{what}: {figures}"


def growth(figures: list[dict[str, Any]], since: int) -> int:
    """Return how many KiB the daemon's memory has grown from the end of this fifth to that of the last."""
    grown: int = figures[-1]["memory"] - figures[since - 1]["memory"]
    return grown


@pytest.mark.embedded_only
def test_many_at_once(docker_host: DockerHost) -> None:
    """For half a minute; the fixture sees that nothing is left, the callers that everything granted was there."""
    calls = many_at_once(docker_host, 20, seed=1)

    assert {"CreateNetwork done", "Join done", "DeleteEndpoint done", "attach done", "detach done"} <= set(calls)
    assert [] == docker_host.status()["warnings"]


@pytest.mark.embedded_only
def test_nothing_grows(docker_host: DockerHost) -> None:
    """A hundred and fifty times attached and detached."""
    figures = cycles(docker_host, 150)

    assert_flat(figures)
    assert growth(figures, since=1) <= SLOPE * 120 + WARMING, figures


@pytest.mark.soak
@pytest.mark.embedded_only
def test_many_at_once_for_ten_minutes(docker_host: DockerHost) -> None:
    """Sixty-four callers."""
    calls = many_at_once(docker_host, 600, seed=2)

    assert sum(calls.values()) > 1000


@pytest.mark.soak
@pytest.mark.embedded_only
def test_nothing_grows_in_five_thousand_cycles(docker_host: DockerHost) -> None:
    """Half of them by either door."""
    figures = cycles(docker_host, 5000)

    assert_flat(figures)
    assert growth(figures, since=2) <= LEAST_LEAK * 3000, figures
