"""What ipvl shows of itself: the topology in every form, and what happens while it happens."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import partial
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from lab.background import Background
from tests.lab.docker_host import DockerHost, eventually

SVG = "{http://www.w3.org/2000/svg}"


def events_of(lines: str, network_id: str) -> list[dict[str, Any]]:
    """Return the events of a network from what `ipvl events --json` printed; an unfinished last line is left out."""
    found = [json.loads(line) for line in lines.splitlines(keepends=True) if line.endswith("\n")]
    return [event for event in found if event["network_id"] == network_id]


def named(docker_host: DockerHost, kind: str, name: str) -> bool:
    """Tell whether ipvl has learned this name from Docker."""
    return name in {one["name"] for one in docker_host.status()[kind]}


@pytest.mark.newest
def test_topology_in_every_form(docker_host: DockerHost) -> None:
    """Tree, JSON, Mermaid and SVG show the same things as `ipvl status --json`, by name."""
    for line in (
        "docker network create -d ipvlan --subnet=192.168.20.0/24 --gateway=192.168.20.1 -o parent=eth0.20 web",
        "docker network create -d ipvlan --subnet=192.168.1.0/24 -o parent=eth0 lan",
        "docker network create -d ipvlan --subnet=192.168.10.0/24 --internal private",
    ):
        docker_host.docker(line)
    docker_host.containers(
        "docker run --net=web --name=front --ip=192.168.20.7 -itd alpine /bin/sh",
        "docker run --net=web --name=back --ip=192.168.20.8 -itd alpine /bin/sh",
        "docker run --net=private --name=vault --ip=192.168.10.9 -itd alpine /bin/sh",
    )
    for name in ("front", "back", "vault"):
        eventually(partial(named, docker_host, "endpoints", name), f"{name} is known")

    status = json.loads(docker_host.run("ipvl status --json").stdout)
    tree = docker_host.run("ipvl topology").stdout
    graph = json.loads(docker_host.run("ipvl topology --json").stdout)
    chart = docker_host.run("ipvl topology --mermaid").stdout
    docker_host.run("ipvl topology --svg --output /tmp/topology.svg")
    picture = ET.fromstring(docker_host.run("cat /tmp/topology.svg").stdout)  # noqa: S314 - ipvl's own

    parents = [node for link in graph for node in ([link["parent"]] if link["parent"] else []) + link["vlans"]]
    networks = [node for parent in parents for node in parent["networks"]]
    by_id = {one["id"]: one for one in status["networks"]}
    assert by_id == {node["network"]["id"]: node["network"] for node in networks}
    assert {one["name"] for one in status["parents"]} == {node["parent"]["name"] for node in parents}
    endpoints = [endpoint for node in networks for endpoint in node["endpoints"]]
    assert {one["id"]: one for one in status["endpoints"]} == {one["id"]: one for one in endpoints}
    assert {"front", "back", "vault"} == {one["name"] for one in endpoints}
    drawn = Counter(one.text for one in picture.iter(f"{SVG}text") if one.get("class") == "name")
    for kind in ("networks", "parents", "endpoints"):
        for name in {one["name"] for one in status[kind]}:
            assert 1 == drawn[name]
            assert re.search(rf'"{re.escape(name)}("|<br/>)', chart)
            assert re.search(rf"(^|[ :]){re.escape(name)}[: \n]", tree, re.MULTILINE)
    names = docker_host.run("ipvl status --names networks").stdout.split()
    assert {"web", "lan", "private"} == set(names)


@pytest.mark.newest
def test_events_in_order_and_by_name(docker_host: DockerHost) -> None:
    """Create, join, leave, remove: each the moment it happens, with the names that Docker's users gave."""
    stream = docker_host.guest.start("ipvl events --json --since 1m")
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 web13")
    eventually(lambda: named(docker_host, "networks", "web13"), "the network's name is known")
    identity = docker_host.network("web13")["Id"]
    container = docker_host.container("docker run --net=web13 --name=shop13 --ip=192.168.20.7 -itd alpine /bin/sh")
    stream.wait_for('"network web13: endpoint ', 30)
    eventually(lambda: named(docker_host, "endpoints", "shop13"), "the container's name is known")
    docker_host.docker(f"docker rm -f {container.id}")
    docker_host.docker("docker network rm web13")
    lines = stream.wait_for('"network web13 is removed"', 30)

    events = events_of(lines, identity)
    assert [
        "network.created",
        "network.named",
        "endpoint.created",
        "endpoint.joined",
        "endpoint.named",
        "endpoint.left",
        "endpoint.deleted",
        "network.removed",
    ] == [event["type"] for event in events]
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    assert {"eth0.20"} == {event["parent"] for event in events}
    assert [identity[:12], *["web13"] * 7] == [event["network"] for event in events]
    assert ["shop13"] * 3 == [event["endpoint"] for event in events[4:7]]
    stream.kill(2)
    assert 0 == stream.wait(10).status

    text = docker_host.run("ipvl events --since 10m --until now --network web13 --type endpoint.left").stdout
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d network web13: endpoint shop13 left sandbox \S+\n", text)


