"""A parent that goes and is made anew takes every port with it; ipvl makes them again in running containers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.docker_host import Container, DockerHost, eventually

SOON = 10.0
"""Seconds within which ipvl has noticed, however slow the guest is."""
CREATE = "docker network create -d ipvlan"
LAN = f"{CREATE} --subnet=192.168.1.0/24 --gateway=192.168.1.1 --ip-range=192.168.1.96/28"
DUAL = "--ipv6 --subnet=192.168.20.0/24 --subnet=2001:db8:20::/64"
UPLINK = (
    "ip link add up0 address 02:00:00:00:00:77 type veth peer name up1 netns switch"
    " && ip -n switch link set up1 master br0 up && ip link set up0 up"
)


@contextmanager
def uplink(host: DockerHost) -> Iterator[None]:
    """Give the host one more cable to the switch."""
    host.run(UPLINK)
    try:
        yield
    finally:
        host.reset()
        host.run("ip link del up0")


def picture(container: Container) -> list[str]:
    """Return all that a container's network consists of, without what tells when a link was made.

    A port that was made while its parent was down is `UP` afterwards, any other `UNKNOWN`: neither means anything.
    """
    lines = []
    for command in ("ip -d addr", "ip -4 route show table all", "ip -6 route show table all"):
        lines += container.run(command).stdout.splitlines()
    lines += container.run("sysctl -a --pattern 'net.ipv[46].conf.e'", check=False).stdout.splitlines()
    lines = [line for line in lines if "fe80:" not in line and "stable_secret" not in line and "valid_lft" not in line]
    return sorted(
        re.sub(r"^\d+: |@if\d+|link-netnsid \d+|expires \d+sec|state (UP|UNKNOWN)", "", line) for line in lines
    )


def looked_at(host: DockerHost, routes: int, ports: int) -> None:
    """Wait until so many ports were looked at with all about them, and as many default routes and others by them."""

    def is_known() -> bool:
        setups = [json.loads(text)["setup"] for text in host.records("SELECT seen FROM endpoints WHERE seen NOT NULL")]
        return (len(setups), sum(len(setup["routes"]) for setup in setups)) == (ports, routes)

    eventually(is_known, "ports are looked at", within=60)


@pytest.mark.embedded
@pytest.mark.newest
def test_after_a_made_parent_was_deleted(docker_host: DockerHost) -> None:
    """Both families, a second network that stays, routes and MTU: in each container all is as it was, and answers."""
    host = docker_host
    host.docker(f"{CREATE} {DUAL} -o parent=eth0.20 -o mtu=1400 -o route=10.9.0.0/16,via=192.168.20.7 tagged")
    host.docker(f"{CREATE} --subnet=192.168.30.0/24 -o parent=eth0.30 -o no_default_route=true other")
    one, two = host.containers(
        "docker run --net=tagged --name=one -itd alpine /bin/sh",
        "docker run --net=tagged --name=two -itd alpine /bin/sh",
    )
    host.docker("docker network connect other one")
    looked_at(host, routes=6, ports=3)
    before = [picture(container) for container in (one, two)]
    assert any("default via 192.168.20.1" in line for line in before[0])
    assert any("net.ipv6.conf.eth0.accept_ra =" in line for line in before[0])

    for _ in range(2):
        host.run("ip link del eth0.20")
        eventually(lambda: before == [picture(container) for container in (one, two)], "all is as it was", within=SOON)
    assert one.answers("192.168.20.1")
    assert one.answers("192.168.30.1")
    assert two.answers(one.address("eth0"))
    assert [] == host.status()["warnings"]
    assert "endpoint one has its port again" in host.log()
    assert [] == [name for name in host.links() if name.startswith("ip-")]


@pytest.mark.embedded
def test_what_somebody_else_has_taken_stays(docker_host: DockerHost) -> None:
    """Interface name, address, default route: whoever has them keeps them, and status says so until that is mended."""
    host = docker_host
    with uplink(host):
        host.docker(f"{LAN} -o parent=up0 cable")
        host.docker(f"{CREATE} --subnet=192.168.30.0/24 -o parent=eth0.30 -o no_default_route=true other")
        names = ("named", "routed", "left", "hosted")
        named, routed, left, hosted = host.containers(
            *(f"docker run --net=cable --name={name} -itd alpine /bin/sh" for name in names)
        )
        host.docker("docker network connect other routed")
        for container, given in ((routed, "192.168.1.200/32"), (routed, "192.168.1.251/32")):
            container.run(f"ip addr add {given} dev eth0")
        looked_at(host, routes=4, ports=5)
        eventually(lambda: "192.168.1.251" in "".join(host.records("SELECT seen FROM endpoints")), "and addresses")
        left.run("ip link del eth0")
        own = hosted.address()

        host.run("ip link del up0")
        eventually(lambda: set(named.links()) == {"lo"}, "ports go with their parent", within=SOON)
        named.run("ip link add eth0 type dummy")
        routed.run("ip route add default via 192.168.30.1")
        host.run(f"ip addr add {own}/32 dev eth0")
        host.run(UPLINK)

        eventually(lambda: "eth0" in routed.links(), "the others have their ports again", within=SOON)
        eventually(lambda: bool(host.status()["warnings"]), "what is in the way is told", within=SOON)
        sentences = {
            f"endpoint {name} of network cable has no port any more, since parent up0 was made anew, and {why}, or"
            " restart it"
            for name, why in (
                ("named", "another link in its sandbox is called eth0 now: remove that"),
                ("hosted", f"address {own} is this host's own, on eth0: take it from there"),
            )
        }
        assert sentences == set(host.status()["warnings"])
        for sentence in sentences:
            assert sentence in host.run("ipvl status").stdout
        assert {"lo"} == set(hosted.links())
        assert {f"{routed.address()}/24", "192.168.1.200/32"} == set(routed.addresses()), "not what a machine has"
        assert "address 192.168.1.251, which somebody gave it, is in use on up0 by 00:50:56:39:45:2f" in host.log()
        assert routed.routes() >= {"default via 192.168.30.1 dev eth1"}
        assert "default via 192.168.1.1 dev eth0" not in routed.routes()
        assert routed.answers("192.168.1.1")
        assert "route 0.0.0.0/0 via 192.168.1.1 is another interface's now" in host.log()
        named.run("ip link del eth0")
        host.run(f"ip addr del {own}/32 dev eth0")
        eventually(lambda: [] == host.status()["warnings"], "and made again when it is gone", within=SOON)
        assert named.answers("192.168.1.1")
        assert hosted.answers("192.168.1.1")


@pytest.mark.embedded
@pytest.mark.parametrize("mode", ["l2", "l3"])
def test_a_parent_that_flaps_and_a_daemon_that_was_away(docker_host: DockerHost, mode: str) -> None:
    """Deleted and made ten times a second, and once while ipvl did not run: in the end all ports are there, once."""
    host = docker_host
    gateway = "--gateway=192.168.1.1" if mode == "l2" else ""
    with uplink(host):
        net = f"{CREATE} --subnet=192.168.1.0/24 {gateway} --ip-range=192.168.1.96/28 -o ipvlan_mode={mode}"
        host.docker(f"{net} -o parent=up0 cable")
        containers = host.containers(
            *(f"docker run --net=cable --name={name} -itd alpine /bin/sh" for name in ("one", "two"))
        )
        looked_at(host, routes=2, ports=2)
        before = [picture(container) for container in containers]
        host.run(f"bash -c 'for i in $(seq 20); do ip link del up0; {UPLINK}; sleep 0.05; done'")
        eventually(lambda: before == [picture(one) for one in containers], "all is as it was", within=SOON)
        assert containers[0].answers(containers[1].address())

        host.service("ipvl", "stop")
        host.run("ip link del up0")
        host.run(UPLINK)
        host.service("ipvl", "start")
        eventually(lambda: before == [picture(one) for one in containers], "all is as it was", within=SOON)
        kinds = [link.get("linkinfo", {}).get("info_kind") for link in host.links().values()]
        assert "ipvlan" not in kinds, "no port is left on the host"
        assert [] == host.status()["warnings"]
