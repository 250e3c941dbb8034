"""What the shell sees of a refusal."""

from __future__ import annotations

import sys

from ipvl.errors import IpvlError, Kind

EXIT_STATUS = {Kind.INVALID: 2, Kind.CONFLICT: 3, Kind.MISSING: 4, Kind.KERNEL: 5, Kind.UNAVAILABLE: 6}
"""What the shell sees of a refusal; 1 is left to bugs, and to `ipvl doctor` that found problems."""


def print_refusal(error: IpvlError) -> int:
    """Say why something was refused, and return the exit status for it."""
    print(f"ipvl: {error}", file=sys.stderr)  # noqa: T201 - what commands are for
    return EXIT_STATUS[error.kind]
