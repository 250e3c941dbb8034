"""Parents as hosts have them: dead, resized, renamed, macvlan ports; and hosts with routes of their own."""

from __future__ import annotations

import pytest

from tests.lab.docker_host import DockerHost, eventually
from tests.lab.doctor import doctor, well
from tests.lab.embedded_host import EmbeddedHost
from tests.lab.test_dhcp_leases import dhcp_server


@pytest.mark.embedded
def test_a_macvlan_port_as_the_parent(docker_host: DockerHost) -> None:
    """An instance's only NIC may be one: containers on it, and on a VLAN of it, reach the router, and all is well."""
    docker_host.run("ip link add link eth1 name mv0 up type macvlan mode bridge")
    try:
        assert well("0 networks", "1 parent") == doctor(docker_host, "--parent mv0")
        docker_host.docker(
            "docker network create -d ipvlan --subnet=192.168.1.0/24 --gateway=192.168.1.1 --ip-range=192.168.1.96/28"
            " -o parent=mv0 lan"
        )
        docker_host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=mv0.20 tagged")
        plain, tagged = docker_host.containers(
            "docker run --net=lan -itd alpine /bin/sh", "docker run --net=tagged -itd alpine /bin/sh"
        )

        assert plain.answers("192.168.1.1")
        assert tagged.answers("192.168.20.1")
        assert plain.links()["eth0"]["address"] == docker_host.links()["mv0"]["address"]
        (told,) = doctor(docker_host).lines
        assert told.startswith("warning: this host answers for its other addresses on parent mv0, which has none")
        docker_host.run(told.partition("for containers alone: `")[2].removesuffix("`"))
        assert well("2 networks", "2 parents") == doctor(docker_host)

        docker_host.run("ip link set eth1 down")
        troubles = [network["trouble"] for network in docker_host.status()["networks"]]
        assert [["mv0"], ["mv0.20"]] == [
            [
                name
                for name in ("mv0", "mv0.20")
                if f"parent {name} has no carrier, since eth1 below it is down, so its containers reach nobody:"
                " bring that up with `ip link set eth1 up`" in trouble
            ]
            for trouble in troubles
        ], troubles
        docker_host.run("ip link set eth1 up")
        assert plain.answers("192.168.1.1")
        assert tagged.answers("192.168.20.1")
    finally:
        docker_host.reset()
        docker_host.run("ip link del mv0; ip link set eth1 up")


@pytest.mark.embedded
def test_host_access_beside_a_vpn_and_a_second_nic(docker_host: DockerHost) -> None:
    """Routes to half of everything and to the same LAN are in nobody's way; one to a container alone is named."""
    docker_host.run(
        "sh -c 'ip link add vpn0 type dummy && ip link set vpn0 up && ip addr add 10.8.0.2/24 dev vpn0"
        " && for half in 0.0.0.0/1 128.0.0.0/1 ::/1 8000::/1; do ip route add $half dev vpn0; done"
        " && ip addr add 192.168.1.249/24 dev eth1 && ip route add 192.168.1.78/32 dev vpn0'"
    )
    before = docker_host.routes()
    try:
        docker_host.docker(
            "docker network create -d ipvlan --ipv6 --subnet=192.168.1.0/24 --subnet=2001:db8:1::/64 -o parent=eth0"
            " -o host_access=true --aux-address host=192.168.1.240 --aux-address host6=2001:db8:1::240 lan"
        )
        docker_host.docker(
            "docker network create -d ipvlan --subnet=10.88.0.0/24 -o parent=eth0.20 -o ipvlan_mode=l3"
            " -o host_access=true routed"
        )
        one, routed = docker_host.containers(
            "docker run --net=lan --ip=192.168.1.77 -itd alpine /bin/sh",
            "docker run --net=routed -itd alpine /bin/sh",
        )
        for container in (one, routed):
            for address in container.addresses():
                assert docker_host.answers(address.partition("/")[0])
        hidden = docker_host.container("docker run --net=lan --ip=192.168.1.78 --name=hidden -itd alpine /bin/sh")
        sentence = (
            "this host does not reach 192.168.1.78 in network lan: its route 192.168.1.78/32 by vpn0 leads there"
            " already; remove that route, or give the container another address"
        )
        troubles = {network["name"]: network["trouble"] for network in docker_host.status()["networks"]}
        assert {"lan": [sentence], "routed": []} == troubles
        assert sentence in docker_host.log()
        assert hidden.answers("192.168.1.1"), "everybody else is reached"
        assert "192.168.1.78 dev vpn0" in docker_host.routes()

        docker_host.run("ip route del 192.168.1.78/32 dev vpn0")
        docker_host.service("ipvl", "restart")
        eventually(lambda: docker_host.reaches("192.168.1.78"), "the host has its route now")
        docker_host.reset()
        assert before - {"192.168.1.78 dev vpn0"} == docker_host.routes(), "what the host had it has"
    finally:
        docker_host.reset()
        docker_host.run("sh -c 'ip link del vpn0; ip addr del 192.168.1.249/24 dev eth1'")


