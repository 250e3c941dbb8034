"""How a command is added to `ipvl`, and the flags that several commands have."""

from __future__ import annotations

import argparse
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, TypeAlias

from ipvl.daemon.configuration import Configuration

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[Any]  # noqa: SLF001 - argparse has no public name for it


WIDTH = 100
"""Columns of a description; its examples keep their lines, so argparse must not fill either."""


def add_command(
    commands: Commands, name: str, summary: str, description: str, examples: str
) -> argparse.ArgumentParser:
    """Add a command and return its parser.

    Args:
        commands: where it goes.
        name: the word that calls it.
        summary: what it does, for the list of commands: no capital, no full stop.
        description: what it does and what to know of it, in sentences.
        examples: lines to be typed as they are.
    """
    lines = "\n".join(f"  {line.strip()}" for line in examples.strip().splitlines())
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=fill(" ".join(description.split()), WIDTH),
        epilog=f"{'examples' if lines.count(chr(10)) else 'example'}:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def add_json(command: argparse.ArgumentParser) -> None:
    """Add --json."""
    command.add_argument("--json", action="store_true", help="print JSON")


def add_control_socket(command: argparse.ArgumentParser) -> None:
    """Add the flag that says where the daemon is asked."""
    command.add_argument(
        "--control-socket",
        type=Path,
        default=Configuration().control_socket,
        metavar="PATH",
        help="the daemon's control socket (%(default)s)",
    )


def add_where_to_read(command: argparse.ArgumentParser) -> None:
    """Add the flags that say where the status is read, with a daemon and without."""
    add_control_socket(command)
    command.add_argument(
        "--state-folder",
        type=Path,
        default=Configuration().state_folder,
        metavar="DIR",
        help="read without a daemon (%(default)s)",
    )
