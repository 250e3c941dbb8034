"""The world moves: what a user sees, what mends itself, and what a human has to do (docs/reliability.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.docker_host import RUN_SECONDS, DockerHost, eventually, prepare

UPLINK = (
    "ip link add up0 type veth peer name up1 netns switch"
    " && ip -n switch link set up1 master br0 up && ip link set up0 up"
)
NET = "docker network create -d ipvlan --subnet=192.168.1.0/24 --gateway=192.168.1.1 --ip-range=192.168.1.96/28"
STATE = "/var/lib/ipvl/state.db"
COMPARED = 75.0
"""Seconds within which ipvl has compared its records with Docker's for the second time."""
SOON = 10.0
"""Seconds within which ipvl has noticed what the kernel announced, however slow the guest is."""


KILL_DOCKERD_IN_A_JOIN = """
log=/var/log/lab/ipvl.log; dockerd=$(cat /run/lab/docker.pid)
tail -c +$(($(stat -c %s $log) + 1)) -f $log | {
    echo watching
    while read -r line; do
        [[ $line != *"joins sandbox"* ]] || { kill -s KILL $dockerd; break; }
    done
}
"""
"""Run by bash: ipvl writes that line before it answers."""


def trouble(host: DockerHost, name: str) -> list[str]:
    """Return what the status says is wrong with a network."""
    return next(network["trouble"] for network in host.status()["networks"] if network["name"] == name)


@contextmanager
def uplink(host: DockerHost) -> Iterator[None]:
    """Give the host one more cable to the switch."""
    host.run(UPLINK)
    try:
        yield
    finally:
        host.reset()
        host.run("ip link del up9 2>/dev/null || ip link del up0")


def test_a_parent_goes_down_leaves_and_is_renamed(docker_host: DockerHost) -> None:
    """Down and up: containers go on. Renamed: that is said, and they go on. Gone and back: so do their ports."""
    with uplink(docker_host):
        docker_host.docker(f"{NET} -o parent=up0 cable")
        docker_host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=up0.20 tagged")
        one = docker_host.container("docker run --net=cable --name=one -itd alpine /bin/sh")
        docker_host.run("ip link set up0 down")
        assert ["parent up0 is down, so its containers reach nobody: bring it up with `ip link set up0 up`"] == trouble(
            docker_host, "cable"
        )
        docker_host.run("ip link set up0 up")
        assert one.answers("192.168.1.1"), "without a restart"
        assert [] == trouble(docker_host, "cable")

        docker_host.run("ip link set up0 down && ip link set up0 name up9 && ip link set up9 up")
        assert one.answers("192.168.1.1"), "its port is on the link, whatever that is called"
        assert ["parent up0 does not exist"] == trouble(docker_host, "cable")
        eventually(
            lambda: any("up0 does not exist" in one for one in docker_host.status()["warnings"]),
            "the rename is noticed",
            within=SOON,
        )
        docker_host.run("ip link set up9 down && ip link set up9 name up0 && ip link set up0 up")
        eventually(lambda: [] == docker_host.status()["warnings"], "so is the way back", within=SOON)

        before = docker_host.links()["up0"]["ifindex"]
        docker_host.run("ip link del up0")
        assert ["parent up0 does not exist"] == trouble(docker_host, "cable")
        docker_host.run(UPLINK)
        assert before != docker_host.links()["up0"]["ifindex"]
        eventually(lambda: "up0.20" in docker_host.links(), "the sub-interface comes back with its base", within=SOON)
        assert [] == trouble(docker_host, "cable")
        assert [] == trouble(docker_host, "tagged")
        eventually(lambda: "eth0" in one.links(), "a port ends with its parent, and is made again", within=SOON)
        assert one.answers("192.168.1.1"), "without a restart"


