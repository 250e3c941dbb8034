"""Ask the daemon over its control socket."""

from __future__ import annotations

import socket

import msgspec
import pytest

from ipvl.doors.cli import control_client
from ipvl.doors.cli.control_client import NoDaemonError, ask
from ipvl.doors.control.control_requests import control_door
from ipvl.driver.status.collect_status import collect_status
from ipvl.driver.status.host_status import Status
from ipvl.errors import Kind
from tests.unit.builders import endpoint, network
from tests.unit.doors.cli.one_answer import daemon, http
from tests.unit.doors.door_calls import call
from tests.unit.refusals import refusal


@pytest.fixture
def path(tmp_path):
    """Where the daemon would listen."""
    return tmp_path / "control.sock"


def test_a_status_is_the_same_on_both_ends(world, path):
    """What the daemon's application encodes is what the command decodes."""
    world.create_network(network(parent="eth0.20", name="web"))
    world.create_endpoint(endpoint())
    answer = call(control_door(world.engine), "/status", method="GET")

    with daemon(path, http(200, msgspec.json.encode(answer.body))) as asked:
        found = ask(path, "/status", Status)

    assert world.run(collect_status(world.engine.records, world.kernel)) == found
    assert asked[0].startswith(b"GET /status HTTP/1.1\r\n")


def test_no_socket_is_no_daemon(path):
    """It was never started, or it ended in good order."""
    with pytest.raises(NoDaemonError):
        ask(path, "/status", Status)


def test_a_dead_socket_is_no_daemon(path):
    """It was killed and left its socket behind."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))

    with pytest.raises(NoDaemonError):
        ask(path, "/status", Status)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            http(500, b'{"kind": "unavailable", "what": "the host is on fire", "way_out": "leave"}'),
            "the host is on fire; leave",
        ),
        (b"", "the daemon at {path} did not answer: it broke off; its log may say why"),
        (http(404, b"Not Found"), "the daemon could not answer: 'Not Found'; its log has the details"),
        (
            http(200, b"{}"),
            "the daemon at {path} did not answer: Object missing required field `networks`",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{",
            "the daemon at {path} did not answer: it broke off; its log may say why",
        ),
    ],
)
def test_an_answer_that_is_none_is_an_error(path, answer, expected):
    """Whatever is wrong, the sentence says so, and nobody reads the state file behind a daemon that runs."""
    with daemon(path, answer):
        assert expected.format(path=path) == refusal(Kind.UNAVAILABLE, ask, path, "/status", Status)


def test_a_socket_that_is_not_for_this_user_is_an_error(path, monkeypatch):
    """A daemon runs, so its state file is not read behind its back."""

    class Refused(socket.socket):
        def connect(self, _address: object) -> None:
            raise PermissionError

    monkeypatch.setattr(control_client.socket, "socket", Refused)

    assert f"control socket {path} may not be used by this user; run it as root" == refusal(
        Kind.UNAVAILABLE, ask, path, "/status", Status
    )


def test_a_path_that_is_no_socket_is_no_daemon(path):
    """Connecting to a plain file is refused like a dead socket."""
    path.touch()

    with pytest.raises(NoDaemonError):
        ask(path, "/status", Status)


def test_a_path_that_leads_through_a_file_is_an_error(path):
    """There cannot be a daemon."""
    path.touch()
    below = path / "control.sock"

    assert f"the daemon at {below} did not answer: [Errno 20] Not a directory" == refusal(
        Kind.UNAVAILABLE, ask, below, "/status", Status
    )
