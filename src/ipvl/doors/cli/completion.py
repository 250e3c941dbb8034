"""Completion scripts: words from the parser, names from ipvl, links from the host."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import shtab

from ipvl.model.networks import Addressing, ConflictCheck, Flag, Mode, VlanProtocol
from ipvl.options.driver_options import ADDRESSING, CONFLICT_CHECK, FLAG, MODE, NETWORK_OPTIONS, PARENT, VLAN_PROTOCOL

COMPLETED_BY = {
    **dict.fromkeys(("network", "networks", "net"), "networks"),
    "parent": "parents",
    **dict.fromkeys(("sandbox", "sandboxes"), "sandboxes"),
    "opt": "options",
}
"""What completes an argument, by its destination: whatever is called like this is one."""

NAME_COMMANDS = {
    "networks": "ipvl status --names networks",
    "parents": "ipvl status --names parents",
    "sandboxes": "ipvl ps --all --names",
}
"""What prints names, one a line."""
CHOICES = {
    MODE.key: " ".join(Mode),
    FLAG.key: " ".join(Flag),
    CONFLICT_CHECK.key: " ".join(ConflictCheck),
    ADDRESSING.key: " ".join(Addressing),
    VLAN_PROTOCOL.key: " ".join(VlanProtocol),
    **{option.key: option.values.replace(",", "") for option in NETWORK_OPTIONS if option.switch},
}
"""The values of options that have a few."""

# A name may hold anything but / and white space: what a shell would act on is not offered.
BASH_NAMES = """\
_ipvl_{kind}() {{
  local name
  while IFS= read -r name; do
    [[ $name == "$1"* && $name != *[!A-Za-z0-9_.:@+-]* ]] && printf '%s\\n' "$name"
  done < <(timeout 2 {ask} 2>/dev/null)
}}"""
BASH_OPTIONS = """\
_ipvl_options() {{
  local link
  case $1 in
    {parent}=*)
      for link in auto /sys/class/net/*; do
        link=${{link##*/}}
        [[ $link == "${{1#*=}}"* && $link != *[!A-Za-z0-9_.:@+-]* ]] && printf '%s\\n' "${{1%%=*}}=$link"
      done ;;
{cases}
    *) compgen -W '{keys}' -- "$1" ;;
  esac
}}"""
BASH_CASE = """\
    {key}=*) compgen -P '{key}=' -W '{values}' -- "${{1#*=}}" ;;"""

# Bash ends words at = and : as well, which neither the parser nor its completion do.
BASH_WORDS = """
_ipvl() {
  local typed="${COMP_LINE:0:COMP_POINT}" kept end
  local -a COMP_WORDS
  read -ra COMP_WORDS <<< "$typed"
  [[ $typed == *[[:space:]] ]] && COMP_WORDS+=("")
  local COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  kept="${COMP_WORDS[COMP_CWORD]}"
  _shtab_ipvl
  [[ ${#COMPREPLY[@]} -eq 0 || "${COMPREPLY[*]}" != *= ]] || compopt -o nospace 2>/dev/null
  for end in = :; do
    [[ $kept == *$end* && $COMP_WORDBREAKS == *$end* ]] && COMPREPLY=("${COMPREPLY[@]#"${kept%"$end"*}$end"}")
  done
  return 0
}

complete -o bashdefault -F _ipvl ipvl"""

ZSH_NAMES = """\
_ipvl_{kind}() {{
  local -a names
  names=(${{(f)"$(timeout 2 {ask} 2>/dev/null)"}})
  compadd -a names
}}"""
ZSH_OPTIONS = """\
_ipvl_options() {{
  local -a names
  if compset -P '{parent}='; then
    names=(auto /sys/class/net/*(N:t))
    compadd -a names
{cases}
  else
    compadd -S '' -- {keys}
  fi
}}"""
ZSH_CASE = """\
  elif compset -P '{key}='; then
    compadd -- {values}"""


# Where zsh knows nothing at all to say of an argument, it does not put a flag in its place either.
COMPLETES_NOTHING = {
    "bash": "_ipvl_nothing",
    "zsh": "_ipvl_nothing",
    "preamble": dict.fromkeys(("bash", "zsh"), "_ipvl_nothing() {\n  return 1\n}"),
}


def completion_script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Return the completion script of a shell; the names are asked for when they are to be completed, not before."""
    for action in arguments_of(parser):
        kind = COMPLETED_BY.get(action.dest)
        if kind is not None and action.choices is None and action.nargs != 0:
            action.complete = _functions(kind)  # type: ignore[attr-defined] # shtab reads it
        elif action.metavar in {"DIR", "PATH", "FILE"} or action.nargs == argparse.REMAINDER:
            action.complete = shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE  # type: ignore[attr-defined]
        elif not action.option_strings and action.choices is None:
            action.complete = COMPLETES_NOTHING  # type: ignore[attr-defined]
    text = shtab.complete(parser, shell)
    return text + BASH_WORDS if shell == "bash" else text


def arguments_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield every argument of a parser and of the commands in it."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to look at a parser
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in action.choices.values():
                yield from arguments_of(command)


def _functions(kind: str) -> dict[str, object]:
    bash, zsh = (
        _options()
        if kind == "options"
        else (one.format(kind=kind, ask=NAME_COMMANDS[kind]) for one in (BASH_NAMES, ZSH_NAMES))
    )
    return {"bash": f"_ipvl_{kind}", "zsh": f"_ipvl_{kind}", "preamble": {"bash": bash, "zsh": zsh}}


def _options() -> tuple[str, str]:
    keys = " ".join(f"{option.key}=" for option in NETWORK_OPTIONS)

    def filled(text: str, case: str) -> str:
        cases = "\n".join(case.format(key=key, values=values) for key, values in CHOICES.items())
        return text.format(parent=PARENT.key, keys=keys, cases=cases)

    return filled(BASH_OPTIONS, BASH_CASE), filled(ZSH_OPTIONS, ZSH_CASE)