def test_a_dummy_that_is_deleted_by_hand(docker_host: DockerHost) -> None:
    """The parent of an isolated network is made again by itself, and its containers reach each other again."""
    docker_host.docker("docker network create -d ipvlan --internal island")
    (dummy,) = docker_host.records("SELECT name FROM parents")
    run = "docker run --net=island -itd alpine /bin/sh"
    one, two = docker_host.containers(run, run)

    docker_host.run(f"ip link del {dummy}")

    eventually(lambda: "UP" in docker_host.links().get(dummy, {"flags": []})["flags"], "it is made again", within=SOON)
    assert [] == trouble(docker_host, "island")
    eventually(lambda: "eth0" in one.links() and "eth0" in two.links(), "and so are the ports on it", within=SOON)
    assert one.answers(two.address())


def test_a_port_that_vanishes_inside_a_container(docker_host: DockerHost) -> None:
    """The container is off the network until it is started again; nothing is left of it when it is removed."""
    docker_host.docker(f"{NET} -o parent=eth1 net1")
    one = docker_host.container("docker run --net=net1 --name=one -itd alpine /bin/sh")

    one.run("ip link del eth0")

    assert not one.reaches("192.168.1.1")
    docker_host.docker("docker restart -t 0 one")
    assert "1 packets received" in docker_host.docker("docker exec one ping -c 1 -W 5 192.168.1.1").stdout
    docker_host.docker("docker rm -f one")
    assert [] == docker_host.records("SELECT id FROM endpoints")


def test_dockerd_is_killed_in_the_middle_of_connect(docker_host: DockerHost) -> None:
    """What was half done is gone when Docker is back, in its view and in ipvl's, and connecting again succeeds."""
    host = docker_host
    host.docker(f"{NET} -o parent=eth1 home")
    host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 more")
    # Docker stops at its start what runs on without it, and waits for it to end.
    run = "docker run --stop-signal=KILL --net=home -d"
    host.containers(f"{run} --name=one alpine sleep 100000", f"{run} --name=two alpine sleep 100000")
    killer = host.guest.start(KILL_DOCKERD_IN_A_JOIN)
    killer.wait_for("watching")
    calls = [host.guest.start(f"docker network connect more {name}") for name in ("one", "two")]
    for call in calls:
        answered = call.wait(RUN_SECONDS)
        assert answered.status != 0
        assert "error during connect" in answered.stderr or "Cannot connect to the Docker daemon" in answered.stderr
    killer.kill()
    host.service("docker", "kill")
    assert "more" in [network["name"] for network in host.status()["networks"]], "ipvl goes on"

    host.service("docker", "start")
    eventually(lambda: [] == host.records("SELECT id FROM endpoints"), "records are as Docker's", within=COMPARED)
    assert [] == [name for name, link in host.links().items() if link.get("linkinfo", {}).get("info_kind") == "ipvlan"]
    assert {} == host.network("more")["Containers"] == host.network("home")["Containers"]
    host.docker("docker start one two")
    host.docker("docker network connect more one")
    host.docker("docker network connect more two")
    said = host.docker("docker exec two ping -c 1 -W 5 192.168.20.1").stdout
    assert "1 packets received" in said
    host.docker("docker rm -f one two")
    assert [] == host.records("SELECT id FROM endpoints")


def test_a_full_disk(docker_host: DockerHost) -> None:
    """What cannot be written is refused in one sentence, nothing is half done, and with room again all goes on."""
    docker_host.service("ipvl", "stop")
    docker_host.run("mount -t tmpfs -o size=512k tmpfs /var/lib/ipvl")
    try:
        docker_host.service("ipvl", "start")
        docker_host.run("cat /dev/zero > /var/lib/ipvl/filler", check=False)
        shown = docker_host.refused("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 full")
        assert shown.endswith(
            f"state file {STATE} cannot be used: database or disk is full;"
            " check its disk, owner and mode, or move it away to start afresh"
        )
        assert "eth0.20" not in docker_host.links()
        assert [] == docker_host.status()["networks"], "the daemon goes on"
        docker_host.run("rm /var/lib/ipvl/filler")
        docker_host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 full")
        docker_host.docker("docker network rm full")
        assert "eth0.20" not in docker_host.links()
    finally:
        docker_host.service("ipvl", "stop")
        docker_host.run("umount /var/lib/ipvl")
        docker_host.service("ipvl", "start")


