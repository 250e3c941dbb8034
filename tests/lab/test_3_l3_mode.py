"""Specification, "IPVlan L3 Mode Example"."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.lab.docker_host import DockerHost, eventually

L3_NET = "docker network create -d ipvlan --subnet=192.168.110.0/24 -o parent=eth0 -o ipvlan_mode=l3 l3net"


@pytest.mark.newest
@pytest.mark.control(differs="has no routes between the subnets of an L3 network without a parent (Docker 20.10)")
@pytest.mark.embedded
def test_l3_without_a_parent(docker_host: DockerHost) -> None:
    """Subnets of an L3 network on a dummy parent reach each other, both ways, and nothing else."""
    docker_host.docker(r"""
        docker network  create  -d ipvlan \
            --subnet=192.168.214.0/24 \
            --subnet=10.1.214.0/24 \
             -o ipvlan_mode=l3 ipnet210""")
    first, second = docker_host.containers(
        "docker run --net=ipnet210 --ip=192.168.214.10 -itd alpine /bin/sh",
        "docker run --net=ipnet210 --ip=10.1.214.10 -itd alpine /bin/sh",
    )

    for line in (
        "docker run --net=ipnet210 --ip=192.168.214.9 -it --rm alpine ping -c 2 10.1.214.10",
        "docker run --net=ipnet210 --ip=10.1.214.9 -it --rm alpine ping -c 2 192.168.214.10",
    ):
        assert " 0% packet loss" in docker_host.guest.run(docker_host.as_written(line), tty=True, timeout=90).stdout
    assert {"192.168.214.0/24 dev eth0", "10.1.214.0/24 dev eth0"} == first.routes()
    assert first.routes() == second.routes()
    assert "unreachable" in first.inside("ping -c 1 -W 1 203.0.113.10", check=False).stderr


@pytest.mark.newest
@pytest.mark.control
@pytest.mark.embedded
def test_l3_default_route_is_the_device(docker_host: DockerHost) -> None:
    """In L3 the gateway is ignored, even when one is given, and the default route points to the device."""
    docker_host.docker(
        "docker network create -d ipvlan --subnet=192.168.120.0/24 --gateway=192.168.120.77"
        " -o parent=eth0 -o ipvlan_mode=l3 l3gw"
    )
    container = docker_host.container("docker run --net=l3gw --ip=192.168.120.2 -itd alpine /bin/sh")

    assert {"default dev eth0", "192.168.120.0/24 dev eth0"} == container.routes()
    assert "NOARP" in container.links()["eth0"]["flags"]
    assert "l3" == container.links()["eth0"]["linkinfo"]["info_data"]["mode"]
    assert "192.168.120.77" not in container.run("ip route").stdout


@pytest.mark.newest
@pytest.mark.control
@pytest.mark.embedded
def test_remote_hosts_need_a_route(docker_host: DockerHost) -> None:
    """The upstream network knows nothing of L3 networks: once it has a route to the Docker host, both ways work."""
    docker_host.docker(L3_NET)
    container = docker_host.container("docker run --net=l3net --ip=192.168.110.10 -itd alpine /bin/sh")
    router, remote, host2 = map(docker_host.namespace, ("router", "remote", "host2"))

    assert not remote.reaches("192.168.110.10")
    assert not container.reaches("203.0.113.10")
    router.run("ip route add 192.168.110.0/24 via 192.168.1.250")
    host2.run("ip route add 192.168.110.0/24 via 192.168.1.250")
    try:
        assert remote.answers("192.168.110.10")
        assert container.answers("203.0.113.10")
        assert host2.answers("192.168.110.10"), "a host of the same segment, with its own route"
        assert container.answers("192.168.1.251")
    finally:
        router.run("ip route del 192.168.110.0/24")
        host2.run("ip route del 192.168.110.0/24")


@pytest.mark.control(differs="refuses a second network on a parent")
@pytest.mark.embedded
def test_networks_of_one_parent_reach_each_other(docker_host: DockerHost) -> None:
    """Different L3 networks reach each other as long as they share the parent."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.110.0/24 -o parent=eth0 -o ipvlan_mode=l3 one")
    docker_host.docker("docker network create -d ipvlan --subnet=10.7.0.0/16 -o parent=eth0 -o ipvlan_mode=l3 two")
    docker_host.docker("docker network create -d ipvlan --subnet=10.8.0.0/16 -o parent=eth1 -o ipvlan_mode=l3 apart")
    first, second, third = docker_host.containers(
        "docker run --net=one -itd alpine /bin/sh",
        "docker run --net=two -itd alpine /bin/sh",
        "docker run --net=apart -itd alpine /bin/sh",
    )

    assert first.answers(second.address())
    assert second.answers(first.address())
    assert not first.reaches(third.address()), "another parent is another matter"


