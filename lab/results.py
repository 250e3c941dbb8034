"""What came of a command in the guest."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """A finished command.

    `status` follows the shell: the exit code, or 128 plus the number of the signal that ended the command.
    `seconds` is measured in the guest, from start to end of the process.
    """

    command: str
    status: int
    stdout: str
    stderr: str
    seconds: float
