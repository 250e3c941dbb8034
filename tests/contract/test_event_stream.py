"""The stream of events through the daemon's own socket, and the daemon's end with readers on it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from ipvl.clock.host_clocks import rfc3339
from ipvl.driver.events.event_types import Event, EventType
from ipvl.http import server
from tests.contract.own_namespace import in_own_namespace
from tests.contract.test_daemon import Daemon, daemon
from tests.unit.builders import network, parent

REMEMBERED = (parent("br7"), *(network(character * 64, parent="br7", name=f"net{character}") for character in "abcd"))
LARGER_THAN_ANY_BUFFER = 20_000


class Stream:
    """A client of GET /events that reads when it is told to."""

    @classmethod
    async def open(cls, one: Daemon, query: str = "") -> Stream:
        self = cls()
        self.reader, self.writer = await asyncio.open_unix_connection(one.settings.control_socket, limit=4096)
        self.writer.write(f"GET /events?{query} HTTP/1.1\r\nHost: ipvl\r\nConnection: close\r\n\r\n".encode())
        self.head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        return self

    async def event(self) -> dict | None:
        """Return the next event, None at a good end of the stream."""
        size = int(await self.reader.readline(), 16)
        chunk = await self.reader.readexactly(size + 2)
        return json.loads(chunk) if size else None

    async def rest(self) -> list[dict]:
        """Return every event up to a good end."""
        found = []
        while (event := await self.event()) is not None:
            found.append(event)
        return found


async def remove_network(one: Daemon, identity: str) -> None:
    """Ask for it as Docker does."""
    body = json.dumps({"NetworkID": identity})
    reader, writer = await asyncio.open_unix_connection(one.settings.docker_socket)
    head = f"POST /NetworkDriver.DeleteNetwork HTTP/1.1\r\nHost: plugin\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write((head + body).encode())
    answer = await reader.read()
    writer.close()
    assert answer.endswith(b"\r\n\r\n{}"), answer


def stop() -> None:
    """Stop the daemon, which is in this process, as systemd does."""
    os.kill(os.getpid(), signal.SIGTERM)


def test_events_are_streamed_as_they_happen(tmp_path):
    """One JSON object a chunk, and at the daemon's end its last word and a good end of the stream."""

    async def script(one: Daemon) -> None:
        stream = await Stream.open(one)
        assert "transfer-encoding: chunked" in stream.head
        assert "content-type: application/x-ndjson" in stream.head
        await remove_network(one, "a" * 64)
        event = await stream.event()
        assert ("network.removed", "neta", "br7") == tuple(event[key] for key in ("type", "network", "parent"))
        stop()
        assert ["daemon.stopping"] == [event["type"] for event in await stream.rest()]
        assert b"" == await stream.reader.read()

    daemon(tmp_path, script, *REMEMBERED)


def test_the_query_chooses(tmp_path):
    """Network, type and time; a query that means nothing is refused."""

    async def script(one: Daemon) -> None:
        for character in "abc":
            await remove_network(one, character * 64)
        chosen = await Stream.open(one, "since=0&until=1&network=netb")
        assert [] == await chosen.rest(), "the end is long ago"
        chosen = await Stream.open(one, "since=0&network=netb&type=network&type=warning")
        stop()
        assert ["network netb is removed", "ipvl stops; its networks stay"] == [
            event["text"] for event in await chosen.rest()
        ]

    daemon(tmp_path, script, *REMEMBERED)


def test_a_clock_that_was_set_hides_no_event_and_shows_none_twice(tmp_path):
    """What happened ten seconds ago did so by the clock that people have now, which was set by a year since."""

    async def script(one: Daemon) -> None:
        year = 365 * 86400.0
        now = one.engine.clock()
        one.engine.publish([Event(now - ago, EventType.WARNING, f"{ago} s ago") for ago in (60, 10)])
        one.engine.date, one.engine.moment = (lambda time: rfc3339(time + year)), (lambda wall: wall - year)
        (told,) = await (await Stream.open(one, f"since={now + year - 30!r}&until={now + year!r}&type=warning")).rest()
        assert ("10 s ago", rfc3339(now + year - 10)) == (told["text"], told["time"])

    daemon(tmp_path, script)


def test_what_is_past_is_found_by_a_name_that_came_later(tmp_path):
    """A network is created, then named, then removed; all of it is told to who asks for the name, its parent's too."""

    async def script(one: Daemon) -> None:
        kinds = (EventType.PARENT_MADE, EventType.NETWORK_CREATED, EventType.NETWORK_NAMED)
        ids = (None, "e" * 64, "e" * 64)
        for kind, identity, name in zip(kinds, ids, (None, "e" * 12, "late"), strict=True):
            one.engine.publish([Event(1.0, kind, kind, name, identity, parent="eth0.9")])
        chosen = await Stream.open(one, "since=0&until=1&network=late")
        assert list(kinds) == [event["type"] for event in await chosen.rest()]

    daemon(tmp_path, script, *REMEMBERED)


