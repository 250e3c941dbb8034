"""The host's clocks, and how points in time are written for programs. Nothing else in ipvl reads the wall clock."""

from __future__ import annotations

import time
from pathlib import Path

from ipvl.errors import unavailable

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class HostClocks:
    """The clocks of this host's kernel.

    `boot` tells this run of the kernel from all others (random(4)).

    Raises:
        IpvlError: the kernel does not tell which boot it is.
    """

    def __init__(self, boot_id: Path = BOOT_ID) -> None:
        try:
            self.boot = boot_id.read_text(encoding="ascii").strip()
        except OSError as error:
            raise unavailable(f"{boot_id} cannot be read: {error.strerror}", "mount /proc") from error

    def since_boot(self) -> float:
        """Return the seconds since the kernel started, those of a suspend too; nobody can set that clock."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> float:
        """Return the seconds since the epoch by the clock that people set."""
        return wall_clock()


def wall_clock() -> float:
    """Return the seconds since the epoch by the clock that people set, which may jump either way at any moment."""
    return time.time()


def rfc3339(seconds: float) -> str:
    """Return a point in time, in seconds since the epoch, as RFC 3339 writes it: in UTC, to the microsecond."""
    whole, micros = divmod(round(seconds * 1_000_000), 1_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{micros:06}Z"


def epoch_of(text: str) -> float:
    """Return the seconds since the epoch of a point in time that `rfc3339` wrote.

    Raises:
        ValueError: it is none.
    """
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()
