"""Addresses that a machine on the VLAN has already, and neighbours that are told of new ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.docker_host import DockerHost, eventually

HOST2, HOST = "00:50:56:39:45:2f", "00:50:56:39:45:2e"
SUBNETS = "--subnet=192.168.140.0/24 --gateway=192.168.140.1 --subnet=2001:db8:abc9::/64 --gateway=2001:db8:abc9::22"
CAREFUL = f"{SUBNETS} -o parent=eth0.140 -o conflict_check=probe net140"
IPAM = "--ipam-driver ipvl --ipam-opt parent=eth0.140 --ipam-opt conflict_check=probe"


@contextmanager
def elsewhere(docker_host: DockerHost, *addresses: str) -> Iterator[None]:
    """Have the second host use addresses that nobody told the Docker host of."""
    host2 = docker_host.namespace("host2")
    for address in addresses:
        host2.run(f"ip address add {address} dev eth0.140" + (" nodad" if ":" in address else ""))
    try:
        yield
    finally:
        for address in addresses:
            host2.run(f"ip address del {address} dev eth0.140")


def kept_out(docker_host: DockerHost) -> dict[str, str]:
    """Return the addresses that `ipvl status` shows as others', and whose they are."""
    return {one["address"]: one["holder"] for one in docker_host.status()["quarantines"]}


@pytest.mark.newest
def test_an_address_that_somebody_has_is_refused(docker_host: DockerHost) -> None:
    """Where Docker or its user chose it: with the MAC address that answered, in both families; later it is free."""
    docker_host.docker(f"docker network create -d ipvlan --ipv6 {CAREFUL}")
    with elsewhere(docker_host, "192.168.140.9/24", "2001:db8:abc9::9/64"):
        for flag, address in (("--ip", "192.168.140.9"), ("--ip6", "2001:db8:abc9::9")):
            shown = docker_host.refused(f"docker run --rm --net=net140 {flag}={address} alpine true")
            assert f"address {address} is in use on eth0.140 by {HOST2}; choose another --ip, or keep it out" in shown
        assert {"192.168.140.9": HOST2, "2001:db8:abc9::9": HOST2} == kept_out(docker_host)
        assert f"192.168.140.9      eth0.140   {HOST2}" in docker_host.run("ipvl status").stdout
    docker_host.run("ip address add 192.168.140.77/24 dev eth0.140")
    shown = docker_host.refused("docker run --rm --net=net140 --ip=192.168.140.77 alpine true")
    assert "address 192.168.140.77 is this host's own, on eth0.140; choose another --ip" in shown
    docker_host.run("ip address del 192.168.140.77/24 dev eth0.140")

    again = docker_host.container("docker run --net=net140 --ip=192.168.140.9 --ip6=2001:db8:abc9::9 -itd alpine sh")

    assert ["192.168.140.9/24", "2001:db8:abc9::9/64"] == again.addresses()
    assert again.answers("192.168.140.251")
    assert {} == kept_out(docker_host)


@pytest.mark.newest
def test_another_address_is_taken_where_ipvl_chooses(docker_host: DockerHost) -> None:
    """With `--ipam-driver ipvl` Docker gets the next one, for which the segment is asked once; `--ip` is refused."""
    docker_host.docker(f"docker network create -d ipvlan --ipv6 {IPAM} {CAREFUL}")
    host2 = docker_host.namespace("host2")
    with (
        elsewhere(docker_host, "192.168.140.2/24", "2001:db8:abc9::1/64"),
        docker_host.frames("eth0.140", "arp", host2) as seen,
    ):
        container = docker_host.container("docker run --net=net140 -itd alpine /bin/sh")

        assert ["192.168.140.3/24", "2001:db8:abc9::2/64"] == container.addresses()
        assert {"192.168.140.2": HOST2, "2001:db8:abc9::1": HOST2} == kept_out(docker_host)
        assert container.answers("192.168.140.2"), "both are reached"
        assert 3 == len([line for line in seen() if "who-has 192.168.140.3 tell 0.0.0.0" in line])
        shown = docker_host.refused("docker run --rm --net=net140 --ip=192.168.140.2 alpine true")
        assert f"address 192.168.140.2 is in use on eth0.140 by {HOST2}; choose another" in shown
    again = docker_host.container("docker run --net=net140 --ip=192.168.140.2 -itd alpine /bin/sh")
    assert "192.168.140.2/24" == again.addresses()[0]


@pytest.mark.embedded_only
def test_namespaces_get_what_nobody_has_and_neighbours_learn_it(docker_host: DockerHost) -> None:
    """The next address is taken, an explicit one refused; then each is announced as often as the network says."""
    announced = "-o com.docker.network.advertise_addr_nmsgs=2 -o com.docker.network.advertise_addr_ms=100"
    docker_host.guest.run(f"ipvl network create {announced} {CAREFUL}")
    docker_host.run("ip netns add blue && ip netns add red")
    host2 = docker_host.namespace("host2")
    host2.run("ip neigh replace 192.168.140.3 lladdr 52:54:00:00:00:99 dev eth0.140 nud stale")
    try:
        with (
            elsewhere(docker_host, "192.168.140.2/24", "2001:db8:abc9::1/64"),
            docker_host.frames("eth0.140", f"ether src {HOST} and (arp or icmp6)", host2) as seen,
        ):

            def announcements(address: str) -> list[str]:
                says = re.compile(
                    rf"who-has {address}\b.* tell {address}\b|> ff02::1: .*advertisement, tgt is {address},"
                )
                return [line for line in seen() if says.search(line)]

            attached = docker_host.guest.run("ipvl attach --net net140 --netns blue").stdout.strip()
            assert "eth0 192.168.140.3/24 2001:db8:abc9::2/64" == attached
            assert {"192.168.140.2": HOST2, "2001:db8:abc9::1": HOST2} == kept_out(docker_host)
            refusal = docker_host.refused("ipvl attach --net net140 --netns red --ip 192.168.140.2")
            assert refusal.startswith(f"ipvl: address 192.168.140.2 is in use on eth0.140 by {HOST2}; choose another")
            eventually(
                lambda: [2, 2] == [len(announcements(one)) for one in ("192.168.140.3", "2001:db8:abc9::2")],
                "each address is announced twice",
            )
            assert HOST in host2.run("ip neigh show 192.168.140.3").stdout, (
                "who remembered another machine knows better"
            )
            assert docker_host.namespace("blue").answers("192.168.140.2")

            docker_host.guest.run(
                f"ipvl network create {SUBNETS} -o parent=eth0.140 -o com.docker.network.advertise_addr_nmsgs=0 quiet"
            )
            attached = docker_host.guest.run("ipvl attach --net quiet --netns red").stdout.strip()
            assert "eth0 192.168.140.4/24 2001:db8:abc9::3/64" == attached, "what is others' is so for every network"
            assert docker_host.namespace("red").answers("192.168.140.1")
            assert [] == announcements("192.168.140.4") + announcements("2001:db8:abc9::3")
            assert 2 == len(announcements("192.168.140.3"))
    finally:
        docker_host.run("ip netns del blue; ip netns del red")
