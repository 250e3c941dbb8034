"""The life of a sandbox, from its files to its end: one process a sandbox, in the foreground or in the background."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ipvl.embedded.sandbox_messages import NamedSandbox, SandboxEnded, StartSandbox
from ipvl.errors import IpvlError, conflict, unavailable
from ipvl.sandbox.etc.etc_files import missing_resolver_notice, write_etc_files
from ipvl.sandbox.process import (
    FAILED_STATUS,
    ForkedProcess,
    Program,
    ProgramError,
    Streams,
    fork_into_sandbox,
    fork_sandbox,
)
from ipvl.sandbox.start_requests import SandboxRequest, write_start_request
from ipvl.sandbox.terminal import copy_terminal, follow_window_size, raw_terminal

Call = Callable[[str, object], object]

RUNNING = "running "
"""What a supervisor in the background says when the program runs; a notice for the user may follow."""
FORWARDED_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def run_in_foreground(request: SandboxRequest, call: Call) -> int:
    """Run a sandbox on this process's own streams until it ends, and return its exit status.

    Raises:
        IpvlError: a network, an address or a namespace cannot be had.
        ProgramError: the program cannot be started.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    source = 0 if request.interactive else nowhere
    return _supervise(
        request,
        call,
        Streams(source, 1, 2),
        source=source if request.interactive else None,
        sink=1,
        announce=sys.stderr.write,
    )


def run_in_background(request: SandboxRequest, call: Call) -> None:
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
        status = FAILED_STATUS
        try:
            _be_supervisor(request, call, theirs)
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
    raise ProgramError(sentence or "the sandbox's supervisor ended without a word", FAILED_STATUS)


def execute_in_sandbox(program: Program, process: int, *, interactive: bool) -> int:
    """Run one more program in a sandbox that runs, on this process's own streams, and return its exit status.

    Raises:
        IpvlError: the sandbox is gone or may not be entered.
        ProgramError: the program cannot be started.
    """
    source = 0 if interactive else os.open(os.devnull, os.O_RDWR)
    forked = fork_into_sandbox(program, Streams(source, 1, 2), process)
    with _forwarding_signals(forked.process):
        return _wait(forked, forked.start_program(), source if interactive else None, 1)


