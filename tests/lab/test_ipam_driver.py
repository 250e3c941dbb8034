"""ipvl as Docker's IPAM driver: `docker network create --ipam-driver ipvl`."""

import json

import pytest

from tests.lab.docker_host import DockerHost, eventually

NET140 = r"""
    docker network create -d ipvlan --ipv6 --ipam-driver ipvl --ipam-opt parent=eth0.140 \
        --subnet=192.168.140.0/24 --gateway=192.168.140.1 \
        --ip-range=192.168.140.128/30 --aux-address=switch=192.168.140.128 \
        --subnet=2001:db8:abc9::/64 --gateway=2001:db8:abc9::22 \
        -o parent=eth0.140 net140"""
SMALL = r"""
    docker network create -d ipvlan --ipam-driver ipvl --subnet=192.168.20.0/29 -o parent=eth0.20 small"""


def leases(docker_host: DockerHost) -> list[str]:
    """Return the addresses that ipvl has leased."""
    return sorted(docker_host.records("SELECT address FROM leases"))


def ask(docker_host: DockerHost, method: str, body: dict[str, object]) -> None:
    """Call ipvl as Docker does."""
    text = json.dumps(body)
    head = rf"POST /{method} HTTP/1.1\r\nHost: ipvl\r\nConnection: close\r\nContent-Length: {len(text)}\r\n\r\n"
    answer = docker_host.run(
        f"printf '{head}%s' '{text}' | socat -T 20 -,ignoreeof UNIX-CONNECT:/run/docker/plugins/ipvl.sock"
    ).stdout
    assert " 200 OK" in answer and "Error" not in answer


def start(docker_host: DockerHost, name: str, *flags: str, net: str = "small") -> str:
    """Start a container and return its IPv4 address as the container has it."""
    container = docker_host.container(f"docker run --net={net} --name={name} {' '.join(flags)} -d alpine sleep 100000")
    return container.addresses()[0]


@pytest.mark.newest
def test_both_families_with_a_range_and_an_address_of_somebody_else(docker_host: DockerHost) -> None:
    """Addresses come from the range, past what is reserved; any other of the subnet can be asked for."""
    docker_host.docker(NET140)
    first = docker_host.container("docker run --net=net140 --name=first -itd alpine /bin/sh")
    second, third = docker_host.containers(
        "docker run --net=net140 --name=second -itd alpine /bin/sh",
        "docker run --net=net140 --name=third --ip=192.168.140.10 --ip6=2001:db8:abc9::99 -itd alpine /bin/sh",
    )

    assert ["192.168.140.129/24", "2001:db8:abc9::1/64"] == first.addresses()
    assert ["192.168.140.130/24", "2001:db8:abc9::2/64"] == second.addresses()
    assert ["192.168.140.10/24", "2001:db8:abc9::99/64"] == third.addresses()
    shown = docker_host.inspect(second)["NetworkSettings"]["Networks"]["net140"]
    assert ("192.168.140.130", "2001:db8:abc9::2") == (shown["IPAddress"], shown["GlobalIPv6Address"])
    for container in (first, third):
        assert container.answers("192.168.140.1")
        assert container.answers("2001:db8:abc9::22")
        assert container.answers("192.168.140.130")

    assert {"first", "second", "third"} == {one["name"] for one in docker_host.status()["endpoints"]}
    taken = docker_host.refused("docker run --rm --net=net140 --ip=192.168.140.10 alpine true")
    assert "address 192.168.140.10 is in use on parent eth0.140 by endpoint third of network net140" in taken
    switch = docker_host.refused("docker run --rm --net=net140 --ip=192.168.140.128 alpine true")
    assert "address 192.168.140.128 is reserved in network net140 (--aux-address)" in switch
    start(docker_host, "fourth", net="net140")
    full = docker_host.refused("docker run --rm --net=net140 alpine true")
    assert (
        "range 192.168.140.128/30 of subnet 192.168.140.0/24 is full: all 4 addresses are in use or reserved; "
        "remove a container, ask for an address outside of the range, or give a larger --ip-range" in full
    )


