"""`make install` and `make uninstall`, with everything in a folder of the test's own and no systemd."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ipvl import __version__
from ipvl.doors.cli.parser import parser
from manual.help_tree import help_tree

ROOT = Path(__file__).parents[2]
FOLDERS = {"PREFIX": "opt", "BINDIR": "bin", "UNITDIR": "units", "MANDIR": "man", "BASHDIR": "bash", "ZSHDIR": "zsh"}
UNITS = {"ipvl.socket", "ipvl.service"}


def make(target: str, folder: Path) -> None:
    """Run a target with all that it writes inside `folder`."""
    systemctl = folder / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\n')
    systemctl.chmod(0o755)
    places = [f"{name}={folder / place}" for name, place in FOLDERS.items()]
    subprocess.run(["make", "-s", target, *places, f"SYSTEMCTL={systemctl}"], cwd=ROOT, check=True, timeout=600)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("host")
    make("install", folder)
    return folder


def test_the_command_runs_without_the_checkout(installed):
    """By the link in the folder of programs, with nothing from here on its path."""
    done = subprocess.run(
        [installed / "bin/ipvl", "--version"],
        cwd="/",
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, f"ipvl {__version__}\n", "") == (done.returncode, done.stdout, done.stderr)


def test_what_is_run_is_nobody_elses(installed, tmp_path):
    """Whatever the environment or the folder offers under the names that are imported."""
    (tmp_path / "ipvl").mkdir()
    for name in ("ipvl/__init__.py", "sitecustomize.py", "argparse.py"):
        (tmp_path / name).write_text("raise SystemExit('somebody else')\n")

    done = subprocess.run(
        [installed / "bin/ipvl", "network", "ls", "--state-folder", tmp_path],
        cwd=tmp_path,
        env={"PATH": os.defpath, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "somebody else" not in done.stderr
    assert done.stderr.startswith("ipvl: ")


def test_every_command_has_its_man_page(installed):
    """And there are no others."""
    assert {f"{one.page}.1" for one in help_tree(parser()).walk()} == {
        one.name for one in (installed / "man").iterdir()
    }


def test_bash_and_zsh_complete(installed):
    """The scripts are whole and where the shells look for them."""
    subprocess.run(["bash", "-n", installed / "bash/ipvl"], check=True)
    assert (installed / "zsh/_ipvl").read_text().startswith("#compdef ipvl\n")


def test_the_units_are_started(installed):
    """The two that systemd needs, after it has read them."""
    assert {one.name for one in (installed / "units").iterdir()} == UNITS
    assert ["daemon-reload", "enable --now ipvl.socket ipvl.service"] == (installed / "asked").read_text().splitlines()


def test_uninstalling_leaves_nothing(tmp_path):
    """But the folders of others, and what others have in them."""
    for place in FOLDERS.values():
        (tmp_path / place).mkdir()
        (tmp_path / place / "others").touch()
    for name in UNITS:
        (tmp_path / "units" / name).touch()
    for path in ("bin/ipvl", "man/ipvl.1", "man/ipvl-status.1", "bash/ipvl", "zsh/_ipvl"):
        (tmp_path / path).touch()

    make("uninstall", tmp_path)

    assert not (tmp_path / "opt").exists()
    left = {str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*") if one.is_file()}
    assert {f"{place}/others" for place in FOLDERS.values() if place != "opt"} | {"asked", "systemctl"} == left
    assert ["disable --now ipvl.socket ipvl.service", "daemon-reload"] == (tmp_path / "asked").read_text().splitlines()
