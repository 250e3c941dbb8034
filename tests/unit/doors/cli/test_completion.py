"""Completion as it is typed: real shells on a terminal, with a stand-in for the command that is asked for names."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import termios
import time
from pathlib import Path

import pytest

from ipvl.doors.cli.completion import COMPLETED_BY, arguments_of, completion_script
from ipvl.doors.cli.parser import parser

PROMPT = "ready> "
TO_THE_START, TO_THE_END = "\x01", "\x05"
NAMES = "web\nwebshop\ndb\nw$(touch x)\nw;ls\n"
STARTS = {
    "bash": (["--norc", "--noprofile", "-i"], "bind 'set bell-style none'; source {folder}/_ipvl"),
    "zsh": (["-f", "-i"], "bindkey -e; setopt nobeep; fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -D"),
    "tcsh": ([], "source {folder}/_ipvl"),
}
ASK_FOR_NAMES = ("bash", "zsh")


class Shell:
    """An interactive shell on a terminal of its own, where `ipvl` is completed and does nothing but print names."""

    def __init__(self, name: str, folder: Path) -> None:
        self.calls = folder / "calls"
        self._folder = folder
        (folder / "_ipvl").write_text(completion_script(parser(), name))
        (folder / ".tcshrc").write_text(f"set prompt = '{PROMPT}'\nset edit nobeep\n")  # tcsh knows no PS1
        self.knows(NAMES)
        flags, start = STARTS[name]
        environment = {"PATH": f"{folder}:{os.environ['PATH']}", "PS1": PROMPT, "TERM": "dumb", "HOME": str(folder)}
        self._shown = ""
        self._process, self._terminal = pty.fork()
        if self._process == 0:
            termios.tcsetwinsize(0, (24, 300))  # no line is broken
            os.execvpe(name, [name, *flags], environment)  # noqa: S606 - the shell itself is what is tested
        self._expect(PROMPT)
        self._type(f"{start.format(folder=folder)}; printf 'set%s\\n' up\r")
        self._expect("setup")
        self._expect(PROMPT)

    def knows(self, names: str, status: int = 0) -> None:
        """Let ipvl print these names and end like this."""
        program = self._folder / "ipvl"
        program.write_text(f'#!/bin/sh\necho "$@" >> {self.calls}\ncat {self._folder}/names\nexit {status}\n')
        program.chmod(0o755)
        (self._folder / "names").write_text(names)

    def completed(self, line: str) -> list[str]:
        """Type a line and a tabulator, and return the words that stand there then."""
        self._type(f"{line}\t{TO_THE_END} end-of-line{TO_THE_START}printf '<%s>\\n' \r")
        shown = self._expect("<end-of-line>")
        self._expect(PROMPT)
        return [word.strip().strip("<>") for word in shown.splitlines() if word.startswith("<")][:-1]

    def end(self) -> None:
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._terminal)

    def _type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def _expect(self, text: str) -> str:
        """Return what the shell prints up to a text and with it; what comes after is for the next call."""
        until = time.monotonic() + 30
        while text not in self._shown:
            ready, _, _ = select.select([self._terminal], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"the shell never printed {text!r}: {self._shown!r}"
            self._shown += os.read(self._terminal, 1 << 16).decode()
        before, found, self._shown = self._shown.partition(text)
        return before + found


@pytest.fixture(scope="module", params=ASK_FOR_NAMES)
def running_shell(request, tmp_path_factory):
    assert shutil.which(request.param), f"{request.param} is not installed: `make unit` does that"
    running = Shell(request.param, tmp_path_factory.mktemp(request.param))
    yield running
    running.end()


@pytest.fixture
def shell(running_shell):
    """A shell where nobody has been asked anything yet."""
    running_shell.calls.unlink(missing_ok=True)
    return running_shell


@pytest.mark.parametrize("line", ["events --network", "run --net", "network inspect", "network connect"])
def test_network_names_are_completed(shell, line):
    """As far as they are the same; the daemon, or the state, is asked when it matters."""
    shell.knows("shop\ndb\ndbs\n")

    assert ["ipvl", *line.split(), "shop"] == shell.completed(f"ipvl {line} s")
    assert ["ipvl", *line.split(), "db"] == shell.completed(f"ipvl {line} d")
    assert "status --names networks" in shell.calls.read_text()


@pytest.mark.parametrize("line", ["exec", "stop", "rm -f", "logs", "network connect web"])
def test_sandbox_names_are_completed(shell, line):
    """Those of ipvl's own."""
    shell.knows("shop\n")

    assert ["ipvl", *line.split(), "shop"] == shell.completed(f"ipvl {line} s")
    assert "ps --all --names" in shell.calls.read_text()


def test_nothing_that_a_shell_would_act_on_is_offered_as_it_is(shell):
    """Bash offers no such name, zsh quotes it."""
    shell.knows("w$(touch x)\n")

    assert shell.completed("ipvl events --network w")[-1] in {"w", "w$(touch x)"}
    assert not Path("x").exists()


def test_no_daemon_no_names(shell):
    """The line stays as it is, without a word about it."""
    shell.knows("", status=6)

    assert ["ipvl", "events", "--network", "w"] == shell.completed("ipvl events --network w")


def test_words_are_completed_without_asking_anybody(shell):
    """Only a name costs a call."""
    assert ["ipvl", "events", "--network"] == shell.completed("ipvl events --netw")
    assert ["ipvl", "topology"] == shell.completed("ipvl topo")
    assert ["ipvl", "run", "--detach"] == shell.completed("ipvl run --detac")
    assert ["ipvl", "rootfs", "add", "--state-folder"] == shell.completed("ipvl rootfs add --state")
    assert not shell.calls.exists()


@pytest.mark.parametrize("running_shell", ["tcsh"], indirect=True)
def test_tcsh_completes_commands_and_their_flags(shell):
    """By itself: it asks for no names."""
    assert ["ipvl", "topology"] == shell.completed("ipvl topo")
    assert ["ipvl", "network", "create"] == shell.completed("ipvl network cr")
    assert ["ipvl", "run", "--detach"] == shell.completed("ipvl run --detac")


def test_options_and_their_values_are_completed(shell):
    """Though bash takes the equals sign for the end of a word; links are this host's own."""
    line = ["ipvl", "network", "create", "-o"]

    assert [*line, "parent="] == shell.completed("ipvl network create -o par")
    assert [*line, "parent=lo"] == shell.completed("ipvl network create -o parent=l")
    assert [*line, "parent=auto"] == shell.completed("ipvl network create -o parent=au")
    assert [*line, "ipvlan_mode=l3s"] == shell.completed("ipvl network create -o ipvlan_mode=l3s")
    assert [*line, "vlan_protocol=802.1ad"] == shell.completed("ipvl network create -o vlan_protocol=802.1a")
    assert [*line, "ipvlan_flag=private"] == shell.completed("ipvl network create -o ipvlan_flag=p")
    words = ["ipvl", "network", "create", "--subnet", "2001:db8::/64", "-o", "parent=lo", "--internal"]
    assert words == shell.completed("ipvl network create --subnet 2001:db8::/64 -o parent=lo --inter")


@pytest.mark.parametrize("name", STARTS)
def test_every_name_can_be_completed(name):
    """Whatever argument is called so, in any command."""
    top = parser()
    completion_script(top, name)

    named = [one for one in arguments_of(top) if one.dest in COMPLETED_BY and one.choices is None and one.nargs != 0]
    assert named
    assert all(hasattr(one, "complete") for one in named)
