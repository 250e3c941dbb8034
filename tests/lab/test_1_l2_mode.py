"""Specification, "Ipvlan L2 Mode Example Usage"."""

import pytest

from tests.lab.docker_host import DockerHost


@pytest.mark.newest
@pytest.mark.control
@pytest.mark.embedded
def test_explicit_l2_network(docker_host: DockerHost) -> None:
    """With the subnet of the host's own interface, a container is a machine of the underlay like any other."""
    docker_host.docker(r"""
        docker network  create -d ipvlan \
            --subnet=192.168.1.0/24 \
            --gateway=192.168.1.1 \
            -o ipvlan_mode=l2 \
            -o parent=eth0 db_net""")
    container = docker_host.container("docker  run --net=db_net -it --rm alpine /bin/sh")
    router, host2, remote = map(docker_host.namespace, ("router", "host2", "remote"))

    assert ["192.168.1.2/24"] == container.addresses()
    assert {"default via 192.168.1.1 dev eth0", "192.168.1.0/24 dev eth0"} == container.routes()
    link, parent = container.links()["eth0"], docker_host.links()["eth0"]
    assert ("ipvlan", "l2") == (link["linkinfo"]["info_kind"], link["linkinfo"]["info_data"]["mode"])
    assert parent["ifindex"] == link["link_index"]
    assert parent["address"] == link["address"], "all ports have the parent's MAC address"
    for name, place, address in (
        ("gateway", router, "192.168.1.1"),
        ("second host of the segment", host2, "192.168.1.251"),
        ("host behind the router", remote, "203.0.113.10"),
    ):
        assert container.answers(address), f"the container reaches the {name}"
        assert place.answers("192.168.1.2"), f"the {name} reaches the container"
    assert not container.reaches("192.168.1.250"), "the container does not reach the host's own interface"
    assert not docker_host.reaches("192.168.1.2"), "the host does not reach its containers"


@pytest.mark.stock_kernel(embedded=False)
@pytest.mark.control
@pytest.mark.embedded
def test_defaults_and_names(docker_host: DockerHost) -> None:
    """The mode defaults to L2, the gateway to the first usable address, and containers know each other by name."""
    docker_host.docker(r"""
        docker network  create -d ipvlan \
            --subnet=192.168.1.0/24 \
            -o parent=eth0 db_net_ipv""")
    first, second = docker_host.containers(
        "docker  run --net=db_net_ipv --name=ipv1 -itd alpine /bin/sh",
        "docker  run --net=db_net_ipv --name=ipv2 -it --rm alpine /bin/sh",
    )

    for container in (first, second):
        assert {"default via 192.168.1.1 dev eth0", "192.168.1.0/24 dev eth0"} == container.routes()
        assert "l2" == container.links()["eth0"]["linkinfo"]["info_data"]["mode"]
        assert not container.reaches("192.168.1.250"), "the container does not reach the host's own interface"
    assert second.inside("ping -c 4 ipv1").stdout.count("bytes from") == 4
    assert first.resolves_and_reaches("ipv2")


@pytest.mark.embedded
def test_defaults_give_the_same_network_as_explicit_options(docker_host: DockerHost) -> None:
    """db_net and db_net_ipv are the same but for the name: same mode, flag, parent, subnet and gateway."""
    seen = []
    for line in (
        "docker network create -d ipvlan --subnet=192.168.1.0/24 --gateway=192.168.1.1 -o ipvlan_mode=l2"
        " -o parent=eth0 net1",
        "docker network create -d ipvlan --subnet=192.168.1.0/24 -o parent=eth0 net1",
    ):
        docker_host.docker(line)
        (network,) = docker_host.status()["networks"]
        seen.append({key: value for key, value in network.items() if key != "id"})
        docker_host.docker("docker network rm net1")

    assert seen[0] == seen[1]


