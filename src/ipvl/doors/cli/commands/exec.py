"""`ipvl exec`: one more program in a sandbox that runs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ipvl.doors.cli.flags import add_command
from ipvl.doors.cli.program_flags import (
    EXIT_STATUS,
    SANDBOX,
    add_program_flags,
    exit_status_of,
    program_of,
)
from ipvl.doors.cli.repeated_calls import Call
from ipvl.errors import conflict, invalid

if TYPE_CHECKING:
    from ipvl.doors.cli.flags import Commands
    from ipvl.embedded.call_messages import SandboxView
    from ipvl.startup.configuration import Configuration


def add_parsers(commands: Commands, shared: Sequence[argparse.ArgumentParser]) -> None:
    """Add the command; `shared` are parsers whose flags it has."""
    execute = add_command(
        commands,
        "exec",
        "run one more program in a sandbox",
        "Run one more program in a sandbox that runs. Its exit status is passed on.",
        "ipvl exec -it db /bin/sh",
        shared=shared,
        usage="ipvl exec [flags] SANDBOX COMMAND ...",
        more=EXIT_STATUS,
    )
    add_program_flags(execute)
    execute.add_argument("sandbox", metavar="SANDBOX", help=SANDBOX)
    execute.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND", help="what to run")


def run(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    """Run a program in a sandbox that runs and return its status, or what says why there is none."""
    from ipvl.embedded.sandbox_messages import NamedSandbox
    from ipvl.sandbox import supervisor
    from ipvl.sandbox.folders import sandbox_folders
    from ipvl.sandbox.start_requests import read_start_request

    def execute_it() -> int:
        words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
        if not words:
            raise invalid("there is no command to run", "write it after the sandbox's name")
        sandbox: SandboxView = call("sandbox.inspect", NamedSandbox(arguments.sandbox))
        if not sandbox.running:
            raise conflict(f"sandbox {sandbox.name} has ended", f"start it again: ipvl start {sandbox.name}")
        first = read_start_request(sandbox_folders(settings, sandbox.id)).program
        one_more = program_of(arguments, tuple(words), sandbox.hostname, first)
        return supervisor.execute_in_sandbox(one_more, sandbox.process, interactive=arguments.interactive)

    return exit_status_of(execute_it)