def test_a_state_file_that_cannot_be_used(docker_host: DockerHost) -> None:
    """Cut short, of a newer version, on a read-only disk: ipvl says so, does not start, and touches nothing."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 net1")
    refused = docker_host.run("ipvl serve", check=False)
    assert refused.status != 0
    assert "another ipvl (process " in refused.stderr, "two daemons at once"
    docker_host.service("ipvl", "stop")
    docker_host.run(f"cp -a {STATE} /run/state.db")
    afresh = "check its disk, owner and mode, or move it away to start afresh"
    faults = {
        f"truncate -s 20000 {STATE}": f"cannot be used: database disk image is malformed; {afresh}",
        f"sqlite3 {STATE} 'PRAGMA user_version = 99'": "has schema 99, written by a newer ipvl",
        "mount -t tmpfs tmpfs /var/lib/ipvl && mount -o remount,ro /var/lib/ipvl": "Read-only file system",
    }
    try:
        for fault, sentence in faults.items():
            docker_host.run(fault)
            said = docker_host.run("ipvl serve", check=False, timeout=30)
            docker_host.run(f"umount /var/lib/ipvl 2>/dev/null; cp -a /run/state.db {STATE}")
            assert said.status != 0
            assert sentence in said.stderr
            assert "Traceback" not in said.stderr
            assert "eth0.20" in docker_host.links()
    finally:
        docker_host.service("ipvl", "start")
    assert ["net1"] == [network["name"] for network in docker_host.status()["networks"]]


@pytest.mark.embedded_only
def test_a_namespace_that_disappears(docker_host: DockerHost) -> None:
    """Deleted without a word: its port ends with it, and its address is free at once."""
    host = docker_host
    host.guest.run("ipvl network create --subnet=192.168.1.0/24 --ip-range=192.168.1.96/28 -o parent=eth1 net1")
    try:
        for name in ("first", "second"):
            host.run(f"ip netns add {name}")
            attached = host.guest.run(f"ipvl attach --net net1 --netns {name} --ip 192.168.1.100")
            assert "eth0 192.168.1.100/24" == attached.stdout.strip()
            if name == "first":
                host.run(f"ip netns del {name}")
        assert host.namespace("second").answers("192.168.1.1")
    finally:
        host.run("ip netns del second")


@pytest.mark.embedded_only
def test_a_power_cut_in_the_middle_of_operations(docker_host: DockerHost) -> None:
    """The guest is switched off while networks come and go: after the next boot all that was answered is there."""
    host = docker_host
    host.guest.run("ipvl network create --subnet=192.168.1.0/24 -o parent=eth1 kept")
    calls = host.guest.start("python3 -I -S /work/scenario/busy_calls.py")
    calls.wait_for("round 3", 60)
    host.guest.power_cut()
    prepare(host.guest)
    host.service("ipvl", "start")

    assert [] == host.records("SELECT id FROM networks WHERE phase != 'ready'")
    assert [] == host.records("SELECT id FROM endpoints"), "namespaces end with the power"
    made = {name for name, link in host.links().items() if link.get("ifalias") == "made by ipvl"}
    assert made == set(host.records("SELECT name FROM parents WHERE made = 1"))
    names = [network["name"] for network in host.status()["networks"]]
    assert "kept" in names
    if "busy" not in names:
        host.guest.run("ipvl network create --subnet=192.168.30.0/24 -o parent=eth0.30 busy")
    host.guest.run("ipvl network rm busy kept")
    assert {name for name in host.links() if name.startswith("eth0.")} == set()
    assert [] == host.status()["networks"]
