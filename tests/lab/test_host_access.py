"""The host and its own containers reach each other where a network gives it access, and nowhere else."""

import pytest

from tests.lab.docker_host import DockerHost, eventually
from tests.lab.embedded_host import EmbeddedHost

RP_FILTER = "/proc/sys/net/ipv4/conf/all/rp_filter"


def host_port(docker_host: DockerHost) -> str:
    (name,) = (name for name in docker_host.links() if name.startswith("ih-"))
    return name


@pytest.mark.embedded
@pytest.mark.newest
def test_on_the_hosts_own_lan(docker_host: DockerHost) -> None:
    """In L2 the host keeps its own route to the LAN and gets one to each container, in both families; all come back."""
    line = (
        "docker network create -d ipvlan --ipv6 --subnet=192.168.1.0/24 --subnet=2001:db8:1::/64 -o parent=eth0"
        " -o host_access=true {} lan"
    )
    if not isinstance(docker_host, EmbeddedHost):
        shown = docker_host.refused(line.format(""))
        assert "subnet 192.168.1.0/24 has no address for the host, and Docker does not choose one" in shown
    own = "--aux-address host=192.168.1.240 --aux-address host6=2001:db8:1::240"
    private = docker_host.refused(line.format(f"-o ipvlan_flag=private {own}"))
    assert "host_access cannot be had with ipvlan_flag private, which keeps a parent's ports apart" in private
    before = docker_host.routes() | docker_host.routes(6)
    docker_host.docker(line.format(own))
    container = docker_host.container("docker run --net=lan --name=one --ip=192.168.1.77 -itd alpine /bin/sh")
    port, (_, v6) = host_port(docker_host), container.addresses()

    docker_host.run(f"sh -c 'echo 1 >{RP_FILTER}'")
    try:
        for address in ("192.168.1.77", v6.partition("/")[0]):
            assert docker_host.answers(address)
        for address in ("192.168.1.240", "2001:db8:1::240"):
            assert container.answers(address)
    finally:
        docker_host.run(f"sh -c 'echo 0 >{RP_FILTER}'")
    assert "src 192.168.1.240" in docker_host.run("ip route get 192.168.1.77").stdout
    assert container.answers("192.168.1.251"), "the LAN is where it was"
    assert docker_host.answers("192.168.1.251")
    after = docker_host.routes() | docker_host.routes(6)
    assert before | {f"192.168.1.77 dev {port}", f"{v6.partition('/')[0]} dev {port}"} == after
    assert f"{port}   lan       192.168.1.240,2001:db8:1::240" in docker_host.run("ipvl status").stdout

    docker_host.run(f"ip link del {port}")
    eventually(lambda: docker_host.reaches("192.168.1.77"), "the host port that somebody deleted is back")
    docker_host.service("ipvl", "kill")
    docker_host.run(f"ip link del {port}")
    docker_host.service("ipvl", "start")
    eventually(lambda: docker_host.reaches("192.168.1.77"), "and so it is after a start")
    docker_host.docker("docker rm -f one")
    assert before == docker_host.routes() | docker_host.routes(6)
    docker_host.docker("docker network rm lan")
    assert port not in docker_host.links()


@pytest.mark.embedded
@pytest.mark.newest
def test_routed_and_isolated(docker_host: DockerHost) -> None:
    """In L3, L3S and on a dummy the host has the address that is no gateway there, and one route a subnet."""
    for line in (
        "--ipv6 --subnet=10.88.0.0/24 --subnet=2001:db8:88::/64 -o parent=eth0 -o ipvlan_mode=l3 routed",
        "--subnet=10.89.0.0/24 -o parent=eth1 -o ipvlan_mode=l3s filtered",
        "--subnet=10.90.0.0/24 alone",
    ):
        docker_host.docker(f"docker network create -d ipvlan -o host_access=true {line}")
    names = ("routed", "filtered", "alone")
    containers = docker_host.containers(*(f"docker run --net={name} -itd alpine /bin/sh" for name in names))
    hosts = {network["name"]: network["host_addresses"] for network in docker_host.status()["networks"]}

    assert {"routed": ["10.88.0.1", "2001:db8:88::1"], "filtered": ["10.89.0.1"], "alone": ["10.90.0.1"]} == hosts
    for name, container in zip(names, containers, strict=True):
        for own, theirs in zip(hosts[name], container.addresses(), strict=True):
            assert docker_host.answers(theirs.partition("/")[0]), name
            assert container.answers(own), name
    shown = docker_host.refused(
        "docker network create -d ipvlan --subnet=192.168.1.128/25 -o parent=eth1 -o mode=l3s -o host_access=true x"
    )
    assert "overlaps the host's route 192.168.1.0/24 by eth0, so the host cannot have access" in shown


def test_an_address_of_ipvls_own_pool(docker_host: DockerHost) -> None:
    """With ipvl's address management the host's address is chosen, and nobody else gets it."""
    docker_host.docker(
        "docker network create -d ipvlan --ipam-driver ipvl --ipam-opt parent=eth0.20 --subnet=192.168.20.0/24"
        " --ip-range=192.168.20.64/26 -o parent=eth0.20 -o host_access=true shop"
    )
    (network,) = docker_host.status()["networks"]
    container = docker_host.container("docker run --net=shop -itd alpine /bin/sh")

    assert (["192.168.20.64"], ["192.168.20.65/24"]) == (network["host_addresses"], container.addresses())
    assert docker_host.answers("192.168.20.65")
    assert container.answers("192.168.20.64")
    assert container.answers("192.168.20.1")
    shown = docker_host.refused("docker run --rm --net=shop --ip=192.168.20.64 alpine true")
    assert "192.168.20.64 is the host's own in network shop (host_access)" in shown
