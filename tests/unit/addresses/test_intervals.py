"""Sets of integers kept as runs, against plain sets."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ipvl.addresses.intervals import Intervals

NUMBERS = st.integers(0, 24)


class AgainstASet(RuleBasedStateMachine):
    """Whatever is added and taken out, the runs hold what a plain set holds."""

    def __init__(self) -> None:
        super().__init__()
        self.intervals = Intervals()
        self.model: set[int] = set()

    @rule(number=NUMBERS)
    def add(self, number):
        self.intervals.add(number)
        self.model.add(number)

    @rule(number=NUMBERS)
    def discard(self, number):
        self.intervals.discard(number)
        self.model.discard(number)

    @rule(number=NUMBERS)
    def changes_of_a_copy_stay_there(self, number):
        twin = self.intervals.copy()
        twin.discard(number)
        twin.add(number + 1)

    @rule(low=NUMBERS, high=NUMBERS, start=st.integers(-5, 30))
    def first_free(self, low, high, start):
        begin = start if low <= start <= high else low
        in_order = [*range(begin, high + 1), *range(low, begin)]

        expected = next((number for number in in_order if number not in self.model), None)

        assert expected == self.intervals.first_free(low, high, start)

    @invariant()
    def same_members(self):
        assert self.model == {number for number in range(-1, 27) if number in self.intervals}
        assert bool(self.model) == bool(self.intervals)

    @invariant()
    def runs_never_touch(self):
        runs = list(self.intervals)
        assert all(first <= last for first, last in runs)
        assert all(earlier[1] + 1 < later[0] for earlier, later in pairwise(runs))


TestAgainstASet = AgainstASet.TestCase


@given(st.permutations(range(40)))
def test_what_is_full_is_one_run(numbers):
    """Whatever the order in which a range filled, it is kept in constant memory."""
    intervals = Intervals()
    for number in numbers:
        intervals.add(number)

    assert [(0, 39)] == list(intervals)


def test_an_ipv6_subnet_is_never_enumerated():
    """Numbers of any size, ranges of any length."""
    intervals = Intervals()
    for _ in range(1000):
        intervals.add(intervals.first_free(1, 2**64, 1))

    assert [(1, 1000)] == list(intervals)
    assert 2**64 == intervals.first_free(1, 2**64, 2**64)
