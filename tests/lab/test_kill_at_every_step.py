"""Every operation of both doors on the real kernel, killed or refused at its netlink requests and statements."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.operations import OPERATIONS
from tests.faults.points import POINTS
from tests.lab.docker_host import DockerHost

FAULTS = Path(__file__).parents[1] / "faults"
PROGRAM = (
    "env -C /work/faults PYTHONPATH=/work/faults:/work/ipvl/lib:/opt/ipvl/deps python3 -m tests.faults.real_kernel"
)
SAMPLED = (
    "new VLAN|with a port$|: join$|: leave$|this address|embedded: attach$|default route|: run$|sandbox ends|prune"
    "|join a network with host access|made anew"
)
"""The operations of which `make test` tries a point here; in memory it tries all of all (tests/unit)."""
EACH = 1


def trial(host: DockerHost, folder: Path, words: str, timeout: float) -> re.Match[str]:
    """Run the trial in the guest and return what it counted."""
    shutil.copytree(FAULTS, folder / "pushed/tests/faults", ignore=shutil.ignore_patterns("__pycache__"))
    host.guest.push(folder / "pushed", "/work/faults")

    result = host.run(f"{PROGRAM} /run/faults {words} 2>/run/faults.log", check=False, timeout=timeout)

    print(result.stdout)
    counted = re.search(r"^(\d+) of (\d+) points tried in \d+ s, 0 faults$", result.stdout, re.MULTILINE)
    assert counted is not None, result.stdout + host.run("tail -n 20 /run/faults.log").stdout
    assert 0 == result.status
    return counted


@pytest.mark.embedded_only
def test_a_sample_of_kills_and_refusals(docker_host: DockerHost, tmp_path: Path) -> None:
    """A few points: no orphan link, no lost or double address, and asking again does what was asked."""
    counted = trial(docker_host, tmp_path, f"{EACH} '{SAMPLED}'", timeout=300)

    assert 15 == int(counted[1])


@pytest.mark.soak
@pytest.mark.embedded_only
@pytest.mark.parametrize("operation", OPERATIONS)
def test_kills_and_refusals_everywhere(
    docker_host: DockerHost, tmp_path: Path, operation: str, record_property: Callable[[str, object], None]
) -> None:
    """All points of all operations."""
    counted = trial(docker_host, tmp_path, f"0 {shlex.quote(f'^{re.escape(operation)}$')}", timeout=3600)

    record_property(POINTS, int(counted[1]))
    assert 0 < int(counted[1]) == int(counted[2])