def test_release_and_reuse_over_restarts(docker_host: DockerHost) -> None:
    """Addresses are handed out in turn and come again last, whatever was restarted meanwhile."""
    docker_host.docker(SMALL)
    assert "192.168.20.2/29" == start(docker_host, "one")
    assert "192.168.20.3/29" == start(docker_host, "two")
    docker_host.docker("docker rm -f one")

    docker_host.service("ipvl", "kill")
    docker_host.service("ipvl", "start")
    assert "192.168.20.4/29" == start(docker_host, "three")
    docker_host.service("docker", "restart")
    assert "192.168.20.5/29" == start(docker_host, "four")
    docker_host.docker("docker start two")
    docker_host.docker("docker exec two ping -c 1 -W 2 192.168.20.5")

    docker_host.docker("docker rm -f two three four")
    assert ["192.168.20.1"] == leases(docker_host)
    docker_host.docker("docker network rm small")
    # Made before ipvl was stopped, and a moment ago: Docker is asked whether that was a repetition.
    eventually(lambda: docker_host.records("SELECT id FROM pools") == [], "the pool goes", within=120)


def test_point_to_point_subnets(docker_host: DockerHost) -> None:
    """A /31 has a gateway and one container; the second is told why it cannot be."""
    docker_host.docker(
        "docker network create -d ipvlan --ipam-driver ipvl --subnet=192.168.20.4/31 -o parent=eth0.20 small"
    )
    container = docker_host.container("docker run --net=small -itd alpine /bin/sh")

    assert ["192.168.20.5/31"] == container.addresses()
    assert {"default via 192.168.20.4 dev eth0", "192.168.20.4/31 dev eth0"} == container.routes()
    full = docker_host.refused("docker run --rm --net=small alpine true")
    assert "subnet 192.168.20.4/31 is full: all 2 addresses are in use or reserved; remove a container" in full


def test_networks_that_share_a_pool(docker_host: DockerHost) -> None:
    """Two networks on one parent with one subnet: one gateway, never the same address, both work after the other."""
    for name in ("red", "blue"):
        docker_host.docker(
            f"docker network create -d ipvlan --ipam-driver ipvl --subnet=192.168.20.0/24 -o parent=eth0.20 {name}"
        )
    red = docker_host.container("docker run --net=red --name=one -itd alpine /bin/sh")
    blue = docker_host.container("docker run --net=blue --name=two -itd alpine /bin/sh")

    assert (["192.168.20.2/24"], ["192.168.20.3/24"]) == (red.addresses(), blue.addresses())
    assert red.answers("192.168.20.3")
    taken = docker_host.refused("docker run --rm --net=blue --ip=192.168.20.2 alpine true")
    assert "address 192.168.20.2 is in use on parent eth0.20 by endpoint one of network red" in taken
    docker_host.docker("docker rm -f one && docker network rm red")
    assert blue.answers("192.168.20.1")
    assert ["192.168.20.1", "192.168.20.3"] == leases(docker_host)


@pytest.mark.newest
def test_default_pools(docker_host: DockerHost) -> None:
    """Without a subnet: Docker's default pools, past what this host uses and routes."""
    docker_host.run("ip route add 172.18.0.0/16 dev eth0")
    try:
        docker_host.docker("docker network create -d ipvlan --ipam-driver ipvl one")
        docker_host.docker("docker network create -d ipvlan --ipam-driver ipvl two")
        subnets = [docker_host.network(name)["IPAM"]["Config"][0]["Subnet"] for name in ("one", "two")]

        assert ["172.17.0.0/16", "172.19.0.0/16"] == subnets, "the lab's Docker has no docker0"
        assert start(docker_host, "box", net="one").startswith("172.17.0.")
    finally:
        docker_host.run("ip route del 172.18.0.0/16 dev eth0")


