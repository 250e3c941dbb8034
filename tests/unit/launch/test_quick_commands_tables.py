"""The tables that come without a detour."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import ipvl
from ipvl.doors.cli.exit_statuses import EXIT_STATUS
from ipvl.doors.cli.parser import parser
from ipvl.doors.control.control_requests import control_door
from ipvl.errors import Kind
from ipvl.launch.quick_commands import TABLES, run_quick_command
from tests.unit.builders import endpoint, network
from tests.unit.doors.cli.one_answer import daemon, http
from tests.unit.doors.door_calls import call

HEAVY = {"argparse", "dataclasses", "json", "pathlib", "re", "socket", "typing"}


@pytest.mark.parametrize("words", TABLES)
def test_a_table_is_asked_for_and_printed(tmp_path, words):
    """As the daemon has it, to the letter."""
    path = tmp_path / "control.sock"

    with daemon(path, http(200, b"NAME   SUBNETS\nweb    10.0.0.0/8\n")) as asked:
        assert "NAME   SUBNETS\nweb    10.0.0.0/8\n" == run_quick_command(list(words), str(path))

    assert asked[0].startswith(f"GET /tables/{TABLES[words]} HTTP/1.1\r\n".encode())


@pytest.mark.parametrize("words", TABLES)
def test_every_table_is_one_that_the_daemon_serves(world, words):
    """And its command is one of the parser's, so that the long way knows it too."""
    world.create_network(network(parent="eth0.20", name="web"))
    world.create_endpoint(endpoint())

    answer = call(control_door(world.engine), f"/tables/{TABLES[words]}", method="GET")

    assert (200, "text/plain; charset=utf-8") == (answer.status, answer.media_type)
    assert "eth0.20" in answer.body or words == ("ps",)
    assert answer.body.splitlines()[0].split()[0] in {"NETWORK", "SANDBOX"}
    assert answer.body.endswith("\n")
    assert words[0] == parser().parse_args(list(words)).command


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        http(404, b"Not Found"),
        http(500, b"{}"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\n\r\nno length",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
def test_whatever_is_wrong_the_long_way_finds_out(tmp_path, answer):
    """An older daemon, one that breaks off, somebody else's socket."""
    path = tmp_path / "control.sock"

    with daemon(path, answer):
        assert run_quick_command(["ps"], str(path)) is None


def test_without_a_daemon_the_long_way_says_so(tmp_path):
    """It may work stand-alone."""
    assert run_quick_command(["ps"], str(tmp_path / "control.sock")) is None


@pytest.mark.parametrize("words", [[], ["ps", "--all"], ["network", "ls", "--json"], ["network"], ["run", "ps"]])
def test_other_words_are_not_its_business(words):
    """Nothing is asked."""
    assert run_quick_command(words, "/nonexistent") is None


def test_it_imports_next_to_nothing():
    """Half of Python's own start is all it may cost, and each of these costs more."""
    source = Path(ipvl.__file__).parents[1]
    program = "import sys; sys.path.insert(0, sys.argv[1]); import ipvl.__main__; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, source], capture_output=True, text=True, check=True
    )

    assert "ipvl.launch.quick_commands" in done.stdout.split()
    assert set() == HEAVY & set(done.stdout.split())


def test_all_of_it_is_printed_before_the_process_ends():
    """Into a pipe as well, which Python would write to at its end only."""
    done = launched("text = 'NAME\\n' * 5000")

    assert (0, "NAME\n" * 5000, "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    "words", [["network", "ls"], ["version"], ["completion", "bash"], ["--help"], ["run", "--help"], ["--version"]]
)
def test_output_that_cannot_be_written_is_one_sentence(words):
    """What could not be printed is no success, and no traceback."""
    with Path("/dev/full").open("w") as full:
        done = launched(f"text = None if {words} != ['network', 'ls'] else 'NAME'", *words, stdout=full)

    sentence = "ipvl: what this prints cannot be written: No space left on device; what was asked for may be done\n"
    assert (EXIT_STATUS[Kind.UNAVAILABLE], sentence) == (done.returncode, done.stderr)


def launched(assignment: str, *words: str, stdout: object = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """Run the command with a daemon whose table is `text`."""
    replaced = "command.run_quick_command = lambda words: text"
    program = f"import ipvl.__main__ as command; {assignment}; {replaced}; command.launch()"
    return subprocess.run(
        [sys.executable, "-c", program, *words], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
    )
