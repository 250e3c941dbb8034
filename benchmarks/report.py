"""Tables and pictures into docs/performance.md, each group between two marks; the words around them stay."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import Measured, Table
from benchmarks.plots import bars, number_text

DOCS = Path(__file__).parent.parent / "docs"
DOCUMENT = DOCS / "performance.md"


@dataclass(frozen=True)
class Group:
    """What one group of measurements found."""

    name: str
    tables: Sequence[Table]


def write(group: Group) -> None:
    """Put a group's tables into the document, and its picture beside it.

    Raises:
        ValueError: the document has no place for it.
    """
    (DOCS / f"performance-{group.name}.svg").write_text(bars(list(group.tables)))
    text = DOCUMENT.read_text()
    begin, end = f"<!-- figures: {group.name} -->", f"<!-- end of figures: {group.name} -->"
    found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not found.search(text):
        raise ValueError(f"{DOCUMENT} has no {begin}")
    DOCUMENT.write_text(found.sub(lambda _: f"{begin}\n\n{section(group)}\n\n{end}", text))


def section(group: Group) -> str:
    """Return a group as Markdown: its picture, its tables, and the command that makes both."""
    parts = [
        f"![{group.name}](performance-{group.name}.svg)",
        *map(table_text, group.tables),
        f"All of it again: `make bench ONLY={group.name}`.",
    ]
    return "\n\n".join(parts)


def table_text(table: Table) -> str:
    """Return a table as Markdown."""
    base = table.compared_with
    lines = [
        f"**{table.title}** ({len(base.rounds)} rounds, {table.unit})",
        "",
        f"| | median | quartiles | ratio | target |{' emulated |' if table.emulated else ''}",
        f"| --- | ---: | ---: | ---: | ---: |{' ---: |' if table.emulated else ''}",
    ]
    lines += [_row(row, table, base) for row in table.rows]
    commands = [f"- {row.name}: `{row.what}`" for row in table.rows if row.what]
    if table.note:
        lines += ["", table.note]
    if commands:
        lines += ["", *commands]
    return "\n".join(lines)


def _row(row: Measured, table: Table, base: Measured) -> str:
    low, high = map(number_text, row.spread)
    ratio = row.ratio(base)
    target = table.targets.get(row.name)
    verdict = ""
    if target is not None:
        met = ratio >= target if table.more_is_better else ratio <= target
        sign = "≥" if table.more_is_better else "≤"
        verdict = f"{sign} {target:g} {'met' if met else '**missed**'}"
    line = f"| {row.name} | {number_text(row.median)} | {low} to {high} | {ratio:.2f} | {verdict} |"
    return f"{line} {_emulated(row, table, base)} |" if table.emulated else line


def _emulated(row: Measured, table: Table, base: Measured) -> str:
    """Return the ratio that the same had in an emulated guest."""
    there = {one.name: one for one in table.emulated}
    return f"{there[row.name].ratio(there[base.name]):.2f}"