def test_a_parent_that_others_touch(docker_host: DockerHost) -> None:
    """Down, up, gone and made again are events of the networks on it."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.77.0/24 -o parent=eth0.77 touched")
    eventually(lambda: named(docker_host, "networks", "touched"), "the network's name is known")
    stream = docker_host.guest.start("ipvl events --network touched --type parent --since 1m")
    stream.wait_for(" parent eth0.77 is made", 30)

    for change, sentence in (
        ("ip link set eth0.77 down", " parent eth0.77 is down"),
        ("ip link set eth0.77 up", " parent eth0.77 is up"),
        ("ip link del eth0.77", " parent eth0.77 is gone"),
    ):
        docker_host.run(change)
        stream.wait_for(sentence, 30)
    eventually(lambda: stream.output().count(" parent eth0.77 is made") >= 2, "the parent is made again")
    assert "eth0.77" in docker_host.links()
    stream.kill(2)
    assert 0 == stream.wait(10).status


def test_a_stream_ends_clearly_when_ipvl_restarts(docker_host: DockerHost) -> None:
    """With the daemon's last word and a status of its own, at once; the next daemon has a stream again."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 restarted")
    eventually(lambda: named(docker_host, "networks", "restarted"), "the network's name is known")
    stream = _following(docker_host, "restarted")

    docker_host.service("ipvl", "restart")
    result = stream.wait(20)
    assert 6 == result.status
    assert result.stdout.splitlines()[-1].endswith(" ipvl stops; its networks stay")
    assert "ipvl: the daemon has stopped, so there are no more events\n" == result.stderr

    docker_host.docker("docker network create -d ipvlan --subnet=192.168.30.0/24 -o parent=eth0.30 afterwards")
    eventually(lambda: named(docker_host, "networks", "afterwards"), "the network's name is known")
    stream = _following(docker_host, "afterwards")
    docker_host.service("ipvl", "kill")
    try:
        result = stream.wait(20)
        assert (6, 1) == (result.status, len(result.stderr.splitlines()))
        assert "went away without a word" in result.stderr
        result = docker_host.run("ipvl events", check=False)
        assert (6, 1) == (result.status, len(result.stderr.splitlines()))
        assert "ipvl: no daemon at /run/ipvl/control.sock, and only a daemon has events" in result.stderr
    finally:
        docker_host.service("ipvl", "start")


def _following(docker_host: DockerHost, network: str) -> Background:
    """Start `ipvl events` and wait until it has told of this network, so that it is known to follow."""
    stream = docker_host.guest.start("ipvl events --since 1m")
    stream.wait_for(f" is called {network}", 30)
    return stream


@pytest.mark.newest
def test_events_of_networks_without_docker(docker_host: DockerHost) -> None:
    """Embedded networks and their members are told alike, by name from the first."""
    docker_host.run("ip netns add shop14")
    try:
        docker_host.run("ipvl network create --subnet=192.168.78.0/24 -o parent=eth0.78 web14")
        docker_host.run("ipvl attach --net web14 --netns /run/netns/shop14 --name shop14")
        docker_host.run("ipvl detach --net web14 --netns /run/netns/shop14")
        docker_host.run("ipvl network rm web14")
    finally:
        docker_host.run("ip netns del shop14")

    text = docker_host.run("ipvl events --since 5m --until now --network web14 --json").stdout

    assert [
        ("parent.made", None, None),
        ("network.created", "web14", None),
        ("endpoint.created", "web14", "shop14"),
        ("endpoint.joined", "web14", "shop14"),
        ("endpoint.left", "web14", "shop14"),
        ("endpoint.deleted", "web14", "shop14"),
        ("parent.removed", None, None),
        ("network.removed", "web14", None),
    ] == [(event["type"], event["network"], event["endpoint"]) for event in map(json.loads, text.splitlines())]
