"""docs/commands.md: every command on one page."""

from __future__ import annotations

from manual.help_tree import Argument, Command

HEAD = """\
# The commands

Made from the help by `make docs`; change the help, not this page. The same is in `ipvl COMMAND --help` and in
the man pages (`man ipvl`, `man ipvl-status`). [installation.md](installation.md) has the exit statuses.
"""


def commands_page(top: Command) -> str:
    """Return the page."""
    parts = [HEAD, *(_section(command) for command in top.walk())]
    return "\n".join(parts)


def _section(command: Command) -> str:
    parts = [f"## {command.name}\n", f"{_plain(command.description)}\n", f"    {command.usage}\n"]
    if command.commands:
        rows = "\n".join(f"| [`{one.name}`](#{one.page}) | {_cell(one.summary)} |" for one in command.commands)
        parts.append(f"| command | what it does |\n| --- | --- |\n{rows}\n")
    arguments = [one for one in command.arguments if "--help" not in one.words]
    if arguments:
        rows = "\n".join(f"| `{_cell(_written(one))}` | {_cell(one.meaning)} |" for one in arguments)
        parts.append(f"| argument | meaning |\n| --- | --- |\n{rows}\n")
    for section in command.sections:
        lines = "\n".join(f"    {line}" for line in section.lines)
        parts.append(f"{section.title}:\n\n{lines}\n")
    return "\n".join(parts)


def _written(argument: Argument) -> str:
    words = ", ".join(argument.words)
    return f"{words} {argument.value}".strip()


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


def _plain(text: str) -> str:
    return text.replace("<", "&lt;")