def saw(frames: Callable[[], list[str]], text: str) -> bool:
    """Tell whether a frame with this text was captured."""
    return any(text in frame for frame in frames())


@pytest.mark.control
@pytest.mark.embedded
def test_l3_carries_no_broadcast_or_multicast(docker_host: DockerHost) -> None:
    """L3 mode drops what L2 mode carries: broadcast and multicast frames leave a container in L2 only."""
    heard = {}
    for mode, subnet in (("l2", "192.168.1.0/24"), ("l3", "192.168.110.0/24")):
        docker_host.docker(
            f"docker network create -d ipvlan --subnet={subnet} -o parent=eth0 -o ipvlan_mode={mode} cast"
        )
        container, peer = docker_host.containers(*["docker run --net=cast -itd --rm alpine /bin/sh"] * 2)
        broadcast = subnet.replace("0/24", "255")
        container.run("ip route add 239.1.2.3/32 dev eth0")
        with docker_host.frames("eth0", "icmp", peer) as at_peer, docker_host.frames("eth0", "icmp") as on_wire:
            container.run(f"ping -b -c 2 -i 0.2 -W 1 {broadcast}", check=False)
            container.run("ping -c 2 -i 0.2 -W 1 239.1.2.3", check=False)
            # Frames come in order: once these are seen, everything before them has been.
            assert container.answers(peer.address())
            container.reaches("192.168.1.251")
            last = f"> {peer.address()}:"
            eventually(partial(saw, at_peer, last), "the last at the peer")
            eventually(partial(saw, on_wire, "> 192.168.1.251:"), "the last on the wire")
            heard[mode] = tuple(
                sum("> ff:ff:ff:ff:ff:ff" in frame or "> 01:00:5e:" in frame for frame in place())
                for place in (at_peer, on_wire)
            )
        docker_host.docker(f"docker rm -f {container.id} {peer.id}")
        docker_host.docker("docker network rm cast")

    assert all(count > 0 for count in heard["l2"]), heard
    assert (0, 0) == heard["l3"]


@pytest.mark.control
@pytest.mark.embedded
def test_l3_needs_a_subnet_of_its_own(docker_host: DockerHost) -> None:
    """On the parent's own subnet an L3 container stays unreachable: nobody answers ARP for it."""
    docker_host.docker(
        "docker network create -d ipvlan --subnet=192.168.1.0/24 --ip-range=192.168.1.64/26"
        " -o parent=eth0 -o ipvlan_mode=l3 samesubnet"
    )
    docker_host.container("docker run --net=samesubnet --ip=192.168.1.70 -itd alpine /bin/sh")
    host2 = docker_host.namespace("host2")

    assert not host2.reaches("192.168.1.70")
    (neighbour,) = host2.json("ip -j neigh show 192.168.1.70")
    assert "lladdr" not in neighbour


@pytest.mark.control(differs="has no mode l3s (Docker 20.10)")
@pytest.mark.stock_kernel
@pytest.mark.embedded
def test_l3s_passes_the_hosts_netfilter(docker_host: DockerHost) -> None:
    """L3S is L3 whose incoming packets the host's netfilter sees (LOCAL_IN); plain L3 goes past it."""
    seen = {}
    for mode in ("l3", "l3s"):
        docker_host.docker(
            f"docker network create -d ipvlan --subnet=192.168.110.0/24 -o parent=eth0 -o ipvlan_mode={mode} filtered"
        )
        container, _ = docker_host.containers(
            "docker run --net=filtered --ip=192.168.110.10 -itd --rm alpine /bin/sh",
            "docker run --net=filtered --ip=192.168.110.11 -itd --rm alpine /bin/sh",
        )
        assert {"default dev eth0", "192.168.110.0/24 dev eth0"} == container.routes()
        assert container.answers("192.168.110.11")
        router = docker_host.namespace("router")
        router.run("ip route add 192.168.110.0/24 via 192.168.1.250")
        docker_host.run(
            "nft 'add table ip seen; add chain ip seen in { type filter hook input priority 0; };"
            " add rule ip seen in ip daddr 192.168.110.10 icmp type echo-request drop'"
        )
        try:
            seen[mode] = not router.reaches("192.168.110.10")
        finally:
            docker_host.run("nft delete table ip seen")
            router.run("ip route del 192.168.110.0/24")
        docker_host.reset()

    assert {"l3": False, "l3s": True} == seen
