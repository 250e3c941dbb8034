"""Specification, "Ipvlan 802.1q Trunk L2 Mode Example Usage"."""

import pytest

from tests.lab.docker_host import DockerHost, eventually

VLAN_20 = r"""
    docker network  create  -d ipvlan \
        --subnet=192.168.20.0/24 \
        --gateway=192.168.20.1 \
        -o parent=eth0.20 ipvlan20"""
VLAN_30 = r"""
    docker network  create  -d ipvlan \
        --subnet=192.168.30.0/24 \
        --gateway=192.168.30.1 \
        -o parent=eth0.30 \
        -o ipvlan_mode=l2 ipvlan30"""


@pytest.mark.newest
@pytest.mark.control
@pytest.mark.embedded
def test_vlans_20_and_30(docker_host: DockerHost) -> None:
    """VLANs are made on demand, are apart but for the router, and go with their network."""
    docker_host.docker(VLAN_20)
    docker_host.docker(VLAN_30)
    links = docker_host.links()
    for vlan_id in (20, 30):
        made = links[f"eth0.{vlan_id}"]
        assert ("vlan", "802.1Q", vlan_id) == (
            made["linkinfo"]["info_kind"],
            made["linkinfo"]["info_data"]["protocol"],
            made["linkinfo"]["info_data"]["id"],
        )
        assert ("eth0", True) == (made["link"], "UP" in made["flags"])
    test1, test2, test3, test4 = docker_host.containers(
        "docker run --net=ipvlan20 -it --name ivlan_test1 --rm alpine /bin/sh",
        "docker run --net=ipvlan20 -it --name ivlan_test2 --rm alpine /bin/sh",
        "docker run --net=ipvlan30 -it --name ivlan_test3 --rm alpine /bin/sh",
        "docker run --net=ipvlan30 -it --name ivlan_test4 --rm alpine /bin/sh",
    )
    router, host2, remote = map(docker_host.namespace, ("router", "host2", "remote"))

    for one, other in ((test1, test2), (test2, test1), (test3, test4), (test4, test3)):
        assert one.answers(other.address()), "neighbours of one VLAN reach each other"
    assert {"default via 192.168.30.1 dev eth0", "192.168.30.0/24 dev eth0"} == test3.routes()
    (address3,) = test3.addresses()
    source = next(r["prefsrc"] for r in test3.json("ip -j route") if r["dst"] == "192.168.30.0/24")
    assert address3 == f"{source}/24"
    assert host2.answers(test1.address()), "the second host on the trunk reaches VLAN 20"
    assert test1.answers("192.168.20.251")
    assert remote.answers(test1.address())
    assert test1.answers("203.0.113.10")

    with docker_host.frames("eth0", "icmp") as frames:
        assert test1.answers(test3.address()), "the router joins VLAN 20 and VLAN 30"
        for tag in ("vlan 20,", "vlan 30,"):
            eventually(lambda tag=tag: any(tag in frame for frame in frames()), f"frames with {tag} on the trunk")
    docker_host.run("/work/lab/underlay.sh router-forwarding off")
    try:
        assert not test1.reaches(address3[:-3]), "without a router VLAN 20 and VLAN 30 are apart"
        assert not test3.reaches(test1.address())
        assert test1.answers(test2.address()), "which a router has nothing to do with inside a VLAN"
    finally:
        docker_host.run("/work/lab/underlay.sh router-forwarding on")
    assert router.answers(address3[:-3])

    docker_host.docker("docker rm -f ivlan_test1 ivlan_test2 ivlan_test3 ivlan_test4")
    docker_host.docker("docker network rm ipvlan20")
    assert "eth0.20" not in docker_host.links(), "the sub-interface goes with its network"
    assert "eth0.30" in docker_host.links(), "others stay"
    docker_host.docker("docker network rm ipvlan30")
    assert {"eth0"} == {name for name in docker_host.links() if name.startswith("eth0")}, "eth0 itself is never removed"


@pytest.mark.control
@pytest.mark.embedded
def test_host_is_out_of_reach_of_vlan_containers(docker_host: DockerHost) -> None:
    """The default namespace is unreachable on the VLAN by design, even with an address on the sub-interface."""
    docker_host.docker(VLAN_20)
    container = docker_host.container("docker run --net=ipvlan20 -it --name ivlan_test1 --rm alpine /bin/sh")
    docker_host.run("ip addr add 192.168.20.250/24 dev eth0.20")

    assert not container.reaches("192.168.20.250")
    assert not docker_host.reaches(container.address())


