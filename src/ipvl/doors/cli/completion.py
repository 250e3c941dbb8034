"""Completion scripts: words from the parser, and the names of networks and parents from `ipvl status`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import shtab

NAMED_BY = {"network": "networks", "networks": "networks", "net": "networks", "parent": "parents"}
"""Which names complete an argument, by its destination: whatever is called like this is one."""

BASH = """\
_ipvl_{kind}() {{
  local name
  while IFS= read -r name; do
    # A link's name may hold anything but / and white space: what a shell would act on is not offered.
    [[ $name == "$1"* && $name != *[!A-Za-z0-9_.:@+-]* ]] && printf '%s\\n' "$name"
  done < <(timeout 2 ipvl status --names {kind} 2>/dev/null)
}}"""
ZSH = """\
_ipvl_{kind}() {{
  local -a names
  names=(${{(f)"$(timeout 2 ipvl status --names {kind} 2>/dev/null)"}})
  compadd -a names
}}"""


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Return the completion script of a shell; the names are asked for when they are to be completed, not before."""
    for action in arguments_of(parser):
        kind = NAMED_BY.get(action.dest)
        if kind is not None and action.choices is None and action.nargs != 0:
            action.complete = _names(kind)  # type: ignore[attr-defined] # shtab reads it
        elif action.metavar in {"DIR", "PATH", "FILE"}:
            action.complete = shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE  # type: ignore[attr-defined]
    return shtab.complete(parser, shell)


def arguments_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield every argument of a parser and of the commands in it."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to look at a parser
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in action.choices.values():
                yield from arguments_of(command)


def _names(kind: str) -> dict[str, object]:
    return {
        "bash": f"_ipvl_{kind}",
        "zsh": f"_ipvl_{kind}",
        "preamble": {"bash": BASH.format(kind=kind), "zsh": ZSH.format(kind=kind)},
    }
