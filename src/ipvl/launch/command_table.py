"""Every command by its word, and what does it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ipvl import __version__
from ipvl.doors.cli.exit_statuses import print_refusal
from ipvl.doors.cli.json_text import json_text
from ipvl.doors.cli.parser import as_docker_writes, configuration, parser
from ipvl.errors import IpvlError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from ipvl.driver.status.host_status import Status


def run(words: list[str]) -> int:
    """Run a command as it is typed, without `ipvl`, and return its exit status. Imports wait until it needs them.

    Raises:
        BrokenPipeError: nobody reads its output any more.
    """
    words = as_docker_writes(words)
    arguments = parser(words[0] if words else "").parse_args(words)
    try:
        return COMMANDS[arguments.command](arguments)
    except IpvlError as error:
        return print_refusal(error)


def _serve(arguments: argparse.Namespace) -> int:
    import asyncio

    from ipvl.daemon.lifecycle import serve
    from ipvl.daemon.logs import set_up_logs

    settings = configuration(arguments)
    set_up_logs(settings.log_level, os.environ)
    asyncio.run(serve(settings, os.environ))
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from ipvl.doors.text_tables import names, status_text

    status = _read_status(arguments)
    if arguments.names:
        for name in names(status, arguments.names):
            print(name)
        return 0
    print(json_text(status) if arguments.json else status_text(status))
    return 0


def _read_status(arguments: argparse.Namespace) -> Status:
    from ipvl.doors.cli.control_client import NoDaemonError, ask
    from ipvl.driver.status.host_status import Status

    settings = configuration(arguments)
    try:
        return ask(settings.control_socket, "/status", Status)
    except NoDaemonError:
        import asyncio

        from ipvl.daemon.standalone import read_status

        print(f"ipvl: no daemon at {settings.control_socket}, reading {settings.state_file} instead", file=sys.stderr)
        return asyncio.run(read_status(settings))


def _topology(arguments: argparse.Namespace) -> int:
    from ipvl.doors.cli.topology import command

    return command.run(arguments, _read_status(arguments))


def _events(arguments: argparse.Namespace) -> int:
    from ipvl.doors.cli.commands import events

    return events.run(arguments, configuration(arguments))


def _doctor(arguments: argparse.Namespace) -> int:
    import asyncio

    from ipvl.daemon.doctor_evidence import examine
    from ipvl.doors.cli.commands.doctor import report
    from ipvl.doors.cli.terminal import waiting_for

    settings = configuration(arguments)
    with waiting_for("looking at this host, and asking around"):
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
    from ipvl.doors.cli.completion import completion_script

    print(completion_script(parser(), arguments.shell))
    return 0


def _teardown(arguments: argparse.Namespace) -> int:
    import asyncio

    from ipvl.daemon.teardown import remove_made_links

    removed, kept = asyncio.run(remove_made_links(configuration(arguments)))
    for name in removed:
        print(name)
    for name in kept:
        print(f"ipvl: link {name} stays: somebody else has a link on it", file=sys.stderr)
    return 0


def _network(arguments: argparse.Namespace) -> int:
    from ipvl.doors.cli.commands import network

    return network.run(arguments, _caller(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from ipvl.doors.cli.commands import run as command

    return command.run(_with_own_values(arguments), _caller(arguments), configuration(arguments))


def _start(arguments: argparse.Namespace) -> int:
    from ipvl.doors.cli.commands import start_restart

    return start_restart.run(arguments, _caller(arguments), configuration(arguments))


def _exec(arguments: argparse.Namespace) -> int:
    from ipvl.doors.cli.commands import exec as command

    return command.run(_with_own_values(arguments), _caller(arguments), configuration(arguments))


def _with_own_values(arguments: argparse.Namespace) -> argparse.Namespace:
    from ipvl.sandbox.environment import with_own_values

    arguments.env = with_own_values(arguments.env, os.environ)
    return arguments


def _sandbox(arguments: argparse.Namespace) -> int:
    from ipvl.doors.cli.commands import ps_stop_rm_logs

    return ps_stop_rm_logs.run(arguments, _caller(arguments), configuration(arguments))


def _attach(arguments: argparse.Namespace) -> int:
    from ipvl.doors.cli.commands import attach_detach

    return attach_detach.run(arguments, _caller(arguments))


def _rootfs(arguments: argparse.Namespace) -> int:
    from ipvl.doors.cli.commands import rootfs

    return rootfs.run(arguments, _caller(arguments), configuration(arguments))


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
            import asyncio

            from ipvl.daemon.standalone import perform

            if not alone:
                print(f"ipvl: no daemon at {settings.control_socket}, working stand-alone", file=sys.stderr)
                alone = True
            try:
                return asyncio.run(perform(settings, name, request))
            except IpvlError as error:
                # A daemon may have started meanwhile, and has the state for good.
                try:
                    return ask_daemon(settings.control_socket, name, request)
                except NoDaemonError:
                    raise error from None

    return call


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "network": _network,
    "run": _run,
    **dict.fromkeys(("start", "restart"), _start),
    "exec": _exec,
    **dict.fromkeys(("ps", "stop", "rm", "logs"), _sandbox),
    **dict.fromkeys(("attach", "detach"), _attach),
    "rootfs": _rootfs,
    "serve": _serve,
    "status": _status,
    "topology": _topology,
    "events": _events,
    "doctor": _doctor,
    "version": _version,
    "completion": _completion,
    "teardown": _teardown,
}
