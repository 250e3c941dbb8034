"""How a command is added to `ipvl`, and the flags that several commands have: how they are given and how they read."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, TypeAlias

from ipvl.errors import invalid
from ipvl.startup.configuration import Configuration

if TYPE_CHECKING:
    from ipvl.embedded.sandbox_messages import NetworkAttachment

    Commands: TypeAlias = argparse._SubParsersAction[Any]  # noqa: SLF001 - argparse has no public name for it


WIDTH = 100
"""Columns of a description; its examples keep their lines, so argparse must not fill either."""


class Help(argparse.RawDescriptionHelpFormatter):
    """Help with lines as they are written, as wide as the terminal is when there is help to print.

    argparse makes a formatter for every flag that is added, and would measure the terminal, and import what does, then.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=WIDTH)

    def format_help(self) -> str:
        """Return the help."""
        from shutil import get_terminal_size

        self._width = get_terminal_size().columns - 2
        return super().format_help()


def add_command(
    commands: Commands,
    name: str,
    summary: str,
    description: str,
    examples: str,
    *,
    shared: Sequence[argparse.ArgumentParser] = (),
    aliases: Sequence[str] = (),
    usage: str | None = None,
    more: str = "",
) -> argparse.ArgumentParser:
    """Add a command and return its parser.

    Args:
        commands: where it goes.
        name: the word that calls it.
        summary: what it does, for the list of commands: no capital, no full stop.
        description: what it does and what to know of it, in sentences.
        examples: lines to be typed as they are.
        shared: parsers whose flags it has as well.
        aliases: other words that call it.
        usage: how it is written, where argparse would get it wrong.
        more: further sections of its help, each a heading that ends in a colon and indented lines.
    """
    lines = "\n".join(f"  {line.strip()}" for line in examples.strip().splitlines())
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        aliases=aliases,
        parents=shared,
        usage=usage,
        help=summary,
        description=fill(" ".join(description.split()), WIDTH),
        epilog=f"{'examples' if lines.count(chr(10)) else 'example'}:\n{lines}" + (f"\n\n{more}" if more else ""),
        formatter_class=Help,
    )
    return parser


def add_repeatable(
    command: argparse.ArgumentParser, *flags: str, metavar: str, text: str, dest: str | None = None
) -> None:
    """Add a flag that may be given several times; its values are a list."""
    command.add_argument(*flags, action="append", default=[], metavar=metavar, help=text, dest=dest)


def add_json(command: argparse._ActionsContainer) -> None:
    """Add --json."""
    command.add_argument("--json", action="store_true", help="print JSON")


def add_path_flag(
    command: argparse._ActionsContainer, flag: str, default: Path, text: str, metavar: str = "PATH"
) -> None:
    """Add a flag that says where something is."""
    command.add_argument(flag, type=Path, default=default, metavar=metavar, help=f"{text} (%(default)s)")


def add_state_folder(command: argparse.ArgumentParser, text: str) -> None:
    """Add the flag that says where ipvl keeps what it remembers."""
    add_path_flag(command, "--state-folder", Configuration().state_folder, text, "DIR")


def add_control_socket(command: argparse.ArgumentParser) -> None:
    """Add the flag that says where the daemon is asked."""
    add_path_flag(command, "--control-socket", Configuration().control_socket, "the daemon's control socket")


def add_where_to_read(command: argparse.ArgumentParser) -> None:
    """Add the flags that say where the status is read, with a daemon and without."""
    add_control_socket(command)
    add_state_folder(command, "read without a daemon")


def add_address_flags(command: argparse.ArgumentParser) -> None:
    """Add what a new member of a network can ask for."""
    command.add_argument("--ip", default="", metavar="ADDRESS", help="the IPv4 address (default: the next one)")
    command.add_argument("--ip6", default="", metavar="ADDRESS", help="the IPv6 address (default: the next one)")
    add_repeatable(
        command,
        "--alias",
        "--network-alias",
        metavar="NAME",
        dest="aliases",
        text="one more name on the network (repeatable)",
    )
    command.add_argument("--mac-address", default="", metavar="MAC", help="refused: ports have their parent's")


def network_attachment(arguments: argparse.Namespace, network: str, interface: str = "") -> NetworkAttachment:
    """Return the request to be on a network that the address flags of a command make."""
    from ipvl.embedded.sandbox_messages import NetworkAttachment

    return NetworkAttachment(
        network, arguments.ip, arguments.ip6, tuple(arguments.aliases), interface, arguments.mac_address
    )


def parse_pairs(written: Sequence[str], flag: str, *, bare: bool = False) -> dict[str, str]:
    """Return KEY=VALUE texts as a map; with `bare` a text without a value has an empty one.

    Raises:
        IpvlError: a text is not of that form, or a key is given twice with different values.
    """
    found: dict[str, str] = {}
    for text in written:
        key, equals, value = text.partition("=")
        if not key or not (equals or bare):
            raise invalid(f"{flag} {text!r} is not KEY=VALUE", f"write it like {flag} key=value")
        if found.setdefault(key, value) != value:
            raise invalid(f"{flag} {key} is given twice, as {found[key]} and as {value}", "give one")
    return found
