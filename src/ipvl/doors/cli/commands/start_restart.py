"""`ipvl start` and `restart`: sandboxes that have ended run again."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ipvl.doors.cli.flags import add_command
from ipvl.doors.cli.program_flags import SANDBOX, add_stop_time
from ipvl.doors.cli.repeated_calls import Call, for_each_name
from ipvl.doors.cli.terminal import waiting_for
from ipvl.errors import unavailable

if TYPE_CHECKING:
    from ipvl.doors.cli.flags import Commands
    from ipvl.embedded.call_messages import SandboxView
    from ipvl.startup.configuration import Configuration


def add_parsers(commands: Commands, shared: Sequence[argparse.ArgumentParser]) -> None:
    """Add the commands; `shared` are parsers whose flags each of them has."""
    again = add_command(
        commands,
        "start",
        "start sandboxes that have ended",
        """
        Start sandboxes again that have ended, or that went with a reboot of the host: the same program with the same
        files, in the background, on the networks and at the addresses that `ipvl run` asked for.
        """,
        "ipvl start db",
        shared=shared,
    )
    again.add_argument("sandboxes", nargs="+", metavar="SANDBOX", help=SANDBOX)
    anew = add_command(
        commands,
        "restart",
        "stop sandboxes and start them again",
        "Stop sandboxes as `ipvl stop` does, and start them again as `ipvl start` does; those that have ended, too.",
        "ipvl restart db",
        shared=shared,
    )
    add_stop_time(anew)
    anew.add_argument("sandboxes", nargs="+", metavar="SANDBOX", help=SANDBOX)


def run(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    """Start sandboxes that have ended, and before that for `restart` stop those that run."""
    from ipvl.embedded.sandbox_messages import NamedSandbox
    from ipvl.sandbox.folders import sandbox_folders
    from ipvl.sandbox.process import ProgramError
    from ipvl.sandbox.start_requests import read_start_request
    from ipvl.sandbox.stop import stop_sandbox
    from ipvl.sandbox.supervisor import run_in_background

    def start_one(name: str) -> str:
        sandbox: SandboxView = call("sandbox.inspect", NamedSandbox(name))
        if sandbox.running and arguments.command == "restart":
            with waiting_for(f"waiting for {sandbox.name} to end"):
                stop_sandbox(sandbox.process, sandbox.supervisor, arguments.time)
        elif sandbox.running:
            return name
        try:
            run_in_background(read_start_request(sandbox_folders(settings, sandbox.id)), call)
        except ProgramError as error:
            raise unavailable(f"sandbox {sandbox.name} cannot start: {error}") from error
        return name

    return for_each_name(arguments.sandboxes, start_one)
