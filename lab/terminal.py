"""Joins the host's terminal to a command in the guest."""

from __future__ import annotations

import os
import select
import shutil
import signal
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from .background import Background
from .channel import Channel
from .errors import GuestLost

LEAVE_KEY = b"\x1d"  # Ctrl-]
READ_SIZE = 65536
END_SECONDS = 5


def run_through(channel: Channel, command: str, *, on_terminal: bool, pass_input: bool) -> int:
    """Run `command` with the output, and on wish the input, of this process; returns its status.

    Ctrl-C goes to the command. On a terminal all keys do, except Ctrl-], which leaves and hangs up on the command.

    Raises:
        GuestLost: the guest ended meanwhile.
    """
    interactive = on_terminal and os.isatty(0)
    ended, say_ended = os.pipe()
    background = channel.start(
        command,
        stdin=pass_input or on_terminal,
        terminal=_terminal_size() if on_terminal else None,
        environment={"TERM": os.environ.get("TERM", "dumb")} if on_terminal else None,
        on_output=_copy_output,
    )
    threading.Thread(target=_report_end, args=(background, say_ended), daemon=True).start()
    try:
        with _raw_terminal(background) if interactive else _interrupts_passed_on(background):
            _copy_input(background, ended, reads=pass_input or on_terminal, leave_key=interactive)
        return background.wait(END_SECONDS).status
    finally:
        os.close(ended)


def _copy_input(background: Background, ended: int, *, reads: bool, leave_key: bool) -> None:
    """Pass standard input on until the command has ended or the leave key is pressed."""
    sources = [ended, 0] if reads else [ended]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if ended in ready:
            return
        data = os.read(0, READ_SIZE)
        if leave_key and LEAVE_KEY in data:
            background.kill(signal.SIGHUP)
            return
        if data:
            background.feed(data)
        else:
            background.end_input()
            sources.remove(0)


def _copy_output(background: Background, stream: str, data: bytes) -> None:
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(1 if stream == "stdout" else 2, view) :]
    except BrokenPipeError:
        # The command hears of it as if it had written there itself.
        background.kill(signal.SIGPIPE)


def _report_end(background: Background, say_ended: int) -> None:
    with suppress(GuestLost):
        background.wait(threading.TIMEOUT_MAX)
    os.close(say_ended)


@contextmanager
def _raw_terminal(background: Background) -> Iterator[None]:
    def resize(_signal: int, _frame: FrameType | None) -> None:
        background.resize(*_terminal_size())

    before = termios.tcgetattr(0)
    former = signal.signal(signal.SIGWINCH, resize)
    try:
        tty.setraw(0)
        yield
    finally:
        signal.signal(signal.SIGWINCH, former)
        termios.tcsetattr(0, termios.TCSAFLUSH, before)
        print(flush=True)


@contextmanager
def _interrupts_passed_on(background: Background) -> Iterator[None]:
    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        background.kill(signal.SIGINT)

    former = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


def _terminal_size() -> tuple[int, int]:
    size = shutil.get_terminal_size()
    return size.lines, size.columns
