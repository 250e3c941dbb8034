"""`ipvl run`, `exec`, `ps`, `stop`, `rm`, `logs`: programs in sandboxes on ipvl's networks."""

from __future__ import annotations

import argparse
import os
import select
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipvl.doors.cli.json_text import json_text
from ipvl.doors.cli.network_commands import Call, add_address_flags, each, pairs
from ipvl.errors import IpvlError, invalid, missing

if TYPE_CHECKING:
    from ipvl.daemon.configuration import Configuration
    from ipvl.embedded.messages import SandboxView
    from ipvl.sandbox.filesystem import Folders
    from ipvl.sandbox.supervisor import Wish

SHELL = ("/bin/sh",)
STOP_SECONDS = 10.0
NO_NETWORK = "none"
LOOK_EVERY = 0.2


def add_parsers(commands: argparse._SubParsersAction[Any], shared: Sequence[argparse.ArgumentParser]) -> None:
    """Add the commands; `shared` are parsers whose flags each of them has."""
    raw = argparse.RawDescriptionHelpFormatter
    run = commands.add_parser(
        "run",
        parents=shared,
        help="run a program in a sandbox on a network",
        description="Run a program in a sandbox: its own network, mounts, host name and processes, on a writable\n"
        "layer over a root filesystem that is never changed itself. Its exit status is passed on; 125 says that ipvl\n"
        "failed, 126 that the program cannot be run, 127 that there is none of that name.",
        usage="ipvl run [flags] ROOTFS [COMMAND ...]\n       ipvl run [flags] --rootfs DIR|TAR [--] COMMAND ...\n"
        "       ipvl run [flags] -- COMMAND ...",
        epilog="examples:\n"
        "  ipvl rootfs add alpine alpine-minirootfs.tar.gz\n"
        "  ipvl run --net db_net -it --rm alpine /bin/sh\n"
        "  ipvl run --net db_net --ip 192.168.1.20 --name db -d --rootfs /srv/db -- /usr/bin/postgres\n"
        "  ipvl run --net db_net --rm -- ping -c 3 db        (the host's own files)",
        formatter_class=raw,
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
    execute = commands.add_parser(
        "exec",
        parents=shared,
        help="run one more program in a sandbox",
        description="Run one more program in a sandbox that runs. Its exit status is passed on.",
        usage="ipvl exec [flags] SANDBOX COMMAND ...",
        epilog="example:\n  ipvl exec -it db /bin/sh",
        formatter_class=raw,
    )
    _add_program_flags(execute)
    execute.add_argument("sandbox", metavar="SANDBOX", help="a name, an id, or the beginning of an id")
    execute.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND", help="what to run")
    ps = commands.add_parser(
        "ps",
        parents=shared,
        help="list sandboxes",
        description="List the sandboxes that run.",
        epilog="examples:\n  ipvl ps\n  ipvl ps --all --json",
        formatter_class=raw,
    )
    ps.add_argument("-a", "--all", action="store_true", help="also those that have ended")
    ps.add_argument("-q", "--quiet", action="store_true", help="print ids only")
    ps.add_argument("--json", action="store_true", help="print JSON")
    stop = commands.add_parser(
        "stop",
        parents=shared,
        help="stop sandboxes",
        description="Ask sandboxes to end (SIGTERM to the first process), and kill them when they take too long.",
        epilog="example:\n  ipvl stop -t 2 db",
        formatter_class=raw,
    )
    stop.add_argument(
        "-t", "--time", type=float, default=STOP_SECONDS, metavar="SECONDS", help="patience (%(default)s)"
    )
    stop.add_argument("sandboxes", nargs="+", metavar="SANDBOX", help="a name, an id, or the beginning of an id")
    remove = commands.add_parser(
        "rm",
        parents=shared,
        help="remove sandboxes that have ended",
        description="Forget sandboxes that have ended, and remove their files and logs.",
        epilog="example:\n  ipvl rm -f db",
        formatter_class=raw,
    )
    remove.add_argument("-f", "--force", action="store_true", help="kill those that run")
    remove.add_argument("sandboxes", nargs="+", metavar="SANDBOX", help="a name, an id, or the beginning of an id")
    logs = commands.add_parser(
        "logs",
        parents=shared,
        help="print what a detached sandbox wrote",
        description="Print what the program of a detached sandbox wrote.",
        epilog="example:\n  ipvl logs -f db",
        formatter_class=raw,
    )
    logs.add_argument("-f", "--follow", action="store_true", help="go on until the sandbox ends")
    logs.add_argument("-n", "--tail", type=int, default=None, metavar="LINES", help="the last lines only")
    logs.add_argument("sandbox", metavar="SANDBOX", help="a name, an id, or the beginning of an id")


def run(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    """Do what was asked and return the exit status.

    Raises:
        IpvlError: it was refused.
    """
    return _COMMANDS[arguments.command](arguments, call, settings)


def _add_program_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument("-i", "--interactive", action="store_true", help="hand it this standard input")
    command.add_argument("-t", "--tty", action="store_true", help="give it a terminal")
    command.add_argument(
        "-e", "--env", action="append", default=[], metavar="KEY=VALUE", help="an environment variable (repeatable)"
    )
    command.add_argument("-w", "--workdir", default="/", metavar="DIR", help="where it starts (%(default)s)")
    command.add_argument(
        "--cap-add", action="append", default=[], metavar="CAP", help="more of root's power, or ALL (repeatable)"
    )


def _run(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    from ipvl.sandbox.supervisor import run_in_background, run_in_foreground

    def run_it() -> int:
        wish = _wish(arguments, call, settings)
        if not arguments.detach:
            return run_in_foreground(wish, call)
        run_in_background(wish, call)
        print(wish.id)
        return 0

    return _status_of(run_it)


def _status_of(work: Callable[[], int]) -> int:
    """Run a program; when that fails say why, and return Docker's status for it."""
    from ipvl.sandbox.process import ProgramError
    from ipvl.sandbox.supervisor import FAILED

    try:
        return work()
    except (ProgramError, IpvlError) as error:
        print(f"ipvl: {error}", file=sys.stderr)
        return error.status if isinstance(error, ProgramError) else FAILED


def _wish(arguments: argparse.Namespace, call: Call, settings: Configuration) -> Wish:
    """Return what is to run, after everything that can be refused without a process has been.

    Raises:
        IpvlError: a flag, a name, a network or a root filesystem is wrong.
    """
    import secrets

    from ipvl.embedded.messages import Attachment, CheckSandbox
    from ipvl.options.names import hostname as checked_hostname
    from ipvl.sandbox.supervisor import Wish

    identity = secrets.token_hex(32)
    name = arguments.name or identity[:12]
    label, command = _what(arguments)
    sysctls = pairs(arguments.sysctl, "--sysctl")
    _check_sysctls(sysctls)
    hostname = checked_hostname(arguments.hostname or identity[:12])
    program = _program(arguments, command, hostname)
    attachments = tuple(
        Attachment(
            network,
            arguments.ip if first else "",
            arguments.ip6 if first else "",
            tuple(arguments.aliases) if first else (),
        )
        for first, network in ((number == 0, network) for number, network in enumerate(arguments.networks))
        if network != NO_NETWORK
    )
    if not attachments and (arguments.ip or arguments.ip6 or arguments.aliases):
        raise invalid("an address or alias needs a network", "give the --net that it is on")
    call("sandbox.check", CheckSandbox(name, attachments))
    folders = folders_of(settings, identity)
    return Wish(
        id=identity,
        name=name,
        hostname=hostname,
        program=program,
        root_filesystem=label,
        root=_root(label, settings, folders) if label else None,
        folders=folders,
        sysctls=sysctls,
        removed_at_end=arguments.rm,
        attachments=attachments,
        interactive=arguments.interactive,
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


def _root(label: str, settings: Configuration, folders: Folders) -> Path:
    from ipvl.sandbox import root_filesystems

    path = Path(label)
    if label.startswith((".", "/")) or path.is_file():
        if path.is_dir():
            return path.resolve()
        folders.layer.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = folders.layer / "rootfs"
        root_filesystems.unpack(path, target)
        return target
    return root_filesystems.find(settings.root_filesystems, label)


def _program(arguments: argparse.Namespace, command: tuple[str, ...], hostname: str) -> Any:
    from ipvl.sandbox.capabilities import capabilities
    from ipvl.sandbox.process import Program, environment

    return Program(
        command=command,
        environment=environment(arguments.env, hostname, terminal=arguments.tty),
        folder=arguments.workdir,
        capabilities=capabilities(arguments.cap_add),
        terminal=arguments.tty,
    )


def _check_sysctls(sysctls: dict[str, str]) -> None:
    from ipvl.sandbox.process import is_sysctl_of_a_sandbox

    for key in sysctls:
        if not is_sysctl_of_a_sandbox(key):
            raise invalid(
                f"sysctl {key} is the whole host's", "a sandbox has its own of net.* and of System V IPC only"
            )


def _exec(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    from ipvl.embedded.messages import NamedSandbox
    from ipvl.sandbox.supervisor import execute

    def execute_it() -> int:
        words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
        if not words:
            raise invalid("there is no command to run", "write it after the sandbox's name")
        sandbox: SandboxView = call("sandbox.inspect", NamedSandbox(arguments.sandbox))
        if not sandbox.running:
            raise invalid(f"sandbox {sandbox.name} has ended", "start a new one with `ipvl run`")
        program = _program(arguments, tuple(words), sandbox.hostname)
        return execute(program, sandbox.process, interactive=arguments.interactive)

    return _status_of(execute_it)


def _ps(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    from ipvl.doors.cli.tables import table
    from ipvl.embedded.messages import AnySandbox

    found = call("sandbox.list", AnySandbox(arguments.all)).sandboxes
    if arguments.json:
        print(json_text(found))
    elif arguments.quiet:
        print("".join(f"{sandbox.id[:12]}\n" for sandbox in found), end="")
    else:
        now = time.time()
        rows = (
            (
                sandbox.id[:12],
                sandbox.name,
                sandbox.root_filesystem or "-",
                " ".join(sandbox.command)[:40],
                _state(sandbox, now),
                ", ".join(f"{member.network} {' '.join(member.addresses)}" for member in sandbox.members) or "-",
            )
            for sandbox in found
        )
        print(table(("SANDBOX ID", "NAME", "ROOTFS", "COMMAND", "STATE", "NETWORKS"), rows))
    return 0


def _state(sandbox: SandboxView, now: float) -> str:
    if sandbox.running:
        return f"up {_age(now - sandbox.started)}"
    return f"ended ({sandbox.exit_status}) {_age(now - (sandbox.ended or now))} ago"


def _age(seconds: float) -> str:
    for name, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {name}"
    return f"{max(0, int(seconds))} s"


def _stop(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    return each(arguments.sandboxes, lambda name: _stop_one(name, call, arguments.time))


def _stop_one(name: str, call: Call, seconds: float) -> str:
    from ipvl.embedded.messages import NamedSandbox
    from ipvl.sandbox.supervisor import stop

    sandbox: SandboxView = call("sandbox.inspect", NamedSandbox(name))
    if sandbox.running:
        stop(sandbox.process, sandbox.supervisor, seconds)
    return name


def _remove(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    from ipvl.embedded.messages import NamedSandbox

    def remove_one(name: str) -> str:
        sandbox: SandboxView = call("sandbox.inspect", NamedSandbox(name))
        if arguments.force and sandbox.running:
            _stop_one(name, call, 0.0)
            if _is_gone(sandbox.id, call):
                return name
        call("sandbox.remove", NamedSandbox(sandbox.id))
        folders_of(settings, sandbox.id).remove()
        return name

    return each(arguments.sandboxes, remove_one)


def _is_gone(identity: str, call: Call) -> bool:
    from ipvl.embedded.messages import AnySandbox

    return identity not in {sandbox.id for sandbox in call("sandbox.list", AnySandbox(all=True)).sandboxes}


def _logs(arguments: argparse.Namespace, call: Call, settings: Configuration) -> int:
    from ipvl.embedded.messages import NamedSandbox

    sandbox: SandboxView = call("sandbox.inspect", NamedSandbox(arguments.sandbox))
    path = folders_of(settings, sandbox.id).log
    if not path.exists():
        raise missing(f"sandbox {sandbox.name} has no log", "only what runs with --detach is logged")
    with path.open("rb") as file:
        text = file.read()
        if arguments.tail is not None:
            text = b"".join(text.splitlines(keepends=True)[-arguments.tail :] if arguments.tail > 0 else ())
        _write(text)
        if arguments.follow and sandbox.running:
            ended = os.pidfd_open(sandbox.process)
            over = False
            while not over:
                over = bool(select.select([ended], [], [], LOOK_EVERY)[0])
                _write(file.read())
            os.close(ended)
    return 0


def _write(text: bytes) -> None:
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


def folders_of(settings: Configuration, identity: str) -> Folders:
    """Return where a sandbox's files are."""
    from ipvl.sandbox.filesystem import Folders

    return Folders(settings.state_folder / "sandboxes" / identity, settings.run_folder / "sandboxes" / identity)


_COMMANDS: dict[str, Callable[[argparse.Namespace, Call, Any], int]] = {
    "run": _run,
    "exec": _exec,
    "ps": _ps,
    "stop": _stop,
    "rm": _remove,
    "logs": _logs,
}
