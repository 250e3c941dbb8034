"""The topology as SVG, Mermaid and JSON: what is in it, and that a reader can see it."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvl.doors.cli.topology.graph import LinkNode, graph
from ipvl.doors.cli.topology.layout import SHOWN, layout
from ipvl.doors.cli.topology.mermaid import topology_mermaid
from ipvl.doors.cli.topology.svg_picture import NAME_ADVANCE, TEXT_ADVANCE, topology_svg
from ipvl.driver.status.host_status import Status
from ipvl.driver.status.subnet import SubnetStatus
from tests.unit.doors.statuses import EMPTY, ONE_OF_EACH, endpoint_status, network_status, parent_status

SVG = "{http://www.w3.org/2000/svg}"
BOXES = {"link", "isolated", "parent", "network", "endpoint", "waiting", "more", "underlay"}


def host(*endpoints_on: int, name: str = "net") -> Status:
    """Return a host with these many endpoints on networks of their own: on eth0, on its VLANs, on eth1, on a dummy."""
    networks, parents, endpoints = [], [], []
    for number, members in enumerate(endpoints_on):
        identity = f"{number:064x}"
        link, base, vlan, kind = (
            ("eth0", None, None, "link"),
            (f"eth0.{number}", "eth0", number, "vlan"),
            (f"eth{number}", None, None, "link"),
            (f"di-{number:012x}", None, None, "dummy"),
        )[number % 4 if number else 0]
        parents.append(parent_status(name=link, base=base, vlan_id=vlan, kind=kind, networks=(f"{name}{number}",)))
        networks.append(
            network_status(
                id=identity,
                name=f"{name}{number}",
                parent=link,
                endpoints=members,
                isolated=kind == "dummy",
                subnets=(SubnetStatus("10.0.0.0/8", "10.0.0.1"), SubnetStatus("2001:db8::/64", None))[: number % 3],
            )
        )
        endpoints += [
            endpoint_status(
                id=f"{number * 1000 + one:064x}",
                name=f"{name}{number}-{one}",
                network=f"{name}{number}",
                parent=link,
                addresses=(f"10.{number}.0.{one % 250}/8", "2001:db8::a/64")[: 1 + one % 2],
                state="waiting" if one % 5 == 4 else "attached",
            )
            for one in range(members)
        ]
    return Status(tuple(networks), tuple(parents), tuple(endpoints), ())


SHAPES = [(0,), (1,), (2, 1), (1, 3, 0, 2), (12, 13, 200, 1, 5), (200,), tuple([10] * 20)]


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - what ipvl itself wrote a moment ago


def names(picture: ET.Element) -> Counter[str]:
    return Counter(one.text or "" for one in picture.iter(f"{SVG}text") if one.get("class") == "name")


def boxes(picture: ET.Element) -> list[tuple[float, float, float, float]]:
    return [
        tuple(float(one.attrib[side]) for side in ("x", "y", "width", "height"))
        for one in picture.iter(f"{SVG}rect")
        if one.get("data-kind") in BOXES
    ]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_everything_is_drawn_once(shape):
    """Every parent, network and endpoint, save those that a network has too many of, which are counted."""
    status = host(*shape)

    drawn = names(parsed(topology_svg(status)))

    for network in status.networks:
        assert 1 == drawn[network.name]
        members = [one.name for one in status.endpoints if one.network == network.name]
        shown = members if len(members) <= SHOWN else members[: SHOWN - 1]
        assert all(1 == drawn[one] for one in shown)
        assert all(0 == drawn[one] for one in members[len(shown) :])
        if len(shown) < len(members):
            assert drawn[f"+ {len(members) - len(shown)} more"]
    assert all(1 == drawn[parent.name] for parent in status.parents)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_nothing_overlaps(shape):
    """No box covers another, none leaves the page, no text leaves its box, and no wire starts in the void."""
    picture = parsed(topology_svg(host(*shape)))
    _, _, width, height = map(float, picture.attrib["viewBox"].split())

    found = boxes(picture)

    for x, y, wide, high in found:
        assert 0 <= x and x + wide <= width and 0 <= y and y + high <= height
    for (x1, y1, w1, h1), (x2, y2, w2, h2) in combinations(found, 2):
        assert x1 + w1 <= x2 or x2 + w2 <= x1 or y1 + h1 <= y2 or y2 + h2 <= y1
    for group in picture.iter(f"{SVG}g"):
        frame = next(group.iter(f"{SVG}rect"))
        if frame.get("data-kind") == "underlay":
            continue
        left, top = float(frame.attrib["x"]), float(frame.attrib["y"])
        right, bottom = left + float(frame.attrib["width"]), top + float(frame.attrib["height"])
        for text in group.iter(f"{SVG}text"):
            advance = NAME_ADVANCE if text.get("class") == "name" else TEXT_ADVANCE
            assert left <= float(text.attrib["x"])
            assert float(text.attrib["x"]) + advance * len(text.text or "") <= right
            assert top < float(text.attrib["y"]) < bottom


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_wire_joins_two_boxes(shape):
    """It begins at the right edge of one and ends at the left edge of another, so that none is left alone."""
    plan = layout(host(*shape))
    things = [*plan.boxes, *plan.groups, *([plan.underlay] if plan.underlay else [])]
    rights = {(one.x + one.width, one.middle) for one in plan.boxes}
    bar = plan.underlay.x + plan.underlay.width if plan.underlay else None

    for wire in plan.wires:
        assert (wire.x1, wire.y1) in rights or wire.x1 == bar
        assert any(wire.x2 == one.x and one.y <= wire.y2 <= one.y + one.height for one in things)
    carried = [one for one in plan.boxes if one.kind in {"parent", "network"}]
    ends = {(wire.x2, wire.y2) for wire in plan.wires}
    assert all((one.x, one.middle) in ends for one in carried)


def test_isolated_networks_are_not_on_the_underlay():
    """A dummy leads nowhere, so no wire leads to it."""
    plan = layout(host(1, 1, 1, 1))
    (dummy,) = [one for one in plan.boxes if one.kind == "isolated"]

    assert dummy.y >= plan.underlay.y + plan.underlay.height
    assert dummy.x not in {wire.x2 for wire in plan.wires if wire.y2 == dummy.middle}


def test_trouble_is_seen():
    """What is down or cannot be joined looks different, and says why to who points at it."""
    status = Status(
        (network_status(trouble=("parent eth0.20 is down",)),), (parent_status(state="down"),), (endpoint_status(),), ()
    )
    picture = topology_svg(status)

    assert 2 == picture.count(' alarm"')
    assert ">down</text>" in picture
    assert "parent eth0.20 is down" in picture
    assert " alarm" not in topology_svg(ONE_OF_EACH).partition("</style>")[2]


def test_the_picture_stands_alone():
    """It has a title and a description for those who cannot see it, and asks for no file and no script."""
    picture = parsed(topology_svg(ONE_OF_EACH))

    titles = {one.get("id"): one.text for one in picture if one.tag in {f"{SVG}title", f"{SVG}desc"}}
    assert picture.get("aria-labelledby", "").split() == list(titles)
    assert "network web on eth0.20, mode l2, 192.168.20.0/24, 1 endpoint" == titles["ipvl-description"]
    text = topology_svg(ONE_OF_EACH)
    assert not re.search(r"href|@import|url\(|<script|@font-face", text)
    assert "prefers-color-scheme: dark" in text


def test_an_empty_host_has_a_picture():
    """One that says so."""
    assert Counter({"no networks yet": 1}) == names(parsed(topology_svg(EMPTY)))
    assert 'n0["no networks yet"]' in topology_mermaid(EMPTY)


HOSTILE = st.text(min_size=1, max_size=300)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_name_becomes_syntax(network, endpoint, link):
    """Whatever things are called, the pictures are well formed and have the same shape."""
    status = Status(
        (network_status(name=network, parent=link, trouble=(network,)),),
        (parent_status(name=link, base=None, kind="link", vlan_id=None),),
        (endpoint_status(name=endpoint, network=network, parent=link),),
        (),
    )

    picture = parsed(topology_svg(status))
    chart = topology_mermaid(status).splitlines()

    assert 4 == len(boxes(picture))
    assert 3 + 2 + 1 + 5 == len(chart)
    assert all(re.fullmatch(NODE, line) or re.fullmatch(EDGE, line) for line in chart[1:-5])


NODE = r'  n\d+\["(?:[A-Za-z0-9 .,:/()_+-]|#\d+;|<br/>)*"\]:::(?:link|parent|network|endpoint|trouble)'
EDGE = r"  n\d+ --- n\d+"


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_chart_has_everything(shape):
    """A node for each thing, one edge to whatever carries it, and no more than Mermaid draws."""
    status = host(*shape)
    chart = topology_mermaid(status).splitlines()

    assert "flowchart LR" == chart[0]
    nodes = [line for line in chart if re.fullmatch(NODE, line)]
    edges = [line.split(" --- ") for line in chart if re.fullmatch(EDGE, line)]
    assert len(chart) == 1 + len(nodes) + len(edges) + 5
    links = len(graph(status))
    assert len(nodes) - links == len(edges) == len({end for _, end in edges})
    drawn = sum(min(one.endpoints, SHOWN) for one in status.networks)
    vlans = sum(one.base is not None for one in status.parents)
    assert len(nodes) == links + vlans + len(status.networks) + drawn
    text = "\n".join(chart)
    assert all(f'"{one.name}<br/>' in text or f'"{one.name}"' in text for one in (*status.parents, *status.networks))


def test_the_graph_survives_json():
    """What `--json` prints is the graph, whole."""
    whole = graph(host(1, 3, 0, 2))

    assert whole == msgspec.json.decode(msgspec.json.encode(whole), type=tuple[LinkNode, ...])
