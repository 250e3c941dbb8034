"""The promises of the netlink room, kept by a kernel that has ipvlan: the contract tests once more, in the guest."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from tests.lab.docker_host import DockerHost

TESTS = Path(__file__).parent.parent
PACKAGES = ("pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments")
"""What the contract tests import beside ipvl: Python without compiled parts, so it runs wherever it is copied."""


@pytest.mark.newest
def test_contract(docker_host: DockerHost, tmp_path: Path) -> None:
    """Every promise that the fake kernel keeps is kept by the real one, for all three kinds of links."""
    without_compiled = shutil.ignore_patterns("__pycache__", "lab")
    shutil.copytree(TESTS, tmp_path / "contract/tests", ignore=without_compiled)
    for name in PACKAGES:
        specification = importlib.util.find_spec(name)
        assert specification is not None, name
        assert specification.origin is not None, name
        origin = Path(specification.origin)
        if origin.name == "__init__.py":
            shutil.copytree(origin.parent, tmp_path / "contract" / name, ignore=without_compiled)
        else:
            shutil.copy(origin, tmp_path / "contract")
    docker_host.guest.push(tmp_path / "contract", "/work/contract")

    result = docker_host.run(
        "env -C /work/contract PYTHONPATH=/work/contract:/work/ipvl/lib:/opt/ipvl/deps"
        " python3 -m pytest -q -rs -p no:cacheprovider tests/contract --ignore=tests/contract/test_store.py",
        check=False,
        timeout=300,
    )

    assert result.status == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
    skipped = [line for line in result.stdout.splitlines() if line.startswith("SKIPPED")]
    assert [] == [line for line in skipped if "which this test needs to be missing" not in line]
