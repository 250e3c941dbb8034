"""`ipvl`, from arguments to exit status."""

from __future__ import annotations

import json
import os
import sys
from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
import pytest

from ipvl import __version__
from ipvl.__main__ import main
from ipvl.daemon import standalone
from ipvl.doors.cli import control_client
from ipvl.doors.cli.exit_statuses import EXIT_STATUS
from ipvl.doors.cli.parser import SHELLS
from ipvl.doors.cli.topology.graph import LinkNode, graph
from ipvl.doors.cli.topology.mermaid import topology_mermaid
from ipvl.doors.cli.topology.svg_picture import topology_svg
from ipvl.doors.cli.topology.text_tree import topology_text
from ipvl.doors.text_tables import status_text
from ipvl.driver.status.host_status import Status
from ipvl.errors import IpvlError, Kind
from ipvl.launch import command_table
from ipvl.records.changes import Put
from ipvl.store.state_file import open_store
from tests.contract.fake_kernel import FakeKernel
from tests.unit.builders import network, parent
from tests.unit.doors.statuses import ONE_OF_EACH


@pytest.fixture
def ipvl(monkeypatch, capsys):
    """Call it with words to run the command: status, standard output, standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ipvl", *words])
        code = main()
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def running(monkeypatch):
    """A daemon that answers."""
    answers = {"/status": ONE_OF_EACH, "/version": {"version": "9.9.9"}}

    def ask(control_socket: Path, path: str, into: type) -> object:
        return answers[path]

    monkeypatch.setattr(control_client, "ask", ask)


@pytest.fixture
def host(monkeypatch):
    """The kernel that a command without a daemon looks at: one with eth0."""
    kernel = FakeKernel()
    kernel.add("eth0")

    @asynccontextmanager
    async def open_host_kernel():
        yield kernel

    monkeypatch.setattr(standalone, "open_host_kernel", open_host_kernel)
    return kernel


@pytest.mark.parametrize(
    ("kind", "status"),
    [(Kind.INVALID, 2), (Kind.CONFLICT, 3), (Kind.MISSING, 4), (Kind.KERNEL, 5), (Kind.UNAVAILABLE, 6)],
)
def test_every_kind_of_error_has_its_exit_status(ipvl, monkeypatch, kind, status):
    """One line on standard error, and a status that a script can tell apart from a bug's 1."""

    def refuse(arguments: object) -> int:
        raise IpvlError(kind, "parent eth7 does not exist", "make it first")

    monkeypatch.setitem(command_table.COMMANDS, "version", refuse)

    assert (status, "", "ipvl: parent eth7 does not exist; make it first\n") == ipvl("version")


def test_an_interrupt_is_no_traceback(ipvl, monkeypatch):
    """The status is that of shells: 128 and the signal's number."""

    def interrupt(arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setitem(command_table.COMMANDS, "version", interrupt)

    assert (130, "", "") == ipvl("version")


def test_of_several_names_each_is_tried_and_the_last_refusal_counts(ipvl, tmp_path):
    """What can be done is done."""
    words = ("--state-folder", str(tmp_path), "--control-socket", str(tmp_path / "none"))
    (tmp_path / "tree").mkdir()
    ipvl("rootfs", "add", "known", str(tmp_path / "tree"), *words)

    code, out, err = ipvl("rootfs", "rm", "a", "known", "b", *words)

    assert (4, "known\n") == (code, out)
    assert ["ipvl: root filesystem a ", "ipvl: root filesystem b "] == [
        line[:24] for line in err.splitlines() if "no daemon" not in line
    ]


def test_no_kind_of_error_is_without_an_exit_status():
    """And none shares its status with another, with success or with a bug."""
    assert set(Kind) == set(EXIT_STATUS)
    assert len(Kind) == len(set(EXIT_STATUS.values()) - {0, 1})


@pytest.mark.usefixtures("running")
def test_status_is_shown_as_tables(ipvl):
    """For people."""
    assert (0, status_text(ONE_OF_EACH) + "\n", "") == ipvl("status")


@pytest.mark.usefixtures("running")
def test_status_is_printed_as_json(ipvl):
    """For programs, and nothing is lost on the way."""
    code, out, err = ipvl("status", "--json")

    assert (0, "") == (code, err)
    assert ONE_OF_EACH == msgspec.json.decode(out, type=Status)


@pytest.mark.usefixtures("running")
def test_topology_is_shown_as_a_tree(ipvl):
    """The same status, drawn."""
    assert (0, topology_text(ONE_OF_EACH) + "\n", "") == ipvl("topology")


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), topology_text(ONE_OF_EACH)),
        (("--svg",), topology_svg(ONE_OF_EACH)),
        (("--mermaid",), topology_mermaid(ONE_OF_EACH)),
    ],
)
def test_topology_has_many_forms(ipvl, tmp_path, words, expected):
    """On standard output, or in a file."""
    assert (0, f"{expected}\n", "") == ipvl("topology", *words)
    assert (0, "", "") == ipvl("topology", *words, "--output", str(tmp_path / "picture"))
    assert f"{expected}\n" == (tmp_path / "picture").read_text()