@pytest.mark.newest_only
def test_default_pools_of_ipv6(docker_host: DockerHost) -> None:
    """Without an IPv6 subnet newer Dockers ask for one: a /64 of this host's own prefix, another for each network."""
    for name in ("one", "two"):
        docker_host.docker(f"docker network create -d ipvlan --ipv6 --ipam-driver ipvl {name}")
    first, second = docker_host.containers(*["docker run --net=one -itd alpine /bin/sh"] * 2)
    prefixes = [
        one["Subnet"]
        for name in ("one", "two")
        for one in docker_host.network(name)["IPAM"]["Config"]
        if ":" in one["Subnet"]
    ]

    assert 2 == len(set(prefixes))
    assert all(prefix.startswith("fd") and prefix.endswith("/64") for prefix in prefixes)
    assert first.answers(second.addresses()[1].partition("/")[0])


def test_unknown_options_are_refused(docker_host: DockerHost) -> None:
    """With what there is."""
    shown = docker_host.refused(
        "docker network create -d ipvlan --ipam-driver ipvl --ipam-opt parnet=eth0.20 --subnet=192.168.20.0/24 net"
    )

    assert "unknown option parnet; did you mean parent? known options: parent" in shown


def test_addresses_that_docker_leaked_come_back(docker_host: DockerHost) -> None:
    """Docker died after it asked and before it wrote down: ipvl compares with what Docker has, and takes them back.

    A whole pool may be another Docker's, so that stays, and the status has the line that removes it.
    """
    docker_host.docker(SMALL)
    one = start(docker_host, "one")
    body = {"PoolID": "192.168.20.0/29", "Address": "", "Options": {"com.docker.network.endpoint.name": "lost"}}
    ask(docker_host, "IpamDriver.RequestAddress", body)
    ask(docker_host, "IpamDriver.RequestPool", {"Pool": "10.9.0.0/16"})
    assert ["192.168.20.1", "192.168.20.2", "192.168.20.3"] == leases(docker_host)

    docker_host.service("ipvl", "stop")
    docker_host.run("sqlite3 /var/lib/ipvl/state.db 'UPDATE leases SET changed = 0; UPDATE pools SET changed = 0'")
    docker_host.service("ipvl", "start")

    eventually(lambda: ["192.168.20.1", one[:-3]] == leases(docker_host), "the address nobody has is free")
    eventually(lambda: 1 == len(docker_host.status()["warnings"]), "the pool is named")
    (warning,) = docker_host.status()["warnings"]
    assert warning.endswith("remove it with `ipvl network forget --pool '10.9.0.0/16'`")
    docker_host.guest.run("ipvl network forget --pool '10.9.0.0/16'")
    assert ["192.168.20.0/29|1"] == docker_host.records("SELECT id, users FROM pools")
    assert [] == docker_host.status()["warnings"]
    assert "pool 192.168.20.0/29: nobody has 192.168.20.3 any more, so it is free" in docker_host.log()


def test_docker_and_embedded_on_one_subnet(docker_host: DockerHost) -> None:
    """Containers of Docker and programs of `ipvl run` share a VLAN and its subnet, and no address is given twice."""
    docker_host.docker(
        "docker network create -d ipvlan --ipam-driver ipvl --subnet=192.168.20.0/29 -o parent=eth0.20 shared"
    )
    docker_host.guest.run("ipvl network create --subnet=192.168.20.0/29 -o parent=eth0.20 own")
    run = "ipvl run --net=own -d --rootfs=/opt/lab/alpine.tar"
    try:
        given = []
        for number in range(2):
            container = docker_host.container(f"docker run --net=shared --name=dock{number} -d alpine sleep 100000")
            given += container.addresses()
            docker_host.guest.run(f"{run} --name=own{number} -- sleep 100000", timeout=90)
        given += docker_host.records(
            "SELECT a.interface FROM addresses a JOIN endpoints e ON endpoint_id = e.id WHERE e.interface IS NOT NULL"
        )
        assert 4 == len(set(given)), given
        assert container.answers(given[-1][:-3]), "they are neighbours"
        held = given[0][:-3]
        refusal = docker_host.refused(f"{run} --ip={held} -- true")
        assert f"address {held} is in use on parent eth0.20 by endpoint dock0 of network shared" in refusal
        assert "in use" in docker_host.refused(f"docker run --rm --net=shared --ip={given[-1][:-3]} alpine true")
    finally:
        docker_host.guest.run("ipvl rm -f own0 own1; ipvl network rm own", check=False, timeout=90)
