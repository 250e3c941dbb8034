"""Everything the lab raises, so that a caller can tell a broken lab from a failing command."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .results import Result


class LabError(Exception):
    """Base of all errors of the lab; its text is one self-contained explanation."""


class SetupFailed(LabError):
    """An image could not be built, or a tool the host needs is missing."""


class NotSetUp(LabError):
    """A guest was asked for whose image has not been built yet."""


class BootFailed(LabError):
    """A guest did not get as far as answering; the text ends with its last console lines."""


class GuestLost(LabError):
    """The guest ended, or its agent stopped answering, while something was under way in it."""


class CommandRefused(LabError):
    """The guest's agent could not even start the command."""


class CommandFailed(LabError):
    """A command ended otherwise than the caller asked for: with a status other than 0, or without saying a word."""

    def __init__(self, result: Result, complaint: str = "failed") -> None:
        """Keep `result` for the caller and put all of it into the text."""
        self.result = result
        super().__init__(
            f"{complaint}, status {result.status}: {result.command}\n"
            f"--- stdout\n{result.stdout.rstrip()}\n--- stderr\n{result.stderr.rstrip()}"
        )


class CommandTimeout(LabError):
    """A command was still running when its time was up; `Guest.run` has killed it by then."""

    def __init__(self, command: str, timeout: float, output: str) -> None:
        """Keep what the command had printed by then in `output`."""
        self.command = command
        self.timeout = timeout
        self.output = output
        super().__init__(f"no end after {timeout:g} s: {command}\n--- printed until then\n{output.rstrip()}")