@pytest.mark.embedded
def test_a_base_that_is_down(docker_host: DockerHost) -> None:
    """Sub-interfaces on it are made, one tag or two; containers start; all comes up with the base, in both families."""
    docker_host.run("ip link set eth1 down")
    sentence = (
        "parent eth1.140 is down, since eth1 below it is, so its containers reach nobody:"
        " bring that up with `ip link set eth1 up`"
    )
    try:
        docker_host.docker(
            "docker network create -d ipvlan --ipv6 --subnet=192.168.140.0/24 --subnet=2001:db8:abc9::/64"
            " --gateway=192.168.140.1 --gateway=2001:db8:abc9::22 -o parent=eth1.140 dead"
        )
        docker_host.docker("docker network create -d ipvlan --subnet=10.1.0.0/24 -o parent=eth1.130.20 stacked")
        links = docker_host.links()
        assert {"made by ipvl"} == {links[name]["ifalias"] for name in ("eth1.140", "eth1.130", "eth1.130.20")}
        assert not any("UP" in links[name]["flags"] for name in ("eth1.140", "eth1.130", "eth1.130.20"))
        assert [sentence] == docker_host.status()["networks"][0]["trouble"]
        assert "parent eth1.140 stays down as long as eth1 below it is" in docker_host.log()
        container = docker_host.container("docker run --net=dead -itd alpine /bin/sh")
        assert {f"default via {gateway} dev eth0" for gateway in ("192.168.140.1", "2001:db8:abc9::22")} < (
            container.routes() | container.routes(6)
        )

        docker_host.service("ipvl", "restart")
        assert "eth1.140" in docker_host.links(), "it is there after a restart, too"
        docker_host.run("ip link set eth1 up")
        for gateway in ("192.168.140.1", "2001:db8:abc9::22"):
            assert container.answers(gateway)
        assert all("UP" in docker_host.links()[name]["flags"] for name in ("eth1.130", "eth1.130.20"))
        eventually(lambda: [] == docker_host.status()["warnings"], "and nothing is wrong any more", within=10)
        docker_host.run("ip link set eth1.140 down")
        eventually(lambda: "UP" in docker_host.links()["eth1.140"]["flags"], "what ipvl made is brought up", within=10)
        assert container.answers("192.168.140.1")
    finally:
        docker_host.reset()
        docker_host.run("ip link set eth1 up")


