"""The life of a sandbox, from its files to its end: one process a sandbox, in the foreground or in the background."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ipvl.embedded.sandbox_messages import NamedSandbox, SandboxEnded, StartSandbox
from ipvl.errors import IpvlError, conflict, unavailable
from ipvl.sandbox.etc_files import without_resolver, write_names
from ipvl.sandbox.process import FAILED, Program, ProgramError, Starting, Streams, start_inside, start_sandbox
from ipvl.sandbox.start_requests import SandboxRequest, remember
from ipvl.sandbox.terminal import raw, relay, same_size

Call = Callable[[str, object], object]

RUNNING = "running "
"""What a supervisor in the background says when the program runs; a notice for the user may follow."""
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def run_in_foreground(wish: SandboxRequest, call: Call) -> int:
    """Run a sandbox on this process's own streams until it ends, and return its exit status.

    Raises:
        IpvlError: a network, an address or a namespace cannot be had.
        ProgramError: the program cannot be started.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    source = 0 if wish.interactive else nowhere
    return _supervise(
        wish,
        call,
        Streams(source, 1, 2),
        source=source if wish.interactive else None,
        sink=1,
        announce=sys.stderr.write,
    )


def run_in_background(wish: SandboxRequest, call: Call) -> None:
    """Start a sandbox whose supervisor goes on after this process; returns when its program runs.

    Raises:
        IpvlError: a network, an address or a namespace cannot be had.
        ProgramError: the program cannot be started.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        ours.close()
        status = FAILED
        try:
            _be_supervisor(wish, call, theirs)
            status = 0
        finally:
            os._exit(status)
    theirs.close()
    with ours:
        word = ours.recv(8192).decode(errors="replace")
    if word.startswith(RUNNING):
        sys.stderr.write(word.removeprefix(RUNNING))
        return
    os.waitpid(child, 0)
    kind, _, sentence = word.partition(" ")
    if kind.isdigit():
        raise ProgramError(sentence, int(kind))
    raise ProgramError(sentence or "the sandbox's supervisor ended without a word", FAILED)


def execute(program: Program, process: int, *, interactive: bool) -> int:
    """Run one more program in a sandbox that runs, on this process's own streams, and return its exit status.

    Raises:
        IpvlError: the sandbox is gone or may not be entered.
        ProgramError: the program cannot be started.
    """
    source = 0 if interactive else os.open(os.devnull, os.O_RDWR)
    starting = start_inside(program, Streams(source, 1, 2), process)
    with _passing_signals(starting.process):
        return _wait(starting, starting.go(), source if interactive else None, 1)


def stop(process: int, supervisor: int, seconds: float) -> None:
    """Ask a sandbox's first process to end, kill it after that time, and wait until its supervisor has cleaned up."""
    with open_process(process) as target, open_process(supervisor) as cleaner:
        if target is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(target, signal.SIGTERM)
            if not has_ended(target, seconds):
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(target, signal.SIGKILL)
                has_ended(target, None)
        if cleaner is not None:
            has_ended(cleaner, None)


