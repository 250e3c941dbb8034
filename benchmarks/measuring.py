"""What was measured: rounds of several things that took turns, and what is said of them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.guest import Guest

ROUNDS = 10
IN_GUEST = Path(__file__).with_name("in_guest")
PROGRAMS = "/work/benchmarks"
TICK = 10
"""Milliseconds of a tick in /proc/PID/stat (USER_HZ)."""


@dataclass(frozen=True)
class Measured:
    """What each round of one thing gave. `what` is how to do it again, for those who read the table."""

    name: str
    rounds: tuple[float, ...]
    what: str = ""

    @property
    def median(self) -> float:
        """The middle round."""
        return statistics.median(self.rounds)

    @property
    def spread(self) -> tuple[float, float]:
        """The quartiles: half of all rounds lie between them."""
        if len(self.rounds) == 1:
            return self.rounds[0], self.rounds[0]
        first, _, third = statistics.quantiles(self.rounds, n=4, method="inclusive")
        return first, third

    def ratio(self, base: Measured) -> float:
        """Return the middle ratio of the rounds to those of `base`, with which they took turns."""
        if len(self.rounds) != len(base.rounds):
            return self.median / base.median
        return statistics.median(one / other for one, other in zip(self.rounds, base.rounds, strict=True))


@dataclass(frozen=True)
class Table:
    """Things that were measured in turns. The first is what the others are compared with, unless `base` names another.

    `unit` is that of the rounds. `targets` says by name what the ratio may be at most, or with `more_is_better` must be
    at least. `emulated` is the same again in a guest whose processor is emulated, where the rows are of another.
    """

    title: str
    unit: str
    rows: Sequence[Measured]
    base: str = ""
    targets: Mapping[str, float] = field(default_factory=dict)
    more_is_better: bool = False
    note: str = ""
    emulated: Sequence[Measured] = ()

    @property
    def compared_with(self) -> Measured:
        """What the others are compared with."""
        return next((row for row in self.rows if row.name == self.base), self.rows[0])


def alternate(guest: Guest, commands: Mapping[str, str], rounds: int = ROUNDS, timeout: float = 900) -> list[Measured]:
    """Time command lines in the guest, in turns, so that a slow minute of the machine hits each alike."""
    question = json.dumps({"rounds": rounds, "commands": commands})
    answer = guest.run(f"python3 -sE {PROGRAMS}/alternating.py", input=question, timeout=timeout).stdout
    return [Measured(name, tuple(seconds), commands[name]) for name, seconds in json.loads(answer).items()]


def also_emulated(tables: Sequence[Table], emulated: Sequence[Table]) -> list[Table]:
    """Return tables with what the same measurements gave in an emulated guest."""
    again = {table.title: table.rows for table in emulated}
    return [replace(table, emulated=again[table.title]) for table in tables]


def push_programs(guest: Guest) -> None:
    """Put the programs that measure in the guest there."""
    guest.push(IN_GUEST, PROGRAMS)


def daemon_time(guest: Guest) -> int:
    """Return the processor time that the daemon in the guest has had, in milliseconds, in steps of a tick."""
    fields = guest.run("cat /proc/$(cat /run/lab/ipvl.pid)/stat").stdout.rsplit(")", 1)[1].split()
    return TICK * (int(fields[11]) + int(fields[12]))
