"""`ipvl attach` and `detach` by the short way: what they ask is what the long way asks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import ipvl
from ipvl.doors.cli.commands import attach_detach
from ipvl.doors.cli.exit_statuses import EXIT_STATUS
from ipvl.doors.cli.parser import parser
from ipvl.doors.control.control_requests import PRINTED_ANSWERS, control_door
from ipvl.embedded.all_calls import CALLS
from ipvl.embedded.call_messages import Member
from ipvl.errors import Kind
from ipvl.launch.quick_commands import FLAGS, run_quick_command
from tests.unit.doors.cli.one_answer import daemon, http
from tests.unit.doors.door_calls import call

MEMBER = Member("e" * 64, "blue", "web", "eth0", ("192.168.20.2/24", "2001:db8::2/64"), "/run/netns/blue", ())
HEAVY = {"argparse", "dataclasses", "enum", "json", "pathlib", "re", "socket", "typing"}


def asked_the_long_way(words: list[str]) -> object:
    """Return the request that the parser and the command make of the words."""
    asked = []

    def ask(_name: str, request: object) -> Member:
        asked.append(request)
        return MEMBER

    attach_detach.run(parser(words[0]).parse_args(words), ask)
    return asked[0]


@pytest.mark.parametrize(
    "words",
    [
        "attach --net web --netns blue",
        "attach --network=web --netns=/srv/ns/blue --name blue",
        "attach --net web --pid 4711 --ip 192.168.20.9 --ip6 2001:db8::9 --interface lan0",
        "attach --netns ./blue --net web",
        "detach --net web --netns blue",
        "detach --pid=4711 --network web",
    ],
)
def test_the_same_is_asked_as_by_the_long_way(tmp_path, capsys, words):
    """Whatever the order of the flags and however a value is joined to them."""
    path = tmp_path / "control.sock"

    with daemon(path, http(200, b"eth0 192.168.20.2/24\n")) as asked:
        assert "eth0 192.168.20.2/24\n" == run_quick_command(words.split(), str(path))

    head, _, body = asked[0].partition(b"\r\n\r\n")
    command = words.split()[0]
    assert head.startswith(f"POST /brief/{command} HTTP/1.1\r\n".encode())
    assert asked_the_long_way(words.split()) == msgspec.json.decode(body, type=CALLS[command].request)


@pytest.mark.parametrize(
    "words",
    [
        "attach",
        "attach --help",
        "attach --net web",
        "attach --netns blue",
        "attach --net web --netns blue --json",
        "attach --net web --netns blue --hosts /etc/hosts",
        "attach --net web --netns blue --alias db",
        "attach --net web --netns blue --pid 4711",
        "attach --net web --pid one",
        "attach --net web --net web --netns blue",
        "attach --net web --netns blue --name",
        "attach --net web --netns blue --name=",
        "attach --net web --netns blue --name --ip",
        'attach --net web --netns blue --name a"b',
        "attach --net web --netns blue --name a\\b",
        "attach --net wéb --netns blue",
        "attach --net web --netns blue --control-socket /run/x",
        "detach --net web --netns blue --name blue",
    ],
)
def test_whatever_is_out_of_the_ordinary_goes_the_long_way(tmp_path, words):
    """Nobody is asked: the socket is not even there."""
    assert None is run_quick_command(words.split(), str(tmp_path / "missing.sock"))


def test_without_a_daemon_the_long_way_works_stand_alone(tmp_path):
    """Nothing was asked yet."""
    assert None is run_quick_command(["attach", "--net", "web", "--netns", "blue"], str(tmp_path / "missing.sock"))


def test_an_older_daemon_is_asked_the_long_way(tmp_path):
    """It knows no short one, and has done nothing."""
    path = tmp_path / "control.sock"
    unknown = b'{"kind":"missing","what":"ipvl serves no \'/brief/attach\' by POST","way_out":""}'

    with daemon(path, http(404, unknown)):
        assert None is run_quick_command(["attach", "--net", "web", "--netns", "blue"], str(path))


@pytest.mark.parametrize(
    ("answer", "status", "sentence"),
    [
        (
            http(
                404,
                json.dumps({"kind": "missing", "what": "network web does not exist", "way_out": "make it"}).encode(),
            ),
            EXIT_STATUS[Kind.MISSING],
            "ipvl: network web does not exist; make it\n",
        ),
        (
            b"",
            EXIT_STATUS[Kind.UNAVAILABLE],
            "ipvl: the daemon at {} did not answer: it broke off; its log may say why\n",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
            EXIT_STATUS[Kind.UNAVAILABLE],
            "ipvl: the daemon at {} did not answer: it broke off; its log may say why\n",
        ),
    ],
    ids=["refused", "no answer", "half an answer"],
)
def test_a_refusal_ends_it(tmp_path, capsys, answer, status, sentence):
    """What may have been done is not asked for again."""
    path = tmp_path / "control.sock"

    with daemon(path, answer), pytest.raises(SystemExit) as ended:
        run_quick_command(["attach", "--net", "web", "--netns", "blue"], str(path))

    assert status == ended.value.code
    assert sentence.format(path) == capsys.readouterr().err


def test_the_daemon_answers_both_in_words(world):
    """What the long way prints: of an endpoint its interface and addresses, nothing when it is taken off."""
    world.kernel.open_sandbox("/run/netns/blue")
    app = control_door(world.engine)
    network = {"name": "web", "subnets": ["192.168.20.0/24"], "options": {"parent": "eth0"}}
    made = call(app, "/calls/network.create", json.dumps(network).encode())
    assert 200 == made.status, made.body

    attached = call(app, "/brief/attach", b'{"attachment":{"network":"web"},"namespace":"/run/netns/blue"}')
    detached = call(app, "/brief/detach", b'{"network":"web","namespace":"/run/netns/blue"}')
    again = call(app, "/brief/detach", b'{"network":"web","namespace":"/run/netns/blue"}')

    assert (200, "eth0 192.168.20.2/24\n") == (attached.status, attached.body)
    assert (200, "") == (detached.status, detached.body)
    assert (404, "/run/netns/blue is not on network web") == (again.status, again.body["what"])


def test_every_short_way_is_served_and_has_a_long_one():
    """The same names on both sides."""
    assert FLAGS.keys() == PRINTED_ANSWERS.keys() <= CALLS.keys()


def test_it_imports_next_to_nothing(tmp_path):
    """An import costs more than what it does."""
    path = tmp_path / "control.sock"
    code = (
        "import sys\n"
        "from ipvl.launch.quick_commands import run_quick_command\n"
        f"run_quick_command(['attach', '--net', 'web', '--netns', 'blue'], {str(path)!r})\n"
        "print(*sys.modules)"
    )

    with daemon(path, http(200, b"eth0\n")):
        done = subprocess.run(
            [
                sys.executable,
                "-ISc",
                f"import sys; sys.path.append({str(Path(ipvl.__file__).parent.parent)!r})\n{code}",
            ],
            capture_output=True,
            text=True,
            check=True,
        )

    assert set() == HEAVY & set(done.stdout.split())
