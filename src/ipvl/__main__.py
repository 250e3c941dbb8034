"""`ipvl`, from arguments to exit status."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

from ipvl import __version__
from ipvl.doors.cli import events, topology
from ipvl.doors.cli.json_text import json_text
from ipvl.doors.cli.parser import as_docker_writes, configuration, parser
from ipvl.errors import IpvlError, Kind

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from ipvl.driver.status import Status

EXIT_STATUS = {Kind.INVALID: 2, Kind.CONFLICT: 3, Kind.MISSING: 4, Kind.KERNEL: 5, Kind.UNAVAILABLE: 6}
"""What the shell sees of a refusal; 1 is left to bugs, and to `ipvl doctor` that found problems."""


def main() -> int:
    """Run the command line and return its exit status. Imports wait until a command needs them."""
    arguments = parser().parse_args(as_docker_writes(sys.argv[1:]))
    try:
        return COMMANDS[arguments.command](arguments)
    except IpvlError as error:
        print(f"ipvl: {error}", file=sys.stderr)
        return EXIT_STATUS[error.kind]
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; Python must not complain again when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _serve(arguments: argparse.Namespace) -> int:
    from ipvl.daemon.lifecycle import serve
    from ipvl.daemon.logs import set_up_logs

    settings = configuration(arguments)
    set_up_logs(settings.log_level, os.environ)
    asyncio.run(serve(settings, os.environ))
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from ipvl.doors.cli.tables import names, status_text

    status = _read_status(arguments)
    if arguments.names:
        for name in names(status, arguments.names):
            print(name)
        return 0
    print(json_text(status) if arguments.json else status_text(status))
    return 0


def _read_status(arguments: argparse.Namespace) -> Status:
    from ipvl.doors.cli.control_client import NoDaemonError, ask
    from ipvl.driver.status import Status

    settings = configuration(arguments)
    try:
        return ask(settings.control_socket, "/status", Status)
    except NoDaemonError:
        from ipvl.daemon.standalone import read_status

        print(f"ipvl: no daemon at {settings.control_socket}, reading {settings.state_file} instead", file=sys.stderr)
        return asyncio.run(read_status(settings))


def _topology(arguments: argparse.Namespace) -> int:
    return topology.run(arguments, _read_status(arguments))


def _events(arguments: argparse.Namespace) -> int:
    return events.run(arguments, configuration(arguments))


def _doctor(arguments: argparse.Namespace) -> int:
    from ipvl.daemon.examination import examine
    from ipvl.doors.cli.doctor import report

    settings = configuration(arguments)
    diagnosis = asyncio.run(examine(settings, arguments.network, arguments.parent))
    print(json_text(diagnosis) if arguments.json else report(diagnosis))
    return 0 if diagnosis.healthy else 1


def _version(arguments: argparse.Namespace) -> int:
    from ipvl.doors.cli.control_client import NoDaemonError, ask

    versions = {"ipvl": __version__}
    try:
        versions["daemon"] = ask(configuration(arguments).control_socket, "/version", dict[str, str])["version"]
    except NoDaemonError:
        versions["daemon"] = "not running"
    print(
        json_text(versions) if arguments.json else "\n".join(f"{name} {version}" for name, version in versions.items())
    )
    return 0


def _completion(arguments: argparse.Namespace) -> int:
    from ipvl.doors.cli.completion import script

    print(script(parser(), arguments.shell))
    return 0


def _network(arguments: argparse.Namespace) -> int:
    from ipvl.doors.cli import network_commands

    return network_commands.run(arguments, _caller(arguments))


def _sandbox(arguments: argparse.Namespace) -> int:
    from ipvl.doors.cli import sandbox_commands

    return sandbox_commands.run(arguments, _caller(arguments), configuration(arguments))


def _attach(arguments: argparse.Namespace) -> int:
    from ipvl.doors.cli import attach_commands

    return attach_commands.run(arguments, _caller(arguments))


def _rootfs(arguments: argparse.Namespace) -> int:
    from ipvl.doors.cli import rootfs_commands

    return rootfs_commands.run(arguments, configuration(arguments))


def _caller(arguments: argparse.Namespace) -> Callable[[str, object], object]:
    """Return what does a call: the daemon where one runs, this process otherwise, which says so once."""
    settings = configuration(arguments)
    alone = False

    def call(name: str, request: object) -> object:
        from ipvl.doors.cli.control_client import NoDaemonError
        from ipvl.doors.cli.control_client import call as ask_daemon

        nonlocal alone
        try:
            return ask_daemon(settings.control_socket, name, request)
        except NoDaemonError:
            from ipvl.daemon.standalone import perform

            if not alone:
                print(f"ipvl: no daemon at {settings.control_socket}, working stand-alone", file=sys.stderr)
                alone = True
            return asyncio.run(perform(settings, name, request))

    return call


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "network": _network,
    **dict.fromkeys(("run", "exec", "ps", "stop", "rm", "logs"), _sandbox),
    **dict.fromkeys(("attach", "detach"), _attach),
    "rootfs": _rootfs,
    "serve": _serve,
    "status": _status,
    "topology": _topology,
    "events": _events,
    "doctor": _doctor,
    "version": _version,
    "completion": _completion,
}

if __name__ == "__main__":
    sys.exit(main())
