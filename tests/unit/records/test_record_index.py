"""Names by a key that several share: who is in which group, and in which order."""

from __future__ import annotations

import pytest

from ipvl.records.record_index import RecordIndex


@pytest.fixture
def colours():
    """RecordIndex of things that are their own keys."""
    groups = RecordIndex(lambda colour: colour or None)
    groups.change("apple", None, "red")
    groups.change("leaf", None, "green")
    groups.change("brick", None, "red")
    return groups


def test_who_comes_first_is_first(colours):
    """And what has changed without a change of its key keeps its place."""
    colours.change("apple", "red", "red")

    assert ["apple", "brick"] == list(colours.names("red"))
    assert ["leaf"] == list(colours.names("green"))


def test_who_gets_another_key_comes_last_there(colours):
    """And is out of the group where it was."""
    colours.change("leaf", "green", "red")

    assert ["apple", "brick", "leaf"] == list(colours.names("red"))
    assert [] == list(colours.names("green"))
    assert "green" not in colours


def test_what_has_no_key_is_nowhere(colours):
    """Until it has one."""
    colours.change("glass", None, "")
    assert "" not in colours

    colours.change("glass", "", "green")
    assert ["leaf", "glass"] == list(colours.names("green"))

    colours.change("glass", "green", "")
    colours.change("leaf", "green", None)
    assert "green" not in colours
