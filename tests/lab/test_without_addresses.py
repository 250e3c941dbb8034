"""Networks that give no addresses: containers start, and reach others once somebody in them adds an address."""

from __future__ import annotations

import json

import pytest

from tests.lab.docker_host import Container, DockerHost
from tests.lab.doctor import doctor, well

RUN = "docker run -d --cap-add NET_ADMIN"
NOTICE = "notice: without IPv4 and IPv6 the network gives no addresses: its members add their own"


def give(container: Container, address: str) -> None:
    """Add an address in a container, as a program in it would."""
    container.inside(f"ip addr add {address} dev eth0")


def check_all_modes(host: DockerHost, bare: str) -> None:
    """Put two containers on networks of every mode, on parents and isolated, and have them add addresses."""
    places = {"l2": "eth0.20", "l3": "eth0.30", "l3s": "eth0.118", "alone2": "", "alone3": ""}
    for name, parent in places.items():
        mode = {"alone2": "l2", "alone3": "l3"}.get(name, name)
        of = f"-o parent={parent}" if parent else ""
        host.docker(f"docker network create -d ipvlan {bare} {of} -o ipvlan_mode={mode} {name}")
    for number, name in enumerate(places):
        one, two = host.containers(*(f"{RUN} --net={name} alpine sleep 100000" for _ in range(2)))
        assert ([], []) == (one.addresses(), two.addresses())
        assert set() == one.routes()
        subnet = "192.168.20" if name == "l2" else f"10.77.{number}"
        give(one, f"{subnet}.71/24")
        give(two, f"{subnet}.72/24")
        assert one.answers(f"{subnet}.72"), name
        if name == "l2":
            assert one.answers("192.168.20.1"), "the router"
            assert host.namespace("router").answers(f"{subnet}.72")
    assert well("5 networks", "5 parents") == doctor(host)
    table = host.run("ipvl status").stdout
    assert 5 == table.count("no addresses")
    assert "trouble" not in table
    assert 5 == host.run("ipvl topology").stdout.count("no addresses")
    ends = [one for one in host.status()["endpoints"] if one["network"] == "l2"]
    assert [([], "attached")] * 2 == [(one["addresses"], one["state"]) for one in ends]


@pytest.mark.newest
def test_with_dockers_null_ipam(docker_host: DockerHost) -> None:
    """`--ipam-driver null`, in Docker's oldest and newest version, over a restart of ipvl as well."""
    check_all_modes(docker_host, "--ipam-driver=null")
    docker_host.service("ipvl", "restart")
    (kept,) = docker_host.containers(f"{RUN} --net=l3 alpine sleep 100000")
    give(kept, "10.77.1.73/24")
    assert kept.answers("10.77.1.71")


@pytest.mark.newest_only
def test_without_both_families(docker_host: DockerHost) -> None:
    """`--ipv4=false` of Docker 28; with an IPv6 subnet it is an IPv6 network."""
    check_all_modes(docker_host, "--ipv4=false")
    for name, mode in (("six2", "l2"), ("six3", "l3")):
        docker_host.docker(
            f"docker network create -d ipvlan --ipv4=false --ipv6 --subnet=2001:db8:{mode[1]}::/64"
            f" -o parent=eth0.14{mode[1]} -o ipvlan_mode={mode} {name}"
        )
        one, two = docker_host.containers(*(f"{RUN} --net={name} alpine sleep 100000" for _ in range(2)))
        assert [two.address()] == [address.partition("/")[0] for address in two.addresses()]
        assert one.answers(two.address())
        assert "default" in {route.partition(" ")[0] for route in one.routes(6)}


@pytest.mark.embedded_only
def test_without_docker(docker_host: DockerHost) -> None:
    """`-o addressing=none`, or no family; a namespace that is attached, too."""
    assert NOTICE in docker_host.guest.run("ipvl network create --no-ipv4 -o parent=eth0 plain").stderr
    docker_host.run("ip netns add blue")
    try:
        assert "eth0\n" == docker_host.guest.run("ipvl attach --net plain --netns blue --name blue").stdout
        blue = docker_host.namespace("blue")
        assert [] == blue.addresses()
        blue.run("ip addr add 192.168.1.77/24 dev eth0")
        assert blue.answers("192.168.1.1")
        blue.run("ip addr add 2001:db8:1::77/64 dev eth0 nodad")
        assert docker_host.namespace("router").answers("2001:db8:1::77")
        view = json.loads(docker_host.guest.run("ipvl network inspect plain").stdout)[0]
        assert ("none", [], []) == (view["addressing"], view["subnets"], view["members"][0]["addresses"])
        docker_host.guest.run("ipvl detach --net plain --netns blue")
        assert {"lo"} == set(blue.links())
    finally:
        docker_host.run("ip netns del blue")
    docker_host.docker("ipvl network rm plain")
    check_all_modes(docker_host, "-o addressing=none")
    assert (
        "address 10.0.0.9 cannot be given on network l3, which has no addresses;"
        " drop it: a member of this network adds its addresses itself"
    ) in docker_host.refused("ipvl run --net=l3 --ip=10.0.0.9 --rm alpine true")
