"""Clients that dawdle, stop half-way or come in crowds: the others are served meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from ipvl.doors.control import event_stream
from ipvl.http import connection, server
from ipvl.http.request_parser import LARGEST_BODY_BYTES
from tests.unit.served_doors import CONTROL, DOCKER, WITHIN, Answer, Client, Doors

HALVES = (
    b"",
    b"POST /Plugin.Activate HT",
    b"GET /version HTTP/1.1\r\nHost: ipvl\r\n",
    b"POST /calls/network.list HTTP/1.1\r\nHost: ipvl\r\nContent-Length: 10\r\n\r\n{",
    b"POST /Plugin.Activate HTTP/1.1\r\nHost: ipvl\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12",
)


@pytest.fixture
def doors(tmp_path) -> Iterator[Doors]:
    doors = Doors(tmp_path)
    yield doors
    doors.close()
    assert doors.complaints.found == []


async def half_open(doors: Doors, door: str, half: bytes, stack: ExitStack) -> Client:
    client = stack.enter_context(doors.client(door))
    await client.send(half)
    return client


@pytest.mark.parametrize("door", [DOCKER, CONTROL])
@pytest.mark.parametrize("half", HALVES)
def test_half_a_request_is_given_up(doors, door, half, monkeypatch):
    """Wherever the client stops, it is told so and let go; nothing has happened."""
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.1)
    before = doors.world.picture()

    async def script() -> Answer:
        with ExitStack() as stack:
            return await (await half_open(doors, door, half, stack)).answer()

    refused = doors.run(script())

    expected = "the request was not whole within 0.1 seconds"
    assert (408, expected, "invalid") == (refused.status, refused.body["what"], refused.body["kind"])
    assert before == doors.world.picture()


def test_a_second_request_has_its_own_time(doors, monkeypatch):
    """A connection that is kept is given up as well when the next request stops half-way."""

    async def script() -> tuple[Answer, Answer]:
        with doors.client(CONTROL) as client:
            await client.send(b"GET /version HTTP/1.1\r\nHost: ipvl\r\n\r\n")
            first = await client.answer()
            monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.1)
            await client.send(b"GET /version HTTP/1.1\r\n")
            return first, await client.answer()

    assert [200, 408] == [one.status for one in doors.run(script())]


@pytest.mark.parametrize("door", [DOCKER, CONTROL])
def test_a_crowd_of_half_open_clients_starves_nobody(doors, door, monkeypatch):
    """Where every place is taken the oldest that sends nothing gives way; the newest are still there."""
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 20)
    path = {DOCKER: ("POST", "/Plugin.Activate"), CONTROL: ("GET", "/version")}[door]

    async def script() -> None:
        with ExitStack() as stack:
            crowd = [await half_open(doors, door, HALVES[count % 3], stack) for count in range(100)]
            served = await asyncio.gather(*(doors.ask(door, *path) for _ in range(10)))
            assert [200] * 10 == [one.status for one in served]
            assert Answer(0) == await crowd[0].answer()
            await crowd[-1].send(b"GET / HTTP/1.1\r\nHost: ipvl\r\n\r\n")
            assert 404 == (await crowd[-1].answer()).status

    doors.run(script())


def test_who_waits_for_the_daemon_is_never_displaced(doors, monkeypatch):
    """Calls that wait for the engine keep their places, and who comes then is told why there is none."""
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 3)

    async def script() -> None:
        lock = doors.world.engine.lock
        await lock.acquire()
        body = b'{"network": "none"}'
        waiting = [asyncio.create_task(doors.ask(CONTROL, "POST", "/calls/network.remove", body)) for _ in range(3)]
        while len(lock._waiters or ()) < 3:  # noqa: ASYNC110 - a lock has no event for it
            await asyncio.sleep(0)
        late = await doors.ask(CONTROL, "GET", "/version")
        assert (503, "unavailable", "ipvl serves 3 clients already") == (
            late.status,
            late.body["kind"],
            late.body["what"],
        )
        lock.release()
        assert [404] * 3 == [(await one).status for one in waiting]
        assert 200 == (await doors.ask(CONTROL, "GET", "/version")).status

    doors.run(script())


def test_readers_of_events_leave_room_for_calls(doors, monkeypatch):
    """One too many is refused by name."""
    monkeypatch.setattr(event_stream, "MOST_READERS", 2)
    request = b"GET /events HTTP/1.1\r\nHost: ipvl\r\n\r\n"

    async def script() -> None:
        with ExitStack() as stack:
            for _ in range(2):
                assert 200 == (await (await half_open(doors, CONTROL, request, stack)).answer()).status
            refused = await doors.ask(CONTROL, "GET", "/events")
        assert (503, "2 readers follow the events already") == (refused.status, refused.body["what"])

    doors.run(script())


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"GET /version\r\n\r\n",
        b"GET /version HTTP/1.1\r\n\r\n",
        b"GET /version HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 300_000 + b"\r\n\r\n",
        b"POST /calls/attach HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /calls/attach HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /calls/attach HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /calls/attach HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
)
def test_what_is_no_request_is_told_so(doors, request_):
    """In JSON, as everything else."""
    refused = doors.run(doors.send(CONTROL, request_))

    assert (400, "invalid") == (refused.status // 100 * 100, refused.body["kind"])


def test_a_body_without_end_is_cut_off(doors, monkeypatch):
    """The answer is given at the limit, and the rest is not listened to for ever."""
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.3)

    async def script() -> None:
        with doors.client(CONTROL) as client:
            await client.send(b"POST /calls/attach HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            sending = asyncio.create_task(_without_end(client))
            assert 413 == (await client.answer()).status
            await sending

    doors.run(asyncio.wait_for(script(), WITHIN))


async def _without_end(client: Client) -> None:
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError):
        while True:
            await loop.sock_sendall(client._socket, b"1000\r\n" + b"x" * 4096 + b"\r\n")


def test_a_body_that_is_too_large_is_refused(doors):
    """One mebibyte is a hundred times what Docker sends; up to that it is only text."""

    def body(size: int) -> bytes:
        padding = size - len(json.dumps({"NetworkID": "a", "Padding": ""}))
        return json.dumps({"NetworkID": "a", "Padding": "x" * padding}).encode()

    async def script() -> list[Answer]:
        sizes = (LARGEST_BODY_BYTES, LARGEST_BODY_BYTES + 1)
        return [await doors.ask(DOCKER, "POST", "/NetworkDriver.DeleteNetwork", body(size)) for size in sizes]

    expected = "NetworkDriver.DeleteNetwork: the body is larger than 1048576 bytes"
    read, refused = doors.run(script())
    assert Answer(200, {}) == read
    assert (413, expected) == (refused.status, refused.body["Err"])


def test_a_client_that_sends_no_more_gets_its_answer(doors):
    """A pipe into `socat` or `nc -N` closes its side right behind the request."""
    request = b"POST /calls/network.list HTTP/1.1\r\nHost: ipvl\r\nContent-Length: 2\r\n\r\n{}"

    async def script() -> tuple[Answer, bytes]:
        with doors.client(CONTROL) as client:
            await client.send(request)
            client.end()
            return await client.answer(), await client.more()

    answer, rest = doors.run(script())
    assert (200, b"") == (answer.status, rest)


def test_requests_sent_together_are_answered_in_their_order(doors):
    """Though the first has to wait for something."""
    first = b"POST /calls/network.list HTTP/1.1\r\nHost: ipvl\r\nContent-Length: 2\r\n\r\n{}"
    others = b"GET /version HTTP/1.1\r\nHost: ipvl\r\n\r\n" * 20

    async def script() -> list[Answer]:
        with doors.client(CONTROL) as client:
            await client.send(first + others)
            return [await client.answer() for _ in range(21)]

    answers = doors.run(script())
    assert [200] * 21 == [one.status for one in answers]
    assert {"networks": []} == answers[0].body
    assert all("version" in one.body for one in answers[1:])


def test_a_client_may_ask_before_it_sends_a_body(doors):
    """As curl does with large ones (RFC 9110, 10.1.1)."""
    head = b"POST /calls/network.list HTTP/1.1\r\nHost: ipvl\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"

    async def script() -> tuple[bytes, Answer]:
        with doors.client(CONTROL) as client:
            await client.send(head)
            permission = await client.more()
            await client.send(b"{}")
            return permission, await client.answer()

    permission, answer = doors.run(script())
    assert b"HTTP/1.1 100 Continue\r\n\r\n" == permission
    assert 200 == answer.status


def test_a_kept_connection_ends_when_nothing_is_asked(doors, monkeypatch):
    """Without a word: the client has all that it asked for."""
    monkeypatch.setattr(connection, "IDLE_SECONDS", 0.1)

    async def script() -> tuple[Answer, Answer]:
        with doors.client(CONTROL) as client:
            await client.send(b"GET /version HTTP/1.1\r\nHost: ipvl\r\n\r\n")
            return await client.answer(), await client.answer()

    first, after = doors.run(script())
    assert (200, Answer(0)) == (first.status, after)
