"""`ipvl topology`: the status as a tree, as pictures, and as JSON."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ipvl.doors.cli.flags import add_command, add_where_to_read
from ipvl.errors import unavailable

if TYPE_CHECKING:
    from ipvl.doors.cli.flags import Commands
    from ipvl.driver.status.host_status import Status

EXAMPLES = """
  ipvl topology
  ipvl topology --svg > topology.svg
  ipvl topology --mermaid --output topology.mmd
  ipvl topology --json | jq '.[].vlans[].parent.name'
"""
DESCRIPTION = """
Draw the host's links, the VLANs and other parents on them, the networks each carries, and their endpoints: as a tree,
or as a picture for a browser or a README (--svg), for documents that render Mermaid (--mermaid), or for programs
(--json). Pictures show the first endpoints of a large network and count the others. Without a daemon it reads the state
file, and says so.
"""


def add_parsers(commands: Commands, _shared: Sequence[argparse.ArgumentParser]) -> None:
    """Add `topology` to the commands."""
    topology = add_command(commands, "topology", "draw links, VLANs, networks and endpoints", DESCRIPTION, EXAMPLES)
    form = topology.add_mutually_exclusive_group()
    form.add_argument("--svg", action="store_true", help="print an SVG picture")
    form.add_argument("--mermaid", action="store_true", help="print a Mermaid flowchart")
    form.add_argument("--json", action="store_true", help="print JSON")
    topology.add_argument("--output", type=Path, metavar="FILE", help="write to this file instead of standard output")
    add_where_to_read(topology)


def run(arguments: argparse.Namespace, status: Status) -> int:
    """Print what was asked for, or write it to a file.

    Raises:
        IpvlError: the file cannot be written.
    """
    text = drawn(status, arguments)
    if arguments.output is None:
        print(text)  # noqa: T201 - what the command is for
        return 0
    try:
        arguments.output.write_text(f"{text}\n")
    except OSError as error:
        raise unavailable(f"file {arguments.output} cannot be written: {error.strerror}", "name another") from error
    return 0


def drawn(status: Status, form: argparse.Namespace) -> str:
    """Return the status in the form that the arguments ask for, without a line's end."""
    if form.svg:
        from ipvl.doors.cli.topology.svg_picture import topology_svg

        return topology_svg(status)
    if form.mermaid:
        from ipvl.doors.cli.topology.mermaid import topology_mermaid

        return topology_mermaid(status)
    if form.json:
        from ipvl.doors.cli.json_text import json_text
        from ipvl.doors.cli.topology.graph import graph

        return json_text(graph(status))
    from ipvl.doors.cli.topology.text_tree import topology_text

    return topology_text(status)
