"""The words of the `ipvl` command: parsing, help and completion come from here."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ipvl import __version__
from ipvl.doors.cli.flags import (
    Help,
    add_command,
    add_control_socket,
    add_json,
    add_path_flag,
    add_state_folder,
    add_where_to_read,
)
from ipvl.startup.configuration import Configuration

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

    from ipvl.doors.cli.flags import Commands

LOG_LEVELS = ("debug", "info", "warning", "error")
SHELLS = ("bash", "zsh", "tcsh")
NAMED = ("networks", "parents", "endpoints")
SWITCHES = ("internal", "ipv4", "ipv6")
VALUES = {"true": "", "false": "no-"}


def parser(word: str = "") -> argparse.ArgumentParser:
    """Return the parser of `ipvl` and its commands; where `word` is a command, of that command alone.

    What a user types is one command, and the others would cost half of the time that it takes to start.
    """
    wanted = [family for family in _FAMILIES if word in family] or _FAMILIES
    top = _Parser(
        prog="ipvl",
        description="Containers straight on the physical network, through Linux ipvlan.",
        epilog=_network_help() if len(wanted) > 1 else "",
        formatter_class=Help,
    )
    top.add_argument("--version", action="version", version=f"ipvl {__version__}")
    commands: Any = top.add_subparsers(prog="ipvl", dest="command", metavar="COMMAND", required=True)
    shared = [_path_flags()]
    if len(wanted) == 1:
        commands = _Only(word, commands)
    for family in wanted:
        _FAMILIES[family](commands, shared)
    return top


def configuration(arguments: argparse.Namespace) -> Configuration:
    """Return the daemon's settings from parsed arguments; flags a command does not have keep their defaults."""
    default = Configuration()
    return Configuration(
        **{name: getattr(arguments, name, getattr(default, name)) for name in Configuration.__dataclass_fields__}
    )


def as_docker_writes(words: list[str]) -> list[str]:
    """Return the words with Docker's `--internal=true` and its like as ipvl's parser knows them."""
    if words[:2] != ["network", "create"]:
        return words
    switches = {f"--{name}={value}": f"--{prefix}{name}" for name in SWITCHES for value, prefix in VALUES.items()}
    return [switches.get(word, word) for word in words]


