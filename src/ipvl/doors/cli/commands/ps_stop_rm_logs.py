"""`ipvl ps`, `stop_sandbox`, `rm`, `logs`: sandboxes that there are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ipvl.doors.cli.flags import add_command, add_json
from ipvl.doors.cli.json_text import json_text
from ipvl.doors.cli.program_flags import SANDBOX, add_stop_time
from ipvl.doors.cli.repeated_calls import Call, for_each_name
from ipvl.doors.cli.terminal import waiting_for
from ipvl.errors import missing

if TYPE_CHECKING:
    from ipvl.doors.cli.flags import Commands
    from ipvl.embedded.call_messages import Sandboxes, SandboxView
    from ipvl.startup.configuration import Configuration

LOOK_EVERY = 0.2


def add_parsers(commands: Commands, shared: Sequence[argparse.ArgumentParser]) -> None:
    """Add the commands; `shared` are parsers whose flags each of them has."""
    ps = add_command(
        commands,
        "ps",
        "list sandboxes",
        "List the sandboxes that run.",
        """
        ipvl ps
        ipvl ps --all --json | jq -r '.sandboxes[].name'
        """,
        shared=shared,
    )
    ps.add_argument("-a", "--all", action="store_true", help="also those that have ended")
    form = ps.add_mutually_exclusive_group()
    form.add_argument("-q", "--quiet", action="store_true", help="print ids only")
    form.add_argument("--names", action="store_true", help="print names only, one a line")
    add_json(form)
    stop = add_command(
        commands,
        "stop",
        "stop sandboxes",
        "Ask sandboxes to end (SIGTERM to the first process), and kill them when they take too long.",
        "ipvl stop -t 2 db",
        shared=shared,
    )
    add_stop_time(stop)
    stop.add_argument("sandboxes", nargs="+", metavar="SANDBOX", help=SANDBOX)
    remove = add_command(
        commands,
        "rm",
        "remove sandboxes that have ended",
        "Forget sandboxes that have ended, and remove their files and logs.",
        "ipvl rm -f db",
        shared=shared,
    )
    remove.add_argument("-f", "--force", action="store_true", help="kill those that run")
    remove.add_argument("sandboxes", nargs="+", metavar="SANDBOX", help=SANDBOX)
    logs = add_command(
        commands,
        "logs",
        "print what a detached sandbox wrote",
        "Print what the program of a detached sandbox wrote.",
        "ipvl logs -f db",
        shared=shared,
    )
    logs.add_argument("-f", "--follow", action="store_true", help="go on until the sandbox ends")
    logs.add_argument("-n", "--tail", type=int, default=None, metavar="LINES", help="the last lines only")
    logs.add_argument("sandbox", metavar="SANDBOX", help=SANDBOX)


def run(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    """Do what was asked and return the exit status.

    Raises:
        IpvlError: it was refused.
    """
    return _COMMANDS[arguments.command](arguments, call, settings)


def _ps(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    from ipvl.clock.host_clocks import wall_clock
    from ipvl.doors.text_tables import sandboxes_text
    from ipvl.embedded.call_messages import AnySandbox

    found: Sandboxes = call("sandbox.list", AnySandbox(arguments.all))
    if arguments.json:
        print(json_text(found))
    elif arguments.quiet or arguments.names:
        words = (sandbox.name if arguments.names else sandbox.id[:12] for sandbox in found.sandboxes)
        print("".join(f"{word}\n" for word in words), end="")
    else:
        print(sandboxes_text(found, wall_clock()))
    return 0


def _stop(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    return for_each_name(arguments.sandboxes, lambda name: _stop_one(name, call, arguments.time))


def _stop_one(name: str, call: Call, seconds: float) -> str:
    from ipvl.embedded.sandbox_messages import NamedSandbox
    from ipvl.sandbox.stop import stop_sandbox

    sandbox: SandboxView = call("sandbox.inspect", NamedSandbox(name))
    if sandbox.running:
        with waiting_for(f"waiting for {sandbox.name} to end"):
            stop_sandbox(sandbox.process, sandbox.supervisor, seconds)
    return name


def _remove(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    from ipvl.embedded.sandbox_messages import NamedSandbox
    from ipvl.sandbox.folders import sandbox_folders

    def remove_one(name: str) -> str:
        sandbox: SandboxView = call("sandbox.inspect", NamedSandbox(name))
        if arguments.force and sandbox.running:
            _stop_one(name, call, 0.0)
            if _is_gone(sandbox.id, call):
                return name
        call("sandbox.remove", NamedSandbox(sandbox.id))
        sandbox_folders(settings, sandbox.id).remove()
        return name

    return for_each_name(arguments.sandboxes, remove_one)


def _is_gone(identity: str, call: Call) -> bool:
    from ipvl.embedded.call_messages import AnySandbox

    return identity not in {sandbox.id for sandbox in call("sandbox.list", AnySandbox(all=True)).sandboxes}


def _logs(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    from ipvl.embedded.sandbox_messages import NamedSandbox
    from ipvl.sandbox.folders import sandbox_folders
    from ipvl.sandbox.stop import has_ended, open_pidfd

    sandbox: SandboxView = call("sandbox.inspect", NamedSandbox(arguments.sandbox))
    path = sandbox_folders(settings, sandbox.id).log
    if not path.exists():
        raise missing(f"sandbox {sandbox.name} has no log", "only what runs with --detach is logged")
    with path.open("rb") as file:
        text = file.read()
        if arguments.tail is not None:
            text = b"".join(text.splitlines(keepends=True)[-arguments.tail :] if arguments.tail > 0 else ())
        _write(text)
        if arguments.follow and sandbox.running:
            with open_pidfd(sandbox.process) as running:
                while running is not None and not has_ended(running, LOOK_EVERY):
                    _write(file.read())
            _write(file.read())
    return 0


def _write(text: bytes) -> None:
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


_COMMANDS: dict[str, Callable[[argparse.Namespace, Call, Any], int]] = {
    "ps": _ps,
    "stop": _stop,
    "rm": _remove,
    "logs": _logs,
}
