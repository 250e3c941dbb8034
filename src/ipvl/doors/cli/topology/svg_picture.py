"""The topology as an SVG picture: the physical network on the left, containers on the right."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from ipvl.doors.cli.topology.graph import label, no_subnet
from ipvl.doors.cli.topology.layout import (
    GAP,
    HEAD,
    LINE,
    MARGIN,
    PADDING,
    TITLE,
    Box,
    Layout,
    Wire,
    columns,
    layout,
)
from ipvl.driver.status.host_status import Status

SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
NAME_SIZE, TEXT_SIZE = 13.0, 11.0
NAME_ADVANCE, TEXT_ADVANCE = 8.4, 6.7
"""The width of a character, rounded up, so that no text leaves its box whatever font the reader has."""
STRIPE = 4.0
RADIUS = 6.0

LIGHT = {
    "page": "#ffffff",
    "frame": "#e2e8f0",
    "group": "#f1f5f9",
    "ink": "#0f172a",
    "quiet": "#64748b",
    "wire": "#94a3b8",
    "box": "#ffffff",
    "edge": "#cbd5e1",
    "alarm": "#dc2626",
    "underlay": "#334155",
    "link": "#64748b",
    "parent": "#0284c7",
    "network": "#6d28d9",
    "endpoint": "#059669",
}
DARK = {
    "page": "#0d1117",
    "frame": "#30363d",
    "group": "#151b23",
    "ink": "#e6edf3",
    "quiet": "#9ba7b4",
    "wire": "#6e7681",
    "box": "#1c232d",
    "edge": "#3d444d",
    "alarm": "#f87171",
    "underlay": "#8b98a9",
    "link": "#9ba7b4",
    "parent": "#38bdf8",
    "network": "#a78bfa",
    "endpoint": "#34d399",
}
STRIPES = {
    "link": "link",
    "isolated": "link",
    "parent": "parent",
    "network": "network",
    "endpoint": "endpoint",
    "waiting": "quiet",
    "more": "quiet",
}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def topology_svg(status: Status) -> str:
    """Return the picture as an XML document of its own; it needs no font, script or file from elsewhere."""
    plan = layout(status)
    description = described(status)
    width, height = _number(plan.width), _number(plan.height)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            ' role="img" aria-labelledby="ipvl-title ipvl-description">'
        ),
        f'<title id="ipvl-title">{_text("ipvl topology")}</title>',
        f'<desc id="ipvl-description">{_text(description)}</desc>',
        f"<style>{_style()}</style>",
        (
            f'<rect class="page" x="0.5" y="0.5" width="{_number(plan.width - 1)}" height="{_number(plan.height - 1)}"'
            ' rx="10"/>'
        ),
        f'<text class="name" x="{_number(MARGIN)}" y="30">{_text(_summary(status))}</text>',
        *_headings(plan),
        *map(_group, plan.groups),
        *map(_wire, plan.wires),
        *(_underlay(plan.underlay) if plan.underlay is not None else ()),
        *(line for box in plan.boxes for line in _box(box)),
        "</svg>",
    ]
    return "\n".join(parts)


def described(status: Status) -> str:
    """Return the picture in words, for those who cannot see it."""
    networks = "; ".join(
        f"network {label(one)} on {one.parent}, mode {one.mode}, "
        f"{', '.join(subnet.subnet for subnet in one.subnets) or no_subnet(one)}, {_count(one.endpoints, 'endpoint')}"
        for one in status.networks
    )
    return networks or "There are no networks yet."


def _summary(status: Status) -> str:
    if not status.networks:
        return "no networks yet"
    return (
        f"{_count(len(status.parents), 'parent')}, {_count(len(status.networks), 'network')},"
        f" {_count(len(status.endpoints), 'endpoint')}"
    )


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _style() -> str:
    fixed = (
        f"text{{font-family:{SANS};font-size:{TEXT_SIZE}px}}"
        f".name{{font-size:{NAME_SIZE}px;font-weight:600}}"
        f".data{{font-family:{MONO}}}"
        ".head{font-size:11px;font-weight:600;letter-spacing:.06em}"
        ".wire{fill:none;stroke-width:1.5}"
        ".isolated,.waiting,.more{stroke-dasharray:4 3}"
    )
    return f"{fixed}{_colours(LIGHT)}@media (prefers-color-scheme: dark){{{_colours(DARK)}}}"


def _colours(theme: dict[str, str]) -> str:
    stripes = "".join(
        f".s-{kind}{{fill:{theme[kind]}}}" for kind in dict.fromkeys(("underlay", *STRIPES.values(), "alarm"))
    )
    return (
        f".page{{fill:{theme['page']};stroke:{theme['frame']}}}"
        f".group{{fill:{theme['group']}}}"
        f".box{{fill:{theme['box']};stroke:{theme['edge']}}}"
        f".alarm{{stroke:{theme['alarm']}}}"
        f".wire{{stroke:{theme['wire']}}}"
        f"text{{fill:{theme['quiet']}}}.name{{fill:{theme['ink']}}}.data{{fill:{theme['ink']}}}"
        f".on{{fill:{theme['page']}}}.warn{{fill:{theme['alarm']}}}{stripes}"
    )


def _headings(plan: Layout) -> list[str]:
    if not plan.boxes:
        return []
    y = _number(HEAD - 12)
    return [f'<text class="head" x="{_number(x)}" y="{y}">{_text(words.upper())}</text>' for x, words in columns()]


def _underlay(box: Box) -> tuple[str, ...]:
    x, y = _number(box.x + box.width / 2), _number(box.middle)
    return (
        f"<g><title>{_text(box.title)}</title>",
        f'<rect class="s-underlay" data-kind="underlay" {_place(box)} rx="{_number(RADIUS)}"/>',
        (
            f'<text class="head on" transform="rotate(-90 {x} {y})" x="{x}" y="{y}" dy="4" text-anchor="middle">'
            f"{_text(box.lines[0].upper())}</text></g>"
        ),
    )


def _group(box: Box) -> str:
    return f'<rect class="group" data-kind="group" {_place(box)} rx="{_number(RADIUS + 2)}"/>'


def _box(box: Box) -> list[str]:
    stripe = "alarm" if box.warns else STRIPES[box.kind]
    shape = f"box {box.kind}{' alarm' if box.warns else ''}"
    lines = [
        f"<g><title>{_text(box.title)}</title>",
        f'<rect class="{shape}" data-kind="{box.kind}" {_place(box)} rx="{_number(RADIUS)}"/>',
        (
            f'<rect class="s-{stripe}" x="{_number(box.x)}" y="{_number(box.y + RADIUS)}" width="{_number(STRIPE)}"'
            f' height="{_number(box.height - 2 * RADIUS)}"/>'
        ),
    ]
    x, y = box.x + PADDING + 2, box.y + PADDING + 8
    room = box.width - 2 * PADDING - 2
    for number, line in enumerate(box.lines):
        name = number == 0
        shown = _fitting(line, room, NAME_ADVANCE if name else TEXT_ADVANCE)
        kind = "name" if name else _line_kind(box, line)
        lines.append(f'<text class="{kind}" x="{_number(x)}" y="{_number(y)}">{_text(shown)}</text>')
        y += TITLE if name else LINE
    lines.append("</g>")
    return lines


def _line_kind(box: Box, line: str) -> str:
    if line in {"down", "missing", "no carrier"}:
        return "warn"
    if line == "waiting" or line.startswith("gateway "):
        return "note"
    return "data" if box.kind in {"endpoint", "waiting"} or line[:1].isdigit() or ":" in line else "note"


def _wire(wire: Wire) -> str:
    # A curve that leaves and arrives level, as wide as the gap between columns and not wider.
    bend = min(wire.x2, wire.x1 + GAP)
    middle = (wire.x1 + bend) / 2
    path = f"M{_number(wire.x1)} {_number(wire.y1)}"
    if wire.y1 != wire.y2:
        path += (
            f"C{_number(middle)} {_number(wire.y1)} {_number(middle)} {_number(wire.y2)}"
            f" {_number(bend)} {_number(wire.y2)}"
        )
    return f'<path class="wire" d="{path}H{_number(wire.x2)}"/>'


def _place(box: Box) -> str:
    return f'x="{_number(box.x)}" y="{_number(box.y)}" width="{_number(box.width)}" height="{_number(box.height)}"'


def _fitting(text: str, room: float, advance: float) -> str:
    most = int(room / advance)
    return text if len(text) <= most else text[: most - 1] + "…"


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text))


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