class _Parser(argparse.ArgumentParser):
    """A parser that never guesses abbreviated flags: a script that used one would break with the next flag.

    What it prints either arrives or raises an OSError, which argparse would pass over.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        (file or sys.stderr).write(message)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        sys.stdout.flush()
        super().exit(status, message)


class _Only:
    """Takes in one command of those that are added, and forgets the others with all their flags."""

    def __init__(self, word: str, commands: Any) -> None:
        self._word = word
        self._commands = commands

    def add_parser(self, name: str, **settings: Any) -> Any:
        return self._commands.add_parser(name, **settings) if name == self._word else _Forgotten()


class _Forgotten:
    """A parser, or a group of one, that nobody will use."""

    def __getattr__(self, _name: str) -> Callable[..., _Forgotten]:
        return lambda *_values, **_settings: self


def _later(module: str) -> Add:
    """Return what imports a module of this folder and has it add its commands."""

    def add(commands: Commands, shared: Sequence[argparse.ArgumentParser]) -> None:
        import_module(f"ipvl.doors.cli.{module}").add_parsers(commands, shared)

    return add


def _add_own(commands: Commands, _shared: Sequence[argparse.ArgumentParser]) -> None:
    _add_version(commands)
    _add_completion(commands)
    _add_teardown(commands)


def _add_serve(commands: Commands, _shared: Sequence[argparse.ArgumentParser]) -> None:
    default = Configuration()
    serve = add_command(
        commands,
        "serve",
        "run the daemon that Docker talks to, in the foreground",
        "Run the daemon in the foreground until SIGTERM. It logs to standard error.",
        """
        ipvl serve
        ipvl serve --log-level debug --state-folder /srv/ipvl
        """,
    )
    add_state_folder(serve, "what is remembered")
    add_path_flag(serve, "--docker-socket", default.docker_socket, "where Docker looks")
    add_control_socket(serve)
    add_path_flag(serve, "--engine-socket", default.engine_socket, "Docker's own API")
    serve.add_argument(
        "--log-level", choices=LOG_LEVELS, default=default.log_level, help="how much it logs (%(default)s)"
    )


def _add_status(commands: Commands, _shared: Sequence[argparse.ArgumentParser]) -> None:
    status = add_command(
        commands,
        "status",
        "show networks, parents, endpoints and what is wrong with them",
        "Show networks, parents, endpoints, and the pools and leases that Docker took addresses from. Without a daemon"
        " it reads the state file, and says so.",
        """
        ipvl status
        ipvl status --json | jq '.networks[].parent'
        ipvl status --names parents
        """,
    )
    form = status.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--names", choices=NAMED, help="print nothing but the names of these, one a line")
    add_where_to_read(status)


def _add_version(commands: Commands) -> None:
    version = add_command(
        commands,
        "version",
        "print the versions of this command and of the daemon",
        "Print the versions of this command and of the daemon, which differ until an updated daemon is restarted.",
        "ipvl version --json",
    )
    add_json(version)
    add_control_socket(version)


def _add_completion(commands: Commands) -> None:
    completion = add_command(
        commands,
        "completion",
        "print the completion script of a shell",
        "Print a script that completes commands and flags and, in bash and zsh, the names of networks and parents.",
        """
        ipvl completion bash > /etc/bash_completion.d/ipvl
        ipvl completion zsh > /usr/local/share/zsh/site-functions/_ipvl
        """,
    )
    completion.add_argument("shell", choices=SHELLS, help="the shell that is to complete")


def _add_teardown(commands: Commands) -> None:
    teardown = add_command(
        commands,
        "teardown",
        "remove every link that ipvl made on this host; networks stay known",
        "Remove the VLANs, dummies and host ports that ipvl made, with all that is on them: running containers lose"
        " those networks. What ipvl knows stays, and the next start of the daemon makes the links again. It is what"
        " removing the package does, once the daemon is stopped.",
        """
        systemctl stop ipvl.socket ipvl.service && ipvl teardown
        """,
    )
    teardown.add_argument(
        "--state-folder",
        type=Path,
        default=Configuration().state_folder,
        metavar="DIR",
        help="whose daemon must not run (%(default)s)",
    )


def _path_flags() -> argparse.ArgumentParser:
    """Return a parser of the flags that say where the daemon and the state are."""
    places = _Parser(add_help=False)
    group = places.add_argument_group("where things are")
    add_path_flag(group, "--control-socket", Configuration().control_socket, "the daemon's control socket")
    add_path_flag(group, "--state-folder", Configuration().state_folder, "what is remembered")
    return places


def _network_help() -> str:
    from ipvl.options.driver_options import NETWORK_OPTIONS

    width = max(len(option.key) for option in NETWORK_OPTIONS)
    options = "\n".join(
        f"  {option.key:{width}}  {option.values} (default: {option.default})" for option in NETWORK_OPTIONS
    )
    return (
        "examples:\n"
        "  docker network create -d ipvl --subnet 192.168.20.0/24 --gateway 192.168.20.1 -o parent=eth0.20 web\n"
        "  docker run --net web alpine ip route\n"
        "  ipvl network create --subnet 192.168.30.0/24 --gateway 192.168.30.1 -o parent=eth0.30 db_net\n"
        "  ipvl run --net db_net --rm -- ip route\n"
        "  ipvl status\n\n"
        f"options of docker network create -d ipvl, and of ipvl network create, -o KEY=VALUE:\n{options}"
    )


Add = Callable[["Commands", Sequence[argparse.ArgumentParser]], None]
"""Adds commands; the parsers are of flags that those about ipvl's own networks share."""

_FAMILIES: dict[tuple[str, ...], Add] = {
    ("network",): _later("commands.network"),
    ("run",): _later("commands.run"),
    ("start", "restart"): _later("commands.start_restart"),
    ("exec",): _later("commands.exec"),
    ("ps", "stop", "rm", "logs"): _later("commands.ps_stop_rm_logs"),
    ("attach", "detach"): _later("commands.attach_detach"),
    ("rootfs",): _later("commands.rootfs"),
    ("serve",): _add_serve,
    ("status",): _add_status,
    ("topology",): _later("topology.command"),
    ("events",): _later("commands.events"),
    ("doctor",): _later("commands.doctor"),
    ("version", "completion", "teardown"): _add_own,
}
"""Commands that one module has, in the order of the help."""
