"""docs/reliability.md against the tests that exist and the operations they disturb."""

from __future__ import annotations

import re

import pytest

from tests.faults.operations import OPERATIONS
from tests.faults.points import Fault
from tests.unit.test_kill_at_every_step import scene
from tests.unit.test_specification import ROOT, functions

TEXT = (ROOT / "docs" / "reliability.md").read_text()
ROW = re.compile(r"^\| (?P<fault>[^|]+) \|[^|]+\|[^|]+\|[^|]+\| (?P<tests>`test_[^|]+) \|$")
TEST = re.compile(r"`(?P<name>test_\w+)`(?P<unit> \(unit\))?")


def rows() -> list[re.Match[str]]:
    """Return the rows of the table of faults."""
    table = TEXT.partition("## The table")[2].partition("## Faults found")[0]
    written = [line for line in table.splitlines() if line.startswith("| ")][1:]
    found = [match for line in written if (match := ROW.match(line))]
    assert len(written) - 1 == len(found), "a row is written in a way that this test would pass over"
    return found


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["fault"][:60])
def test_each_fault_names_tests_that_exist(row: re.Match[str]) -> None:
    """What is said of a fault is proven by tests that run where it says."""
    in_lab, elsewhere = functions("lab"), functions("unit") | functions("contract")
    named = list(TEST.finditer(row["tests"]))

    assert named
    assert row["tests"] == ", ".join(one[0] for one in named)
    for one in named:
        assert one["name"] in (elsewhere if one["unit"] else in_lab)


def test_operations_and_calls_are_counted(tmp_path) -> None:
    """The document says how many operations there are and how many calls to store and kernel they make."""
    calls = 0
    for number, operation in enumerate(OPERATIONS.values()):
        stage = scene(tmp_path / str(number), operation)
        points = stage.disturb(0, Fault.REFUSED)
        stage.run(operation.act)
        stage.world.stop()
        calls += len(points.passed)

    assert f"| {len(OPERATIONS)} | 854 disturbances of {calls} calls |" in TEXT


def test_released_schemas_are_named() -> None:
    """The versions that are brought up to date are those whose dumps there are."""
    dumps = sorted((ROOT / "tests/unit/store/testfiles").glob("schema-*.sql"))

    assert f"(schemas 1 to {len(dumps)})" in TEXT
