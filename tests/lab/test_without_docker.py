"""What the `ipvl` command does beside the specification's lines, on a host without Docker."""

import json
import re
from typing import Any

import pytest

from tests.lab.docker_host import DockerHost, eventually

NET = "ipvl network create --subnet=192.168.1.0/24 --gateway=192.168.1.1 -o parent=eth0 db_net"


@pytest.mark.embedded_only
def test_without_a_daemon(docker_host: DockerHost) -> None:
    """Commands say that they work stand-alone, on the same state: the daemon then has what they made."""
    docker_host.service("ipvl", "stop")
    try:
        made = docker_host.guest.run(NET)
        assert "no daemon at /run/ipvl/control.sock, working stand-alone" in made.stderr
        ran = docker_host.guest.run("ipvl run --net=db_net --rm alpine ping -c 1 -W 2 192.168.1.1", timeout=90)
        assert "1 packets received" in ran.stdout
        docker_host.guest.run("ipvl run --net=db_net --name=early -d alpine sleep 100000", timeout=90)
    finally:
        docker_host.service("ipvl", "start")
    (network,) = docker_host.status()["networks"]
    assert ("db_net", 1) == (network["name"], network["endpoints"])
    late = docker_host.container("ipvl run --net=db_net --name=late -d alpine sleep 100000")
    assert late.resolves_and_reaches("early")


@pytest.mark.embedded_only
def test_any_namespace(docker_host: DockerHost) -> None:
    """`attach` gives a namespace an endpoint, names included; `detach` takes it away and frees the address."""
    docker_host.guest.run(NET)
    docker_host.run("ip netns add blue")
    docker_host.run("mkdir -p /etc/netns/blue && touch /etc/netns/blue/hosts")
    try:
        attached = docker_host.guest.run(
            "ipvl attach --net db_net --netns blue --name blue --ip 192.168.1.77 --hosts /etc/netns/blue/hosts"
        )
        assert "eth0 192.168.1.77/24" == attached.stdout.strip()
        blue = docker_host.namespace("blue")
        member = docker_host.container("ipvl run --net=db_net --name=member --alias=api -d alpine sleep 100000")
        assert blue.answers("192.168.1.1")
        assert docker_host.namespace("remote").answers("192.168.1.77")
        assert member.resolves_and_reaches("blue")
        assert blue.answers("member")
        assert blue.answers("api")
        refusal = docker_host.refused("ipvl run --net=db_net --ip=192.168.1.77 --rm alpine true")
        assert "address 192.168.1.77 is in use on parent eth0 by endpoint blue of network db_net" in refusal
        docker_host.guest.run("ipvl detach --net db_net --netns blue")
        assert {"lo"} == set(blue.links())
        again = docker_host.container("ipvl run --net=db_net --ip=192.168.1.77 -d alpine sleep 100000")
        assert ["192.168.1.77/24"] == again.addresses()
    finally:
        docker_host.run("ip netns del blue; rm -r /etc/netns/blue")


@pytest.mark.embedded_only
def test_life_of_a_sandbox(docker_host: DockerHost) -> None:
    """Exit status, exec, logs, connect, stop, rm: each as its name says."""
    docker_host.guest.run(NET)
    docker_host.guest.run("ipvl network create --subnet=192.168.20.0/24 -o parent=eth0.20 second")
    for command, status in (("sh -c 'exit 7'", 7), ("nosuch", 127), ("/etc/passwd", 126)):
        ran = docker_host.guest.run(f"ipvl run --net=db_net --rm alpine {command}", check=False, timeout=90)
        assert status == ran.status, ran.stderr
    assert docker_host.guest.run("ipvl run --net=nowhere --rm alpine true", check=False).status == 125
    one = docker_host.container(
        "ipvl run --net=db_net --name=one --hostname=uno --sysctl net.ipv4.ip_default_ttl=33"
        " -d alpine sh -c 'echo started; trap \"exit 5\" TERM; while :; do sleep 0.1; done'"
    )
    assert "uno" == docker_host.guest.run("ipvl exec one hostname").stdout.strip()
    assert "33" == one.run("cat /proc/sys/net/ipv4/ip_default_ttl").stdout.strip()
    assert 3 == docker_host.guest.run("ipvl exec one sh -c 'exit 3'", check=False).status
    assert "/dev/pts/" in docker_host.guest.run("ipvl exec -it one tty", tty=True).stdout
    assert "started\n" == docker_host.guest.run("ipvl logs one").stdout
    name = "--driver-opt com.docker.network.endpoint.ifname=lan7"
    docker_host.guest.run(f"ipvl network connect --ip 192.168.20.9 {name} second one")
    assert ["192.168.20.9/24"] == one.addresses("lan7")
    assert one.answers("192.168.20.1")
    assert "default via 192.168.1.1 dev eth0" in one.routes()
    docker_host.guest.run("ipvl network disconnect db_net one")
    assert "default via 192.168.20.1 dev lan7" in one.routes(), "the other network takes the default route over"
    assert "one" in docker_host.refused("ipvl network rm second")
    docker_host.guest.run("ipvl stop one", timeout=60)
    (sandbox,) = json.loads(docker_host.guest.run("ipvl ps --all --json").stdout)["sandboxes"]
    assert (False, 5) == (sandbox["running"], sandbox["exit_status"])
    docker_host.guest.run("ipvl rm one")
    assert {"sandboxes": []} == json.loads(docker_host.guest.run("ipvl ps --all --json").stdout)


