"""`python -m manual pages FOLDER DATE` writes the man pages; `python -m manual docs FOLDER` what docs/ has of it."""

from __future__ import annotations

import sys
from pathlib import Path

from ipvl.doors.cli.parser import parser
from ipvl.doors.cli.topology.svg_picture import topology_svg
from manual.example import example
from manual.help_tree import help_tree
from manual.man_pages import man_page
from manual.markdown import commands_page


def main(what: str, where: Path, date: str = "") -> None:
    """Write what was asked for; pages of commands that are no more are removed."""
    top = help_tree(parser())
    if what == "docs":
        (where / "commands.md").write_text(commands_page(top))
        (where / "topology.svg").write_text(f"{topology_svg(example())}\n")
        return
    where.mkdir(parents=True, exist_ok=True)
    for old in where.glob("ipvl*.1"):
        old.unlink()
    for command in top.walk():
        (where / f"{command.page}.1").write_text(man_page(command, top, date))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
