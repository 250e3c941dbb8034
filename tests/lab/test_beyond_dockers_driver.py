"""What users of ipvlan ask for, one line each; Docker's own driver, which has none of it, is the control."""

from __future__ import annotations

import pytest

from tests.lab.docker_host import IPVL, DockerHost
from tests.lab.test_address_conflicts import HOST2, SUBNETS, elsewhere
from tests.lab.test_dhcp_leases import dhcp_server
from tests.lab.test_stacked_parents import STACKED, provider


@pytest.mark.embedded
@pytest.mark.control(differs="keeps the host out of its containers' reach, with no way in")
def test_the_host_reaches_its_containers(docker_host: DockerHost) -> None:
    """And they reach it, by an address of its own."""
    docker_host.docker(
        "docker network create -d ipvlan --subnet=192.168.1.0/24 --aux-address host=192.168.1.240"
        " -o parent=eth0 -o host_access=true lan"
    )
    container = docker_host.container("docker run --net=lan --ip=192.168.1.77 -itd alpine /bin/sh")

    assert docker_host.answers("192.168.1.77")
    assert container.answers("192.168.1.240")


@pytest.mark.embedded
@pytest.mark.control(differs="has no addresses from the network's DHCP server")
def test_addresses_come_from_the_networks_dhcp_server(docker_host: DockerHost) -> None:
    """The lease is the container's address."""
    ipam = "--ipam-driver=null" if docker_host.driver == IPVL else ""
    docker_host.docker(f"docker network create -d ipvlan {ipam} -o parent=eth0.20 -o addressing=dhcp lan")
    with dhcp_server(docker_host):
        container = docker_host.container("docker run --net=lan -itd alpine /bin/sh")
        assert container.addresses()[0].startswith("192.168.20.1"), "100 to 110 are the server's to lease"
        assert container.answers("192.168.20.1")
        docker_host.docker(f"docker rm -f {container.id}")


@pytest.mark.embedded
@pytest.mark.control(differs="gives containers addresses that a machine on the LAN has")
def test_no_address_is_taken_that_somebody_has(docker_host: DockerHost) -> None:
    """The sentence names whose it is."""
    docker_host.docker(
        f"docker network create -d ipvlan --ipv6 {SUBNETS} -o parent=eth0.140 -o conflict_check=probe net140"
    )
    with elsewhere(docker_host, "192.168.140.9/24"):
        shown = docker_host.refused("docker run --rm --net=net140 --ip=192.168.140.9 alpine true")

    assert f"address 192.168.140.9 is in use on eth0.140 by {HOST2}" in shown


@pytest.mark.embedded
@pytest.mark.control(differs="has no further routes")
def test_a_network_has_further_routes(docker_host: DockerHost) -> None:
    """Beside its default route."""
    docker_host.docker(
        "docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20"
        " -o route=198.51.100.0/24,via=192.168.20.251 shop"
    )
    container = docker_host.container("docker run --net=shop -itd alpine /bin/sh")

    assert {
        "default via 192.168.20.1 dev eth0",
        "192.168.20.0/24 dev eth0",
        "198.51.100.0/24 via 192.168.20.251 dev eth0",
    } == container.routes()


@pytest.mark.embedded
@pytest.mark.control(differs="gives every network a default route")
def test_a_network_leaves_the_default_route_to_another(docker_host: DockerHost) -> None:
    """So that a container can be on both."""
    docker_host.docker(
        "docker network create -d ipvlan --subnet=10.77.2.0/24 -o parent=eth0 -o ipvlan_mode=l3"
        " -o no_default_route=true inside"
    )
    container = docker_host.container("docker run --net=inside -itd alpine /bin/sh")

    assert {"10.77.2.0/24 dev eth0"} == container.routes()


@pytest.mark.embedded
@pytest.mark.control(differs="takes the names of links alone")
def test_a_parent_is_described(docker_host: DockerHost) -> None:
    """VLAN 20 of the link that the default route leads by, whatever that is called."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=auto.20 vlan20")

    assert docker_host.container("docker run --net=vlan20 -itd alpine /bin/sh").answers("192.168.20.1")


@pytest.mark.embedded
@pytest.mark.control(differs="makes parents with one tag only")
def test_a_parent_has_two_tags(docker_host: DockerHost) -> None:
    """Both are made."""
    with provider(docker_host, "802.1q"):
        docker_host.docker(f"{STACKED} stacked")

        assert docker_host.container("docker run --net=stacked -itd alpine /bin/sh").answers("10.160.20.1")


@pytest.mark.newest
@pytest.mark.embedded
@pytest.mark.control(differs="refuses a second network with the same subnet")
def test_equal_subnets_on_different_vlans(docker_host: DockerHost) -> None:
    """The same subnet, gateway and addresses on two VLANs, apart from each other."""
    for vlan in (20, 30):
        ipam = f"--ipam-driver ipvl --ipam-opt parent=eth0.{vlan}" if docker_host.driver == IPVL else ""
        docker_host.docker(
            f"docker network create -d ipvlan {ipam} --subnet=192.168.20.0/24 --gateway=192.168.20.1"
            f" -o parent=eth0.{vlan} vlan{vlan}"
        )
    twins = [docker_host.container(f"docker run --net=vlan{vlan} -itd alpine /bin/sh") for vlan in (20, 30)]
    neighbour = docker_host.container("docker run --net=vlan30 -itd alpine /bin/sh")

    assert [["192.168.20.2/24"], ["192.168.20.2/24"]] == [container.addresses() for container in twins]
    assert twins[0].answers("192.168.20.1"), "the router on VLAN 20"
    assert not twins[1].reaches("192.168.20.1"), "VLAN 30's router has another address"
    assert ["192.168.20.3/24"] == neighbour.addresses()
    assert twins[1].answers("192.168.20.3")
    assert not twins[0].reaches("192.168.20.3"), "that one is on VLAN 30"
