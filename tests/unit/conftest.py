"""What every unit test has at hand."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.unit.world import World

# Timing never decides a test, and a failure found once is found again.
settings.register_profile("ipvl", max_examples=50, deadline=None, derandomize=True, database=None)
settings.load_profile("ipvl")


@pytest.fixture
def world(tmp_path):
    """A host with eth0 and eth1, and ipvl on it."""
    world = World(tmp_path)
    yield world
    world.stop()
