"""Sets of integers kept as runs, so that a full /16 costs as much as one address and a /64 is never enumerated."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator


class Intervals:
    """A set of integers, held as runs that neither touch nor overlap.

    A call searches the runs by halves; making or ending a run in the middle moves those behind it in one block of
    memory. What is kept grows with the number of runs, never with their length.
    """

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Iterate over the runs, lowest first, as (first, last)."""
        return iter(zip(tuple(self._firsts), tuple(self._lasts), strict=True))

    def __contains__(self, number: int) -> bool:
        run = bisect_right(self._firsts, number) - 1
        return run >= 0 and number <= self._lasts[run]

    def __bool__(self) -> bool:
        return bool(self._firsts)

    def copy(self) -> Intervals:
        """Return a set of its own with the same members."""
        twin = Intervals()
        twin._firsts, twin._lasts = self._firsts.copy(), self._lasts.copy()
        return twin

    def add(self, number: int) -> None:
        """Add a number; one that is in the set already stays."""
        after = bisect_right(self._firsts, number)
        before = after - 1
        if before >= 0 and number <= self._lasts[before]:
            return
        joins_before = before >= 0 and self._lasts[before] == number - 1
        joins_after = after < len(self._firsts) and self._firsts[after] == number + 1
        if joins_before and joins_after:
            self._lasts[before] = self._lasts.pop(after)
            del self._firsts[after]
        elif joins_before:
            self._lasts[before] = number
        elif joins_after:
            self._firsts[after] = number
        else:
            self._firsts.insert(after, number)
            self._lasts.insert(after, number)

    def discard(self, number: int) -> None:
        """Take a number out; one that is not in the set is out already."""
        run = bisect_right(self._firsts, number) - 1
        if run < 0 or number > self._lasts[run]:
            return
        first, last = self._firsts[run], self._lasts[run]
        if first == last:
            del self._firsts[run], self._lasts[run]
        elif number == first:
            self._firsts[run] = number + 1
        elif number == last:
            self._lasts[run] = number - 1
        else:
            self._firsts.insert(run + 1, number + 1)
            self._lasts.insert(run, number - 1)

    def first_free(self, low: int, high: int, start: int) -> int | None:
        """Return the first number from `low` to `high` that is not in the set, looking from `start` on and round.

        Args:
            low: the lowest that will do.
            high: the highest that will do.
            start: where to begin; outside of low..high it means `low`.

        Returns:
            The number, or None when all are in the set or `high` is below `low`.
        """
        if not low <= start <= high:
            start = low
        found = self._free_from(start)
        if found > high:
            found = self._free_from(low)
        return found if found <= high else None

    def _free_from(self, start: int) -> int:
        """Return the lowest number from `start` on that is not in the set: runs never touch, so one look is enough."""
        run = bisect_right(self._firsts, start) - 1
        return self._lasts[run] + 1 if run >= 0 and self._lasts[run] >= start else start
