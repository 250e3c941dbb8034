"""`ipvl rootfs`: root filesystems by name, in place of an engine's images."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ipvl.doors.cli.flags import add_command
from ipvl.doors.cli.repeated_calls import Call, for_each_name
from ipvl.doors.cli.terminal import waiting_for
from ipvl.errors import conflict

if TYPE_CHECKING:
    from ipvl.doors.cli.flags import Commands
    from ipvl.startup.configuration import Configuration


def add_parsers(commands: Commands, shared: Sequence[argparse.ArgumentParser]) -> None:
    """Add `rootfs` and its subcommands; `shared` are parsers whose flags each of them has."""
    rootfs = add_command(
        commands,
        "rootfs",
        "root filesystems that `ipvl run` knows by name",
        "Make folders and archives known by name, for `ipvl run NAME`.",
        "ipvl rootfs add alpine alpine-minirootfs.tar.gz",
    )
    actions = rootfs.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = add_command(
        actions,
        "add",
        "make a folder or a tar archive known",
        "Make a folder (used where it is) or a tar archive (unpacked once) known under a name.",
        """
        ipvl rootfs add alpine alpine-minirootfs.tar.gz
        ipvl rootfs add db /srv/db
        """,
        shared=shared,
    )
    add.add_argument("name", metavar="NAME", help="what to call it")
    add.add_argument("source", type=Path, metavar="TAR|DIR", help="where it is")
    add_command(
        actions,
        "ls",
        "list the known ones",
        "List the known root filesystems and where they are.",
        "ipvl rootfs ls",
        shared=shared,
    )
    remove = add_command(
        actions,
        "rm",
        "forget some",
        "Forget names; what was unpacked for them is removed, a folder that was given stays.",
        "ipvl rootfs rm alpine",
        shared=shared,
    )
    remove.add_argument("names", nargs="+", metavar="NAME", help="a known name")


def run(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    """Do what was asked and return the exit status.

    Raises:
        IpvlError: it was refused.
    """
    from ipvl.sandbox import root_filesystems

    known = settings.root_filesystems
    if arguments.action == "add":
        with waiting_for(f"reading {arguments.source}"):
            root_filesystems.add_root_filesystem(known, arguments.name, arguments.source)
        print(arguments.name)
        return 0
    if arguments.action == "rm":

        def remove(name: str) -> str:
            _check_unused(name, call)
            root_filesystems.remove_root_filesystem(known, name)
            return name

        return for_each_name(arguments.names, remove)
    from ipvl.doors.text_tables import table

    print(
        table(("NAME", "FOLDER"), ((name, str(path)) for name, path in root_filesystems.known_root_filesystems(known)))
    )
    return 0


def _check_unused(name: str, call: Call) -> None:
    """Refuse to pull a root filesystem from under a sandbox, which sees it below a layer of its own.

    Raises:
        IpvlError: a sandbox, running or not, is on it.
    """
    from ipvl.embedded.call_messages import AnySandbox

    for sandbox in call("sandbox.list", AnySandbox(all=True)).sandboxes:
        if sandbox.root_filesystem.partition(":")[0] == name:
            raise conflict(
                f"root filesystem {name} is what sandbox {sandbox.name} runs on", f"ipvl rm -f {sandbox.name}"
            )