@pytest.mark.usefixtures("running")
def test_topology_is_printed_as_json(ipvl):
    """The tree, with all that the status says of each thing."""
    code, out, err = ipvl("topology", "--json")

    assert (0, "") == (code, err)
    assert graph(ONE_OF_EACH) == msgspec.json.decode(out, type=tuple[LinkNode, ...])


@pytest.mark.usefixtures("running")
def test_a_picture_that_cannot_be_written_is_refused(ipvl, tmp_path):
    """With the file's name and the reason."""
    path = tmp_path / "nowhere" / "x.svg"

    expected = f"ipvl: file {path} cannot be written: No such file or directory; name another\n"
    assert (6, "", expected) == ipvl("topology", "--svg", "--output", str(path))


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(("kind", "name"), [("networks", "web"), ("parents", "eth0.20"), ("endpoints", "shop")])
def test_names_alone_are_printed(ipvl, kind, name):
    """For scripts, and for the shell's completion."""
    assert (0, f"{name}\n", "") == ipvl("status", "--names", kind)


def away(tmp_path) -> list[str]:
    """Return the flags that lead to no daemon, and to a state folder."""
    return ["--control-socket", str(tmp_path / "control.sock"), "--state-folder", str(tmp_path)]


def no_daemon(tmp_path) -> str:
    return f"ipvl: no daemon at {tmp_path / 'control.sock'}, reading {tmp_path / 'state.db'} instead\n"


def test_status_without_a_daemon_reads_the_file_and_says_so(ipvl, host, tmp_path):
    """Records from the file, links from the kernel."""
    with closing(open_store(tmp_path / "state.db")) as store:
        store.commit([Put(parent()), Put(network(name="web"))])
    host.change("eth0", up=False)

    code, out, err = ipvl("status", "--json", *away(tmp_path))

    assert (0, no_daemon(tmp_path)) == (code, err)
    (found,) = json.loads(out)["networks"]
    assert "web" == found["name"]
    assert ["parent eth0 is down, so its containers reach nobody: bring it up with `ip link set eth0 up`"] == found[
        "trouble"
    ]


@pytest.mark.usefixtures("host")
def test_status_where_nothing_has_run_yet_says_so(ipvl, tmp_path):
    """No daemon and no state file."""
    expected = (
        no_daemon(tmp_path)
        + f"ipvl: there is no state file {tmp_path / 'state.db'}: ipvl has not run here yet; "
        + "start the daemon: systemctl start ipvl\n"
    )

    assert (4, "", expected) == ipvl("status", *away(tmp_path))
    assert [] == list(tmp_path.iterdir())


@pytest.mark.usefixtures("running")
def test_versions_are_shown(ipvl):
    """This command's and the daemon's, which may differ after an update."""
    assert (0, f"ipvl {__version__}\ndaemon 9.9.9\n", "") == ipvl("version")


def test_the_version_of_a_daemon_that_is_away_is_not_an_error(ipvl, tmp_path):
    """It says that it is not running."""
    code, out, err = ipvl("version", "--json", "--control-socket", str(tmp_path / "control.sock"))

    assert (0, "") == (code, err)
    assert {"ipvl": __version__, "daemon": "not running"} == json.loads(out)


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_scripts_know_the_words(ipvl, shell):
    """Commands and flags come from the parser itself."""
    code, out, err = ipvl("completion", shell)

    assert (0, "") == (code, err)
    assert {"serve", "status", "topology", "version", "completion"} <= set(
        out.replace("'", " ").replace('"', " ").replace(":", " ").replace("(", " ").replace(")", " ").split()
    )
    # shtab's script for tcsh completes few flags of commands.
    assert "--state-folder" in out or shell == "tcsh"


def test_a_reader_that_has_seen_enough_is_no_error(monkeypatch, tmp_path):
    """`ipvl completion bash | head -1`: no traceback, success."""
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setattr(sys, "argv", ["ipvl", "completion", "bash"])
    with os.fdopen(writer, "w", buffering=1) as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)

        assert 0 == main()
