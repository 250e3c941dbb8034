"""`make deb`: the same source makes the same bytes, and what is in it runs with nothing else of ours on the host."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ipvl import __version__

ROOT = Path(__file__).parents[2]
NATIVE = ("httptools/parser/parser", "httptools/parser/url_parser", "msgspec/_core")
"""What is compiled among the dependencies."""
PYTHONS = ("311", "312", "313", "314")
"""Of bookworm, of Ubuntu 24.04, of trixie and of sid."""


def build() -> bytes:
    subprocess.run(["make", "-s", "deb"], cwd=ROOT, check=True, timeout=600, stdout=subprocess.DEVNULL)
    (package,) = (ROOT / "build").glob(f"ipvl_{__version__}_*.deb")
    return package.read_bytes()


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package, laid out in a folder."""
    first, second = build(), build()
    assert first == second, "built twice, the same bytes"
    folder = tmp_path_factory.mktemp("deb")
    (folder / "ipvl.deb").write_bytes(second)
    subprocess.run(["dpkg-deb", "--raw-extract", folder / "ipvl.deb", folder / "host"], check=True)
    return folder / "host"


def test_one_file_serves_every_python(package):
    """Of each Debian release, side by side."""
    found = {str(path.relative_to(package / "usr/lib/ipvl")) for path in package.glob("usr/lib/ipvl/**/*.so")}

    names = {path.replace("x86_64", os.uname().machine) for path in found}
    assert {
        f"{name}.cpython-{version}-{os.uname().machine}-linux-gnu.so" for name in NATIVE for version in PYTHONS
    } == names


def test_the_command_runs_with_nothing_else(package, tmp_path):
    """Its own dependencies, and Python's library; whatever the environment offers under their names."""
    launcher = (package / "usr/bin/ipvl").read_text().replace("/usr/lib/ipvl", f"{package}/usr/lib/ipvl")
    (tmp_path / "ipvl").write_text(launcher)
    (tmp_path / "msgspec.py").write_text("raise SystemExit('somebody else')\n")

    done = subprocess.run(
        ["python3", "-IS", tmp_path / "ipvl", "network", "ls", "--state-folder", tmp_path / "none"],
        cwd=tmp_path,
        env={"PATH": os.defpath, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "somebody else" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_what_people_expect_is_there(package):
    """Units, man pages, completion, documents, and what the daemon needs to enter namespaces."""
    for path in (
        "lib/systemd/system/ipvl.service",
        "lib/systemd/system/ipvl.socket",
        "usr/share/man/man1/ipvl.1.gz",
        "usr/share/man/man1/ipvl-network-create.1.gz",
        "usr/share/bash-completion/completions/ipvl",
        "usr/share/zsh/vendor-completions/_ipvl",
        "usr/share/doc/ipvl/copyright",
        "usr/share/doc/ipvl/README.md",
        "usr/share/ipvl/embedded.conf",
    ):
        assert (package / path).is_file(), path
    assert "ExecStart=/usr/bin/ipvl serve" in (package / "lib/systemd/system/ipvl.service").read_text().splitlines()