def _be_supervisor(wish: SandboxRequest, call: Call, starter: socket.socket) -> None:
    os.setsid()
    os.chdir("/")
    wish.folders.layer.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = os.open(wish.folders.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    nowhere = os.open(os.devnull, os.O_RDWR)
    # A program that waits for input must wait, not see an end: nobody writes to this pipe.
    source = os.pipe()[0] if wish.interactive else nowhere
    for number in (0, 1, 2):
        os.dup2(nowhere, number)

    def announce(notice: str) -> None:
        with suppress(OSError):
            starter.sendall(f"{RUNNING}{notice}".encode())
        starter.close()

    try:
        _supervise(wish, call, Streams(source, log, log), source=None, sink=log, announce=announce)
    except ProgramError as error:
        with suppress(OSError):
            starter.sendall(f"{error.status} {error}".encode()[:8192])
    except IpvlError as error:
        with suppress(OSError):
            starter.sendall(f"{FAILED} {error}".encode()[:8192])


def _supervise(
    wish: SandboxRequest,
    call: Call,
    streams: Streams,
    *,
    source: int | None,
    sink: int,
    announce: Callable[[str], object],
) -> int:
    _hold(wish)
    begun = wish.folders.wish.exists()
    try:
        _write_files(wish, call)
        starting = start_sandbox(
            wish.program,
            streams,
            hostname=wish.hostname,
            root_filesystem=wish.root,
            folders=wish.folders,
            sysctls=wish.sysctls,
        )
        try:
            call("sandbox.start", _question(wish, starting))
        except BaseException:
            starting.abandon()
            if not begun:
                _forget(wish, call)
            raise
    except BaseException:
        # One that ran before keeps its files.
        wish.folders.remove(layer=not begun)
        raise
    status = FAILED
    try:
        with _passing_signals(starting.process):
            try:
                terminal = starting.go()
            except ProgramError as error:
                status = error.status
                raise
            announce(without_resolver(wish))
            status = _wait(starting, terminal, source, sink)
    finally:
        try:
            _tell_end(wish, call, status)
        except IpvlError as error:
            # Whoever has the state finds the process gone; the program's own status is what matters here.
            sys.stderr.write(f"ipvl: the end of sandbox {wish.name} could not be told: {error}\n")
        wish.folders.remove(layer=wish.removed_at_end)
    return status


def _tell_end(wish: SandboxRequest, call: Call, status: int) -> None:
    """Have what the sandbox held freed; when the daemon is killed meanwhile, the second call is done without it.

    Raises:
        IpvlError: that was refused as well.
    """
    try:
        call("sandbox.ended", SandboxEnded(wish.id, status))
    except IpvlError:
        call("sandbox.ended", SandboxEnded(wish.id, status))


def _forget(wish: SandboxRequest, call: Call) -> None:
    """Have a sandbox forgotten whose start was not answered: the daemon may have been killed after it remembered it."""
    with suppress(IpvlError):
        call("sandbox.ended", SandboxEnded(wish.id, FAILED))
        call("sandbox.remove", NamedSandbox(wish.id))


def _question(wish: SandboxRequest, starting: Starting) -> StartSandbox:
    return StartSandbox(
        id=wish.id,
        name=wish.name,
        hostname=wish.hostname,
        command=wish.program.command,
        root_filesystem=wish.root_filesystem,
        process=starting.process,
        supervisor=os.getpid(),
        removed_at_end=wish.removed_at_end,
        attachments=wish.attachments,
        hosts=str(wish.folders.name_file("hosts")),
    )


def _wait(starting: Starting, terminal: int | None, source: int | None, sink: int) -> int:
    """Pass keys and output on until the process ends; return its status as a shell has it."""
    if terminal is not None:
        ended = os.pidfd_open(starting.process)
        with _like(source, terminal):
            relay(terminal, source, sink, ended)
        os.close(ended)
        os.close(terminal)
    _, status = os.waitpid(starting.process, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


@contextmanager
def _like(source: int | None, terminal: int) -> Iterator[None]:
    """Make a sandbox's terminal and the user's behave as one, when the user has one."""
    if source is None or not os.isatty(source):
        yield
    else:
        with raw(source), same_size(source, terminal):
            yield


@contextmanager
def _passing_signals(process: int) -> Iterator[None]:
    """Pass signals on to a process while the block runs, which begins before the process can ask for any."""

    def pass_on(number: int, _frame: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(process, number)

    before = {number: signal.signal(number, pass_on) for number in PASSED_ON}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _hold(wish: SandboxRequest) -> None:
    """Keep others from starting the same sandbox, for as long as this process lives.

    Raises:
        IpvlError: another does, or the disk is full or the like.
    """
    try:
        wish.folders.layer.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(wish.folders.layer, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise conflict(f"sandbox {wish.name} runs already", f"stop it first: ipvl stop {wish.name}") from None
    except OSError as error:
        raise unavailable(f"{wish.folders.layer} cannot be used: {error.strerror}") from error


def _write_files(wish: SandboxRequest, call: Call) -> None:
    """Write what the sandbox sees in its /etc, and what it is, to be started again.

    Raises:
        IpvlError: a name cannot be given to it, the disk is full, or the like.
    """
    try:
        write_names(wish, call)
        remember(wish)
    except OSError as error:
        raise unavailable(f"{error.filename or wish.folders.layer} cannot be written: {error.strerror}") from error


@contextmanager
def open_process(process: int) -> Iterator[int | None]:
    """Yield an open file that tells when a process ends (pidfd_open(2)), or None when there is no such process."""
    try:
        fd = os.pidfd_open(process)
    except OSError:
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)


def has_ended(process: int, seconds: float | None) -> bool:
    """Tell whether a process, as `open_process` yields it, ends within a time; None waits until it does."""
    return bool(select.select([process], [], [], seconds)[0])
