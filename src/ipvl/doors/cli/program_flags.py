"""Flags of the commands that run a program in a sandbox, and what becomes of them: the program and its exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from ipvl.doors.cli.flags import add_repeatable
from ipvl.errors import IpvlError

if TYPE_CHECKING:
    from ipvl.sandbox.process import Program

EXIT_STATUS = """
exit status:
  125  ipvl itself failed.
  126  The program cannot be run.
  127  There is no program of that name.
  128+N  Signal number N ended the program.
  N  Any other status is the program's own.
""".strip()
SANDBOX = "a name, an id, or the beginning of an id"
STOP_SECONDS = 10.0


def add_stop_time(command: argparse.ArgumentParser) -> None:
    """Add how long a sandbox that is to stop may take."""
    command.add_argument(
        "-t", "--time", type=float, default=STOP_SECONDS, metavar="SECONDS", help="patience (%(default)s)"
    )


def add_program_flags(command: argparse.ArgumentParser) -> None:
    """Add what a program is given: input, a terminal, variables, a folder and capabilities."""
    command.add_argument("-i", "--interactive", action="store_true", help="hand it this standard input")
    command.add_argument("-t", "--tty", action="store_true", help="give it a terminal")
    add_repeatable(
        command,
        "-e",
        "--env",
        metavar="KEY[=VALUE]",
        text="an environment variable, with your own value if it is given none (repeatable)",
    )
    command.add_argument("-w", "--workdir", default="", metavar="DIR", help="where it starts (default: /)")
    add_repeatable(command, "--cap-add", metavar="CAP", text="more of root's power, or ALL (repeatable)")


def program_of(
    arguments: argparse.Namespace, command: tuple[str, ...], hostname: str, beside: Program | None = None
) -> Program:
    """Return the program; one `beside` another has what that one was given, and what the flags give on top.

    Raises:
        IpvlError: there is no capability of a name that is given.
    """
    from ipvl.sandbox.capabilities import parse_capabilities
    from ipvl.sandbox.environment import program_environment
    from ipvl.sandbox.process import Program

    inherited = beside.environment if beside else {}
    return Program(
        command=command,
        environment=program_environment(arguments.env, hostname, terminal=arguments.tty, inherited=inherited),
        folder=arguments.workdir or (beside.folder if beside else "/"),
        capabilities=parse_capabilities(arguments.cap_add) | (beside.capabilities if beside else frozenset()),
        terminal=arguments.tty,
    )


def exit_status_of(work: Callable[[], int]) -> int:
    """Run a program; when that fails say why, and return Docker's status for it."""
    from ipvl.sandbox.process import FAILED_STATUS, ProgramError

    try:
        return work()
    except (ProgramError, IpvlError) as error:
        print(f"ipvl: {error}", file=sys.stderr)  # noqa: T201 - what commands are for
        return error.status if isinstance(error, ProgramError) else FAILED_STATUS