@pytest.mark.newest
@pytest.mark.control
@pytest.mark.embedded
def test_multi_subnet_l2_needs_the_router(docker_host: DockerHost) -> None:
    """Two subnets of one L2 network reach each other through the external router and not without it."""
    docker_host.docker(r"""
        docker network  create  -d ipvlan \
            --subnet=192.168.114.0/24 --subnet=192.168.116.0/24 \
            --gateway=192.168.114.254  --gateway=192.168.116.254 \
             -o parent=eth0.114 \
             -o ipvlan_mode=l2 ipvlan114""")
    first, second, other = docker_host.containers(
        "docker run --net=ipvlan114 --ip=192.168.114.10 -it --rm alpine /bin/sh",
        "docker run --net=ipvlan114 --ip=192.168.114.11 -it --rm alpine /bin/sh",
        "docker run --net=ipvlan114 --ip=192.168.116.10 -it --rm alpine /bin/sh",
    )

    assert first.answers("192.168.114.11")
    assert second.answers("192.168.114.10")
    assert {"default via 192.168.114.254 dev eth0", "192.168.114.0/24 dev eth0"} == first.routes()
    assert {"default via 192.168.116.254 dev eth0", "192.168.116.0/24 dev eth0"} == other.routes()
    assert first.answers("192.168.116.10"), "through the router"
    docker_host.run("/work/lab/underlay.sh router-forwarding off")
    try:
        assert not first.reaches("192.168.116.10")
        assert not other.reaches("192.168.114.10")
        assert first.answers("192.168.114.11")
    finally:
        docker_host.run("/work/lab/underlay.sh router-forwarding on")


@pytest.mark.control
@pytest.mark.embedded
def test_what_the_network_team_hands_over(docker_host: DockerHost) -> None:
    """VLAN, subnet and gateway are plugged in as they come, host bits and all."""
    handed_over = (
        ("--subnet=172.16.80.0/24 --gateway=172.16.80.1 -o parent=eth0.10", "vlan10", "172.16.80.0/24", "172.16.80.1"),
        ("--subnet=172.16.50.0/22 --gateway=172.16.50.1 -o parent=eth0.20", "vlan20", "172.16.48.0/22", "172.16.50.1"),
        ("--subnet=10.1.100.0/16 --gateway=10.1.100.1 -o parent=eth0.30", "vlan30", "10.1.0.0/16", "10.1.100.1"),
    )
    for options, name, _, _ in handed_over:
        docker_host.docker(f"docker network create -d ipvlan {options} {name}")
    containers = docker_host.containers(
        *(f"docker run --net={name} -itd alpine /bin/sh" for _, name, _, _ in handed_over)
    )

    for container, (_, _, pool, gateway) in zip(containers, handed_over, strict=True):
        assert {f"default via {gateway} dev eth0", f"{pool} dev eth0"} == container.routes()
        assert container.answers(gateway)
        assert container.answers("203.0.113.10")


@pytest.mark.embedded
def test_made_links_are_what_ip_makes(docker_host: DockerHost) -> None:
    """A sub-interface that ipvl makes differs from that of the printed `ip link` command in index and mark alone."""

    def look() -> dict[str, object]:
        eventually(lambda: docker_host.links()["eth0.10"]["operstate"] == "UP", "the kernel announces the carrier")
        link = docker_host.links()["eth0.10"]
        return {key: value for key, value in link.items() if key not in {"ifindex", "ifalias"}}

    docker_host.docker("docker network create -d ipvlan --subnet=172.16.80.0/24 -o parent=eth0.10 made")
    ours = look()
    docker_host.docker("docker network rm made")
    docker_host.run("ip link add link eth0 name eth0.10 type vlan id 10")
    docker_host.run("ip link set eth0.10 up")
    theirs = look()
    docker_host.run("ip link del eth0.10")

    assert theirs == ours


@pytest.mark.control
@pytest.mark.embedded
def test_any_valid_link_is_a_parent(docker_host: DockerHost) -> None:
    """What works on eth0 works on a sub-interface, a bond, a bridge and another NIC."""
    docker_host.run(
        "ip link add bond0 type bond mode active-backup && ip link set eth1 down && ip link set eth1 master bond0"
        " && ip link set bond0 up && ip link add br9 type bridge && ip link set br9 up"
    )
    try:
        for parent, gateway in (
            ("eth0.20", "192.168.20.1"),
            ("eth0", "192.168.1.1"),
            ("bond0", "192.168.1.1"),
            ("br9", ""),
        ):
            subnet = f"{gateway.removesuffix('.1') or '192.168.99'}.0/24"
            docker_host.docker(f"docker network create -d ipvlan --subnet={subnet} -o parent={parent} any")
            first, second = docker_host.containers(*["docker run --net=any --rm -itd alpine /bin/sh"] * 2)
            assert first.answers(second.address()), parent
            assert not gateway or first.answers(gateway), parent
            docker_host.reset()
    finally:
        docker_host.reset()
        docker_host.run("ip link set eth1 nomaster; ip link del bond0; ip link del br9; ip link set eth1 up")
