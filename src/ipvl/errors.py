"""The one error type that ipvl raises on purpose.

Every refusal is one sentence that names the thing, the value and the way out. Doors map `Kind` to their own
codes (HTTP status, exit status); nothing else may be decided on, least of all the text.
"""

from enum import StrEnum

ENTERING_NAMESPACES = "under systemd the daemon needs embedded.conf to enter namespaces: see docs/embedded.md"
"""The way out where ipvl may not look into a network namespace or enter it."""


class Kind(StrEnum):
    """Why an operation was refused, as far as a caller may act on it."""

    INVALID = "invalid"  # the input is wrong, whatever the state
    CONFLICT = "conflict"  # the input is right, but something else holds what it asks for
    MISSING = "missing"  # the input names something that does not exist
    KERNEL = "kernel"  # the kernel cannot do it or refused
    UNAVAILABLE = "unavailable"  # a file, socket or daemon that ipvl needs cannot be used


class IpvlError(Exception):
    """A refusal: nothing was changed.

    Args:
        kind: what a caller may act on.
        what: the thing and the value that is wrong with it.
        way_out: what the reader can do about it; empty when there is nothing.
    """

    def __init__(self, kind: Kind, what: str, way_out: str = "") -> None:
        super().__init__(f"{what}; {way_out}" if way_out else what)
        self.kind = kind
        self.what = what
        self.way_out = way_out


def quoted(text: str) -> str:
    """Return user input as it may stand in a sentence: on one line, without control characters, not endless."""
    printable = text if len(text) <= 60 else f"{text[:57]}..."
    return printable if printable and printable.isprintable() and " " not in printable else repr(printable)


def invalid(what: str, way_out: str = "") -> IpvlError:
    """Return the refusal of an input that is wrong whatever the state."""
    return IpvlError(Kind.INVALID, what, way_out)


def conflict(what: str, way_out: str = "") -> IpvlError:
    """Return the refusal of an input that something else stands in the way of."""
    return IpvlError(Kind.CONFLICT, what, way_out)


def missing(what: str, way_out: str = "") -> IpvlError:
    """Return the refusal of an input that names something that does not exist."""
    return IpvlError(Kind.MISSING, what, way_out)


def kernel_refused(what: str, way_out: str = "") -> IpvlError:
    """Return the error for something that the kernel cannot do or refused."""
    return IpvlError(Kind.KERNEL, what, way_out)


def unavailable(what: str, way_out: str = "") -> IpvlError:
    """Return the error for a file, socket or daemon that cannot be used."""
    return IpvlError(Kind.UNAVAILABLE, what, way_out)
