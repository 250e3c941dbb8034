"""Bars as SVG: what each thing takes beside the others, with its spread, readable in the dark as well."""

from __future__ import annotations

from xml.sax.saxutils import escape

from benchmarks.measuring import Measured, Table

WIDTH, LABELS, RIGHT = 820, 300, 130
BAR, GAP, TITLE = 20, 8, 44
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600;font-size:15px}.n{fill:#59636e}"
    ".b{fill:#8c959f}.o{fill:#0969da}.s{stroke:#1f2328;stroke-width:1.5}.l{stroke:#d1d9e0}"
    "@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.n{fill:#9198a1}.b{fill:#656c76}.o{fill:#4493f8}"
    ".s{stroke:#f0f6fc}.l{stroke:#3d444d}}"
)


def bars(tables: list[Table]) -> str:
    """Return one picture of several tables, one below the other; ipvl's own bars stand out."""
    parts: list[str] = []
    top = 10
    for table in tables:
        parts += _panel(table, top)
        top += TITLE + len(table.rows) * (BAR + GAP) + 14
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" role="img">'
        f"<style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _panel(table: Table, top: float) -> list[str]:
    base = table.compared_with
    longest = max(max(row.spread[1], row.median) for row in table.rows) or 1
    scale = (WIDTH - LABELS - RIGHT) / longest
    better = "more is better" if table.more_is_better else "less is better"
    parts = [
        f'<text class="t" x="10" y="{top + 18}">{escape(table.title)}</text>',
        f'<text class="n" x="10" y="{top + 35}">{escape(table.unit)}, median and quartiles; {better}</text>',
    ]
    for number, row in enumerate(table.rows):
        y = top + TITLE + number * (BAR + GAP)
        parts += _bar(row, base, y, scale)
    bottom = top + TITLE + len(table.rows) * (BAR + GAP)
    parts.append(f'<line class="l" x1="{LABELS}" y1="{top + TITLE - 4}" x2="{LABELS}" y2="{bottom}"/>')
    return parts


def _bar(row: Measured, base: Measured, y: float, scale: float) -> list[str]:
    low, high = (LABELS + value * scale for value in row.spread)
    middle, end = y + BAR / 2, LABELS + row.median * scale
    kind = "o" if "ipvl" in row.name.split() else "b"
    ratio = f'<tspan class="n" dx="8">{row.ratio(base):.2f} x</tspan>'
    return [
        f'<text x="{LABELS - 10}" y="{y + 15}" text-anchor="end">{escape(row.name)}</text>',
        f'<rect class="{kind}" x="{LABELS}" y="{y}" width="{max(end - LABELS, 1):.1f}" height="{BAR}" rx="2"/>',
        f'<line class="s" x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}"/>',
        f'<text x="{max(end, high) + 8:.1f}" y="{y + 15}">{number_text(row.median)}{ratio}</text>',
    ]


def number_text(value: float) -> str:
    """Return a number with three digits that count."""
    if value == 0:
        return "0"
    digits = max(0, 2 - len(str(int(abs(value)))) + 1) if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}"
