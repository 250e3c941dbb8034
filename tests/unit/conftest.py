"""What every unit test has at hand."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.faults.points import POINTS
from tests.unit.world import World

# Timing never decides a test, and a failure found once is found again.
settings.register_profile("ipvl", max_examples=50, deadline=None, derandomize=True, database=None)
settings.load_profile("ipvl")


def pytest_terminal_summary(terminalreporter):
    """Say how many calls were disturbed."""
    counts = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == POINTS and report.when == "call"
    ]
    if counts:
        terminalreporter.write_line(f"{sum(counts)} {POINTS} in {len(counts)} tests")


@pytest.fixture
def world(tmp_path):
    """A host with eth0 and eth1, and ipvl on it."""
    world = World(tmp_path)
    yield world
    world.stop()
