"""An address that a container asked for is its own also while it is stopped, as its user expects of compose files."""

from __future__ import annotations

import pytest

from tests.lab.docker_host import DockerHost, eventually

KEPT = "192.168.20.2"


def kept(host: DockerHost) -> list[str]:
    """Return the static addresses that ipvl knows, with their owners' names."""
    return host.records("SELECT name || ' ' || address FROM static_addresses ORDER BY name")


@pytest.mark.newest
def test_a_stopped_container_keeps_its_address(docker_host: DockerHost) -> None:
    """With addresses from ipvl nobody else is given it: not before its first start, nor while it is stopped."""
    host = docker_host
    host.docker("docker network create -d ipvlan --ipam-driver ipvl --subnet=192.168.20.0/29 -o parent=eth0.20 web")
    host.docker(f"docker create --net=web --name=shop --ip={KEPT} alpine sleep 100000")
    eventually(lambda: [f"shop {KEPT}"] == kept(host), "Docker's API says what it asked for")
    first = host.container("docker run --net=web --name=first -d alpine sleep 100000")
    assert KEPT != first.address()

    host.docker("docker start shop")
    host.docker("docker stop -t 0 shop")
    host.service("ipvl", "stop")
    # What was asked for a moment ago is not released by a call that may be a repetition.
    host.run("sqlite3 /var/lib/ipvl/state.db 'UPDATE pools SET changed = 0; UPDATE leases SET changed = 0'")
    host.service("ipvl", "start")
    others = [host.container(f"docker run --net=web --name=n{n} -d alpine sleep 100000") for n in range(3)]
    assert KEPT not in {one.address() for one in others}
    host.docker("docker start shop")
    assert KEPT == host.inspect("shop")["NetworkSettings"]["Networks"]["web"]["IPAddress"]
    host.docker("docker rename shop mill && docker stop -t 0 mill")
    eventually(lambda: [f"mill {KEPT}"] == kept(host), "it is named as it is called")
    host.guest.run("ipvl network create --subnet=192.168.20.0/29 -o parent=eth0.20 own && ip netns add guest")
    try:
        refused = host.run(f"ipvl attach --net own --netns guest --ip {KEPT}", check=False).stderr
        assert f"address {KEPT} is kept for container mill of network web, which asked for it and is stopped" in refused
    finally:
        host.run("ip netns del guest")
        host.run("ipvl network rm own")
    host.docker("docker rm mill")
    eventually(lambda: [] == kept(host), "its removal frees it")
    late = host.container("docker run --net=web --name=late -d alpine sleep 100000")
    assert KEPT == late.address()


@pytest.mark.newest
def test_a_container_that_is_connected_while_it_is_stopped_keeps_its_address(docker_host: DockerHost) -> None:
    """As compose does with all networks but the first; Docker tells nobody, so it is asked before one is chosen."""
    host = docker_host
    host.docker("docker network create -d ipvlan --ipam-driver ipvl --subnet=192.168.20.0/29 -o parent=eth0.20 web")
    host.docker("docker create --net=none --name=shop alpine sleep 100000 && docker network disconnect none shop")
    host.docker(
        f"docker network connect --ip={KEPT} web shop && docker run --net=web --name=next -d alpine sleep 100000"
    )
    assert [f"shop {KEPT}"] == kept(host)
    assert KEPT != host.inspect("next")["NetworkSettings"]["Networks"]["web"]["IPAddress"]
    own = "ipvl network create --subnet=192.168.20.0/29 -o parent=eth0.20 own && ip netns add guest"
    host.docker(f"docker network disconnect web shop && {own}")
    try:
        connect = f"docker network connect --ip={KEPT} web shop"
        refused = host.docker(f"{connect} && ipvl attach --net own --netns guest --ip {KEPT}", check=False).stderr
        assert f"address {KEPT} is kept for container shop of network web" in refused
        assert f"{KEPT}/" not in host.docker("ipvl attach --net own --netns guest").stdout
    finally:
        host.run("ip netns del guest")
        host.run("ipvl network rm own")
    host.docker("docker start shop")
    assert KEPT == host.inspect("shop")["NetworkSettings"]["Networks"]["web"]["IPAddress"]


@pytest.mark.newest
def test_a_refusal_names_container_and_network(docker_host: DockerHost) -> None:
    """Docker's own IPAM gives what it likes; who has it then is named, however young that is."""
    host = docker_host
    for name, subnet in (("home", "192.168.20.0/24"), ("more", "192.168.20.0/25")):
        host.docker(f"docker network create -d ipvlan --subnet={subnet} -o parent=eth0.20 {name}", check=name == "home")
    host.docker("docker network create -d ipvlan --ipam-driver ipvl --subnet=192.168.20.0/24 -o parent=eth0.20 ours")
    host.docker("docker create --net=ours --name=shop --ip=192.168.20.9 alpine sleep 100000")
    refused = host.docker(
        "docker run --net=home --name=thief --ip=192.168.20.9 -d alpine sleep 100000 && docker start shop", check=False
    )
    assert "address 192.168.20.9 is in use on parent eth0.20 by endpoint thief of network home" in refused.stderr


@pytest.mark.embedded_only
def test_a_stopped_sandbox_keeps_its_address(docker_host: DockerHost) -> None:
    """Without Docker: `ipvl stop` and `ipvl start`, with others started in between."""
    host = docker_host
    host.guest.run("ipvl network create --subnet=192.168.20.0/29 -o parent=eth0.20 web")
    run = "ipvl run --net=web -d"
    host.guest.run(f"{run} --name=shop --ip={KEPT} alpine sleep 100000", timeout=90)
    host.guest.run("ipvl stop -t 0 shop", timeout=60)
    for number in range(4):
        host.guest.run(f"{run} --name=n{number} alpine sleep 100000", timeout=90)
    assert KEPT not in "".join(host.records("SELECT interface FROM addresses"))
    host.guest.run("ipvl start shop", timeout=60)
    assert f"{KEPT}/29" in host.records("SELECT interface FROM addresses")
    host.guest.run("ipvl rm -f shop", timeout=60)
    host.guest.run(f"{run} --name=late --ip={KEPT} alpine sleep 100000", timeout=90)