def test_a_query_that_means_nothing_is_refused(tmp_path):
    """By name."""

    async def script(one: Daemon) -> None:
        for query, word in (("since=yesterday", "since"), ("colour=red", "colour")):
            refused = await Stream.open(one, query)
            assert " 200 " not in refused.head.splitlines()[0]
            assert word in (await refused.reader.read()).decode()

    daemon(tmp_path, script)


def test_a_stream_with_an_end_ends(tmp_path):
    """Without anything happening."""

    async def script(one: Daemon) -> None:
        stream = await Stream.open(one, f"until={one.engine.clock() + 0.05!r}")
        assert [] == await stream.rest()

    daemon(tmp_path, script)


def test_a_reader_that_goes_away_is_forgotten(tmp_path):
    """Even if nothing happens that could be sent to it."""

    async def script(one: Daemon) -> None:
        own = set(one.engine.events._readers)
        stream = await Stream.open(one)
        assert 1 == len(one.engine.events._readers - own)
        stream.writer.close()
        while one.engine.events._readers - own:  # noqa: ASYNC110 - the daemon tells nobody
            await asyncio.sleep(0.01)

    daemon(tmp_path, script)


def test_a_reader_that_does_not_read_holds_up_nobody(tmp_path):
    """Neither the engine, which goes on, nor the daemon's end, whatever time calls under way would get."""

    async def script(one: Daemon) -> None:
        await Stream.open(one)
        quick = await Stream.open(one)
        for number in range(LARGER_THAN_ANY_BUFFER):
            one.engine.publish([Event(float(number), EventType.WARNING, "x" * 100)])
        await remove_network(one, "a" * 64)
        stop()
        seen = await quick.rest()
        assert "daemon.stopping" == seen[-1]["type"]
        (lost,) = [event["text"] for event in seen if event["type"] == "events.lost"]
        assert LARGER_THAN_ANY_BUFFER + 2 == len(seen) - 1 + int(lost.split()[0])

    def run() -> None:
        server.GRACE_SECONDS = 600
        one.run(script)

    one = Daemon(tmp_path)
    one.remember(*REMEMBERED)
    in_own_namespace(run)


def command(script: Callable[[Daemon, asyncio.subprocess.Process], Awaitable[None]], tmp_path: Path) -> None:
    """Run a script with `ipvl events` reading, once it has printed what was past when it began."""

    async def reading(one: Daemon) -> None:
        await remove_network(one, "a" * 64)
        words = ["events", "--since", "1h", "--type", "network", "--control-socket", str(one.settings.control_socket)]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ipvl", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        assert (await process.stdout.readline()).endswith(b" network neta is removed\n")
        await script(one, process)

    daemon(tmp_path, reading, *REMEMBERED)


def test_the_command_follows_until_it_is_interrupted(tmp_path):
    """Each line as it happens, not when a buffer is full; Ctrl-C is a good end."""

    async def script(one: Daemon, process: asyncio.subprocess.Process) -> None:
        await remove_network(one, "b" * 64)
        assert (await process.stdout.readline()).endswith(b" network netb is removed\n")
        process.send_signal(signal.SIGINT)
        assert (b"", b"") == await process.communicate()
        assert 0 == process.returncode

    command(script, tmp_path)


def test_the_command_says_that_the_daemon_stopped(tmp_path):
    """And ends, with a status of its own."""

    async def script(one: Daemon, process: asyncio.subprocess.Process) -> None:
        stop()
        out, err = await process.communicate()
        assert out.endswith(b" ipvl stops; its networks stay\n")
        assert (6, b"ipvl: the daemon has stopped, so there are no more events\n") == (process.returncode, err)

    command(script, tmp_path)


def test_the_command_says_that_the_daemon_is_gone(tmp_path):
    """One that was killed has no last word, and the end of its stream is not taken for a good one."""

    async def script(one: Daemon, process: asyncio.subprocess.Process) -> None:
        for serving in one.servers:
            for connection in tuple(serving.connections):
                connection.abort()
        _, err = await process.communicate()
        expected = f"ipvl: the daemon at {one.settings.control_socket} went away without a word; its log may say why\n"
        assert (6, expected) == (process.returncode, err.decode())

    command(script, tmp_path)


def test_a_time_that_is_none_is_refused(tmp_path):
    """It would be compared with the clock for ever."""

    async def script(one: Daemon) -> None:
        for query in ("until=nan", "since=inf", "until=-inf"):
            refused = await Stream.open(one, query)
            assert " 400 " in refused.head.splitlines()[0]
            assert "not a time" in (await refused.reader.read()).decode()

    daemon(tmp_path, script)