@pytest.mark.embedded
def test_interactive_container(docker_host: DockerHost) -> None:
    """The document's interactive line gives a shell on a terminal with the network in place."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.1.0/24 -o parent=eth0 db_net")

    line = docker_host.as_written("docker run --net=db_net -it --rm alpine /bin/sh")
    result = docker_host.guest.run(line, tty=True, input="ip route; exit\n", timeout=90)

    assert "default via 192.168.1.1 dev eth0" in result.stdout


@pytest.mark.embedded
def test_second_docker_host_of_the_segment(docker_host: DockerHost) -> None:
    """Two hosts share the layer 2 segment: a port of the second host and a container reach each other."""
    docker_host.docker(
        "docker network create -d ipvlan --subnet=192.168.1.0/24 --ip-range=192.168.1.64/26 -o parent=eth0 seg"
    )
    container = docker_host.container("docker run --net=seg --ip=192.168.1.65 -itd alpine /bin/sh")
    host2 = docker_host.namespace("host2")
    docker_host.run(
        "ip netns add c2 && ip netns exec host2 ip link add link eth0 name ipv0 type ipvlan mode l2 &&"
        " ip netns exec host2 ip link set ipv0 netns c2 &&"
        " ip netns exec c2 ip addr add 192.168.1.130/24 dev ipv0 && ip netns exec c2 ip link set ipv0 up"
    )
    try:
        neighbour = docker_host.namespace("c2")

        assert neighbour.answers("192.168.1.65")
        assert container.answers("192.168.1.130")
        assert not host2.reaches("192.168.1.130"), "a host does not reach its own containers"
        assert host2.answers("192.168.1.65"), "but it reaches those of others"
    finally:
        docker_host.run("ip netns del c2")


@pytest.mark.embedded
def test_services_need_no_port_mapping(docker_host: DockerHost) -> None:
    """A service in a container is reached at the container's own address from elsewhere; `-p` is not needed."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.1.0/24 -o parent=eth0 db_net")
    container = docker_host.container("docker run --net=db_net --ip=192.168.1.80 -d alpine httpd -f -p 80 -h /")

    page = docker_host.namespace("remote").http("TCP4:192.168.1.80:80", "/etc/hostname")

    assert container.id[:12] == page.strip()


@pytest.mark.newest
@pytest.mark.control(differs="gives isolated networks a default route to nowhere (Docker 20.10)")
@pytest.mark.embedded
def test_three_isolated_spellings(docker_host: DockerHost) -> None:
    """Without a parent, with --internal, or with nothing at all: a dummy parent, neighbours, and no way out."""
    docker_host.take_first_pool()
    docker_host.docker("docker network  create -d ipvlan --subnet=192.168.10.0/24 isolated1")
    docker_host.docker("docker network  create -d ipvlan --subnet=192.168.11.0/24 --internal isolated2")
    docker_host.docker("docker network  create -d ipvlan isolated3")
    containers = docker_host.containers(
        *(f"docker run --net=isolated{n} --name=cid{n} -it --rm alpine /bin/sh" for n in (1, 2, 3)),
        *(f"docker run --net=isolated{n} --name=peer{n} -it --rm alpine /bin/sh" for n in (1, 2, 3)),
    )

    assigned = docker_host.assigned_subnet("isolated3")
    for n, subnet in ((1, "192.168.10.0/24"), (2, "192.168.11.0/24"), (3, assigned)):
        container, peer = containers[n - 1], containers[n + 2]
        identity = docker_host.network(f"isolated{n}")["Id"]
        parent = docker_host.links()[f"di-{identity[:12]}"]
        assert ("dummy", True) == (parent["linkinfo"]["info_kind"], "UP" in parent["flags"])
        assert parent["ifindex"] == container.links()["eth0"]["link_index"]
        assert {f"{subnet} dev eth0"} == container.routes(), "no default route"
        assert container.answers(peer.address())
        assert peer.answers(container.address())
        assert "unreachable" in container.inside("ping -c 1 -W 1 203.0.113.10", check=False).stderr
        assert not docker_host.reaches(container.address())
    assert not containers[0].reaches(containers[1].address())
    assert "eth0" in docker_host.docker("docker exec cid1 ip addr").stdout
    for n in (1, 2, 3):
        docker_host.docker(f"docker rm -f cid{n} peer{n}")
        docker_host.docker(f"docker network rm isolated{n}")
    assert [] == [name for name in docker_host.links() if name.startswith("di-")], "dummies go with their networks"


@pytest.mark.embedded
def test_isolated_spellings_are_one_network(docker_host: DockerHost) -> None:
    """No parent, an empty parent and --internal differ in nothing but id and parent name.

    So does --internal with a parent, but that it says so.
    """
    seen = []
    own = {"id", "parent", "unused_parent", "trouble"}
    for flags in ("", "--internal", "-o parent=", "--internal -o parent=eth0"):
        docker_host.docker(f"docker network create -d ipvlan --subnet=192.168.10.0/24 {flags} same")
        (network,) = docker_host.status()["networks"]
        assert f"di-{network['id'][:12]}" == network["parent"]
        unused = "eth0" if "eth0" in flags else None
        assert (unused, bool(unused)) == (network["unused_parent"], bool(network["trouble"]))
        seen.append({key: value for key, value in network.items() if key not in own})
        docker_host.docker("docker network rm same")

    assert [seen[0]] * 4 == seen
