"""`ipvl run` and `exec`: start a program, in a sandbox of its own or beside another."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ipvl.doors.cli.flags import add_address_flags, add_command, attachment, pairs
from ipvl.doors.cli.repeated_calls import Call, each
from ipvl.doors.cli.resolver_flags import add_name_flags, extra_hosts, resolvers
from ipvl.doors.cli.terminal import waiting_for
from ipvl.errors import IpvlError, conflict, invalid

if TYPE_CHECKING:
    from ipvl.doors.cli.flags import Commands
    from ipvl.embedded.call_messages import SandboxView
    from ipvl.sandbox.folders import SandboxFolders
    from ipvl.sandbox.process import Program
    from ipvl.sandbox.start_requests import SandboxRequest
    from ipvl.startup.configuration import Configuration

EXIT_STATUS = """
exit status:
  125  ipvl itself failed.
  126  The program cannot be run.
  127  There is no program of that name.
  128+N  Signal number N ended the program.
  N  Any other status is the program's own.
""".strip()
SHELL = ("/bin/sh",)
NO_NETWORK = "none"
SANDBOX = "a name, an id, or the beginning of an id"
STOP_SECONDS = 10.0


def add_parsers(commands: Commands, shared: Sequence[argparse.ArgumentParser]) -> None:
    """Add the commands; `shared` are parsers whose flags each of them has."""
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
    run.add_argument(
        "--net",
        "--network",
        action="append",
        default=[],
        metavar="NETWORK",
        dest="networks",
        help="a network of ipvl's own, or none (repeatable; addresses and aliases are for the first)",
    )
    add_address_flags(run)
    add_name_flags(run)
    run.add_argument("--name", default="", help="what to call it (default: the beginning of its id)")
    run.add_argument("-H", "--hostname", default="", help="its host name (default: the beginning of its id)")
    run.add_argument("--rm", action="store_true", help="forget it and its files when it ends")
    run.add_argument("-d", "--detach", action="store_true", help="let it run in the background and print its id")
    run.add_argument("--rootfs", default="", metavar="DIR|TAR", help="a root filesystem that has no name yet")
    run.add_argument(
        "--sysctl", action="append", default=[], metavar="KEY=VALUE", help="a setting of its own network (repeatable)"
    )
    _add_program_flags(run)
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="ROOTFS COMMAND", help="what to run, and on what")
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
    add_patience(anew)
    anew.add_argument("sandboxes", nargs="+", metavar="SANDBOX", help=SANDBOX)
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
    _add_program_flags(execute)
    execute.add_argument("sandbox", metavar="SANDBOX", help=SANDBOX)
    execute.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND", help="what to run")


def add_patience(command: argparse.ArgumentParser) -> None:
    """Add how long a sandbox that is to stop may take."""
    command.add_argument(
        "-t", "--time", type=float, default=STOP_SECONDS, metavar="SECONDS", help="patience (%(default)s)"
    )


def _add_program_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument("-i", "--interactive", action="store_true", help="hand it this standard input")
    command.add_argument("-t", "--tty", action="store_true", help="give it a terminal")
    command.add_argument(
        "-e",
        "--env",
        action="append",
        default=[],
        metavar="KEY[=VALUE]",
        help="an environment variable, with your own value if it is given none (repeatable)",
    )
    command.add_argument("-w", "--workdir", default="", metavar="DIR", help="where it starts (default: /)")
    command.add_argument(
        "--cap-add", action="append", default=[], metavar="CAP", help="more of root's power, or ALL (repeatable)"
    )


def run(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    """Run a program in a new sandbox and return its status, or what says why there is none."""
    from ipvl.sandbox.supervisor import run_in_background, run_in_foreground

    def run_it() -> int:
        wish = _wish(arguments, call, settings)
        if not arguments.detach:
            return run_in_foreground(wish, call)
        run_in_background(wish, call)
        print(wish.id)
        return 0

    return _status_of(run_it)


def start(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    """Start sandboxes that have ended, and before that for `restart` stop those that run."""
    from ipvl.embedded.sandbox_messages import NamedSandbox
    from ipvl.sandbox.folders import sandbox_folders
    from ipvl.sandbox.start_requests import recall
    from ipvl.sandbox.supervisor import run_in_background, stop

    def start_one(name: str) -> str:
        sandbox: SandboxView = call("sandbox.inspect", NamedSandbox(name))
        if sandbox.running and arguments.command == "restart":
            with waiting_for(f"waiting for {sandbox.name} to end"):
                stop(sandbox.process, sandbox.supervisor, arguments.time)
        elif sandbox.running:
            return name
        run_in_background(recall(sandbox_folders(settings, sandbox.id)), call)
        return name

    return each(arguments.sandboxes, start_one)


def _status_of(work: Callable[[], int]) -> int:
    """Run a program; when that fails say why, and return Docker's status for it."""
    from ipvl.sandbox.process import FAILED, ProgramError

    try:
        return work()
    except (ProgramError, IpvlError) as error:
        print(f"ipvl: {error}", file=sys.stderr)
        return error.status if isinstance(error, ProgramError) else FAILED


