"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ipvl.errors import IpvlError


class Severity(StrEnum):
    """Whether containers cannot do what they should, or may not be able to."""

    PROBLEM = "problem"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: `what` names it with its value, `way_out` says what to do.

    `check` is the name of the check that found it and `subject` the network, parent or link it is about, for programs.
    """

    check: str
    severity: Severity
    subject: str
    what: str
    way_out: str


def problem(check: str, subject: str, what: str, way_out: str) -> Finding:
    """Return a finding that keeps containers from what they should do."""
    return Finding(check, Severity.PROBLEM, subject, what, way_out)


def warning(check: str, subject: str, what: str, way_out: str) -> Finding:
    """Return a finding that is no fault by itself, or that cannot be told for certain."""
    return Finding(check, Severity.WARNING, subject, what, way_out)


def refusal(check: str, subject: str, error: IpvlError) -> Finding:
    """Return what ipvl would refuse as a problem, in the words of the refusal."""
    return problem(check, subject, error.what, error.way_out)
