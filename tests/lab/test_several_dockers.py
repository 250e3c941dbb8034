"""More than one Docker uses the plugin's socket, or another one answers at the socket of the API."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.docker_host import DockerHost, Place, eventually

SECOND = "docker -H unix:///run/second/docker.sock"
ASKED = "the Docker that ipvl asks (/run/docker.sock, unless it was told another)"
UNKNOWN = f"was made by a Docker, but {ASKED} does not have it"
OLD = (
    "sqlite3 /var/lib/ipvl/state.db 'UPDATE networks SET created = 0; UPDATE endpoints SET changed = 0;"
    " UPDATE pools SET changed = 0; UPDATE leases SET changed = 0'"
)


@contextmanager
def aged(host: DockerHost) -> Iterator[None]:
    """Have ipvl away while the block runs; what it knows is then old, so that it compares all of it when it is back."""
    host.service("ipvl", "stop")
    host.run(OLD)
    try:
        yield
    finally:
        host.service("ipvl", "start")


def unknown(host: DockerHost) -> list[str]:
    """Return the labels of the networks that the status says no Docker is known to have."""
    return [one.split()[1] for one in host.status()["warnings"] if UNKNOWN in one]


@pytest.mark.newest
def test_a_second_docker_keeps_its_networks(docker_host: DockerHost) -> None:
    """Only one is asked: what the other made stays and is named, its containers go on, and it removes it itself."""
    host = docker_host
    host.guest.run("/work/scenario/second_docker.sh start", timeout=180)
    try:
        create = "network create -d ipvl --ipam-driver ipvl --subnet=192.168.20.0/24 -o parent=eth0.20"
        host.guest.run(f"docker {create} green && {SECOND} {create} blue", timeout=60)
        (blue,) = set(host.records("SELECT id FROM networks")) - {host.network("green")["Id"]}
        green = host.container("docker run --net=green --name=tree -d alpine sleep 100000")
        host.guest.run(f"{SECOND} run --net=blue --name=bee -d alpine sleep 100000", timeout=90)
        pid = host.run(f"{SECOND} inspect -f '{{{{.State.Pid}}}}' bee").stdout.strip()
        bee = Place(host.guest, f"nsenter -t {pid} -n --")
        with aged(host):
            pass

        eventually(lambda: [blue[:12]] == unknown(host), "the other one's network is named")
        assert bee.answers("192.168.20.1")
        assert bee.answers(green.address())
        assert ["2"] == host.records("SELECT users FROM pools")
        assert {green.address(), bee.address()} < set(host.records("SELECT address FROM leases"))
        line = f"remove it with `ipvl network forget {blue[:12]}`"
        assert f"network {blue[:12]} {UNKNOWN}" in (said := host.run("ipvl doctor", check=False).stdout)
        assert line in said
        assert line in host.run("ipvl status").stdout
        refused = host.run(f"ipvl network forget {blue[:12]}", check=False).stderr
        assert f"runs on network {blue[:12]}, and would lose it; stop it first" in refused
        refused = host.run("ipvl network forget green", check=False).stderr
        assert "container tree runs on network green" in refused

        host.docker("docker rm -f tree; docker network rm green")
        with aged(host):
            pass
        eventually(lambda: [blue[:12]] == unknown(host), "it has been compared once more")
        assert bee.answers("192.168.20.1")
        assert [bee.address()] == host.records("SELECT address FROM leases WHERE NOT gateway")
        host.guest.run(f"{SECOND} rm -f bee && {SECOND} network rm blue", timeout=60)
        assert [] == host.status()["networks"] == host.status()["warnings"]
        assert "eth0.20" not in host.links()
    finally:
        host.guest.run("/work/scenario/second_docker.sh stop", check=False, timeout=120)


def test_another_docker_in_place_of_the_first(docker_host: DockerHost) -> None:
    """A new data root, one that is not ready, Podman: none of them has the network, and none of them can remove it."""
    host = docker_host
    host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 web")
    host.docker("docker create --net=web --name=shop alpine sleep 100000")
    engine = host.run("docker info -f '{{.ID}}'").stdout.strip()
    none = host.network("none")
    host.service("docker", "stop")
    stubs = {
        "starting": ({"ID": engine}, []),
        "Podman": ({"ID": ""}, [{"Name": "podman", "Id": "2" * 64, "Driver": "bridge"}]),
        "another engine": ({"ID": "X"}, [{"Name": "none", "Id": none["Id"], "Driver": "null"}]),
    }
    try:
        for info, networks in stubs.values():
            arguments = shlex.join([json.dumps(info), json.dumps(networks)])
            stub = host.guest.start(f"python3 -I -S /work/scenario/docker_stub.py {arguments}")
            with aged(host):
                pass
            stub.wait_for("/networks", 30)
            eventually(lambda: ["web"] == unknown(host), "it is named")
            stub.kill(2)
            stub.wait(10)

        with aged(host):
            host.service("docker", "start", "--data-root=/var/lib/docker.new")
            assert engine == host.run("docker info -f '{{.ID}}'").stdout.strip(), "the id is that of the host"
        eventually(lambda: ["web"] == unknown(host), "a new data root has no networks")
    finally:
        host.service("docker", "stop")
        host.run("rm -rf /var/lib/docker.new")
        host.service("docker", "start")
    eventually(lambda: [] == unknown(host), "the Docker that has it is back")
    host.docker("docker start shop")
    assert "1 packets received" in host.docker("docker exec shop ping -c 1 -W 5 192.168.20.1").stdout


def test_the_way_out_when_the_docker_is_gone_for_good(docker_host: DockerHost) -> None:
    """What a Docker left behind that was never seen is removed by the line that is shown."""
    host = docker_host
    with aged(host):
        host.run(
            "sqlite3 /var/lib/ipvl/state.db \"INSERT INTO parents (name, kind, made) VALUES ('eth1', 'link', 0);"
            " INSERT INTO networks (id, door, parent, mode, flag, isolated, interface_prefix, created, phase)"
            f" VALUES ('{'f' * 64}', 'docker', 'eth1', 'l2', 'bridge', 0, 'eth', 0, 'ready');"
            " INSERT INTO pools (id, subnet, users, changed) VALUES ('10.9.0.0/16', '10.9.0.0/16', 1, 0)\""
        )
    eventually(lambda: ["f" * 12] == unknown(host), "it is named")
    lines = [one.split("`")[1] for one in host.status()["warnings"]]
    assert [f"ipvl network forget {'f' * 12}", "ipvl network forget --pool '10.9.0.0/16'"] == lines

    for line in lines:
        host.guest.run(line)

    assert [] == host.status()["networks"] == host.status()["warnings"] == host.status()["pools"]


@pytest.mark.newest
def test_a_container_is_renamed(docker_host: DockerHost) -> None:
    """Status and refusals have the new name at once, and after a rename while ipvl was away as well."""
    host = docker_host
    host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 web")
    host.container("docker run --net=web --name=shop --ip=192.168.20.9 -d alpine sleep 100000")
    eventually(lambda: ["shop"] == [one["name"] for one in host.status()["endpoints"]], "it has a name")

    host.docker("docker rename shop bakery")
    eventually(lambda: ["bakery"] == [one["name"] for one in host.status()["endpoints"]], "it has its new name")
    with aged(host):
        host.docker("docker rename bakery mill")
    eventually(lambda: ["mill"] == [one["name"] for one in host.status()["endpoints"]], "it has the last one")
    taken = "ipvl network create --subnet=192.168.20.0/24 -o parent=eth0.20 own"
    host.guest.run(f"{taken} && ip netns add guest")
    try:
        refused = host.run("ipvl attach --net own --netns guest --ip 192.168.20.9", check=False).stderr
        assert "address 192.168.20.9 is in use on parent eth0.20 by endpoint mill of network web" in refused
    finally:
        host.run("ip netns del guest")
        host.run("ipvl network rm own")
