"""What the daemon may do: one list, which the unit and SECURITY.md repeat."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ipvl.daemon.privileges import NEEDED
from ipvl.sandbox.capabilities import NAMES

ROOT = Path(__file__).parents[3]
UNIT = ROOT / "packaging" / "systemd" / "ipvl.service"
WORST_SCORE = 4.0


def test_the_unit_leaves_what_is_needed():
    """No capability more, none less."""
    (line,) = re.findall(r"^CapabilityBoundingSet=(.*)$", UNIT.read_text(), re.MULTILINE)

    assert {f"CAP_{NAMES[number]}" for number in NEEDED} == set(line.split())


def test_the_threat_model_says_what_each_is_for():
    """In the words of the list."""
    text = " ".join((ROOT / "SECURITY.md").read_text().split())

    for number, reason in NEEDED.items():
        assert f"`CAP_{NAMES[number]}` | {reason} |" in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here; the lab's is asked")
def test_systemd_thinks_well_of_the_unit():
    """`systemd-analyze security` scores from 0, safe, to 10."""
    asked = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", UNIT],
        capture_output=True,
        text=True,
        check=False,
    )
    if "exposure level" not in asked.stdout:
        pytest.skip(f"this systemd scores no files: {asked.stderr.strip()}")

    (score,) = re.findall(r"exposure level for ipvl\.service: ([0-9.]+)", asked.stdout)
    assert float(score) < WORST_SCORE
