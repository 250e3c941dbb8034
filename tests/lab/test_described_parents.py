"""Parents that are described: one line for hosts whose links are called differently."""

from __future__ import annotations

import pytest

from tests.lab.docker_host import DockerHost
from tests.lab.doctor import doctor, well

ETH0_MAC = "00:50:56:39:45:2e"
DESCRIPTIONS = ("auto", "subnet:192.168.1.0/24", f"mac:{ETH0_MAC}")


@pytest.mark.embedded
@pytest.mark.newest
@pytest.mark.parametrize("description", DESCRIPTIONS)
def test_a_described_parent(docker_host: DockerHost, description: str) -> None:
    """The network is on the link that is meant, or on its VLAN, and works."""
    docker_host.docker(f"docker network create -d ipvlan --subnet=192.168.1.0/24 -o parent={description} flat")
    docker_host.docker(f"docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent={description}.20 vlan20")
    assert ["eth0", "eth0.20"] == docker_host.records("SELECT parent FROM networks ORDER BY parent")
    assert well("1 network", "1 parent") == doctor(docker_host, f"--parent {description}.20")
    flat, tagged = docker_host.containers(
        "docker run --net=flat --ip=192.168.1.90 -itd alpine /bin/sh", "docker run --net=vlan20 -itd alpine /bin/sh"
    )

    assert flat.answers("192.168.1.1")
    assert tagged.answers("192.168.20.1")


@pytest.mark.embedded
@pytest.mark.newest
def test_the_same_line_on_a_host_with_other_names(docker_host: DockerHost) -> None:
    """What was `eth1` is `ens7` here, and nobody has to know."""
    docker_host.run("ip link set eth1 down && ip link set eth1 name ens7 && ip link set ens7 up")
    docker_host.run("ip address add 192.168.1.77/32 dev ens7")
    try:
        docker_host.docker(
            "docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=subnet:192.168.1.64/27.20 vlan20"
        )
        assert ["ens7.20"] == docker_host.records("SELECT parent FROM networks")
        container = docker_host.container("docker run --net=vlan20 -itd alpine /bin/sh")
        assert container.answers("192.168.20.1")
    finally:
        docker_host.reset()
        docker_host.run("ip address del 192.168.1.77/32 dev ens7")
        docker_host.run("ip link set ens7 down && ip link set ens7 name eth1 && ip link set eth1 up")


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        (
            "subnet:10.9.0.0/16",
            "parent subnet:10.9.0.0/16 is true of no link: none has an address in it; see `ip address`",
        ),
        (
            "mac:02:00:5e:00:53:01.20",
            "parent mac:02:00:5e:00:53:01.20 is true of no link: none has that MAC address; see `ip address`",
        ),
        (
            "subnet:192.168.1.0",
            "parent subnet:192.168.1.0 describes no link;"
            " write it like subnet:192.168.1.0/24, or subnet:192.168.1.0/24.20 for its VLAN 20",
        ),
    ],
)
def test_what_describes_no_link_is_refused(docker_host: DockerHost, description: str, sentence: str) -> None:
    """In one sentence, and nothing is made."""
    shown = docker_host.refused(f"docker network create -d ipvlan --subnet=192.168.50.0/24 -o parent={description} net")

    assert docker_host.refusal + sentence == shown
    assert [] == docker_host.records("SELECT id FROM networks UNION SELECT name FROM parents")


@pytest.mark.embedded
def test_auto_on_a_host_without_a_default_route(docker_host: DockerHost) -> None:
    """Nothing is guessed."""
    docker_host.run("ip route del default && ip -6 route del default")
    try:
        shown = docker_host.refused("docker network create -d ipvlan --subnet=192.168.50.0/24 -o parent=auto net")
    finally:
        docker_host.run("ip route add default via 192.168.1.1 dev eth0")
        docker_host.run("ip -6 route add default via 2001:db8:1::1 dev eth0")

    assert shown == (
        f"{docker_host.refusal}parent auto is the link of the default route, and this host has none that leads by one"
        " link; name the link, or describe it as subnet:CIDR or mac:ADDRESS"
    )


@pytest.mark.newest
def test_addresses_on_a_described_parent(docker_host: DockerHost) -> None:
    """With ipvl's IPAM the same description means the same parent, also after ipvl has compared itself with Docker."""
    docker_host.docker(
        "docker network create -d ipvl --ipam-driver ipvl --subnet=192.168.20.0/24 --gateway=192.168.20.1"
        " -o parent=auto.20 --ipam-opt parent=auto.20 vlan20"
    )
    container = docker_host.container("docker run --net=vlan20 -itd alpine /bin/sh")
    docker_host.service("ipvl", "stop")
    # Not a moment ago: what Docker gives back then is not taken for a repetition.
    docker_host.run("sqlite3 /var/lib/ipvl/state.db 'UPDATE pools SET changed = 0'")
    docker_host.service("ipvl", "start")

    assert ["eth0.20"] == docker_host.records("SELECT parent FROM pools")
    assert container.answers("192.168.20.1")
    docker_host.docker(f"docker rm -f {container.id}")
    docker_host.docker("docker network rm vlan20")
    assert [] == docker_host.records("SELECT id FROM pools")