def _be_supervisor(request: SandboxRequest, call: Call, starter: socket.socket) -> None:
    os.setsid()
    os.chdir("/")
    request.folders.layer.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = os.open(request.folders.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    nowhere = os.open(os.devnull, os.O_RDWR)
    # A program that waits for input must wait, not see an end: nobody writes to this pipe.
    source = os.pipe()[0] if request.interactive else nowhere
    for number in (0, 1, 2):
        os.dup2(nowhere, number)

    def announce(notice: str) -> None:
        with suppress(OSError):
            starter.sendall(f"{RUNNING}{notice}".encode())
        starter.close()

    try:
        _supervise(request, call, Streams(source, log, log), source=None, sink=log, announce=announce)
    except ProgramError as error:
        with suppress(OSError):
            starter.sendall(f"{error.status} {error}".encode()[:8192])
    except IpvlError as error:
        with suppress(OSError):
            starter.sendall(f"{FAILED_STATUS} {error}".encode()[:8192])


def _supervise(
    request: SandboxRequest,
    call: Call,
    streams: Streams,
    *,
    source: int | None,
    sink: int,
    announce: Callable[[str], object],
) -> int:
    _lock_sandbox(request)
    begun = request.folders.request_file.exists()
    try:
        _write_files(request, call)
        forked = fork_sandbox(
            request.program,
            streams,
            hostname=request.hostname,
            root_filesystem=request.root,
            folders=request.folders,
            sysctls=request.sysctls,
        )
        try:
            answer = call("sandbox.start", _start_request(request, forked))
        except BaseException:
            forked.kill()
            if not begun:
                _remove_record(request, call)
            raise
    except BaseException:
        # One that ran before keeps its files.
        request.folders.remove(layer=not begun)
        raise
    status = FAILED_STATUS
    try:
        with _forwarding_signals(forked.process):
            try:
                terminal = forked.start_program()
            except ProgramError as error:
                status = error.status
                raise
            notices = answer if isinstance(answer, list | tuple) else ()
            announce("".join(f"notice: {notice}\n" for notice in notices) + missing_resolver_notice(request))
            status = _wait(forked, terminal, source, sink)
    finally:
        try:
            _report_end(request, call, status)
        except IpvlError as error:
            # Whoever has the state finds the process gone; the program's own status is what matters here.
            sys.stderr.write(f"ipvl: the end of sandbox {request.name} could not be told: {error}\n")
        request.folders.remove(layer=request.removed_at_end)
    return status


def _report_end(request: SandboxRequest, call: Call, status: int) -> None:
    """Have what the sandbox held freed; when the daemon is killed meanwhile, the second call is done without it.

    Raises:
        IpvlError: that was refused as well.
    """
    try:
        call("sandbox.ended", SandboxEnded(request.id, status))
    except IpvlError:
        call("sandbox.ended", SandboxEnded(request.id, status))


def _remove_record(request: SandboxRequest, call: Call) -> None:
    """Have a sandbox forgotten whose start was not answered: the daemon may have been killed after it remembered it."""
    with suppress(IpvlError):
        call("sandbox.ended", SandboxEnded(request.id, FAILED_STATUS))
        call("sandbox.remove", NamedSandbox(request.id))


def _start_request(request: SandboxRequest, forked: ForkedProcess) -> StartSandbox:
    return StartSandbox(
        id=request.id,
        name=request.name,
        hostname=request.hostname,
        command=request.program.command,
        root_filesystem=request.root_filesystem,
        process=forked.process,
        supervisor=os.getpid(),
        removed_at_end=request.removed_at_end,
        attachments=request.attachments,
        hosts=str(request.folders.name_file("hosts")),
    )


def _wait(forked: ForkedProcess, terminal: int | None, source: int | None, sink: int) -> int:
    """Pass keys and output on until the process ends; return its status as a shell has it."""
    if terminal is not None:
        ended = os.pidfd_open(forked.process)
        with _joined_terminals(source, terminal):
            copy_terminal(terminal, source, sink, ended)
        os.close(ended)
        os.close(terminal)
    _, status = os.waitpid(forked.process, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


@contextmanager
def _joined_terminals(source: int | None, terminal: int) -> Iterator[None]:
    """Make a sandbox's terminal and the user's behave as one, when the user has one."""
    if source is None or not os.isatty(source):
        yield
    else:
        with raw_terminal(source), follow_window_size(source, terminal):
            yield


@contextmanager
def _forwarding_signals(process: int) -> Iterator[None]:
    """Pass signals on to a process while the block runs, which begins before the process can ask for any."""

    def pass_on(number: int, _frame: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(process, number)

    before = {number: signal.signal(number, pass_on) for number in FORWARDED_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _lock_sandbox(request: SandboxRequest) -> None:
    """Keep others from starting the same sandbox, for as long as this process lives.

    Raises:
        IpvlError: another does, or the disk is full or the like.
    """
    try:
        request.folders.layer.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(request.folders.layer, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise conflict(f"sandbox {request.name} runs already", f"stop it first: ipvl stop {request.name}") from None
    except OSError as error:
        raise unavailable(f"{request.folders.layer} cannot be used: {error.strerror}") from error


def _write_files(request: SandboxRequest, call: Call) -> None:
    """Write what the sandbox sees in its /etc, and what it is, to be started again.

    Raises:
        IpvlError: a name cannot be given to it, the disk is full, or the like.
    """
    try:
        write_etc_files(request, call)
        write_start_request(request)
    except OSError as error:
        raise unavailable(f"{error.filename or request.folders.layer} cannot be written: {error.strerror}") from error
