"""Specification: "These are persistent configurations that are applied every time the Docker engine starts"."""

from collections.abc import Iterator

import pytest

from tests.lab.docker_host import Container, DockerHost, eventually, prepare

NETWORKS = (
    "docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 vlan20",
    "docker network create -d ipvlan --subnet=192.168.10.0/24 isolated1",
    "docker network create -d ipvlan --subnet=192.168.110.0/24 -o parent=eth0 -o ipvlan_mode=l3 routed",
    "docker network create -d ipvlan --subnet=10.100.20.0/24 -o parent=eth0.100.20 -o vlan_protocol=802.1ad stacked",
)
NAMES = ("vlan20", "isolated1", "routed", "stacked")
TWO = "192.168.20.12"


@pytest.fixture
def networks(docker_host: DockerHost) -> Iterator[DockerHost]:
    """Four networks: on a made sub-interface, on a made dummy, on an existing link, and inside two tags."""
    for line in NETWORKS:
        docker_host.docker(line)
    yield docker_host
    docker_host.service("ipvl", "start")
    docker_host.service("docker", "start")


def parents(docker_host: DockerHost) -> dict[str, bool]:
    """Return the parents ipvl made and whether each is up."""
    return {
        name: "UP" in link["flags"]
        for name, link in docker_host.links().items()
        if link.get("ifalias") == "made by ipvl"
    }


def pair(docker_host: DockerHost, *flags: str) -> list[Container]:
    """Start two containers on VLAN 20 and one on each other network."""
    return docker_host.containers(
        f"docker run {' '.join(flags)} --net=vlan20 --name=one --ip=192.168.20.11 -d alpine sleep 100000",
        f"docker run {' '.join(flags)} --net=vlan20 --name=two --ip={TWO} -d alpine sleep 100000",
        f"docker run {' '.join(flags)} --net=routed --name=three --ip=192.168.110.9 -d alpine sleep 100000",
    )


@pytest.mark.embedded
@pytest.mark.parametrize("how", ["restart", "kill"])
def test_restart_of_ipvl(networks: DockerHost, how: str) -> None:
    """Running containers keep their connectivity while ipvl is away and after; then everything works as before."""
    one, two, _ = pair(networks)
    made = parents(networks)
    networks.service("ipvl", "kill" if how == "kill" else "stop")

    assert one.answers("192.168.20.1")
    assert two.answers("192.168.20.11")
    assert networks.namespace("remote").answers(one.address())
    networks.service("ipvl", "start")
    assert made == parents(networks)
    assert one.answers("192.168.20.1")
    late = networks.container("docker run --net=vlan20 --name=late -d alpine sleep 100000")
    assert late.answers(TWO)
    networks.docker("docker rm -f one two three late")
    for name in NAMES:
        networks.docker(f"docker network rm {name}")
    assert {} == parents(networks), "ipvl still knows what it made"


@pytest.mark.embedded
@pytest.mark.newest
def test_restart_of_docker(networks: DockerHost) -> None:
    """Networks are there after Docker restarts, stopped containers start on them again."""
    pair(networks)
    networks.service("docker", "restart")

    assert set(NAMES) <= {network["name"] for network in networks.status()["networks"]}
    networks.docker("docker start one two")
    ping = networks.docker(f"docker exec one ping -c 2 -W 2 {TWO}")
    assert "2 packets received" in ping.stdout


@pytest.mark.newest
def test_restart_of_docker_with_live_restore(networks: DockerHost) -> None:
    """With live-restore containers run through Docker's restart and ipvl's, and can still be removed cleanly."""
    networks.service("docker", "restart", "--live-restore")
    try:
        one, two, _ = pair(networks)
        networks.service("docker", "stop")
        assert one.answers("192.168.20.1"), "with Docker away"
        networks.service("ipvl", "restart")
        networks.service("docker", "start", "--live-restore")
        assert one.answers("192.168.20.1")
        assert two.answers("192.168.20.11")
        eventually(
            lambda: {"one", "two", "three"} == {endpoint["name"] for endpoint in networks.status()["endpoints"]},
            "ipvl knows the endpoints of the containers that ran through",
        )
        networks.docker("docker rm -f one two three")
        eventually(lambda: [] == networks.records("SELECT id FROM endpoints"), "endpoints go with their containers")
    finally:
        networks.service("docker", "restart")


def test_restart_of_both(networks: DockerHost) -> None:
    """Both restart at once: networks, parents and containers with a restart policy are back."""
    pair(networks, "--restart=always")
    networks.service("docker", "stop")
    networks.service("ipvl", "restart")
    networks.service("docker", "start")

    eventually(
        lambda: networks.docker(f"docker exec one ping -c 1 -W 2 {TWO}", check=False).status == 0, "containers are back"
    )
    networks.docker("docker rm -f one two three")


@pytest.mark.embedded
@pytest.mark.newest
@pytest.mark.parametrize("how", ["reboot", "power_cut"])
def test_reboot(networks: DockerHost, how: str) -> None:
    """After a reboot made parents are made again, hand-made ones are not, and containers start as before."""
    pair(networks, "--restart=always")
    made = parents(networks)
    if how == "power_cut":
        networks.sync()
    getattr(networks.guest, how)()
    assert {} == parents(networks), "a reboot leaves no links"
    prepare(networks.guest)
    networks.service("ipvl", "start")

    assert made == parents(networks)
    networks.service("docker", "start")
    networks.come_back("one", "two", "three")
    eventually(
        lambda: networks.docker(f"docker exec one ping -c 1 -W 2 {TWO}", check=False).status == 0, "containers are back"
    )
    ping = networks.docker("docker exec three ping -c 1 -W 2 192.168.110.9")
    assert "1 packets received" in ping.stdout
    networks.docker("docker rm -f one two three")


@pytest.mark.embedded
def test_hand_made_parent_missing_after_a_reboot(docker_host: DockerHost) -> None:
    """A network whose hand-made parent is missing says so in one line, and works once the parent is there."""
    docker_host.run("ip link add link eth0 name foo type vlan id 40 && ip link set foo up")
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.40.0/24 -o parent=foo byhand")
    docker_host.run("ip link del foo")
    try:
        refusal = docker_host.refused("docker run --rm --net=byhand alpine true")
        assert "parent foo does not exist on this host; make it again" in refusal
        (network,) = docker_host.status()["networks"]
        assert ["parent foo does not exist"] == network["trouble"]
        docker_host.run("ip link add link eth0 name foo type vlan id 40 && ip link set foo up")
        container = docker_host.container("docker run --net=byhand -itd alpine /bin/sh")
        assert container.answers("192.168.40.1")
    finally:
        docker_host.reset()
        docker_host.run("ip link del foo")


def test_what_docker_dropped_while_ipvl_was_away(networks: DockerHost) -> None:
    """Networks and containers removed while ipvl does not run are removed from its records when it is back."""
    pair(networks)
    networks.service("ipvl", "stop")
    networks.run("sqlite3 /var/lib/ipvl/state.db 'UPDATE networks SET created = 0; UPDATE endpoints SET changed = 0'")
    networks.docker("docker rm -f one two three", check=False, timeout=180)
    networks.docker("docker network rm isolated1", check=False, timeout=120)
    gone = [name for name in NAMES if networks.docker(f"docker network inspect {name}", check=False).status]
    networks.service("ipvl", "start")

    eventually(
        lambda: sorted(set(NAMES) - set(gone)) == sorted(networks.records("SELECT name FROM networks")),
        "ipvl has the networks that Docker has",
    )
    eventually(lambda: [] == networks.records("SELECT id FROM endpoints"), "and its endpoints")
