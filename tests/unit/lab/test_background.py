"""A command in the guest, as the host hears of it."""

from __future__ import annotations

import pytest

from lab.background import Background
from lab.errors import CommandFailed, CommandRefused, CommandTimeout, GuestLost
from lab.guest_side.framing import Frame, pack
from lab.results import Result


@pytest.fixture
def sent() -> list[Frame]:
    """What has been sent to the agent."""
    return []


@pytest.fixture
def command(sent: list[Frame]) -> Background:
    """A command that has just been started."""
    return Background("make noise", 7, sent.append, has_terminal=False)


def output(stream: str, data: bytes) -> Frame:
    """Return the agent's frame for something printed."""
    return {"event": "output", "id": 7, "stream": stream, "data": pack(data)}


EXIT: Frame = {"event": "exit", "id": 7, "status": 3, "seconds": 0.5}


def test_a_result_has_both_streams_apart(command: Background) -> None:
    """Standard output and standard error are kept apart, and together in the order of arrival while it runs."""
    for frame in (output("stdout", b"one\n"), output("stderr", b"two\n"), output("stdout", b"three\n"), EXIT):
        command.receive(frame)

    assert Result("make noise", 3, "one\nthree\n", "two\n", 0.5) == command.wait()
    assert "one\ntwo\nthree\n" == command.output()


def test_a_character_cut_in_two_is_put_together(command: Background) -> None:
    """Text is decoded as a whole, not piece by piece."""
    first, second = "ü".encode()[:1], "ü".encode()[1:]
    for frame in (output("stdout", first), output("stdout", second), EXIT):
        command.receive(frame)

    assert "ü" == command.wait().stdout


def test_a_terminals_line_ends_are_made_plain() -> None:
    """What a terminal turns into CR LF is one line end again."""
    command = Background("x", 7, lambda _frame: None, has_terminal=True)
    for frame in (output("stdout", b"a\r"), output("stdout", b"\nb\r\n"), EXIT):
        command.receive(frame)

    assert "a\nb\n" == command.wait().stdout


def test_waiting_ends_in_time(command: Background) -> None:
    """The error has what was printed so far."""
    command.receive(output("stdout", b"half"))

    with pytest.raises(CommandTimeout, match=r"no end after 0.01 s: make noise\n.*\nhalf"):
        command.wait(0.01)


def test_waiting_for_a_word_ends_with_the_command(command: Background) -> None:
    """A command that ends without the word says what it did instead."""
    command.receive(output("stderr", b"no such thing"))
    command.receive(EXIT)

    with pytest.raises(
        CommandFailed, match=r"ended without printing 'ready', status 3: make noise\n(.|\n)*no such thing"
    ):
        command.wait_for("ready")


def test_a_word_is_found_across_pieces(command: Background) -> None:
    """The word may arrive in two pieces."""
    command.receive(output("stdout", b"it is re"))
    command.receive(output("stdout", b"ady now"))

    assert "it is ready now" == command.wait_for("ready", 0.01)


def test_a_lost_guest_ends_the_wait(command: Background) -> None:
    """Nobody waits for a guest that is gone, and the reason is told."""
    command.lose("QEMU ended")

    with pytest.raises(GuestLost, match="lost 'make noise': QEMU ended"):
        command.wait()


def test_a_refused_command_is_no_result(command: Background) -> None:
    """What could not be started has no status."""
    command.receive({"event": "refused", "id": 7, "reason": "OSError: no memory"})

    with pytest.raises(CommandRefused, match="does not start 'make noise': OSError: no memory"):
        command.wait()


def test_signals_go_to_running_commands_only(command: Background, sent: list[Frame]) -> None:
    """After the end nothing is sent, since the number may be another's."""
    command.kill(9)
    command.receive(EXIT)
    command.kill(9)

    assert [{"op": "signal", "id": 7, "signal": 9}] == sent
