"""Specification, "Dual Stack IPv4 IPv6 Ipvlan L2 Mode" and "Dual Stack IPv4 IPv6 Ipvlan L3 Mode".

Docker gives a network IPv6 addresses only with `--ipv6`, which the document predates; that flag is all that is added.
"""

import pytest

from tests.lab.docker_host import DockerHost, eventually

V6_NET = r"""
    docker network create -d ipvlan --ipv6 \
        --subnet=2001:db8:abc2::/64 --gateway=2001:db8:abc2::22 \
        -o parent=eth0.139 v6ipvlan139"""
L3_NET = r"""
    docker network  create  -d ipvlan --ipv6 \
        --subnet=192.168.110.0/24 \
        --subnet=192.168.112.0/24 \
        --subnet=2001:db8:abc6::/64 \
         -o parent=eth0 \
         -o ipvlan_mode=l3 ipnet110"""


@pytest.mark.newest
@pytest.mark.control
@pytest.mark.embedded
def test_v6_network_on_vlan_139(docker_host: DockerHost) -> None:
    """With an IPv6 subnet alone Docker adds a default IPv4 one; IPv6 has its gateway and its neighbours."""
    docker_host.docker(V6_NET)
    first, second = docker_host.containers(*["docker run --net=v6ipvlan139 -it --rm alpine /bin/sh"] * 2)
    by_address = sorted((first, second), key=lambda container: container.addresses()[1])

    assert ["2001:db8:abc2::1/64", "2001:db8:abc2::2/64"] == [container.addresses()[1] for container in by_address]
    for container in by_address:
        assert {"default via 2001:db8:abc2::22 dev eth0", "2001:db8:abc2::/64 dev eth0"} == container.routes(6)
        assert container.addresses()[0].startswith("172."), "Docker's own IPv4 pools"
        assert container.answers("2001:db8:abc2::22"), "the router on VLAN 139"
        assert container.answers("2001:db8:abc2::251"), "the second host on VLAN 139"
        assert container.answers("2001:db8:ffff::10"), "the remote host"
        assert container.answers(by_address[0].address()), "IPv4 among themselves"
    assert 2 == by_address[1].inside("ping6 -c 2 2001:db8:abc2::1").stdout.count("bytes from")
    assert docker_host.namespace("remote").answers("2001:db8:abc2::2")


@pytest.mark.embedded
def test_router_advertised_addresses(docker_host: DockerHost) -> None:
    """What the router of VLAN 139 advertises appears beside Docker's address, as in the document's listing."""
    router = docker_host.namespace("router")
    docker_host.run(
        "printf 'interface eth0.139 { AdvSendAdvert on; AdvDefaultLifetime 0; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;"
        " prefix 2001:db8:abc4::/64 { }; };' > /run/radvd.conf"
    )
    radvd = docker_host.guest.start(f"{router.enter} radvd -n -C /run/radvd.conf -p /run/radvd.pid -m stderr")
    try:
        docker_host.docker(V6_NET)
        container = docker_host.container("docker run --net=v6ipvlan139 -it --rm alpine /bin/sh")

        eventually(
            lambda: any(address.startswith("2001:db8:abc4:") for address in container.addresses()),
            "the container has an address of the advertised prefix",
        )
        assert "2001:db8:abc2::1/64" in container.addresses()
        assert "default via 2001:db8:abc2::22 dev eth0" in container.routes(6)
    finally:
        radvd.kill(15)
        radvd.wait(10)


def test_v6_subnet_without_the_flag_is_dockers_to_ignore(docker_host: DockerHost) -> None:
    """Without --ipv6 Docker leaves the IPv6 subnet out and never shows it to a driver: the note in the mapping."""
    docker_host.docker(V6_NET.replace("--ipv6", ""))
    container = docker_host.container("docker run --net=v6ipvlan139 -it --rm alpine /bin/sh")

    assert 1 == len(container.addresses())
    assert all("." in subnet["subnet"] for subnet in docker_host.status()["networks"][0]["subnets"])


