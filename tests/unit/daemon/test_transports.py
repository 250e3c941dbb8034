"""What is written together is sent together, and nothing of it is lost."""

from __future__ import annotations

import asyncio

from ipvl.daemon.transports import GatheredWrites


class Recorded(asyncio.Transport):
    """A transport that keeps what it is asked to do."""

    def __init__(self) -> None:
        super().__init__()
        self.done = []

    def write(self, data):
        self.done.append(bytes(data))

    def close(self):
        self.done.append("closed")

    def abort(self):
        self.done.append("aborted")

    def is_closing(self):
        return "closed" in self.done or "aborted" in self.done

    def get_write_buffer_size(self):
        return 0


def after(work) -> list[object]:
    """Return what the transport was asked to do by this work, and after it when the event loop had its turn."""

    async def watch():
        recorded = Recorded()
        work(GatheredWrites(recorded, asyncio.get_running_loop()))
        before = tuple(recorded.done)
        await asyncio.sleep(0)
        return [before, *recorded.done]

    return asyncio.run(watch())


def test_head_and_body_are_one_piece():
    """Sent before the event loop waits."""

    def work(transport):
        transport.write(b"head ")
        transport.write(b"body")
        transport.write(b"")
        assert 9 == transport.get_write_buffer_size()

    assert [(), b"head body"] == after(work)


def test_closing_sends_first():
    """And nothing afterwards."""

    def work(transport):
        transport.write(b"all")
        transport.close()
        transport.write(b"too late")

    assert [(b"all", "closed"), b"all", "closed"] == after(work)


def test_aborting_sends_nothing():
    """What waited is gone, as in a transport's own buffer."""

    def work(transport):
        transport.write(b"all")
        transport.abort()

    assert [("aborted",), "aborted"] == after(work)


def test_pieces_of_different_moments_are_sent_apart():
    """A stream's lines go out as they come."""

    async def watch():
        recorded = Recorded()
        transport = GatheredWrites(recorded, asyncio.get_running_loop())
        for line in (b"one", b"two"):
            transport.write(line)
            await asyncio.sleep(0)
        return recorded.done

    assert [b"one", b"two"] == asyncio.run(watch())
