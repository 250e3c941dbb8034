"""Points in time as people write them on a command line."""

from __future__ import annotations

import re
from datetime import datetime

from ipvl.errors import invalid

UNIT_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_AGO = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_EPOCH = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
TIME_FORMS = "write how long ago, like 10m or 1h30m, or a time like 2026-11-24T07:01:02"


def parse_time(text: str, now: float) -> float:
    """Return seconds since the epoch.

    Args:
        text: how long ago (`10m`, `1h30m`, `2d`), `now`, an ISO 8601 date or time, in the local zone unless it names
            another, or seconds since the epoch.
        now: the present, in seconds since the epoch.

    Raises:
        IpvlError: it is none of these.
    """
    if text == "now":
        return now
    ago = _AGO.fullmatch(text)
    if text and ago is not None:
        return now - sum(
            int(number or 0) * unit for number, unit in zip(ago.groups(), UNIT_SECONDS.values(), strict=True)
        )
    if _EPOCH.fullmatch(text):
        return float(text)
    try:
        # A naive time is one of the local zone (datetime.timestamp).
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise invalid(f"{text!r} is not a time", TIME_FORMS) from None


def local_time_text(seconds: float) -> str:
    """Return seconds since the epoch as a local time, ISO 8601 to the second."""
    return datetime.fromtimestamp(seconds).astimezone().replace(tzinfo=None).isoformat(timespec="seconds")
