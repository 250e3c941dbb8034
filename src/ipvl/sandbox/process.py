"""Start a program in namespaces of its own, or in those of a sandbox that runs.

The first process of a sandbox is forked before it has a network, so that its namespace is there for the port; it goes
on when it is told to. Until it becomes the program it talks with its supervisor over a socket, which carries what went
wrong, or the master side of its terminal; that the socket closes without a word says that the program runs.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import termios
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ipvl.errors import IpvlError, kernel_refused, missing
from ipvl.sandbox.capabilities import drop_capabilities_but
from ipvl.sandbox.environment import PATH
from ipvl.sandbox.filesystem import enter_own_root, share_hosts_root
from ipvl.sandbox.folders import SandboxFolders
from ipvl.sandbox.sandbox_sysctls import set_sysctl
from ipvl.system_calls import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUTS,
    die_with_parent,
    set_namespace,
    unshare,
)

NOT_FOUND_STATUS, NOT_EXECUTABLE_STATUS = 127, 126  # what a shell, and Docker, make of ENOENT and of all else
FAILED_STATUS = 125
"""The status when ipvl, not the program, failed: Docker's."""
NAMESPACES = {"ipc": CLONE_NEWIPC, "uts": CLONE_NEWUTS, "net": CLONE_NEWNET, "pid": CLONE_NEWPID, "mnt": CLONE_NEWNS}
"""In the order of entering: the mount namespace last, since /proc is the host's until then."""
LARGEST_MESSAGE_BYTES = 4096
TIOCSPTLCK, TIOCGPTN = 0x40045431, 0x80045430  # include/uapi/asm-generic/ioctls.h


class ProgramError(Exception):
    """The program could not be started; `status` is what a shell makes of it."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: the command, its environment, where, and with how much of root's power."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: str
    capabilities: frozenset[str]
    terminal: bool = False


@dataclass(frozen=True, slots=True)
class Streams:
    """The open files that become standard input, output and error; a terminal takes the place of all three."""

    input: int
    output: int
    error: int


@dataclass(slots=True)
class ForkedProcess:
    """A forked process that waits for its network. Its owner calls `start_program` or `kill`."""

    process: int
    line: socket.socket

    def start_program(self) -> int | None:
        """Let it become the program; return the master side of its terminal, if it has one.

        Raises:
            ProgramError: it could not; the process has ended and was waited for.
        """
        with suppress(BrokenPipeError):  # it was killed meanwhile: whoever waits for it learns how
            self.line.sendall(b"go")
        return _await_start(self)

    def kill(self) -> None:
        """End it before it was ever the program."""
        self.line.close()
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)


def fork_sandbox(
    program: Program,
    streams: Streams,
    *,
    hostname: str,
    root_filesystem: Path | None,
    folders: SandboxFolders,
    sysctls: Mapping[str, str],
) -> ForkedProcess:
    """Fork the first process of a new sandbox; this process can fork no other but into that sandbox from now on.

    Raises:
        IpvlError: this user may make no namespaces.
    """

    def prepare() -> None:
        socket.sethostname(hostname)
        if root_filesystem is None:
            share_hosts_root(folders)
        else:
            enter_own_root(root_filesystem, folders)
            Path(program.folder).mkdir(parents=True, exist_ok=True)  # as Docker does, in a layer of its own
        for key, value in sysctls.items():
            set_sysctl(key, value)

    try:
        unshare(CLONE_NEWPID)
    except OSError as error:
        raise kernel_refused(f"a sandbox cannot be made: {error.strerror}", "run ipvl as root") from error
    kinds = CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC
    return _fork(program, streams, lambda: unshare(kinds), prepare)


def fork_into_sandbox(program: Program, streams: Streams, process: int) -> ForkedProcess:
    """Fork a process into the sandbox whose first process this is.

    Raises:
        IpvlError: the sandbox is gone, or this user may not enter it.
    """
    opened = []
    try:
        for name, kind in NAMESPACES.items():
            opened.append((os.open(f"/proc/{process}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC), kind))
        for fd, kind in opened:
            if kind == CLONE_NEWPID:  # the one that the child cannot enter by itself
                set_namespace(fd, kind)
    except FileNotFoundError as error:
        raise missing("the sandbox has ended") from error
    except OSError as error:
        raise kernel_refused(f"the sandbox cannot be entered: {error.strerror}", "run ipvl as root") from error

    def enter() -> None:
        for fd, kind in opened:
            if kind != CLONE_NEWPID:
                set_namespace(fd, kind)

    try:
        return _fork(program, streams, enter, lambda: None)
    finally:
        for fd, _ in opened:
            os.close(fd)


def _fork(program: Program, streams: Streams, enter: Callable[[], None], prepare: Callable[[], None]) -> ForkedProcess:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        ours.close()
        _become_program(program, streams, theirs, enter, prepare)
    theirs.close()
    forked = ForkedProcess(child, ours)
    word = ours.recv(LARGEST_MESSAGE_BYTES)
    if word != b"ready":
        ours.close()
        os.waitpid(child, 0)
        _, _, sentence = word.decode(errors="replace").partition(" ")
        raise kernel_refused(f"the sandbox's process did not start: {sentence or 'it was killed'}", "run ipvl as root")
    return forked


def _become_program(
    program: Program,
    streams: Streams,
    line: socket.socket,
    enter: Callable[[], None],
    prepare: Callable[[], None],
) -> NoReturn:
    """Turn the forked child into the program; nothing of the parent's may be touched from here on."""
    status = NOT_EXECUTABLE_STATUS
    try:
        die_with_parent(signal.SIGKILL)
        os.setsid()
        enter()
        line.sendall(b"ready")
        if line.recv(LARGEST_MESSAGE_BYTES) != b"go":
            os._exit(status)
        prepare()
        if program.terminal:
            _take_terminal(line)
        else:
            for number, fd in enumerate((streams.input, streams.output, streams.error)):
                os.dup2(fd, number)
        os.chdir(program.folder)
        drop_capabilities_but(program.capabilities)
        _reset_signals()
        _execute(program)
    except OSError as error:
        status = NOT_FOUND_STATUS if error.errno == errno.ENOENT else NOT_EXECUTABLE_STATUS
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
        line.sendall(f"{status} {what}".encode()[:LARGEST_MESSAGE_BYTES])
    except IpvlError as error:
        line.sendall(f"{FAILED_STATUS} {error}".encode()[:LARGEST_MESSAGE_BYTES])
    finally:
        os._exit(status)


