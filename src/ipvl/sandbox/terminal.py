"""Between a user's terminal and a sandbox's: bytes both ways, the window's size, and an end without a broken screen."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import signal
import termios
import tty
from collections.abc import Iterator

CHUNK_BYTES = 65536
NO_SIZE = b"\0" * 8
END_OF_INPUT = b"\x04"


def copy_terminal(master: int, source: int | None, sink: int, ended: int) -> None:
    """Copy between a sandbox's terminal and two open files until the sandbox ends and has said all.

    Args:
        master: the master side of the sandbox's terminal.
        source: where its input comes from, None for nowhere; at its end the sandbox's terminal gets ^D.
        sink: where its output goes.
        ended: an open file that becomes readable when the sandbox has ended (a pidfd).
    """
    waiting = {master, ended} | ({source} if source is not None else set())
    while master in waiting:
        ready, _, _ = select.select(list(waiting), [], [])
        if master in ready:
            data = _output(master)
            if data:
                _write_all(sink, data)
                continue
            waiting.discard(master)
        if source is not None and source in ready:
            data = os.read(source, CHUNK_BYTES)
            if not data:
                waiting.discard(source)
            with contextlib.suppress(OSError):
                _write_all(master, data or END_OF_INPUT)
        if ended in ready:
            return


def _output(master: int) -> bytes:
    """Return what there is to read; nothing when nobody has the other side open any more."""
    try:
        return os.read(master, CHUNK_BYTES)
    except OSError as error:
        if error.errno == errno.EIO:
            return b""
        raise


@contextlib.contextmanager
def raw_terminal(fd: int) -> Iterator[None]:
    """Let every key of a terminal through as it is while the block runs; then it is as it was."""
    before = termios.tcgetattr(fd)
    tty.setraw(fd, termios.TCSADRAIN)  # the default would throw away what was typed ahead
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


@contextlib.contextmanager
def follow_window_size(user: int, master: int) -> Iterator[None]:
    """Keep a sandbox's terminal as large as the user's while the block runs."""

    def copy(*_: object) -> None:
        with contextlib.suppress(OSError):
            fcntl.ioctl(master, termios.TIOCSWINSZ, fcntl.ioctl(user, termios.TIOCGWINSZ, NO_SIZE))

    copy()
    before = signal.signal(signal.SIGWINCH, copy)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            select.select([], [fd], [])
