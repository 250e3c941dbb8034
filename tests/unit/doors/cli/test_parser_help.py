"""The help of every command, present and future, and the man pages made from it."""

from __future__ import annotations

import pytest

from ipvl.doors.cli.parser import parser
from manual.help_tree import Argument, Command, Section, help_tree
from manual.man_pages import man_page

TOP = help_tree(parser())
EVERY = tuple(TOP.walk())
LEAVES = tuple(one for one in EVERY if not one.commands)


def by_name(command: Command) -> str:
    return command.name


@pytest.mark.parametrize("command", EVERY, ids=by_name)
def test_every_command_has_a_description(command):
    """Whole sentences, and a summary for the list it is in."""
    assert command.description.endswith(".")
    assert command.summary


@pytest.mark.parametrize("command", EVERY, ids=by_name)
def test_every_argument_has_a_help_text(command):
    """Flags and positional arguments alike."""
    assert [one.words or one.value for one in command.arguments if not one.meaning.strip()] == []


@pytest.mark.parametrize("command", LEAVES, ids=by_name)
def test_every_command_has_an_example_that_calls_it(command):
    """A line to be typed as it is."""
    lines = [line for section in command.sections if section.is_examples for line in section.lines]

    assert any(command.name in line for line in lines)


@pytest.mark.parametrize("command", LEAVES, ids=by_name)
def test_every_example_is_understood(command):
    """The flags it uses exist."""
    flags = {word for argument in command.arguments for word in argument.words}
    for section in command.sections:
        for line in section.lines if section.is_examples else ():
            typed = line.partition(command.name)[2].partition(" -- ")[0].partition("|")[0].split()
            assert {word.partition("=")[0] for word in typed if word.startswith("--")} <= flags, line


HOSTILE = Command(
    ("ipvl", "odd"),
    "does 'odd' things",
    ".TH is no request here, nor is \\fB. It's -fine-.",
    "ipvl odd [-h] WORD",
    (Argument(("-o", "--odd"), "WORD", "'quoted' and \\escaped"), Argument((), "WORD", ".so /etc/passwd")),
    (Section("examples", ("ipvl odd -o 'it''s'", ".dot", "'tick")),),
    (),
)


@pytest.mark.parametrize("command", [*EVERY, HOSTILE], ids=by_name)
def test_every_man_page_has_its_parts(command):
    """In the usual order, and no line of it is a request by accident."""
    text = man_page(command, TOP, "2026-11-24")
    lines = text.splitlines()
    headings = [line.removeprefix(".SH ") for line in lines if line.startswith(".SH ")]

    assert headings[:3] == ["NAME", "SYNOPSIS", "DESCRIPTION"]
    assert headings[-3:] == ["EXIT STATUS", "FILES", "SEE ALSO"]
    assert "EXAMPLES" in headings
    assert "OPTIONS" in headings
    requests = {line.split()[0] for line in lines if line.startswith((".", "'"))}
    assert requests <= {".TH", ".SH", ".TP", ".nf", ".fi", ".RS", ".RE"}
    assert 1 == sum(line.startswith(".TH ") for line in lines)


def test_man_pages_refer_to_each_other():
    """From the top to each command and back, and nowhere else."""
    pages = {command.page for command in EVERY}
    for command in EVERY:
        text = man_page(command, TOP, "2026-11-24").partition(".SH SEE ALSO\n")[2]
        related = {line.removeprefix("\\fB").partition("\\fR")[0].replace("\\-", "-") for line in text.splitlines()}
        assert related <= pages - {command.page}
        assert related >= {one.page for one in command.commands}
        assert command is TOP or "-".join(command.words[:-1]) in related


def test_a_program_that_is_run_has_exit_statuses_of_its_own():
    """The page of `ipvl run` tells them; other pages tell those of ipvl, that of ipvl itself all."""
    pages = {command.page: man_page(command, TOP, "2026-11-24") for command in EVERY}
    told = {page: text.partition(".SH EXIT STATUS\n")[2].partition(".SH ")[0] for page, text in pages.items()}
    codes = {page: text.split("\n")[1::3] for page, text in told.items()}

    assert ["125", "126", "127", "128+N", "N"] == codes["ipvl-run"] == codes["ipvl-exec"]
    assert ["0", "1", "2", "3", "4", "5", "6", "130"] == codes["ipvl-doctor"] == codes["ipvl-network-create"]
    assert {"125", "126", "127"} < set(codes["ipvl"])
    assert "There is a problem." in told["ipvl-doctor"]
