"""What the daemon may do: one list, which the unit and SECURITY.md repeat."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from ipvl.daemon.privileges import FOR_DOCKER, FOR_SANDBOXES, NEEDED
from ipvl.sandbox.capabilities import CAPABILITY_NAMES

ROOT = Path(__file__).parents[3]
UNIT = ROOT / "packaging" / "systemd" / "ipvl.service"
DROP_IN = UNIT.with_name("embedded.conf")
WORST_SCORE = 4.0


def named(numbers: Iterable[int]) -> set[str]:
    return {f"CAP_{CAPABILITY_NAMES[number]}" for number in numbers}


@pytest.mark.parametrize(("unit", "needed"), [(UNIT, FOR_DOCKER), (DROP_IN, FOR_SANDBOXES)])
def test_the_units_leave_what_is_needed(unit, needed):
    """No capability more, none less; what the drop-in names is added to the rest."""
    (line,) = re.findall(r"^CapabilityBoundingSet=(.*)$", unit.read_text(), re.MULTILINE)

    assert named(needed) == set(line.split())


def test_the_threat_model_says_what_each_is_for():
    """In the words of the list."""
    text = " ".join((ROOT / "SECURITY.md").read_text().split())

    for number, reason in NEEDED.items():
        assert f"`CAP_{CAPABILITY_NAMES[number]}` | {reason} |" in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here; the lab's is asked")
@pytest.mark.parametrize("text", [UNIT.read_text(), UNIT.read_text() + DROP_IN.read_text()], ids=["Docker", "embedded"])
def test_systemd_thinks_well_of_the_unit(tmp_path, text):
    """`systemd-analyze security` scores from 0, safe, to 10; a drop-in counts as if it stood at the unit's end."""
    unit = tmp_path / UNIT.name
    unit.write_text(text)
    asked = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    if "exposure level" not in asked.stdout:
        pytest.skip(f"this systemd scores no files: {asked.stderr.strip()}")

    (score,) = re.findall(r"exposure level for ipvl\.service: ([0-9.]+)", asked.stdout)
    assert float(score) < WORST_SCORE
    assert score in (ROOT / "SECURITY.md").read_text()
