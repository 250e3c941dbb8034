"""Colours and progress: on terminals alone."""

from __future__ import annotations

import io
from contextlib import suppress
from types import SimpleNamespace

import pytest

from ipvl.diagnosis.findings import problem, warning
from ipvl.doors.cli.commands.doctor import line
from ipvl.doors.cli.terminal import Colour, coloured, waiting_for


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Let both streams be terminals, and return the place where standard error ends up."""
    streams = SimpleNamespace(stdout=Terminal(), stderr=Terminal())
    monkeypatch.setattr("ipvl.doors.cli.terminal.sys", streams)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return streams.stderr


@pytest.mark.usefixtures("terminal")
def test_findings_have_their_colour_on_a_terminal():
    """The first word alone, so that the sentence can be copied."""
    assert "\033[31mproblem\033[0m: what; do" == line(problem("mtu", "eth0", "what", "do"))
    assert "\033[33mwarning\033[0m: what; do" == line(warning("mtu", "eth0", "what", "do"))


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_declined(monkeypatch, name, value):
    """By whoever does not see them, or does not want them."""
    monkeypatch.setenv(name, value)

    assert "problem" == coloured("problem", Colour.RED)


def test_pipes_and_files_get_plain_text(monkeypatch, capsys):
    """Neither colours nor progress."""
    monkeypatch.setenv("TERM", "xterm")

    assert "problem" == coloured("problem", Colour.RED)
    with waiting_for("unpacking"):
        pass
    assert ("", "") == capsys.readouterr()


def test_what_is_waited_for_is_said_meanwhile(terminal):
    """And gone again when it is over, however it ended."""
    with suppress(ValueError), waiting_for("unpacking alpine.tar"):
        said = terminal.getvalue()
        raise ValueError

    assert "unpacking alpine.tar …" == said
    assert f"{said}\r\033[K" == terminal.getvalue()