@pytest.mark.newest
@pytest.mark.control
@pytest.mark.embedded
def test_dual_stack_on_vlan_140(docker_host: DockerHost) -> None:
    """Two IPv4 subnets and one IPv6 subnet, each with its gateway; addresses chosen by Docker or by the user."""
    docker_host.docker(r"""
        docker network  create  -d ipvlan --ipv6 \
            --subnet=192.168.140.0/24 --subnet=192.168.142.0/24 \
            --gateway=192.168.140.1  --gateway=192.168.142.1 \
            --subnet=2001:db8:abc9::/64 --gateway=2001:db8:abc9::22 \
             -o parent=eth0.140 \
             -o ipvlan_mode=l2 ipvlan140""")
    first = docker_host.container("docker run --net=ipvlan140 --ip6=2001:db8:abc9::51 -it --rm alpine /bin/sh")
    second, third = docker_host.containers(
        "docker run --net=ipvlan140 --ip=192.168.140.10 -it --rm alpine /bin/sh",
        "docker run --net=ipvlan140 --ip=192.168.142.10 -it --rm alpine /bin/sh",
    )

    (address4, address6), own = first.addresses(), first.addresses()[0].rpartition(".")[0]
    assert own in {"192.168.140", "192.168.142"}, "Docker takes either subnet"
    assert (f"{own}.2/24", "2001:db8:abc9::51/64") == (address4, address6)
    assert {f"default via {own}.1 dev eth0", f"{own}.0/24 dev eth0"} == first.routes()
    assert {"default via 2001:db8:abc9::22 dev eth0", "2001:db8:abc9::/64 dev eth0"} == first.routes(6)
    assert {"default via 192.168.142.1 dev eth0", "192.168.142.0/24 dev eth0"} == third.routes()
    assert second.answers(f"{own}.2"), "directly or through the router"
    assert second.answers("2001:db8:abc9::51")
    assert second.answers("192.168.142.10"), "through the router"
    docker_host.run("/work/lab/underlay.sh router-forwarding off")
    try:
        assert not second.reaches("192.168.142.10"), "L2 subnets of one parent are apart without a router"
        assert third.answers("2001:db8:abc9::51"), "IPv6 has one subnet here"
    finally:
        docker_host.run("/work/lab/underlay.sh router-forwarding on")


@pytest.mark.newest
@pytest.mark.control
@pytest.mark.embedded
def test_dual_stack_l3(docker_host: DockerHost) -> None:
    """All subnets of the parent reach each other in both families, and both default routes are the device."""
    docker_host.docker(L3_NET)
    first, second, third = docker_host.containers(
        "docker run --net=ipnet110 -it --rm alpine /bin/sh",
        "docker run --net=ipnet110 --ip6=2001:db8:abc6::10 -it --rm alpine /bin/sh",
        "docker run --net=ipnet110 --ip=192.168.112.50 -it --rm alpine /bin/sh",
    )

    for container in (first, second, third):
        subnet = container.addresses()[0].rpartition(".")[0] + ".0/24"
        assert {"default dev eth0", f"{subnet} dev eth0"} == container.routes()
        assert {"default dev eth0", "2001:db8:abc6::/64 dev eth0"} == container.routes(6)
        assert "NOARP" in container.links()["eth0"]["flags"]
    assert "2001:db8:abc6::10/64" == second.addresses()[1]
    assert "192.168.112.50/24" == third.addresses()[0]
    assert first.answers("192.168.112.50"), "another subnet of the network"
    assert third.answers(first.address())
    assert third.answers("2001:db8:abc6::10")
    assert second.answers(third.addresses()[1][:-3])

    docker_host.docker(f"docker rm -f {third.id}")
    fourth = docker_host.container(
        "docker run --net=ipnet110 --ip6=2001:db8:abc6::50 --ip=192.168.112.50 -it --rm alpine /bin/sh"
    )
    assert ["192.168.112.50/24", "2001:db8:abc6::50/64"] == fourth.addresses()
    assert first.answers("192.168.112.50")
    assert second.answers("2001:db8:abc6::50")


@pytest.mark.newest
@pytest.mark.control
@pytest.mark.embedded
def test_a_deleted_containers_v6_address_is_free(docker_host: DockerHost) -> None:
    """The document warns of "Address already in use" for a reused --ip6: it does not happen."""
    docker_host.docker(L3_NET)
    for _ in range(3):
        container = docker_host.container("docker run --net=ipnet110 --ip6=2001:db8:abc6::10 -it --rm alpine /bin/sh")
        assert "2001:db8:abc6::10/64" == container.addresses()[1]
        docker_host.docker(f"docker rm -f {container.id}")


@pytest.mark.embedded
@pytest.mark.newest_only
def test_v6_only_network(docker_host: DockerHost) -> None:
    """Where Docker allows a network without IPv4, its containers have IPv6 alone."""
    docker_host.docker(
        "docker network create -d ipvlan --ipv6 --ipv4=false --subnet=2001:db8:abc2::/64 --gateway=2001:db8:abc2::22"
        " -o parent=eth0.139 v6only"
    )
    first, second = docker_host.containers(*["docker run --net=v6only -it --rm alpine /bin/sh"] * 2)

    assert {"2001:db8:abc2::1/64", "2001:db8:abc2::2/64"} == {*first.addresses(), *second.addresses()}
    assert set() == first.routes(4)
    assert first.answers("2001:db8:ffff::10")
    assert first.answers(second.address())
