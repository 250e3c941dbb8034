"""The promises of the kernel room, kept by a kernel that has ipvlan: the contract tests once more, in the guest."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from tests.lab.docker_host import DockerHost

TESTS = Path(__file__).parent.parent
PACKAGES = ("pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments")
"""What the contract tests import beside ipvl: Python without compiled parts, so it runs wherever it is copied."""


LINKS = (
    "test_kernel.py",
    "test_kernel_host_ports.py",
    "test_kernel_making.py",
    "test_kernel_sandboxes.py",
    "test_probes.py",
)
"""Those that are about links, which is where kernels may differ."""

ON_EVERY_KERNEL = (
    "test_archives.py",
    "test_daemon.py",
    "test_event_stream.py",
    "test_sandbox_programs.py",
    "test_store.py",
)
"""Files, sockets and processes, which `make unit` tries where it runs."""


@pytest.mark.embedded_only
def test_contract(docker_host: DockerHost, tmp_path: Path) -> None:
    """Every promise that fakes keep is kept by the real thing, for all kinds of links."""
    hold_to_contract(docker_host, tmp_path, ".")


@pytest.mark.stock_kernel
def test_contract_of_links(docker_host: DockerHost, tmp_path: Path) -> None:
    """Debian 12's kernel keeps what the kernel room promises, as the newest does, which is the one in user mode."""
    hold_to_contract(docker_host, tmp_path, *LINKS)


def hold_to_contract(docker_host: DockerHost, tmp_path: Path, *files: str) -> None:
    """Run contract tests in the guest; none may be skipped for a kind of link that its kernel should have."""
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
        f" python3 -m pytest -q -rs -p no:cacheprovider {' '.join(f'tests/contract/{name}' for name in files)}"
        f" {' '.join(f'--ignore=tests/contract/{name}' for name in ON_EVERY_KERNEL)}",
        check=False,
        timeout=300,
    )

    assert result.status == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
    skipped = [line for line in result.stdout.splitlines() if line.startswith("SKIPPED")]
    assert [] == [line for line in skipped if "which this test needs to be missing" not in line]