@pytest.mark.embedded
def test_leases_on_a_base_that_is_down(docker_host: DockerHost) -> None:
    """The network is made; nobody can be asked for an address, and what to bring up is said, not what comes with it."""
    host = docker_host
    ipam = "" if isinstance(host, EmbeddedHost) else "--ipam-driver=null"
    host.run("ip link set eth1 down")
    try:
        host.docker(f"docker network create -d ipvlan {ipam} -o parent=eth1.20 -o addressing=dhcp lan")
        with dhcp_server(host):
            shown = host.refused("docker run -d --net=lan alpine sleep 1000")
            assert (
                "parent eth1.20 is down, since eth1 below it is, so network lan has no address from a DHCP server;"
                " bring that up with `ip link set eth1 up`" in shown
            )
            assert [
                "problem: parent eth1.20 is down, so its containers reach nobody;"
                " eth1 below it is down: bring that up with `ip link set eth1 up`"
            ] == doctor(host).lines
            host.run("ip link set eth1 up")
            container = host.container("docker run -d --name web --net=lan alpine sleep 1000")
            assert container.answers("192.168.20.1")
            host.docker("docker rm -f web")
    finally:
        host.reset()
        host.run("ip link set eth1 up")


@pytest.mark.embedded
def test_a_base_whose_mtu_changes(docker_host: DockerHost) -> None:
    """Made links, with one tag or two, follow it down and up, and so do containers, within their network's own MTU."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 plain")
    docker_host.docker(
        "docker network create -d ipvlan --subnet=172.16.20.0/24 --gateway=172.16.20.1 -o parent=eth0.20"
        " -o com.docker.network.driver.mtu=1450 small"
    )
    docker_host.docker("docker network create -d ipvlan --subnet=10.2.0.0/24 -o parent=eth0.160.20 stacked")
    plain, small, stacked = docker_host.containers(
        *(f"docker run --net={name} -itd alpine /bin/sh" for name in ("plain", "small", "stacked"))
    )

    def mtus() -> list[int]:
        links = docker_host.links()
        made = [links[name]["mtu"] for name in ("eth0.20", "eth0.160", "eth0.160.20")]
        return [*made, *(one.links()["eth0"]["mtu"] for one in (plain, small, stacked))]

    try:
        for base, own in ((1400, 1400), (1500, 1450), (9000, 1450), (1500, 1450)):
            docker_host.run(f"ip link set eth0 mtu {base}")
            expected = [base, base, base, base, own, base]
            eventually(lambda: mtus() == expected, f"they follow to {base}: {expected}", within=10)  # noqa: B023
        docker_host.run("ip link set eth0 mtu 1400")
        said = "MTU 1450 is above the 1400 of link eth0.20; use 1400 or less, or raise the parent's with"
        small_network = next(one for one in docker_host.status()["networks"] if one["name"] == "small")
        assert [f"{said} `ip link set eth0 mtu 1450`"] == small_network["trouble"], "what ipvl made follows that"
        docker_host.run("ip link set eth0 mtu 1400")
        docker_host.service("ipvl", "stop")
        docker_host.run("ip link set eth0 mtu 1500")
        docker_host.service("ipvl", "start")
        eventually(lambda: mtus() == [1500, 1500, 1500, 1500, 1450, 1500], "at a start as well", within=10)
        assert [] == docker_host.status()["warnings"]
    finally:
        docker_host.reset()
        docker_host.run("ip link set eth0 mtu 1500")


@pytest.mark.embedded
@pytest.mark.newest
def test_alternative_names(docker_host: DockerHost) -> None:
    """They name the same parent, also of VLANs, and a network outlives the end of either name."""
    long = "uplink0lan" * 12
    docker_host.run(f"ip link property add dev eth1 altname uplink0lan altname {long}")
    try:
        assert well("0 networks", "1 parent") == doctor(docker_host, f"--parent {long}")
        docker_host.docker(
            "docker network create -d ipvlan --subnet=192.168.1.0/24 --gateway=192.168.1.1 --ip-range=192.168.1.96/28"
            " -o parent=uplink0lan lan"
        )
        docker_host.docker(
            f"docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent={long}.20 tagged",
        )
        docker_host.docker("docker network create -d ipvlan --subnet=172.16.48.0/22 -o parent=eth1.20 same")
        assert ["eth1", "eth1.20", "eth1.20"] == docker_host.records("SELECT parent FROM networks ORDER BY parent")
        shown = docker_host.refused(
            "docker network create -d ipvlan --subnet=10.3.0.0/24 -o parent=uplink0lan -o ipvlan_mode=l3 other"
        )
        assert "parent eth1 already carries network lan in mode l2" in shown
        one = docker_host.container("docker run --net=lan --name=one -itd alpine /bin/sh")
        assert one.answers("192.168.1.1")

        docker_host.run(f"ip link property del dev eth1 altname {long}")
        docker_host.docker(f"docker network create -d ipvlan --subnet=10.4.0.0/24 -o parent={long} late")
        docker_host.run("ip link set eth1 down && ip link set eth1 name nic7 && ip link set nic7 up")
        eventually(
            lambda: (
                ["eth1.20", "eth1.20", "nic7", "nic7"]
                == docker_host.records("SELECT parent FROM networks ORDER BY parent")
            ),
            "the link's new name is noticed",
            within=10,
        )
        two, tagged = docker_host.containers(
            "docker run --net=lan --name=two -itd alpine /bin/sh",
            "docker run --net=tagged --name=tagged -itd alpine /bin/sh",
        )
        for container, router in ((one, "192.168.1.1"), (two, "192.168.1.1"), (tagged, "192.168.20.1")):
            assert container.answers(router)
        assert one.address() != two.address()
        status = docker_host.status()
        assert [[]] * 4 == [network["trouble"] for network in status["networks"]]
        assert [] == status["warnings"]
        docker_host.docker("docker network create -d ipvlan --subnet=10.5.0.0/24 -o parent=uplink0lan.20 again")
        assert "eth1.20" in docker_host.records("SELECT parent FROM networks WHERE name = 'again'")
        docker_host.run("ip link del eth1.20")
        eventually(
            lambda: "eth1.20" in docker_host.links(), "it is made again on what its base is called now", within=10
        )
        docker_host.docker("docker rm -f one")
    finally:
        docker_host.reset()
        docker_host.run(
            "sh -c 'ip link set nic7 down && ip link set nic7 name eth1 && ip link set eth1 up;"
            " for name in $(ip -j link show eth1 | grep -o uplink[a-z0-9]*); do"
            " ip link property del dev eth1 altname $name; done'"
        )


@pytest.mark.embedded
def test_a_base_with_a_long_name(docker_host: DockerHost) -> None:
    """With one of 15 bytes the refusal has the line that makes the VLAN, which is then found by what it is."""
    docker_host.run("ip link add link eth1 name enx00505639452d type macvlan mode bridge")
    docker_host.run("ip link set enx00505639452d address 02:50:56:39:45:2d up")
    by_name, by_mac = "enx00505639452d.20", "mac:02:50:56:39:45:2d.20"
    line = "ip link add link enx00505639452d name vlan20 up type vlan id 20"
    try:
        for parent in (by_name, by_mac):
            shown = docker_host.refused(
                f"docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent={parent} x"
            )
            assert shown == (
                f"{docker_host.refusal}parent {by_name} cannot be made: a link's name has at most 15 bytes;"
                f" make it with `{line}` and use -o parent=vlan20"
            )
        docker_host.run(line)
        for number, parent in enumerate((by_name, by_mac, "vlan20")):
            subnet = f"192.168.{20 + number}.0/24"
            docker_host.docker(f"docker network create -d ipvlan --subnet={subnet} -o parent={parent} net{number}")
        assert ["vlan20"] == docker_host.records("SELECT DISTINCT parent FROM networks")
        assert docker_host.container("docker run --net=net0 -itd alpine /bin/sh").answers("192.168.20.1")
    finally:
        docker_host.reset()
        docker_host.run("ip link del enx00505639452d")