def _execute(program: Program) -> NoReturn:
    name = program.command[0]
    places = [""] if "/" in name else [f"{folder}/" for folder in program.environment.get("PATH", PATH).split(":")]
    refused = OSError(errno.ENOENT, "there is no such program", name)
    for place in places:
        try:
            os.execve(f"{place}{name}", program.command, dict(program.environment))
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.ENOTDIR}:
                refused = OSError(error.errno, error.strerror, name)
    raise refused


def _take_terminal(line: socket.socket) -> None:
    """Open a terminal of this sandbox's, hand its master side out and make the other side this process's own."""
    master = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    fcntl.ioctl(master, TIOCSPTLCK, b"\0\0\0\0")  # unlockpt(3)
    slave = os.open(f"/dev/pts/{_number(master)}", os.O_RDWR | os.O_NOCTTY)
    socket.send_fds(line, [b"terminal"], [master])
    os.close(master)
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in range(3):
        os.dup2(slave, number)
    if slave > 2:
        os.close(slave)


def _number(master: int) -> int:
    found = fcntl.ioctl(master, TIOCGPTN, b"\0\0\0\0")
    return int.from_bytes(found, "little") if isinstance(found, bytes) else int(found)


def _await_start(forked: ForkedProcess) -> int | None:
    terminal = None
    with forked.line as line:
        while True:
            message, fds, _, _ = socket.recv_fds(line, LARGEST_MESSAGE_BYTES, 1)
            if message == b"terminal":
                terminal = fds[0]
                continue
            if not message:
                return terminal
            os.waitpid(forked.process, 0)
            status, _, sentence = message.decode(errors="replace").partition(" ")
            raise ProgramError(sentence, int(status))


def _reset_signals() -> None:
    """Python ignores SIGPIPE, which programs do not expect, and the mask is inherited."""
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
