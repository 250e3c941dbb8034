"""Flags, MTU, interface names, addresses, and what ipvl shows of itself."""

import json

import pytest

from tests.lab.docker_host import DockerHost, eventually


@pytest.mark.embedded
@pytest.mark.parametrize(("flag", "neighbours"), [("bridge", True), ("private", False), ("vepa", False)])
def test_flags(docker_host: DockerHost, flag: str, neighbours: bool) -> None:
    """bridge: containers of a parent talk directly; private: not at all; vepa: only if the switch sends frames back."""
    docker_host.docker(
        f"docker network create -d ipvlan --subnet=192.168.1.0/24 -o parent=eth0 -o ipvlan_flag={flag} flagged"
    )
    first, second = docker_host.containers(*["docker run --net=flagged -itd alpine /bin/sh"] * 2)

    assert flag in json.dumps(first.links()["eth0"]["linkinfo"]["info_data"]) or flag == "bridge"
    assert neighbours == first.reaches(second.address())
    assert first.answers("192.168.1.1")


@pytest.mark.embedded
@pytest.mark.newest
@pytest.mark.control(differs="ignores the MTU option")
def test_mtu(docker_host: DockerHost) -> None:
    """The MTU option sets the containers' MTU and leaves the parent's alone."""
    docker_host.docker(
        "docker network create -d ipvlan --subnet=192.168.1.0/24 -o parent=eth0"
        " -o com.docker.network.driver.mtu=1400 small"
    )
    container = docker_host.container("docker run --net=small -itd alpine /bin/sh")

    assert (1400, 1500) == (container.links()["eth0"]["mtu"], docker_host.links()["eth0"]["mtu"])


@pytest.mark.embedded
@pytest.mark.newest
def test_mtu_when_the_parents_changes(docker_host: DockerHost) -> None:
    """The kernel gives every port the parent's new MTU; a network with one of its own gets that again."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.1.0/24 -o parent=eth0 -o mtu=1400 small")
    docker_host.docker("docker network create -d ipvlan --subnet=10.91.0.0/24 -o parent=eth0 plain")
    lines = (f"docker run --net={name} -itd alpine /bin/sh" for name in ("small", "plain"))
    small, plain = docker_host.containers(*lines)

    def mtus() -> tuple[int, int]:
        return small.links()["eth0"]["mtu"], plain.links()["eth0"]["mtu"]

    try:
        docker_host.run("ip link set eth0 mtu 1450")
        eventually(lambda: mtus() == (1400, 1450), "the network's MTU is back, and others follow the parent")
        docker_host.run("ip link set eth0 mtu 1350")
        eventually(lambda: mtus() == (1350, 1350), "no port is above the parent")
        eventually(
            lambda: any("MTU 1400 is above the 1350 of link eth0" in one for one in docker_host.status()["warnings"]),
            "and status says so",
        )
    finally:
        docker_host.run("ip link set eth0 mtu 1500")
    eventually(lambda: mtus() == (1400, 1500), "all as before")


def test_interface_names(docker_host: DockerHost) -> None:
    """Interfaces are called what the network says, or what the endpoint says where Docker lets a driver decide."""
    docker_host.docker(
        "docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20"
        " -o com.docker.network.container_iface_prefix=vlan named"
    )
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.30.0/24 -o parent=eth0.30 other")
    container = docker_host.container("docker run --net=named --name=box -itd alpine /bin/sh")
    connect = "docker network connect --driver-opt com.docker.network.endpoint.ifname={} other box"

    shown = docker_host.refused(connect.format("lan7"))
    assert shown.endswith(
        "interface name lan7 cannot be promised: Docker numbers a plugin's interfaces itself, from 0; ask for lan0"
    )
    docker_host.docker(connect.format("lan0"))
    assert {"lo", "vlan0", "lan0"} == set(container.links())


@pytest.mark.embedded
def test_mac_addresses_cannot_be_chosen(docker_host: DockerHost) -> None:
    """A wish for a MAC address is refused with the reason, not passed over."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.1.0/24 -o parent=eth0 net1")

    shown = docker_host.refused("docker run --rm --net=net1 --mac-address=02:42:00:00:00:01 alpine true")

    assert "MAC address 02:42:00:00:00:01 cannot be given to a container of network net1" in shown
    assert [] == docker_host.records("SELECT id FROM endpoints")


@pytest.mark.embedded
def test_an_address_of_another_network_on_the_parent(docker_host: DockerHost) -> None:
    """No address is given twice on one parent, and it is free the moment its container is gone."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.1.0/24 -o parent=eth0 net1")
    first = docker_host.container("docker run --net=net1 --ip=192.168.1.9 -itd alpine /bin/sh")
    assert "in use" in docker_host.refused("docker run --rm --net=net1 --ip=192.168.1.9 alpine true")

    docker_host.run(f"kill -9 {first.pid}")
    docker_host.docker(f"docker rm -f {first.id}", check=False)
    second = docker_host.container("docker run --net=net1 --ip=192.168.1.9 -itd alpine /bin/sh")

    assert ["192.168.1.9/24"] == second.addresses()


@pytest.mark.embedded
@pytest.mark.newest
def test_status(docker_host: DockerHost) -> None:
    """`ipvl status` shows networks, parents and endpoints by name, as tables and as JSON."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 web")
    docker_host.container("docker run --net=web --name=front --ip=192.168.20.7 -itd alpine /bin/sh")

    status = docker_host.status()
    table = docker_host.run("ipvl status").stdout

    (network,), (parent,), (endpoint,) = status["networks"], status["parents"], status["endpoints"]
    assert ("web", "eth0.20", "l2", "bridge", 1, []) == tuple(
        network[key] for key in ("name", "parent", "mode", "flag", "endpoints", "trouble")
    )
    assert [{"subnet": "192.168.20.0/24", "gateway": "192.168.20.1", "range": None, "reserved": []}] == network[
        "subnets"
    ]
    assert ("eth0.20", "vlan", True, "up", ["web"]) == tuple(
        parent[key] for key in ("name", "kind", "made", "state", "networks")
    )
    assert ("front", "web", ["192.168.20.7/24"], "attached") == tuple(
        endpoint[key] for key in ("name", "network", "addresses", "state")
    )
    assert ["NETWORK", "PARENT", "ENDPOINT"] == [
        line.split()[0]
        for line in table.splitlines()
        if line.isupper() or line.startswith(("NETWORK", "PARENT", "ENDPOINT"))
    ]
    log = docker_host.log()
    assert "network web: endpoint" in log


@pytest.mark.embedded
def test_clean_shutdown(docker_host: DockerHost) -> None:
    """SIGTERM ends the daemon with status 0, its sockets go, networks stay; without it `ipvl status` reads the file."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 web")
    docker_host.service("ipvl", "stop")
    try:
        assert docker_host.run("test -e /run/docker/plugins/ipvl.sock", check=False).status == 1
        assert "ipvl stops; networks and containers stay as they are" in docker_host.log()
        result = docker_host.run("ipvl status")
        assert "no daemon at /run/ipvl/control.sock, reading /var/lib/ipvl/state.db instead" in result.stderr
        assert "eth0.20" in result.stdout
        assert "eth0.20" in docker_host.links()
    finally:
        docker_host.service("ipvl", "start")


def test_only_one_daemon(docker_host: DockerHost) -> None:
    """A second daemon on the same state is refused in one line."""
    result = docker_host.run("ipvl serve", check=False)

    assert 3 == result.status
    assert "another ipvl (process" in result.stderr
    assert 1 == len(result.stderr.splitlines())
