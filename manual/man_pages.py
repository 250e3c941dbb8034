"""Man pages, one a command, in the man(7) language."""

from __future__ import annotations

from collections.abc import Iterator

from ipvl import __version__
from ipvl.startup.configuration import Configuration
from manual.help_tree import Argument, Command

EXIT_STATUSES = (
    (0, "Done."),
    (1, "`ipvl doctor` found problems, or you answered no; with a traceback, a bug."),
    (2, "The input is wrong."),
    (3, "Something else holds what was asked for."),
    (4, "Something named does not exist."),
    (5, "The kernel cannot do it, or refused."),
    (6, "A file, socket or daemon cannot be used."),
    (125, "`ipvl run` or `exec` itself failed; any other status of theirs is the program's."),
    (126, "The program of `ipvl run` or `exec` cannot be run."),
    (127, "There is no program of that name for `ipvl run` or `exec`."),
    (130, "Interrupted with ctrl-C; `ipvl events`, which has no other end, ends with 0."),
)

OF_PROGRAMS = (125, 126, 127)
PROGRAMS_OWN = "N"
"""How a command says that it ends as the program does that it runs."""


def files() -> tuple[tuple[str, str], ...]:
    """Return the files that a user may look for, and what each is."""
    settings = Configuration()
    return (
        (str(settings.state_file), "Networks, parents and endpoints."),
        (str(settings.lock_file), "Held by the one daemon that may use the state."),
        (str(settings.docker_socket), "What Docker talks to."),
        (str(settings.control_socket), "What the commands talk to."),
    )


def man_page(command: Command, top: Command, date: str) -> str:
    """Return the page of a command.

    Args:
        command: whose page it is.
        top: the root of the tree, for the pages it refers to.
        date: when this version was made, like 2026-11-24.
    """
    parts = [
        " ".join((".TH", *map(_quoted, (command.page.upper(), "1", date, f"ipvl {__version__}", "User Commands")))),
        ".SH NAME",
        f"{_text(command.page)} \\- {_text(command.summary)}",
        ".SH SYNOPSIS",
        f"\\fB{_text(command.name)}\\fR {_text(command.usage.removeprefix(command.name).strip())}".rstrip(),
        ".SH DESCRIPTION",
        _text(command.description),
    ]
    if command.commands:
        parts.append(".SH COMMANDS")
        for one in command.commands:
            parts += _item(f"\\fB{_text(one.words[-1])}\\fR", f"{one.summary}; see {one.page}(1)")
    if command.arguments:
        parts.append(".SH OPTIONS")
        for argument in command.arguments:
            parts += _item(_argument(argument), argument.meaning)
    for section in command.sections:
        if not section.is_examples and not section.is_exit_status:
            parts += [f".SH {_quoted(section.title)}", *_literal(section.lines)]
    for section in command.sections:
        if section.is_examples:
            parts += [".SH EXAMPLES", *_literal(section.lines)]
    parts += [".SH EXIT STATUS", *_exit_statuses(command)]
    parts += [".SH FILES", *(line for path, text in files() for line in _item(f"\\fI{_text(path)}\\fR", text))]
    parts += [".SH SEE ALSO", ",\n".join(f"\\fB{_text(page)}\\fR(1)" for page in _related(command, top))]
    return "\n".join(parts) + "\n"


def _exit_statuses(command: Command) -> Iterator[str]:
    """Yield what the command's own help says of them, or what holds for all commands."""
    own = [line.partition("  ") for section in command.sections if section.is_exit_status for line in section.lines]
    for code, _, meaning in own:
        yield from _item(code, meaning.strip())
    told = {code for code, _, _ in own}
    if PROGRAMS_OWN in told:
        return
    for status, meaning in EXIT_STATUSES:
        if str(status) not in told and (len(command.words) == 1 or status not in OF_PROGRAMS):
            yield from _item(str(status), meaning)


def _related(command: Command, top: Command) -> Iterator[str]:
    """Yield the pages beside this one: the one above, its brothers, those in it."""
    above = next((one for one in top.walk() if command in one.commands), None)
    if above is not None:
        yield above.page
        yield from (one.page for one in above.commands if one is not command)
    yield from (one.page for one in command.commands)


def _argument(argument: Argument) -> str:
    value = f" \\fI{_text(argument.value)}\\fR" if argument.value else ""
    return ", ".join(f"\\fB{_text(word)}\\fR{value}" for word in argument.words) or value.strip()


def _item(term: str, text: str) -> list[str]:
    return [".TP", term, _text(text)]


def _literal(lines: tuple[str, ...]) -> list[str]:
    return [".nf", ".RS 4", *map(_text, lines), ".RE", ".fi"]


def _text(text: str) -> str:
    """Return text so that roff prints it as it is: no request, no escape, hyphens that can be copied as minus signs."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return f"\\&{escaped}" if escaped.startswith((".", "\\(aq")) else escaped


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
