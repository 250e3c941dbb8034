"""Whatever comes through the sockets: a typed answer, nothing changed, nothing crashed, only words in the log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from ipvl.driver.endpoints import create_join_leave
from ipvl.driver.networks import create_remove
from ipvl.errors import Kind
from tests.unit.builders import ENDPOINT_ID, ID, SANDBOX, endpoint, network
from tests.unit.hostile_requests import PROCESS, Hostile, hostile_requests
from tests.unit.invariants import check_invariants
from tests.unit.served_doors import CONTROL, DOCKER, Answer, Doors

LONGEST_SENTENCE = 1000


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    doors = Doors(tmp_path_factory.mktemp("doors"))
    furnish(doors)
    yield doors
    doors.close()


def furnish(doors: Doors) -> None:
    """Have something that can be hit."""
    doors.world.stop()
    doors.renew()
    world = doors.world
    world.kernel.open_sandbox(SANDBOX)
    world.kernel.open_sandbox(f"/proc/{PROCESS}/ns/net")
    engine = world.engine

    async def make() -> None:
        await create_remove.create_network(engine, network(ID, name="web"))
        await create_join_leave.create_endpoint(engine, endpoint(ENDPOINT_ID, name="shop"))

    doors.run(make())
    doors.furnished = world.picture()


def check(doors: Doors, hostile: Hostile) -> None:
    """Send it, and hold the answer to the promise."""
    answer = doors.run(doors.send(hostile.door, hostile.request, whole=hostile.whole))
    found, doors.complaints.found = doors.complaints.found, []
    assert found == []
    changed = doors.world.picture() != doors.furnished
    if answer.status == 200 and "Err" not in (answer.body or {}):
        check_invariants(doors.world)
    else:
        assert not changed, "refused, and yet something changed"
        assert answer.status != 0 or not hostile.whole, "no answer"
        assert answer.status != 500
        if answer.status != 0:
            check_refusal(hostile.door, answer)
    if changed:
        furnish(doors)


def check_refusal(door: str, answer: Answer) -> None:
    """A sentence on one line, of a kind."""
    sentence = answer.body["Err"] if door == DOCKER else answer.body["what"]
    assert sentence
    assert sentence.isprintable()
    assert len(sentence) <= LONGEST_SENTENCE
    if door == DOCKER:
        assert answer.body["Error"] == sentence
    else:
        Kind(answer.body["kind"])


def still_serves(doors: Doors) -> None:
    assert 200 == doors.run(doors.ask(DOCKER, "POST", "/Plugin.Activate")).status
    assert 200 == doors.run(doors.ask(CONTROL, "GET", "/status")).status


QUIET = (
    HealthCheck.function_scoped_fixture,
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
)


@settings(max_examples=1_000, suppress_health_check=QUIET)
@given(hostile=hostile_requests())
def test_a_thousand_hostile_requests(doors, hostile):
    """Both doors, every method: sizes, types, nesting, framing, names."""
    check(doors, hostile)


@pytest.mark.soak
@settings(max_examples=100_000, suppress_health_check=QUIET, derandomize=False)
@given(hostile=hostile_requests())
def test_a_hundred_thousand_hostile_requests(doors, hostile):
    """The same, others each time."""
    check(doors, hostile)


def test_the_doors_still_serve(doors):
    """After all that."""
    still_serves(doors)
