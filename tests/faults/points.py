"""The calls that an operation makes to store and kernel, counted, and what is to happen at one of them."""

from __future__ import annotations

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


class Points:
    """Counts calls and disturbs one of them.

    Args:
        number: which call, from 1; 0 for none.
        fault: what happens to it.
        kill: ends the process, or seems to.
    """

    def __init__(self, number: int, fault: Fault, kill: Callable[[], None]) -> None:
        self.number = number
        self.fault = fault
        self.passed: list[str] = []
        self.struck = False
        self._kill = kill

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
            self._kill()
        self._before(due=due, error=error)
        result = await work()
        self._after(due=due)
        return result

    def call_now(self, what: str, work: Callable[[], _Result], error: Callable[[], Exception] | None) -> _Result:
        """Do the same with work that does not wait; without an error it cannot be refused."""
        due = self._due(what)
        self._before(due=due, error=error)
        result = work()
        self._after(due=due)
        return result

    def _due(self, what: str) -> bool:
        self.passed.append(what)
        return len(self.passed) == self.number

    def _before(self, *, due: bool, error: Callable[[], Exception] | None) -> None:
        if due and self.fault is Fault.KILLED_BEFORE:
            self._strike()
        if due and self.fault is Fault.REFUSED and error is not None:
            self.struck = True
            raise error()

    def _after(self, *, due: bool) -> None:
        if due and self.fault is Fault.KILLED_AFTER:
            self._strike()

    def _strike(self) -> None:
        self.struck = True
        self._kill()
