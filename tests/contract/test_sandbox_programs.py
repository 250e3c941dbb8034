"""Programs in sandboxes on this machine's kernel, without a network and without a daemon."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.contract.own_namespace import in_own_namespace

ALONE = "working stand-alone"


class Host:
    """The `ipvl` command with a state of its own."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.run_folder = folder / "run"
        self.run_folder.mkdir()

    def start(self, command: str, *words: str) -> subprocess.Popen[str]:
        flags = ["--state-folder", str(self.state), "--control-socket", str(self.run_folder / "control.sock")]
        return subprocess.Popen(
            [sys.executable, "-m", "ipvl", command, *flags, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OWN": "mine"},
        )

    def run(self, command: str, *words: str, given: str = "") -> tuple[int, str, str]:
        """Return status, output, and what was said beside that no daemon runs."""
        with self.start(command, *words) as process:
            out, said = process.communicate(given, 60)
        return process.returncode, out, "".join(line for line in said.splitlines(keepends=True) if ALONE not in line)

    def sandboxes(self) -> list[dict]:
        return json.loads(self.run("ps", "--all", "--json")[1])["sandboxes"]

    def left(self) -> list[Path]:
        return [path for folder in (self.state, self.run_folder) for path in (folder / "sandboxes").glob("*")]


def on_host(folder: Path, script: Callable[[Host], None]) -> None:
    in_own_namespace(lambda: script(Host(folder)))


def test_a_program_gets_its_input_and_gives_its_output_and_status(tmp_path):
    """Input ends where the user's does; without -i there is none; nothing is left of it with --rm."""

    def script(host: Host) -> None:
        shell = "cat; echo end; echo trouble >&2; exit 7"
        assert (7, "a\nb\nend\n", "trouble\n") == host.run("run", "-i", "--rm", "--", "sh", "-c", shell, given="a\nb\n")
        assert (0, "", "") == host.run("run", "--rm", "--", "cat", given="unread")
        assert ([], []) == (host.sandboxes(), host.left())

    on_host(tmp_path, script)


def test_a_signal_reaches_the_program(tmp_path):
    """And the status it ends with then is the command's."""

    def script(host: Host) -> None:
        # Not a loop around sleep: dash loses signals that come while it starts a program.
        shell = "trap 'echo caught; exit 7' INT; sleep 1000 & echo ready; wait"
        with host.start("run", "--rm", "--", "sh", "-c", shell) as process:
            assert process.stdout is not None
            assert "ready\n" == process.stdout.readline()
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=60)
            assert ("caught\n", 7) == (out, process.returncode)

    on_host(tmp_path, script)


def test_what_cannot_be_run_is_said_with_dockers_status(tmp_path):
    """127 for what is not there, 126 for what is no program, 125 for what ipvl could not prepare."""

    def script(host: Host) -> None:
        for words, status, sentence in (
            (("--", "nosuch"), 127, "nosuch: there is no such program"),
            (("--", "/etc/passwd"), 126, "/etc/passwd: Permission denied"),
            (("-w", "/nope", "--", "true"), 127, "/nope: No such file or directory"),
            (("--sysctl", "net.a.b=1", "--", "true"), 125, "there is no sysctl net.a.b in a sandbox on this kernel"),
            (("--sysctl", "net.ipv4.ip_forward=x", "--", "true"), 125, "sysctl net.ipv4.ip_forward cannot be x"),
            (("--net", "nowhere", "--", "true"), 125, "network nowhere does not exist"),
        ):
            got, _, said = host.run("run", "--rm", *words)
            assert status == got, said
            assert said.startswith(f"ipvl: {sentence}")
            assert 1 == said.count("\n")
        assert ([], []) == (host.sandboxes(), host.left())

    on_host(tmp_path, script)


def test_a_sandbox_stops_starts_again_and_goes(tmp_path):
    """With the environment it was given, which another program in it has as well; its log goes on."""

    def script(host: Host) -> None:
        shell = "echo $GIVEN $OWN; exec sleep 1000"
        host.run("run", "-d", "--name", "one", "-e", "GIVEN=1", "-e", "OWN", "--", "sh", "-c", shell)
        assert (0, "one\n", "") == host.run("start", "one"), "it runs: there is nothing to do"
        assert (0, "one\n", "") == host.run("restart", "-t", "0", "one")
        (one,) = host.sandboxes()
        assert (True, None) == (one["running"], one["exit_status"])
        assert (0, "1 mine\n", "") == host.run("exec", "one", "sh", "-c", "echo $GIVEN $OWN")
        assert (0, "1 mine\n" * 2, "") == host.run("logs", "one")

        host.run("stop", "-t", "0", "one")
        (one,) = host.sandboxes()
        assert (False, 137) == (one["running"], one["exit_status"])
        refused = "ipvl: sandbox one has ended; start it again: ipvl start one\n"
        assert (125, "", refused) == host.run("exec", "one", "true")
        host.run("rm", "one")
        assert ([], []) == (host.sandboxes(), host.left())

    on_host(tmp_path, script)


def test_a_killed_supervisor_is_noticed_by_the_next_command(tmp_path):
    """Its sandbox has ended with it, and starts again."""

    def script(host: Host) -> None:
        host.run("run", "-d", "--name", "one", "--", "sleep", "1000")
        (before,) = host.sandboxes()
        process = os.pidfd_open(before["process"])
        os.kill(before["supervisor"], signal.SIGKILL)
        assert select.select([process], [], [], 60)[0], "the kernel ends it"
        (one,) = host.sandboxes()
        assert (False, 137) == (one["running"], one["exit_status"])
        assert [] == list((host.run_folder / "sandboxes").iterdir())
        assert (0, "one\n", "") == host.run("start", "one")
        (one,) = host.sandboxes()
        assert one["running"]
        host.run("rm", "-f", "one")

    on_host(tmp_path, script)
