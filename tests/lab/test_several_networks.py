"""Containers on several networks: further routes, metrics, and a default route that one network leaves to another."""

import pytest

from tests.lab.docker_host import DockerHost


@pytest.mark.newest
def test_a_bridge_and_an_l3_network(docker_host: DockerHost) -> None:
    """Docker refuses a second default route (moby/moby#34313); with no_default_route both networks work."""
    docker_host.docker("docker network create -d bridge --subnet=172.31.5.0/24 outside")
    l3 = "docker network create -d ipvlan --subnet=10.77.{}.0/24 -o parent=eth0 -o ipvlan_mode=l3 {}"
    docker_host.docker(l3.format(2, "-o no_default_route=true -o 'route=192.168.1.0/24;203.0.113.0/24' inside"))
    shown = docker_host.refused(l3.format(3, "-o metric=200 measured"))
    assert "metric 200 cannot be had with Docker, whose plugin protocol has no metrics" in shown
    router = docker_host.namespace("router")
    router.run("ip route add 10.77.2.0/24 via 192.168.1.250")
    try:
        container = docker_host.container("docker run --net=outside --name=both -itd alpine /bin/sh")
        docker_host.docker("docker network connect inside both")

        assert {
            "default via 172.31.5.1 dev eth0",
            "172.31.5.0/24 dev eth0",
            "10.77.2.0/24 dev eth1",
            "192.168.1.0/24 dev eth1",
            "203.0.113.0/24 dev eth1",
        } == container.routes()
        assert container.answers("192.168.1.1"), "by the route of the L3 network"
        assert container.answers("172.31.5.1"), "by the bridge"
        (network,) = docker_host.status()["networks"]
        assert (False, ["192.168.1.0/24", "203.0.113.0/24"]) == (network["default_route"], network["routes"])
    finally:
        router.run("ip route del 10.77.2.0/24")


@pytest.mark.embedded
@pytest.mark.newest
def test_routes_by_a_router(docker_host: DockerHost) -> None:
    """In L2 a route leads by a router of the subnet, both families, beside the default route, which may be left out."""
    docker_host.docker(
        "docker network create -d ipvlan --ipv6 --subnet=192.168.20.0/24 --subnet=2001:db8:20::/64 -o parent=eth0.20"
        " -o 'route=198.51.100.0/24,via=192.168.20.251;2001:db8:77::/64,via=2001:db8:20::251' shop"
    )
    docker_host.docker(
        "docker network create -d ipvlan --subnet=192.168.30.0/24 -o parent=eth0.30 -o no_default_route=true"
        " -o route=203.0.113.0/24,via=192.168.30.1 side"
    )
    host2 = docker_host.namespace("host2")
    host2.run("ip -batch - <<'EOF'\nlink add far type dummy\nlink set far up\naddr add 198.51.100.7/24 dev far\nEOF")
    try:
        shop, side = docker_host.containers(
            "docker run --net=shop -itd alpine /bin/sh", "docker run --net=side -itd alpine /bin/sh"
        )
        assert "198.51.100.0/24 via 192.168.20.251 dev eth0" in shop.routes()
        assert "2001:db8:77::/64 via 2001:db8:20::251 dev eth0" in shop.routes(6)
        assert "default via 192.168.20.1 dev eth0" in shop.routes()
        assert shop.answers("198.51.100.7")
        assert {"192.168.30.0/24 dev eth0", "203.0.113.0/24 via 192.168.30.1 dev eth0"} == side.routes()
        assert side.answers("203.0.113.10")
        assert "unreachable" in side.inside("ping -c 1 -W 1 198.51.100.7", check=False).stderr
        shown = docker_host.run("ipvl status").stdout
        assert "198.51.100.0/24 via 192.168.20.251" in shown
        assert "no default" in shown
    finally:
        host2.run("ip link del far")


@pytest.mark.embedded_only
def test_metrics(docker_host: DockerHost) -> None:
    """A sandbox has the default routes of all its networks and uses the one with the lowest metric; all come back."""
    for name, vlan, metric in (("slow", 20, 200), ("fast", 30, 100)):
        docker_host.guest.run(
            f"ipvl network create --subnet=192.168.{vlan}.0/24 -o parent=eth0.{vlan} -o metric={metric} {name}"
        )
    one = docker_host.container("ipvl run --net=slow --net=fast --name=one -d alpine sleep 100000")
    assert "default via 192.168.20.1 dev eth0 proto static metric 200" in one.run("ip route").stdout
    assert "dev eth1" in one.run("ip route get 203.0.113.10").stdout
    assert one.answers("203.0.113.10")

    docker_host.service("ipvl", "restart")
    docker_host.guest.run("ipvl network disconnect fast one")
    assert "dev eth0" in one.run("ip route get 203.0.113.10").stdout
    docker_host.guest.run("ipvl network connect fast one")
    assert "default via 192.168.30.1 dev eth1 proto static metric 100" in one.run("ip route").stdout
