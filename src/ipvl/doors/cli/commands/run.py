"""`ipvl run`: a program in a sandbox of its own."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ipvl.doors.cli.flags import add_address_flags, add_command, add_repeatable, network_attachment, parse_pairs
from ipvl.doors.cli.program_flags import (
    EXIT_STATUS,
    add_program_flags,
    exit_status_of,
    program_of,
)
from ipvl.doors.cli.repeated_calls import Call
from ipvl.doors.cli.resolver_flags import add_resolver_flags, parse_extra_hosts, parse_resolvers
from ipvl.doors.cli.terminal import waiting_for
from ipvl.errors import IpvlError, invalid

if TYPE_CHECKING:
    from ipvl.doors.cli.flags import Commands
    from ipvl.sandbox.folders import SandboxFolders
    from ipvl.sandbox.start_requests import SandboxRequest
    from ipvl.startup.configuration import Configuration

SHELL = ("/bin/sh",)
NO_NETWORK = "none"


def add_parsers(commands: Commands, shared: Sequence[argparse.ArgumentParser]) -> None:
    """Add the command; `shared` are parsers whose flags it has."""
    run = add_command(
        commands,
        "run",
        "run a program in a sandbox on a network",
        """
        Run a program in a sandbox: its own network, mounts, host name and processes, on a writable layer over a root
        filesystem that is never changed itself. Its exit status is passed on.
        """,
        """
        ipvl rootfs add alpine alpine-minirootfs.tar.gz
        ipvl run --net db_net -it --rm alpine /bin/sh
        ipvl run --net db_net --ip 192.168.1.20 --name db -d --rootfs /srv/db -- /usr/bin/postgres
        ipvl run --net db_net --rm -- ping -c 3 db        (the host's own files)
        ipvl run --net db_net --dns 192.168.1.53 --dns-search corp.example --add-host api:192.168.1.9 alpine
        """,
        shared=shared,
        usage="ipvl run [flags] ROOTFS [COMMAND ...]\n       ipvl run [flags] --rootfs DIR|TAR [--] COMMAND ...\n"
        "       ipvl run [flags] -- COMMAND ...",
        more=EXIT_STATUS,
    )
    add_repeatable(
        run,
        "--net",
        "--network",
        metavar="NETWORK",
        dest="networks",
        text="a network of ipvl's own, or none (repeatable; addresses and aliases are for the first)",
    )
    add_address_flags(run)
    add_resolver_flags(run)
    run.add_argument("--name", default="", help="what to call it (default: the beginning of its id)")
    run.add_argument("-H", "--hostname", default="", help="its host name (default: the beginning of its id)")
    run.add_argument("--rm", action="store_true", help="forget it and its files when it ends")
    run.add_argument("-d", "--detach", action="store_true", help="let it run in the background and print its id")
    run.add_argument("--rootfs", default="", metavar="DIR|TAR", help="a root filesystem that has no name yet")
    add_repeatable(run, "--sysctl", metavar="KEY=VALUE", text="a setting of its own network (repeatable)")
    add_program_flags(run)
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="ROOTFS COMMAND", help="what to run, and on what")


def run(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    """Run a program in a new sandbox and return its status, or what says why there is none."""
    from ipvl.sandbox.supervisor import run_in_background, run_in_foreground

    def run_it() -> int:
        request = _request(arguments, call, settings)
        if not arguments.detach:
            return run_in_foreground(request, call)
        run_in_background(request, call)
        print(request.id)
        return 0

    return exit_status_of(run_it)


def _request(arguments: argparse.Namespace, call: Call, settings: Configuration) -> SandboxRequest:
    """Return what is to run, after everything that can be refused without a process has been.

    Raises:
        IpvlError: a flag, a name, a network or a root filesystem is wrong.
    """
    from ipvl.embedded.sandbox_messages import CheckSandbox, NetworkAttachment
    from ipvl.options.names import check_hostname as checked_hostname
    from ipvl.sandbox.folders import sandbox_folders
    from ipvl.sandbox.start_requests import SandboxRequest

    identity = os.urandom(32).hex()
    name = arguments.name or identity[:12]
    label, command = _what(arguments)
    sysctls = parse_pairs(arguments.sysctl, "--sysctl")
    _check_sysctls(sysctls)
    hostname = checked_hostname(arguments.hostname or identity[:12])
    to_run = program_of(arguments, command, hostname)
    wanted = [network for network in arguments.networks if network != NO_NETWORK]
    attachments = tuple(NetworkAttachment(network) for network in wanted)
    if attachments:
        attachments = (network_attachment(arguments, wanted[0]), *attachments[1:])
    elif arguments.ip or arguments.ip6 or arguments.aliases or arguments.mac_address:
        raise invalid("an address or alias needs a network", "give the --net that it is on")
    asked, known = parse_resolvers(arguments), parse_extra_hosts(arguments)
    call("sandbox.check", CheckSandbox(name, attachments))
    folders = sandbox_folders(settings, identity)
    return SandboxRequest(
        id=identity,
        name=name,
        hostname=hostname,
        program=to_run,
        root_filesystem=label,
        root=_root(arguments, label, settings, folders) if label else None,
        folders=folders,
        sysctls=sysctls,
        removed_at_end=arguments.rm,
        attachments=attachments,
        interactive=arguments.interactive,
        resolvers=asked,
        extra_hosts=known,
    )


def _what(arguments: argparse.Namespace) -> tuple[str, tuple[str, ...]]:
    """Return the root filesystem, empty for the host's own, and the command."""
    words = list(arguments.words)
    hosts_own = words[:1] == ["--"]
    if hosts_own:
        words = words[1:]
    if arguments.rootfs or hosts_own:
        if not words and not arguments.rootfs:
            raise invalid("there is no command to run", "write it after --")
        return arguments.rootfs, tuple(words) or SHELL
    if not words:
        raise invalid(
            "there is neither a root filesystem nor a command",
            "name one (see `ipvl rootfs ls`), give --rootfs, or write -- before a command for the host's own files",
        )
    return words[0], tuple(words[1:]) or SHELL


def _root(arguments: argparse.Namespace, label: str, settings: Configuration, folders: SandboxFolders) -> Path:
    from ipvl.sandbox import root_filesystems

    if not arguments.rootfs and not label.startswith((".", "/")):
        return root_filesystems.find_root_filesystem(settings.root_filesystems, label)
    path = Path(label)
    if path.is_dir():
        return path.resolve()
    from ipvl.sandbox.archives import unpack_archive

    target = folders.layer / "rootfs"
    try:
        with waiting_for(f"unpacking {path}"):
            unpack_archive(path, target)
    except IpvlError:
        folders.remove()
        raise
    return target


def _check_sysctls(sysctls: dict[str, str]) -> None:
    from ipvl.sandbox.sandbox_sysctls import is_sandbox_sysctl

    for key in sysctls:
        if not is_sandbox_sysctl(key):
            raise invalid(
                f"sysctl {key} is the whole host's", "a sandbox has its own of net.* and of System V IPC only"
            )