@pytest.mark.embedded_only
def test_a_sandbox_starts_again(docker_host: DockerHost) -> None:
    """With its files, its flags and its address; what else runs in it has its environment."""
    docker_host.guest.run(NET)
    docker_host.guest.run(
        "export OWN=mine; ipvl run --net=db_net --name=one --ip=192.168.1.9 -e GIVEN=1 -e OWN -w /made/here"
        " -d alpine sh -c 'echo begun >> log; exec sleep 100000'"
    )
    assert "sandbox nobody does not exist" in docker_host.refused("ipvl start nobody")
    docker_host.guest.run("ipvl restart -t 0 one", timeout=60)

    shown = docker_host.guest.run("ipvl exec one sh -c 'cat log; echo $GIVEN $OWN; echo 10.1.1.1 added >> /etc/hosts'")
    assert ["begun", "begun", "1 mine"] == shown.stdout.splitlines()
    docker_host.guest.run("ip netns add blue && ipvl attach --net db_net --netns blue --name blue")
    try:
        (hosts,) = docker_host.run("cat /run/ipvl/sandboxes/*/hosts").stdout.split("# What follows is kept by ipvl.\n")[
            1:
        ]
        assert re.search(r"^192.168.1.9 \w+ one one.db_net\n192.168.1.2 blue blue.db_net\n", hosts)
        assert hosts.endswith("\n10.1.1.1 added\n"), "what others wrote stays"
    finally:
        docker_host.run("ipvl detach --net db_net --netns blue && ip netns del blue")
    assert "sandbox one" in docker_host.refused("ipvl rootfs rm alpine")


@pytest.mark.embedded_only
def test_a_killed_supervisor_leaves_nothing(docker_host: DockerHost) -> None:
    """The sandbox dies with its supervisor; at once its address is free, its name gone, and its end is told."""
    docker_host.guest.run(NET)
    docker_host.containers(
        "ipvl run --net=db_net --name=victim --ip=192.168.1.9 --rm -d alpine sleep 100000",
        "ipvl run --net=db_net --name=two -d alpine sleep 100000",
    )
    (supervisor,) = docker_host.records("SELECT supervisor FROM sandboxes WHERE name = 'victim'")
    stream = docker_host.guest.start("ipvl events --json --since 1m --network db_net --type sandbox")
    stream.wait_for("sandbox two has started", 30)

    docker_host.run(f"kill -9 {supervisor}")

    def ends() -> list[dict[str, Any]]:
        lines = [line for line in stream.output().splitlines(keepends=True) if line.endswith("\n")]
        return [event for event in map(json.loads, lines) if event["sandbox"] == "victim" and event["exit_status"]]

    eventually(lambda: ends() != [], "its end is told")
    (end,) = ends()
    assert ("sandbox.ended", "db_net", "victim", 137) == tuple(
        end[key] for key in ("type", "network", "endpoint", "exit_status")
    )
    assert ["two"] == docker_host.records("SELECT name FROM endpoints")
    assert " victim" not in docker_host.run("cat /run/ipvl/sandboxes/*/hosts").stdout
    assert 1 == len(docker_host.run("ls /var/lib/ipvl/sandboxes").stdout.split()), "and --rm is kept to"
    stream.kill(2)
    stream.wait(10)
    again = docker_host.container("ipvl run --net=db_net --name=three --ip=192.168.1.9 -d alpine sleep 100000")
    assert again.answers("192.168.1.1")


@pytest.mark.embedded_only
def test_a_dry_run_changes_nothing(docker_host: DockerHost) -> None:
    """The plan names links, addresses and routes; host bits are noticed; nothing is made."""
    links = set(docker_host.links())

    plan = docker_host.guest.run(
        "ipvl network create --subnet=172.16.50.0/22 --gateway=172.16.50.1 -o parent=eth0.20 --dry-run web"
    )

    assert [
        "make eth0.20, VLAN 20 of eth0",
        "ports in mode l2, flag bridge",
        "addresses from 172.16.48.0/22, gateway 172.16.50.1",
        "default route via 172.16.50.1",
    ] == plan.stdout.splitlines()
    assert "notice: subnet 172.16.50.0/22 has host bits set: it is 172.16.48.0/22" in plan.stderr
    assert links == set(docker_host.links())
    assert [] == docker_host.records("SELECT id FROM networks")
