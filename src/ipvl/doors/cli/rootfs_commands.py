"""`ipvl rootfs`: root filesystems by name, in place of an engine's images."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipvl.doors.cli.network_commands import each

if TYPE_CHECKING:
    from ipvl.daemon.configuration import Configuration


def add_parser(commands: argparse._SubParsersAction[Any], shared: Sequence[argparse.ArgumentParser]) -> None:
    """Add `rootfs` and its subcommands; `shared` are parsers whose flags each of them has."""
    raw = argparse.RawDescriptionHelpFormatter
    rootfs = commands.add_parser(
        "rootfs",
        help="root filesystems that `ipvl run` knows by name",
        description="Make folders and archives known by name, for `ipvl run NAME`.",
        epilog="example:\n  ipvl rootfs add alpine alpine-minirootfs.tar.gz",
        formatter_class=raw,
    )
    actions = rootfs.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser(
        "add",
        parents=shared,
        help="make a folder or a tar archive known",
        description="Make a folder (used where it is) or a tar archive (unpacked once) known under a name.",
        epilog="examples:\n  ipvl rootfs add alpine alpine-minirootfs.tar.gz\n  ipvl rootfs add db /srv/db",
        formatter_class=raw,
    )
    add.add_argument("name", metavar="NAME", help="what to call it")
    add.add_argument("source", type=Path, metavar="TAR|DIR", help="where it is")
    actions.add_parser(
        "ls",
        parents=shared,
        help="list the known ones",
        description="List the known root filesystems and where they are.",
        epilog="example:\n  ipvl rootfs ls",
        formatter_class=raw,
    )
    remove = actions.add_parser(
        "rm",
        parents=shared,
        help="forget some",
        description="Forget names; what was unpacked for them is removed, a folder that was given stays.",
        epilog="example:\n  ipvl rootfs rm alpine",
        formatter_class=raw,
    )
    remove.add_argument("names", nargs="+", metavar="NAME", help="a known name")


def run(arguments: argparse.Namespace, settings: Configuration) -> int:
    """Do what was asked and return the exit status.

    Raises:
        IpvlError: it was refused.
    """
    from ipvl.sandbox import root_filesystems

    known = settings.root_filesystems
    if arguments.action == "add":
        root_filesystems.add(known, arguments.name, arguments.source)
        print(arguments.name)
        return 0
    if arguments.action == "rm":

        def remove(name: str) -> str:
            root_filesystems.remove(known, name)
            return name

        return each(arguments.names, remove)
    from ipvl.doors.cli.tables import table

    print(table(("NAME", "FOLDER"), ((name, str(path)) for name, path in root_filesystems.names(known))))
    return 0