def _wish(arguments: argparse.Namespace, call: Call, settings: Configuration) -> SandboxRequest:
    """Return what is to run, after everything that can be refused without a process has been.

    Raises:
        IpvlError: a flag, a name, a network or a root filesystem is wrong.
    """
    from ipvl.embedded.sandbox_messages import CheckSandbox, NetworkAttachment
    from ipvl.options.names import hostname as checked_hostname
    from ipvl.sandbox.folders import sandbox_folders
    from ipvl.sandbox.start_requests import SandboxRequest

    identity = os.urandom(32).hex()
    name = arguments.name or identity[:12]
    label, command = _what(arguments)
    sysctls = pairs(arguments.sysctl, "--sysctl")
    _check_sysctls(sysctls)
    hostname = checked_hostname(arguments.hostname or identity[:12])
    program = _program(arguments, command, hostname)
    wanted = [network for network in arguments.networks if network != NO_NETWORK]
    attachments = tuple(NetworkAttachment(network) for network in wanted)
    if attachments:
        attachments = (attachment(arguments, wanted[0]), *attachments[1:])
    elif arguments.ip or arguments.ip6 or arguments.aliases or arguments.mac_address:
        raise invalid("an address or alias needs a network", "give the --net that it is on")
    asked, known = resolvers(arguments), extra_hosts(arguments)
    call("sandbox.check", CheckSandbox(name, attachments))
    folders = sandbox_folders(settings, identity)
    return SandboxRequest(
        id=identity,
        name=name,
        hostname=hostname,
        program=program,
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
        return root_filesystems.find(settings.root_filesystems, label)
    path = Path(label)
    if path.is_dir():
        return path.resolve()
    from ipvl.sandbox.archives import unpack

    target = folders.layer / "rootfs"
    try:
        with waiting_for(f"unpacking {path}"):
            unpack(path, target)
    except IpvlError:
        folders.remove()
        raise
    return target


def _program(
    arguments: argparse.Namespace, command: tuple[str, ...], hostname: str, beside: Program | None = None
) -> Program:
    """Return the program; one `beside` another has what that one was given, and what the flags give on top."""
    from ipvl.sandbox.capabilities import capabilities
    from ipvl.sandbox.process import Program, environment

    inherited = beside.environment if beside else {}
    return Program(
        command=command,
        environment=environment(arguments.env, hostname, terminal=arguments.tty, inherited=inherited),
        folder=arguments.workdir or (beside.folder if beside else "/"),
        capabilities=capabilities(arguments.cap_add) | (beside.capabilities if beside else frozenset()),
        terminal=arguments.tty,
    )


def _check_sysctls(sysctls: dict[str, str]) -> None:
    from ipvl.sandbox.process import is_sysctl_of_a_sandbox

    for key in sysctls:
        if not is_sysctl_of_a_sandbox(key):
            raise invalid(
                f"sysctl {key} is the whole host's", "a sandbox has its own of net.* and of System V IPC only"
            )


def execute(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    """Run a program in a sandbox that runs and return its status, or what says why there is none."""
    from ipvl.embedded.sandbox_messages import NamedSandbox
    from ipvl.sandbox import supervisor
    from ipvl.sandbox.folders import sandbox_folders
    from ipvl.sandbox.start_requests import recall

    def execute_it() -> int:
        words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
        if not words:
            raise invalid("there is no command to run", "write it after the sandbox's name")
        sandbox: SandboxView = call("sandbox.inspect", NamedSandbox(arguments.sandbox))
        if not sandbox.running:
            raise conflict(f"sandbox {sandbox.name} has ended", f"start it again: ipvl start {sandbox.name}")
        first = recall(sandbox_folders(settings, sandbox.id)).program
        program = _program(arguments, tuple(words), sandbox.hostname, first)
        return supervisor.execute(program, sandbox.process, interactive=arguments.interactive)

    return _status_of(execute_it)


COMMANDS: dict[str, Callable[[argparse.Namespace, Call, Configuration], int]] = {
    "run": run,
    "start": start,
    "restart": start,
    "exec": execute,
}
