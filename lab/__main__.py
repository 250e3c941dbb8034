"""The lab's commands."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Sequence

from .cache import cache_folder, locked
from .errors import LabError, NotSetUp, SetupFailed
from .guest import Guest
from .image.builder import build_image, built_image
from .image.recipe import SUITES
from .image.user_mode import build_kernel
from .resident import NotUp, Resident
from .terminal import run_through

SHELL = "exec bash -i"


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command line and return the exit status; what goes wrong is said on standard error."""
    choice = _parser().parse_args(arguments)
    try:
        return int(choice.action(choice))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m lab", description="A real kernel with ipvlan, in an emulator.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, action: object, text: str, *, suite: bool = True) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(action=action)
        if suite:
            command.add_argument("--suite", choices=SUITES, default="bookworm", help="default: bookworm")
        return command

    setup = add("setup", _setup, "build kernel, initramfs and root image, unless they are there")
    setup.add_argument("--all", action="store_true", help="for every suite")
    add("remove", _remove, "delete the cache: all images, and guests that are down", suite=False)
    shell = add("shell", _shell, "open a shell in the guest that is up, or in a new one; Ctrl-] leaves")
    up = add("up", _up, "boot a guest that stays, on a fresh disk")
    for booting in (shell, up):
        booting.add_argument("--cpus", type=int, default=2)
        booting.add_argument("--memory", type=int, default=3072, metavar="MIB")
        booting.add_argument("--append", default="", metavar="WORDS", help="more words for the kernel line")
    add("down", _down, "shut down the guest that is up and drop its disk")
    execute = add("exec", _exec, "run a command in the guest that is up; its status is the exit status")
    execute.add_argument("-i", "--interactive", action="store_true", help="pass standard input on")
    execute.add_argument("-t", "--tty", action="store_true", help="on a terminal")
    execute.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD", help="one word is a line for bash")
    add("push-ipvl", _push_ipvl, "build ipvl and put it in place of the one in the guest that is up")
    add("status", _status, "say which images are built and which guests are up", suite=False)
    return parser


def _setup(choice: argparse.Namespace) -> int:
    if os.geteuid() != 0:
        return _setup_as_root()
    for suite in SUITES if choice.all else (choice.suite,):
        image = build_image(suite)
        print(f"{suite}: kernel {image.kernel_version}, Docker {image.docker_version}, in {image.folder}")
    if choice.all:
        print(f"user mode: in {build_kernel(image.busybox).folder}")
    _give_to_caller()
    return 0


def _setup_as_root() -> int:
    sudo = shutil.which("sudo")
    if sudo is None:
        raise SetupFailed(
            "building an image needs root (for mmdebstrap and chroot) and there is no sudo: run it as root"
        )
    cache = f"IPVL_LAB_CACHE={cache_folder()}"
    os.execv(sudo, [sudo, "env", cache, sys.executable, "-m", "lab", *sys.argv[1:]])


def _give_to_caller() -> None:
    """After sudo, make the cache its caller's, who boots guests from it."""
    if "SUDO_UID" in os.environ:
        owner, group = int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"])
        for path in (cache_folder(), *cache_folder().rglob("*")):
            os.chown(path, owner, group, follow_symlinks=False)


def _remove(_choice: argparse.Namespace) -> int:
    up = [suite for suite in SUITES if Resident(suite).pid is not None]
    if up:
        raise LabError(f"a guest is up: python3 -m lab down --suite {up[0]}")
    folder = cache_folder()
    if not folder.exists():
        print(f"nothing to remove in {folder}")
        return 0
    with locked(folder / "bookworm.lock"), locked(folder / "sid.lock"):
        shutil.rmtree(folder)
    print(f"removed {folder}")
    return 0


def _shell(choice: argparse.Namespace) -> int:
    try:
        with Resident(choice.suite).attached() as channel:
            return run_through(channel, SHELL, on_terminal=True, pass_input=True)
    except NotUp:
        print(f"booting a {choice.suite} guest for this shell …", file=sys.stderr)
    with Guest.boot(choice.suite, cpus=choice.cpus, memory_mib=choice.memory, append=choice.append) as guest:
        return run_through(guest.channel, SHELL, on_terminal=True, pass_input=True)


def _up(choice: argparse.Namespace) -> int:
    resident = Resident(choice.suite)
    seconds = resident.up(cpus=choice.cpus, memory_mib=choice.memory, append=choice.append)
    how = f"after {seconds:.1f} s" if seconds else "already"
    print(f"{choice.suite}: up {how}, process {resident.pid}, console in {resident.folder / 'console.log'}")
    return 0


def _down(choice: argparse.Namespace) -> int:
    print(f"{choice.suite}: {'down' if Resident(choice.suite).down() else 'was not up'}")
    return 0


def _exec(choice: argparse.Namespace) -> int:
    words = choice.command[1:] if choice.command[:1] == ["--"] else choice.command
    if not words:
        raise LabError("exec needs a command: python3 -m lab exec CMD…")
    command = words[0] if len(words) == 1 else shlex.join(words)
    with Resident(choice.suite).attached() as channel:
        return run_through(channel, command, on_terminal=choice.tty, pass_input=choice.interactive)


def _push_ipvl(choice: argparse.Namespace) -> int:
    Resident(choice.suite).push_ipvl()
    print(f"{choice.suite}: ipvl replaced; a running one goes on as it was until: services.sh ipvl restart")
    return 0


def _status(_choice: argparse.Namespace) -> int:
    for suite in SUITES:
        try:
            image = built_image(suite)
        except NotSetUp as reason:
            print(reason)
        else:
            print(f"{suite}: kernel {image.kernel_version}, Docker {image.docker_version}, in {image.folder}")
        resident = Resident(suite)
        if resident.pid is not None:
            print(f"{suite}: a guest is up, process {resident.pid}, files in {resident.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
