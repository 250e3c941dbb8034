"""The calls that an operation makes to store and kernel, counted, and what is to happen at one of them."""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TypeVar

_Result = TypeVar("_Result")

POINTS = "points disturbed"
"""The property in which a test keeps how many calls it disturbed."""


class Fault(Enum):
    """What becomes of a call."""

    KILLED_BEFORE = "killed before"
    KILLED_WITHIN = "killed within"
    KILLED_AFTER = "killed after"
    REFUSED = "refused"
    LOST = "done, but its answer is lost"


class Points:
    """Counts calls and disturbs one of them, be it one that the kernel refuses anyway.

    Args:
        number: which call, from 1; 0 for none.
        fault: what happens to it.
        kill: ends the process, or seems to.
        strike: is told which call is disturbed, just before.
    """

    def __init__(
        self,
        number: int,
        fault: Fault,
        kill: Callable[[], None],
        strike: Callable[[str], None] = lambda _what: None,
    ) -> None:
        self.number = number
        self.fault = fault
        self.passed: list[str] = []
        self.struck = False
        self._kill = kill
        self._tell = strike

    @property
    def next_is_due(self) -> bool:
        """Whether the next call is the one to be disturbed."""
        return len(self.passed) + 1 == self.number

    async def call(
        self,
        what: str,
        work: Callable[[], Awaitable[_Result]],
        error: Callable[[], Exception],
        half: Callable[[], Awaitable[object]] | None = None,
    ) -> _Result:
        """Do the work, or what is to happen instead: `error` if it is refused, `half` before it is killed within."""
        due = self._due(what)
        if due and self.fault is Fault.KILLED_WITHIN and half is not None:
            await half()
            self._strike_dead()
        self._before(due=due, error=error)
        try:
            return await work()
        finally:
            self._after(due=due)
            self._lose(due=due)

    def call_now(self, what: str, work: Callable[[], _Result], error: Callable[[], Exception] | None) -> _Result:
        """Do the same with work that does not wait; without an error it cannot be refused."""
        due = self._due(what)
        self._before(due=due, error=error)
        try:
            return work()
        finally:
            self._after(due=due)

    def answer_now(self, what: str, work: Callable[[], _Result], error: Callable[[], Exception]) -> _Result:
        """Do the same with a question whose answer can be lost."""
        try:
            return self.call_now(what, work, error)
        finally:
            self._lose(due=len(self.passed) == self.number)

    def _due(self, what: str) -> bool:
        self.passed.append(what)
        return len(self.passed) == self.number

    def _before(self, *, due: bool, error: Callable[[], Exception] | None) -> None:
        if due and self.fault is Fault.KILLED_BEFORE:
            self._strike_dead()
        if due and self.fault is Fault.REFUSED and error is not None:
            self._strike()
            raise error()

    def _after(self, *, due: bool) -> None:
        if due and self.fault is Fault.KILLED_AFTER:
            self._strike_dead()

    def _lose(self, *, due: bool) -> None:
        if due and self.fault is Fault.LOST:
            self._strike()
            raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))

    def _strike_dead(self) -> None:
        self._strike()
        self._kill()

    def _strike(self) -> None:
        self.struck = True
        self._tell(self.passed[-1])
