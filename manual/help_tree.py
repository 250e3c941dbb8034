"""The help of every command as plain data, read from the argparse parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Argument:
    """A flag or a positional argument: how it is written, and what it means."""

    words: tuple[str, ...]
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the help after the arguments: a heading and lines to be shown as they are."""

    heading: str
    lines: tuple[str, ...]

    @property
    def title(self) -> str:
        """The heading with a capital."""
        return self.heading[:1].upper() + self.heading[1:]

    @property
    def is_exit_status(self) -> bool:
        """Whether the lines are a code each and what it means."""
        return self.heading == "exit status"

    @property
    def is_examples(self) -> bool:
        """Whether the lines are examples."""
        return self.heading.rstrip("s") == "example"


@dataclass(frozen=True, slots=True)
class Command:
    """A command, `words` from `ipvl` on, and the commands in it."""

    words: tuple[str, ...]
    summary: str
    description: str
    usage: str
    arguments: tuple[Argument, ...]
    sections: tuple[Section, ...]
    commands: tuple[Command, ...]

    @property
    def name(self) -> str:
        """The command as it is typed."""
        return " ".join(self.words)

    @property
    def page(self) -> str:
        """The name of its man page."""
        return "-".join(self.words)

    def walk(self) -> Iterator[Command]:
        """Yield this command and all in it, as deep as they go."""
        yield self
        for command in self.commands:
            yield from command.walk()


def help_tree(parser: argparse.ArgumentParser, words: tuple[str, ...] = ("ipvl",), summary: str = "") -> Command:
    """Return the help of a parser and of everything in it.

    What the parser does not list in its own help is no part of it.
    """
    formatter = parser._get_formatter()  # noqa: SLF001 - argparse has no public way to read its help, only to print it
    arguments: list[Argument] = []
    commands: list[Command] = []
    for action in parser._actions:  # noqa: SLF001
        if action.help == argparse.SUPPRESS:
            continue
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            commands += [
                help_tree(action.choices[choice.dest], (*words, choice.dest), choice.help or "")
                for choice in action._get_subactions()  # noqa: SLF001
            ]
            continue
        meaning = formatter._expand_help(action) if action.help else ""  # noqa: SLF001
        arguments.append(Argument(tuple(action.option_strings), _value(action, formatter), meaning))
    return Command(
        words,
        summary or (parser.description or "").split(". ")[0].rstrip("."),
        " ".join((parser.description or "").split()),
        " ".join(parser.format_usage().removeprefix("usage: ").split()),
        tuple(arguments),
        tuple(_sections(parser.epilog or "")),
        tuple(commands),
    )


def _value(action: argparse.Action, formatter: argparse.HelpFormatter) -> str:
    if action.nargs == 0:
        return ""
    if action.nargs == argparse.REMAINDER and isinstance(action.metavar, str):
        return f"{action.metavar} ..."
    default = action.dest.upper() if action.option_strings else action.dest
    return formatter._format_args(action, default)  # noqa: SLF001


def _sections(epilog: str) -> Iterator[Section]:
    heading, lines = "", list[str]()
    for line in epilog.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            if lines:
                yield Section(heading, tuple(lines))
            heading, lines = line.rstrip(":"), []
        elif line.strip():
            lines.append(line.strip())
    if lines:
        yield Section(heading, tuple(lines))
