"""The time that records hold: it never jumps and never runs backwards, whatever becomes of the host's wall clock.

ipvl counts seconds since the epoch, like the wall clock, but sets its count once a boot and then goes by the kernel's
CLOCK_BOOTTIME, which nobody can set and which counts a suspend. So ages and ends are right when the wall clock jumps,
and all processes of a boot agree, since what the count was set to is kept beside the records. Only what people or
programs are shown is put into wall-clock time, as the clock is at that moment: ages that they work out are right too.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from ipvl.clock.host_clocks import rfc3339
from ipvl.errors import IpvlError
from ipvl.model.boots import Boot

logger = logging.getLogger(__name__)

NO_JUMP = 1.0
"""Seconds that the wall clock may be off what was last seen: both clocks are read one after the other."""

LONGEST_NAP = 30.0
"""Seconds that anybody sleeps without a look at the clock: asyncio's timers stand still while the host is suspended."""


class Clocks(Protocol):
    """What tells the time on a host; `boot` is the id of this run of its kernel."""

    boot: str

    def since_boot(self) -> float:
        """Return the seconds since the kernel started."""

    def wall(self) -> float:
        """Return the seconds since the epoch by the wall clock."""


class BootLog(Protocol):
    """Where boots are kept."""

    def boots(self) -> tuple[Boot, ...]:
        """Return the boots that are kept, oldest first."""

    def newest_time(self) -> float:
        """Return the newest point in time at which something recorded happened, 0 without any."""

    def begin_boot(self, boot: Boot, needless: Sequence[Boot]) -> None:
        """Keep a boot unless it is kept already, and forget the needless ones."""

    def keep_ahead(self, boot: Boot) -> None:
        """Keep how far the wall clock is ahead in a boot."""


class SteadyClock:
    """Tells the time of records, and what the wall clock says of it.

    Args:
        clocks: the host's.
        boots: every boot that is kept, oldest first; the last is this one.
    """

    def __init__(self, clocks: Clocks, boots: Sequence[Boot]) -> None:
        self._clocks = clocks
        *earlier, self._boot = boots
        self._earlier = tuple(earlier)

    def now(self) -> float:
        """Return the present, in seconds since the epoch as ipvl counts them."""
        return self._clocks.since_boot() + self._boot.offset

    def date(self, moment: float) -> str:
        """Return a moment as the wall clock has it now, or had it last in the boot in which it was (RFC 3339)."""
        return rfc3339(moment + ahead_at(moment, self._earlier, self.boot()))

    def moment(self, wall: float) -> float:
        """Return a point in time by the wall clock, in seconds since the epoch, as ipvl counts them."""
        return wall - self.boot().ahead

    def boot(self) -> Boot:
        """Return the present boot with the wall clock as it is now."""
        return replace(self._boot, ahead=ahead_of(self._boot.ahead, self._clocks.wall() - self.now()))

    def note(self, log: BootLog) -> None:
        """Keep it when the wall clock has jumped, for the boots that come after this one.

        Raises:
            IpvlError: the log could not take it.
        """
        boot = self.boot()
        if boot != self._boot:
            log.keep_ahead(boot)
            self._boot = boot


def start_clock(clocks: Clocks, log: BootLog) -> SteadyClock:
    """Return the clock of this boot, which is the same one whoever asks first.

    Raises:
        IpvlError: the log cannot be read or could not take it.
    """
    boots = log.boots()
    if _is_new(clocks, boots):
        log.begin_boot(begin(clocks, boots, log.newest_time()), needless(boots))
        boots = log.boots()
    clock = SteadyClock(clocks, _with_this_last(clocks, boots))
    clock.note(log)
    return clock


def look_at_clock(clocks: Clocks, log: BootLog) -> SteadyClock:
    """Return the clock of this boot for somebody who may only read.

    Raises:
        IpvlError: the log cannot be read.
    """
    boots = log.boots()
    if _is_new(clocks, boots):
        return SteadyClock(clocks, (*boots, begin(clocks, boots, log.newest_time())))
    return SteadyClock(clocks, _with_this_last(clocks, boots))


async def watch_wall_clock(clock: SteadyClock, log: BootLog) -> None:
    """Note how the wall clock stands, now and again; runs until it is cancelled, and looks once more then."""
    try:
        while True:
            await asyncio.sleep(LONGEST_NAP)
            _note(clock, log)
    finally:
        _note(clock, log)


def _note(clock: SteadyClock, log: BootLog) -> None:
    try:
        clock.note(log)
    except IpvlError as error:
        logger.warning("that the clock was set could not be noted: %s", error)


def begin(clocks: Clocks, boots: Sequence[Boot], newest: float) -> Boot:
    """Return how time is counted in a new boot.

    The wall clock tells how long the host was off, as long as that is after everything that has happened. Else it is
    wrong, as on a host without a clock of its own, and the count goes on where it stopped.

    Args:
        clocks: the host's.
        boots: the boots before, oldest first.
        newest: the newest point in time of what is recorded.
    """
    wall = clocks.wall()
    last = boots[-1].ahead if boots else 0.0
    now = max(wall - last, newest, *(boot.began for boot in boots))
    return Boot(clocks.boot, began=now, offset=now - clocks.since_boot(), ahead=ahead_of(last, wall - now))


def needless(boots: Sequence[Boot]) -> tuple[Boot, ...]:
    """Return the earlier boots that tell nothing: in which the wall clock stood as in the boot before."""
    before = (0.0, *(boot.ahead for boot in boots))
    return tuple(boot for boot, ahead in zip(boots, before, strict=False) if boot.ahead == ahead)


def ahead_of(kept: float, found: float) -> float:
    """Return by how much the wall clock is ahead: what is kept, unless it has jumped since, then by whole seconds.

    So a moment is shown alike whenever it is shown, to the last digit.
    """
    return kept if abs(found - kept) < NO_JUMP else kept + round(found - kept)


def ahead_at(moment: float, earlier: Sequence[Boot], present: Boot) -> float:
    """Return by how much the wall clock is, or was last, ahead in the boot of a moment; before the first it was not.

    A boot may begin at the very moment of what was recorded last before it.
    """
    if moment > present.began:
        return present.ahead
    before = bisect_left([boot.began for boot in earlier], moment)
    return earlier[before - 1].ahead if before else 0.0


def _is_new(clocks: Clocks, boots: Sequence[Boot]) -> bool:
    return all(boot.id != clocks.boot for boot in boots)


def _with_this_last(clocks: Clocks, boots: Sequence[Boot]) -> tuple[Boot, ...]:
    return tuple(sorted(boots, key=lambda boot: (boot.id == clocks.boot, boot.began)))
