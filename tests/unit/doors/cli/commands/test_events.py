"""`ipvl events`, from arguments to lines."""

from __future__ import annotations

import json
import sys
import time
from urllib.parse import parse_qs

import msgspec
import pytest

import ipvl.__main__ as command
from ipvl.clock.host_clocks import rfc3339
from ipvl.doors.cli import control_client
from ipvl.doors.cli.commands.events import ToldEvent, event_text, query
from ipvl.doors.cli.parser import parser
from ipvl.doors.cli.times import parse_time
from ipvl.driver.events.event_types import Event, EventType
from ipvl.errors import IpvlError, Kind, unavailable

NOW = 1_700_000_000.0
CREATED = Event(NOW, EventType.NETWORK_CREATED, "network web is ready", "web", "a" * 64, parent="eth0")
JOINED = Event(
    NOW + 1, EventType.ENDPOINT_JOINED, "network web: endpoint shop joined", "web", "a" * 64, "shop", "e" * 64
)
STOPPING = Event(NOW + 2, EventType.DAEMON_STOPPING, "ipvl stops; its networks stay")


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    """A machine in the zone of Greenwich."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def daemon(monkeypatch):
    """Call it with events, or an error at their end, to have a daemon that tells them; it yields what it was asked."""
    asked = []

    def tells(*told: Event | BaseException) -> list[str]:
        def follow(control_socket: object, path: str):
            asked.append(path)
            for one in told:
                if isinstance(one, BaseException):
                    raise one
                yield msgspec.json.encode(msgspec.to_builtins(one) | {"time": rfc3339(one.time)})

        monkeypatch.setattr(control_client, "follow", follow)
        return asked

    return tells


@pytest.fixture
def ipvl(monkeypatch, capsys):
    """Call it with words to run the command: status, standard output, standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ipvl", *words])
        code = command.main()
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_an_event_is_a_line(ipvl, daemon):
    """Its local time and its sentence."""
    daemon(CREATED, JOINED)

    expected = "2023-11-14T22:13:20 network web is ready\n2023-11-14T22:13:21 network web: endpoint shop joined\n"
    assert (0, expected, "") == ipvl("events")


def test_an_event_is_a_json_object(ipvl, daemon):
    """One a line, with nothing lost."""
    daemon(CREATED, JOINED)

    code, out, err = ipvl("events", "--json")

    assert (0, "") == (code, err)
    created, joined = map(json.loads, out.splitlines())
    assert "2023-11-14T22:13:20.000000Z" == created.pop("time"), "RFC 3339, as Docker's"
    assert CREATED == msgspec.convert({**created, "time": NOW}, Event)
    assert ("endpoint.joined", "2023-11-14T22:13:21.000000Z") == (joined["type"], joined["time"])


def test_an_interrupt_is_a_good_end(ipvl, daemon):
    """Nobody types Ctrl-C by mistake here."""
    daemon(CREATED, KeyboardInterrupt())

    assert (0, "2023-11-14T22:13:20 network web is ready\n", "") == ipvl("events")


def test_a_daemon_that_stops_is_told(ipvl, daemon):
    """After its last word, with a status that a script can act on."""
    daemon(CREATED, STOPPING)

    code, out, err = ipvl("events")

    assert (6, "ipvl: the daemon has stopped, so there are no more events\n") == (code, err)
    assert out.endswith("2023-11-14T22:13:22 ipvl stops; its networks stay\n")


def test_a_daemon_that_dies_is_told(ipvl, daemon):
    """What came before stays."""
    daemon(CREATED, unavailable("the daemon at /run/x went away without a word", "its log may say why"))

    code, out, err = ipvl("events")

    assert (6, "ipvl: the daemon at /run/x went away without a word; its log may say why\n") == (code, err)
    assert "network web is ready" in out


def test_without_a_daemon_there_are_no_events(ipvl, tmp_path):
    """One sentence, and what to do."""
    path = tmp_path / "control.sock"

    code, out, err = ipvl("events", "--control-socket", str(path))

    expected = f"ipvl: no daemon at {path}, and only a daemon has events; start it: systemctl start ipvl\n"
    assert (6, "", expected) == (code, out, err)


def test_the_question_is_the_arguments(ipvl, daemon):
    """Every one of them reaches the daemon, in seconds since the epoch where it is a time."""
    asked = daemon()
    line = "--since 2023-11-14T22:00:00 --until 2023-11-14T22:13:20Z --network web --network db --type parent.up"

    assert (0, "", "") == ipvl("events", *line.split())

    path, _, question = asked[0].partition("?")
    expected = {
        "since": [repr(NOW - 800)],
        "until": [repr(NOW)],
        "network": ["web", "db"],
        "type": ["parent.up"],
    }
    assert ("/events", expected) == (path, parse_qs(question))


def test_an_end_before_the_beginning_is_refused():
    """It would show nothing, for ever."""
    arguments = parser().parse_args(["events", "--since", "5m", "--until", "10m"])

    with pytest.raises(IpvlError) as refused:
        query(arguments, NOW)

    assert (Kind.INVALID, "--until 10m is before --since 5m; exchange them") == (refused.value.kind, str(refused.value))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("0s", NOW),
        ("10m", NOW - 600),
        ("1h30m", NOW - 5400),
        ("2d", NOW - 172800),
        ("90s", NOW - 90),
        ("1700000000", NOW),
        ("1700000000.5", NOW + 0.5),
        ("2023-11-14T22:13:20", NOW),
        ("2023-11-14T22:13:20Z", NOW),
        ("2023-11-14T23:13:20+01:00", NOW),
        ("2023-11-14", NOW - 80000),
    ],
)
def test_times_are_written_in_many_ways(text, expected):
    """How long ago, when, or in seconds since the epoch."""
    assert expected == parse_time(text, NOW)


@pytest.mark.parametrize("text", ["", "ago", "10 m", "m10", "5m1h", "-5m", "2023-13-01", "1e9", "m"])
def test_what_is_no_time_is_refused(text):
    """With the ways to write one."""
    with pytest.raises(IpvlError) as refused:
        parse_time(text, NOW)

    assert Kind.INVALID is refused.value.kind
    assert str(refused.value).startswith(f"{text!r} is not a time; write how long ago, like 10m")


def test_an_event_keeps_to_its_line():
    """Whatever a thing is called."""
    odd = ToldEvent(rfc3339(NOW), EventType.WARNING, "network a\nb\r\x0b is odd")

    assert 1 == len(event_text(odd).splitlines())
