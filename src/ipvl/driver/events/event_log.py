"""The events of this run: the last thousand, and a queue for each reader. Publishing never waits for anybody."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from ipvl.driver.events.event_types import Event, EventType

KEPT = 1000
"""Events that are kept for readers who ask what happened before they came."""
QUEUED = 1000
"""Events that wait for one reader before it loses some."""


class EventLog:
    """Where the engine publishes and readers listen; all of it in one thread, the event loop's."""

    def __init__(self, kept: int = KEPT, queued: int = QUEUED) -> None:
        self._recent: deque[Event] = deque(maxlen=kept)
        self._queued = queued
        self._readers: set[Reader] = set()
        self._forgotten: Event | None = None
        self._ended = False

    def publish(self, event: Event) -> None:
        """Keep the event and hand it to every reader that has room for it."""
        if len(self._recent) == self._recent.maxlen:
            self._forgotten = self._recent[0]
        self._recent.append(event)
        for reader in self._readers:
            reader.take(event)

    @contextmanager
    def reading(self, since: float | None = None) -> Iterator[Reader]:
        """Yield a reader of what happens from now on, and before that of what is kept since then.

        Args:
            since: seconds since the epoch; None for nothing that is past.
        """
        reader = Reader(self._kept_since(since), self._queued)
        if self._ended:
            reader.end()
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)

    @property
    def readers(self) -> int:
        """How many listen."""
        return len(self._readers)

    def kept(self) -> tuple[Event, ...]:
        """Return the events that are kept, oldest first."""
        return tuple(self._recent)

    def end(self, last: Event) -> None:
        """Give every reader its last event, however much it lost before; each that comes later ends at once."""
        self._recent.append(last)
        self._ended = True
        for reader in self._readers:
            reader.end(last)

    def _kept_since(self, since: float | None) -> tuple[Event, ...]:
        if since is None:
            return ()
        kept = tuple(event for event in self._recent if event.time >= since)
        if self._forgotten is None or self._forgotten.time < since:
            return kept
        lost = f"older events are lost: the last {self._recent.maxlen} are kept"
        return (Event(self._forgotten.time, EventType.EVENTS_LOST, lost), *kept)


class Reader:
    """One who listens: an asynchronous iterator over events, in the order in which they happened.

    A reader that falls behind loses events rather than hold up the engine, and is told how many in their place.
    """

    def __init__(self, past: tuple[Event, ...], queued: int) -> None:
        self._past = deque(past)
        self._waiting: deque[Event] = deque()
        self._queued = queued
        self._lost = 0
        self._lost_at = 0.0
        self._last: Event | None = None
        self._news = asyncio.Event()
        self._ended = False

    def __aiter__(self) -> Reader:
        return self

    async def __anext__(self) -> Event:
        """Return the next event, waiting for one as long as it takes.

        Raises:
            StopAsyncIteration: `end` was called and every event before it was returned.
        """
        while True:
            if self._past:
                return self._past.popleft()
            if self._waiting:
                return self._waiting.popleft()
            if self._lost:
                return self._tell_lost()
            if self._last is not None:
                last, self._last = self._last, None
                return last
            if self._ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()

    def take(self, event: Event) -> None:
        """Queue an event, or count it as lost when too many wait already."""
        if len(self._waiting) >= self._queued:
            self._lost += 1
            self._lost_at = event.time
            return
        if self._lost:
            self._waiting.append(self._tell_lost())
        self._waiting.append(event)
        self._news.set()

    def end(self, last: Event | None = None) -> None:
        """Let the reader stop once it has every event that is queued, and this one."""
        self._last = last
        self._ended = True
        self._news.set()

    def _tell_lost(self) -> Event:
        lost, self._lost = self._lost, 0
        plural = "s were" if lost > 1 else " was"
        return Event(
            self._lost_at, EventType.EVENTS_LOST, f"{lost} event{plural} lost: this reader takes them too slowly"
        )
