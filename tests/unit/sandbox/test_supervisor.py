"""A supervisor whose daemon is killed while it waits for an answer."""

from __future__ import annotations

import pytest

from ipvl.errors import IpvlError, unavailable
from ipvl.sandbox import supervisor
from ipvl.sandbox.folders import SandboxFolders
from ipvl.sandbox.process import Program
from ipvl.sandbox.start_requests import SandboxRequest
from ipvl.sandbox.supervisor import run_in_foreground


class Process:
    """A sandbox's first process that waits for its network, and ends with status 7 at once when it may go on."""

    process = 1
    killed = False

    def start_program(self) -> None:
        return None

    def kill(self) -> None:
        self.killed = True


@pytest.fixture
def process(monkeypatch):
    process = Process()
    monkeypatch.setattr(supervisor, "fork_sandbox", lambda *_values, **_settings: process)
    monkeypatch.setattr(supervisor, "_wait", lambda *_values: 7)
    return process


@pytest.fixture
def run(tmp_path):
    """Call it with calls that get no answer, such as `sandbox.start`; each does once. It keeps all that were made."""

    def start(*unanswered: str) -> int:
        lost = list(unanswered)

        def call(name: str, request: object) -> object:
            start.calls.append(name)
            if name in lost:
                lost.remove(name)
                raise unavailable("the daemon at /run/ipvl/control.sock did not answer: it went away")
            return start.notices if name == "sandbox.start" else None

        wish = SandboxRequest(
            id="a" * 64,
            name="one",
            hostname="one",
            program=Program(("true",), {}, "/", frozenset()),
            root_filesystem="",
            root=None,
            folders=SandboxFolders(tmp_path / "layer", tmp_path / "run"),
            sysctls={},
            removed_at_end=False,
            attachments=(),
            interactive=False,
        )
        return run_in_foreground(wish, call)

    start.calls, start.notices = [], None
    return start


def test_a_start_without_an_answer_is_taken_back(run, process):
    """The daemon may have remembered the sandbox before it was killed: its name and addresses are freed."""
    with pytest.raises(IpvlError, match="did not answer"):
        run("sandbox.start")

    assert ["sandbox.start", "sandbox.ended", "sandbox.remove"] == run.calls
    assert process.killed


def test_an_end_without_an_answer_is_told_again(run, process):
    """The exit status is not lost with the daemon: the second call finds the next one, or does without."""
    assert 7 == run("sandbox.ended")

    assert ["sandbox.start", "sandbox.ended", "sandbox.ended"] == run.calls


def test_what_is_to_be_known_of_the_networks_is_shown(run, process, capsys):
    """As `attach` shows it; a daemon of an older version says nothing."""
    run.notices = ["network lan: gateway 192.168.20.50 is member vpn", "network web: so is hers"]

    assert 7 == run()

    assert "".join(f"notice: {notice}\n" for notice in run.notices) == capsys.readouterr().err
