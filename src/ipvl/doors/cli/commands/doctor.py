"""`ipvl doctor`: its words, and a diagnosis as people read it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ipvl.diagnosis.check_meanings import MEANINGS
from ipvl.doors.cli.flags import add_command, add_json, add_state_folder
from ipvl.doors.cli.terminal import Colour, coloured

if TYPE_CHECKING:
    from ipvl.diagnosis.all_checks import Diagnosis
    from ipvl.diagnosis.findings import Finding
    from ipvl.doors.cli.flags import Commands

COLOURS = {"problem": Colour.RED, "warning": Colour.YELLOW}
EXAMPLES = """
  ipvl doctor
  ipvl doctor --parent eth0.30     # before there is a network on it
  ipvl doctor --network web --json
"""
DESCRIPTION = """
Look at this host and say in one line each what is wrong and what to do. Nothing is changed; gateways and addresses are
asked for on the wire (ARP, neighbour solicitations), which takes a second.
"""


def add_parsers(commands: Commands, _shared: Sequence[argparse.ArgumentParser]) -> None:
    """Add the command."""
    width = max(map(len, MEANINGS))
    checks = "\n".join(f"  {name:{width}}  {meaning}" for name, meaning in MEANINGS.items())
    command = add_command(
        commands,
        "doctor",
        "find what is wrong with this host, one line each",
        DESCRIPTION,
        EXAMPLES,
        more="exit status:\n  0  There is no problem; warnings are none.\n  1  There is a problem.\n\n"
        f"what is looked for:\n{checks}",
    )
    about = command.add_mutually_exclusive_group()
    about.add_argument("--network", metavar="NAME", help="look at this network alone: its name or the start of its id")
    about.add_argument(
        "--parent",
        metavar="LINK",
        help="look at this parent alone, even one without a network; also auto, subnet:CIDR or mac:ADDRESS",
    )
    add_json(command)
    add_state_folder(command, "where ipvl remembers its networks")


def report(diagnosis: Diagnosis) -> str:
    """Return the findings, one line each, then what could not be checked; one line that says so when all is well."""
    lines = [*map(line, diagnosis.findings), *(f"not checked: {sentence}" for sentence in diagnosis.unchecked)]
    if not diagnosis.findings:
        well = "nothing wrong was found" if diagnosis.unchecked else coloured("all is well", Colour.GREEN)
        lines.append(
            f"{well}: {diagnosis.checks} checks on {_count(diagnosis.networks, 'network')},"
            f" {_count(diagnosis.parents, 'parent')}"
        )
    return "\n".join(lines)


def line(finding: Finding) -> str:
    """Return a finding as one line: how bad, what, and the way out."""
    what = f"{finding.what}; {finding.way_out}" if finding.way_out else finding.what
    return f"{coloured(finding.severity, COLOURS[finding.severity.value])}: {what}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
