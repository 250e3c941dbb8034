"""Between two terminals: what is typed arrives, what is said is seen, and the end is an end."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
import threading

import pytest

from ipvl.sandbox.terminal import copy_terminal, raw_terminal


@pytest.fixture
def terminal():
    """Both sides of a terminal of the user's."""
    user, programs = pty.openpty()
    yield user, programs
    os.close(user)
    os.close(programs)


def test_what_was_typed_ahead_is_kept(terminal):
    """Keys pressed before the sandbox was ready are its first input."""
    user, programs = terminal
    os.write(user, b"exit\n")

    with raw_terminal(programs):
        assert b"exit\n" == os.read(programs, 100)


def test_the_terminal_is_as_it_was(terminal):
    """Also after a failure."""
    _, programs = terminal
    before = termios.tcgetattr(programs)

    with raw_terminal(programs):
        assert before != termios.tcgetattr(programs)
    assert before == termios.tcgetattr(programs)
    with pytest.raises(ZeroDivisionError), raw_terminal(programs):
        raise ZeroDivisionError

    assert before == termios.tcgetattr(programs)


def test_all_output_arrives_before_the_end():
    """A program that says much and ends at once is heard to its last word."""
    master, slave = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-c", "print('x' * 300_000 + 'the end')"], stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    reader, writer = os.pipe()
    heard: list[bytes] = []

    def listen() -> None:
        with os.fdopen(reader, "rb") as pipe:
            heard.append(pipe.read())

    listener = threading.Thread(target=listen)
    listener.start()
    ended = os.pidfd_open(program.pid)
    copy_terminal(master, None, writer, ended)
    os.close(writer)
    listener.join()
    program.wait()
    for fd in (master, ended):
        os.close(fd)

    assert heard[0].strip().endswith(b"the end")
    assert heard[0].count(b"x") == 300_000


def test_the_end_of_input_is_passed_on():
    """A program that reads to the end of its input gets there."""
    master, slave = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-c", "import sys; print(len(sys.stdin.read()))"], stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    source, keys = os.pipe()
    heard, sink = os.pipe()
    os.write(keys, b"hello\n")
    os.close(keys)
    ended = os.pidfd_open(program.pid)
    copy_terminal(master, source, sink, ended)
    os.close(sink)
    program.wait()

    with os.fdopen(heard, "rb") as pipe:
        assert b"6" in pipe.read()
    for fd in (master, source, ended):
        os.close(fd)
