"""What a command asks the engine, and the same asked for several names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from ipvl.errors import IpvlError

Call = Callable[[str, object], Any]
"""Does a call of the table in `embedded.calls`, by its name and request, and returns its answer."""


def for_each_name(names: Sequence[str], work: Callable[[str], str]) -> int:
    """Do the same for several names, print what each gives, and go on after a refusal; return the exit status.

    Raises:
        IpvlError: the last refusal; those before it have been printed.
    """
    refused: IpvlError | None = None
    for name in names:
        try:
            print(work(name))  # noqa: T201 - what commands are for
        except IpvlError as error:
            if refused is not None:
                print(f"ipvl: {refused}", file=sys.stderr)  # noqa: T201
            refused = error
    if refused is not None:
        raise refused
    return 0
