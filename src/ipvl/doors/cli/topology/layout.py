"""Where everything of the topology picture goes: boxes and the lines between them, as plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ipvl.doors.cli.topology.graph import LinkNode, NetworkNode, ParentNode, graph, label
from ipvl.driver.status.host_status import EndpointStatus, NetworkStatus, ParentStatus, Status
from ipvl.model.networks import ParentKind

SHOWN = 12
"""Endpoints of one network that are drawn; of more, one box less and one that counts the others."""

MARGIN = 24.0
HEAD = 72.0
"""Height of the title and the column headings."""
FOOT = 20.0
UNDERLAY, UNDERLAY_HEIGHT = 30.0, 84.0
"""The bar of the physical network, high enough for its name."""
GAP = 30.0
"""Between columns, for the lines."""
LINK, PARENT, NETWORK, ENDPOINT = 154.0, 154.0, 228.0, 190.0
"""Widths of the columns' boxes; there are two columns of endpoints."""
NEAR, FAR = 8.0, 20.0
"""Between boxes of one group, and between groups."""
PADDING = 12.0
TITLE, LINE = 17.0, 15.0
"""Heights of a box's first line and of each further one."""

LINK_X = MARGIN + UNDERLAY + GAP
PARENT_X = LINK_X + LINK + GAP
NETWORK_X = PARENT_X + PARENT + GAP
ENDPOINT_X = NETWORK_X + NETWORK + GAP
GROUP = 2 * ENDPOINT + 3 * NEAR
WIDTH = ENDPOINT_X + GROUP + MARGIN


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with lines of text; `kind` and `warns` say how it looks, `title` is what a pointer over it shows."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    lines: tuple[str, ...]
    title: str
    warns: bool = False

    @property
    def middle(self) -> float:
        """The height at which lines to other boxes begin and end."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Wire:
    """A line from one point to another, to the right."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole picture.

    `underlay` is the box of the physical network, None when no link leads there. `groups` are what the endpoints of one
    network stand on; `boxes` are everything else.
    """

    width: float
    height: float
    underlay: Box | None
    groups: tuple[Box, ...]
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]


def layout(status: Status) -> Layout:
    """Place every link, parent, network and endpoint; isolated networks come last, since nothing leads out of them."""
    links = graph(status)
    page = _Page()
    real = [page.link(link) for link in links if not _is_dummy(link)]
    underlay = None
    if real:
        page.bottom = max(page.bottom, HEAD + UNDERLAY_HEIGHT)
        underlay = Box(MARGIN, HEAD, UNDERLAY, page.bottom - HEAD, "underlay", ("underlay",), "the physical network")
        page.wires += [Wire(MARGIN + UNDERLAY, box.middle, box.x, box.middle) for box in real]
    for link in links:
        if _is_dummy(link):
            page.link(link)
    return Layout(WIDTH, page.bottom + FOOT, underlay, tuple(page.groups), tuple(page.boxes), tuple(page.wires))


def columns() -> tuple[tuple[float, str], ...]:
    """Return where each column begins and what it is called."""
    return ((LINK_X, "Links"), (PARENT_X, "VLANs"), (NETWORK_X, "Networks"), (ENDPOINT_X, "Endpoints"))


class _Page:
    """Boxes placed so far, from top to bottom."""

    def __init__(self) -> None:
        self.boxes: list[Box] = []
        self.groups: list[Box] = []
        self.wires: list[Wire] = []
        self.bottom = HEAD

    def link(self, link: LinkNode) -> Box:
        """Place a link and all that hangs on it; return its box, which is beside the middle of what it carries."""
        top = self._next()
        lines, warns = ((link.name,), False) if link.parent is None else _link_lines(link.parent.parent)
        children: list[Box] = []
        if link.parent is not None:
            children += [self._network(node) for node in link.parent.networks]
        children += [self._vlan(vlan) for vlan in link.vlans]
        kind = "isolated" if _is_dummy(link) else "link"
        box = self._beside(Box(LINK_X, top, LINK, _height(lines), kind, lines, ", ".join(lines), warns=warns), children)
        self.bottom = max(self.bottom, box.y + box.height)
        return box

    def _vlan(self, node: ParentNode) -> Box:
        top = self._next()
        lines, warns = _vlan_lines(node.parent)
        children = [self._network(one) for one in node.networks]
        box = self._beside(
            Box(PARENT_X, top, PARENT, _height(lines), "parent", lines, ", ".join(lines), warns=warns), children
        )
        self.bottom = max(self.bottom, box.y + box.height)
        return box

    def _network(self, node: NetworkNode) -> Box:
        top = self._next()
        lines = _network_lines(node.network)
        height = _height(lines)
        cells = _cells(node.endpoints)
        rows = [cells[start : start + 2] for start in range(0, len(cells), 2)]
        heights = [max(_height(cell.lines) for cell in row) for row in rows]
        group_height = sum(heights) + NEAR * (len(rows) + 1)
        full = max(height, group_height) if rows else height
        box = Box(
            NETWORK_X,
            top + (full - height) / 2,
            NETWORK,
            height,
            "network",
            lines,
            "; ".join((*lines, *node.network.trouble)),
            warns=bool(node.network.trouble),
        )
        self.boxes.append(box)
        if rows:
            y = top + (full - group_height) / 2
            about = f"endpoints of network {lines[0]}"
            width = GROUP if len(cells) > 1 else ENDPOINT + 2 * NEAR
            self.groups.append(Box(ENDPOINT_X, y, width, group_height, "group", (), about))
            self.wires.append(Wire(NETWORK_X + NETWORK, box.middle, ENDPOINT_X, box.middle))
            for row, row_height in zip(rows, heights, strict=True):
                for column, cell in enumerate(row):
                    x = ENDPOINT_X + NEAR + column * (ENDPOINT + NEAR)
                    self.boxes.append(replace(cell, x=x, y=y + NEAR, height=row_height))
                y += row_height + NEAR
        self.bottom = top + full
        return box

    def _beside(self, box: Box, children: list[Box]) -> Box:
        """Place a box beside the middle of what it carries, never above where it is, and wire it to that."""
        if children:
            middle = (children[0].middle + children[-1].middle) / 2
            box = replace(box, y=max(box.y, middle - box.height / 2))
        self.boxes.append(box)
        self.wires += [Wire(box.x + box.width, box.middle, child.x, child.middle) for child in children]
        return box

    def _next(self) -> float:
        return self.bottom + (FAR if self.boxes else 0.0)


def _cells(endpoints: Sequence[EndpointStatus]) -> list[Box]:
    """Return the boxes of a network's endpoints, not placed yet."""
    shown = endpoints if len(endpoints) <= SHOWN else endpoints[: SHOWN - 1]
    cells = []
    for one in shown:
        attached = one.state == "attached"
        lines = (label(one), *(address.partition("/")[0] for address in one.addresses))
        lines = lines if attached else (*lines, one.state)
        cells.append(Box(0, 0, ENDPOINT, 0, "endpoint" if attached else "waiting", lines, ", ".join(lines)))
    if len(shown) < len(endpoints):
        more = f"+ {len(endpoints) - len(shown)} more"
        cells.append(Box(0, 0, ENDPOINT, 0, "more", (more,), f"{more} endpoints: see ipvl status"))
    return cells


def _height(lines: Sequence[str]) -> float:
    return 2 * PADDING - 6 + TITLE + LINE * (len(lines) - 1)


def _is_dummy(link: LinkNode) -> bool:
    return link.parent is not None and link.parent.parent.kind == ParentKind.DUMMY


def _link_lines(parent: ParentStatus) -> tuple[tuple[str, ...], bool]:
    what = "isolated" if parent.kind == ParentKind.DUMMY else ""
    state = "" if parent.state == "up" else parent.state
    return tuple(filter(None, (parent.name, what, state))), bool(state)


def _vlan_lines(parent: ParentStatus) -> tuple[tuple[str, ...], bool]:
    state = "" if parent.state == "up" else parent.state
    return tuple(filter(None, (parent.name, f"VLAN {parent.vlan_id}", state))), bool(state)


def _network_lines(network: NetworkStatus) -> tuple[str, ...]:
    flag = "" if network.flag == "bridge" else f" {network.flag}"
    lines = [label(network), f"mode {network.mode}{flag}{', isolated' if network.isolated else ''}"]
    for one in network.subnets:
        lines.append(one.subnet)
        if one.gateway:
            lines.append(f"gateway {one.gateway}")
    return tuple(lines)
