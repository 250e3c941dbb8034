"""Routers that announce themselves, that have link-local addresses, and that are containers; parents without a way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.docker_host import CommandFailed, Container, DockerHost, eventually
from tests.lab.doctor import NET, Report, doctor, well
from tests.lab.embedded_host import EMBEDDED

REMOTE = "2001:db8:ffff::10"
ANNOUNCES = (
    "interface eth0.{vlan} {{ AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvDefaultLifetime 1800;"
    " AdvDefaultPreference {preference}; prefix {prefix}::/64 {{ }}; }};"
)
ON_139 = (
    "docker network create -d ipvlan --ipv6 --subnet=192.168.39.0/24 --subnet=2001:db8:abc2::/64"
    " --gateway=2001:db8:abc2::22 -o parent=eth0.139"
)
ON_140 = (
    "docker network create -d ipvlan --ipv6 --subnet=192.168.140.0/24 --subnet=2001:db8:abc9::/64"
    " --gateway=2001:db8:abc9::22 -o parent=eth0.140"
)
CANNOT_ROUTE = (
    "{use} is {who} of network {of} on the same parent {parent}, and an ipvlan port receives nothing but what is for"
    " its own addresses: the host gets the rest; let that router have a MAC address of its own, as a port of a bridge"
    " has which is made the parent instead of {parent}"
)


@contextmanager
def announcing(host: DockerHost, preference: str = "medium") -> Iterator[None]:
    """Have the router of VLANs 139 and 140 announce itself there, with a prefix of its own."""
    router = host.namespace("router")
    text = "".join(ANNOUNCES.format(vlan=vlan, preference=preference, prefix=f"2001:db8:{vlan}") for vlan in (139, 140))
    host.run(f"printf '{text}' > /run/radvd.conf")
    radvd = host.guest.start(f"{router.enter} radvd -n -C /run/radvd.conf -p /run/radvd.pid -m stderr")
    try:
        yield
    finally:
        radvd.kill(15)
        radvd.wait(10)


LOST_RACES = ("error executing hook", "failed to set IPv6 gateway")
"""What Docker says where a default route is announced before it has set its own (docs/troubleshooting.md)."""


def started_while_announced(host: DockerHost, command: str, name: str) -> Container:
    """Start a container on a segment whose router announces itself, again where Docker lost the race for the route."""
    for _ in range(9):
        try:
            return host.container(command)
        except CommandFailed as failed:
            if not any(words in str(failed) for words in LOST_RACES):
                raise
            host.docker(f"docker rm -f {name}")
    return host.container(command)


@pytest.mark.newest
def test_ipv6_is_left_to_the_router_that_announces_itself(docker_host: DockerHost) -> None:
    """Docker cannot move its IPv6 default route while another is announced; a network can leave IPv6's out."""
    docker_host.docker(f"{ON_140} second")
    docker_host.docker(f"{ON_139} first")
    with announcing(docker_host):
        container = started_while_announced(
            docker_host, "docker run --net=second --name=both -itd alpine /bin/sh", "both"
        )
        eventually(lambda: "proto ra" in container.run("ip -6 route show default").stdout, "a router is announced")
        shown = docker_host.refused("docker network connect first both")
        assert "failed to set IPv6 gateway" in shown
        assert "file exists" in shown
        (endpoint,) = docker_host.status()["endpoints"]
        assert "second" == endpoint["network"], "nothing of the first is left in the records"
        assert {"lo", "eth0"} == set(container.links()), "nor in the container"
        # Docker's own default route must come first at a start, too, where announced ones are taken.
        takes_none = "--sysctl net.ipv6.conf.default.accept_ra_defrtr=0"
        other = docker_host.container(f"docker run --net=first {takes_none} --name=other -itd alpine /bin/sh")
        assert other.answers("2001:db8:abc2::22"), "at the address that was to be the first one's"
        docker_host.docker("docker rm -f other")
        docker_host.docker(f"docker rm -f {container.id}")

        docker_host.docker("docker network rm first")
        docker_host.docker(f"{ON_139} -o no_default_route=ipv6 first")
        container = started_while_announced(
            docker_host, "docker run --net=second --name=both -itd alpine /bin/sh", "both"
        )
        eventually(lambda: "proto ra" in container.run("ip -6 route show default").stdout, "a router is announced")
        docker_host.docker("docker network connect first both")

        assert {"eth0", "eth1"} <= container.links().keys()
        assert container.answers(REMOTE)
        assert container.answers("192.168.140.1")
    network = next(one for one in docker_host.status()["networks"] if one["name"] == "first")
    assert (True, ["ipv4"]) == (network["default_route"], network["default_route_families"])
    assert "no IPv6 default   first" in docker_host.run("ipvl status").stdout


@pytest.mark.embedded_only
def test_a_named_ipv6_gateway_wins_over_an_announced_one(docker_host: DockerHost) -> None:
    """Also where that was there first, and whatever is announced later; from its own segment none is taken at all."""
    docker_host.docker(f"{ON_139} -o no_default_route=ipv6 announced")
    docker_host.docker(f"{ON_140} named")
    one = docker_host.container("ipvl run --net=announced --name=one -d alpine sleep 100000")
    with announcing(docker_host):
        eventually(lambda: "proto ra" in one.run("ip -6 route show default").stdout, "a router is announced")
        assert one.answers(REMOTE), "by the announced router"
        docker_host.run("ipvl network connect named one")
        assert "via 2001:db8:abc9::22 dev eth1" in one.run(f"ip -6 route get {REMOTE}").stdout
    with announcing(docker_host, "high"):
        eventually(lambda: "pref high" in one.run("ip -6 route show default").stdout, "a better one is announced")
        eventually(
            lambda: any(text.startswith("2001:db8:140:") for text in one.addresses("eth1")),
            "the other segment's announcement is heard",
        )
        assert "via 2001:db8:abc9::22 dev eth1" in one.run(f"ip -6 route get {REMOTE}").stdout
        assert one.answers(REMOTE)
        assert ["default via 2001:db8:abc9::22"] == [
            route.partition(" dev eth1")[0]
            for route in one.run("ip -6 route show default").stdout.splitlines()
            if " dev eth1 " in route
        ]
        docker_host.run("ipvl network disconnect named one")
        assert "dev eth0" in one.run(f"ip -6 route get {REMOTE}").stdout


@pytest.mark.embedded_only
def test_a_gateway_that_nobody_named_is_given_up_for_an_announced_one(docker_host: DockerHost) -> None:
    """The first usable address is nobody's here, so the kernel goes by the router that announces itself."""
    docker_host.run("ipvl network create --subnet=192.168.39.0/24 --subnet=2001:db8:abc2::/64 -o parent=eth0.139 plain")
    one = docker_host.container("ipvl run --net=plain --name=one -d alpine sleep 100000")
    with announcing(docker_host):
        eventually(lambda: "proto ra" in one.run("ip -6 route show default").stdout, "a router is announced")
        assert one.answers(REMOTE)
        assert "default via 2001:db8:abc2::1 dev eth0" in one.routes(6), "which is tried first"


def test_a_container_that_takes_no_announced_default_route(docker_host: DockerHost) -> None:
    """By a sysctl of `docker run`: then Docker moves its own from network to network."""
    docker_host.docker(f"{ON_140} second")
    docker_host.docker(f"{ON_139} first")
    with announcing(docker_host):
        container = docker_host.container(
            "docker run --sysctl net.ipv6.conf.default.accept_ra_defrtr=0 --net=second --name=both -itd alpine /bin/sh"
        )
        eventually(lambda: any(text.startswith("2001:db8:140:") for text in container.addresses()), "a router is heard")
        docker_host.docker("docker network connect first both")

        assert "default via 2001:db8:abc2::22 dev eth1" in container.routes(6)
        assert "proto ra" not in container.run("ip -6 route show default").stdout


@pytest.mark.embedded_only
def test_two_networks_with_a_route_to_the_same_place(docker_host: DockerHost) -> None:
    """The second is refused instead of going without its route; with a metric both have theirs."""
    create = (
        "ipvl network create --subnet=192.168.{0}.0/24 -o parent=eth0.{0} -o route=198.51.100.0/24,via=192.168.{0}.1"
    )
    docker_host.run(
        f"{create.format(20)} one && {create.format(30)} two && ipvl run --net one --name c -d alpine sleep 999"
    )
    shown = docker_host.run("ipvl network connect two c", check=False)

    assert 0 != shown.status
    assert (
        "has a route to 198.51.100.0/24 already, via 192.168.20.1, so it cannot have 198.51.100.0/24 via 192.168.30.1"
        " through eth1; make one of the two networks with another -o metric, or without that route" in shown.stderr
    )
    assert ["one"] == [endpoint["network"] for endpoint in docker_host.status()["endpoints"]]
    docker_host.run(f"ipvl network rm two && {create.format(30)} -o metric=7 two && ipvl network connect two c")
    docker_host.run("ipvl rm -f c")


@pytest.mark.newest
@pytest.mark.embedded
def test_a_link_local_gateway(docker_host: DockerHost) -> None:
    """As providers hand out: by an option, which Docker takes too, for the default route and for others."""
    router = docker_host.namespace("router")
    router.run("ip addr add fe80::1/64 dev eth0.139 nodad")
    try:
        docker_host.docker(f"{ON_140} -o no_default_route=ipv6 aside")
        docker_host.docker(f"{ON_139} -o gateway6=fe80::1 provider")
        container = docker_host.container("docker run --net=aside --name=both -itd alpine /bin/sh")
        docker_host.docker("docker network connect provider both")

        eventually(lambda: "default via fe80::1 dev eth1" in container.routes(6), "Docker has set it")
        assert container.answers(REMOTE)
        (subnet,) = [
            one
            for network in docker_host.status()["networks"]
            for one in network["subnets"]
            if one["subnet"] == "2001:db8:abc2::/64"
        ]
        assert "fe80::1" == subnet["gateway"]
        assert not any("fe80::1" in line for line in doctor(docker_host, "--network provider").lines), "it answers"
        docker_host.docker("docker rm -f both")
        docker_host.docker("docker network rm provider")

        docker_host.docker(f"{ON_139} -o no_default_route=ipv6 -o route=2001:db8:ffff::/64,via=fe80::1 provider")
        container = docker_host.container("docker run --net=aside --name=both -itd alpine /bin/sh")
        docker_host.docker("docker network connect provider both")
        assert "2001:db8:ffff::/64 via fe80::1 dev eth1" in container.routes(6)
        assert container.answers(REMOTE)
        docker_host.docker("docker rm -f both")
    finally:
        router.run("ip addr del fe80::1/64 dev eth0.139")
    assert (
        "problem: router fe80::1 of route 2001:db8:ffff::/64 in network provider does not answer neighbour"
        " solicitations on eth0.139; see that it is up and in VLAN 139 of eth0, or make the network with another route"
        in doctor(docker_host, "--network provider").lines
    )


@pytest.mark.newest
def test_two_networks_with_the_same_link_local_gateway(docker_host: DockerHost) -> None:
    """Docker finds a router by its address alone, so it can have one of the two; the refusal leaves nothing behind."""
    on_139 = ON_139.replace(" --gateway=2001:db8:abc2::22", "")
    on_140 = ON_140.replace(" --gateway=2001:db8:abc9::22", "")
    docker_host.docker(f"{on_139} -o gateway6=fe80::1 one")
    docker_host.docker(f"{on_140} -o gateway6=fe80::1 two")
    container = docker_host.container("docker run --net=one --name=both -itd alpine /bin/sh")
    assert (
        "network two has a router fe80::1, and so has network one of the same container, where Docker cannot tell the"
        " two apart; make one of the two networks with -o no_default_route=ipv6"
        in docker_host.refused("docker network connect two both")
    )
    assert {"lo", "eth0"} == set(container.links())
    assert ["one"] == [endpoint["network"] for endpoint in docker_host.status()["endpoints"]]
    docker_host.docker("docker network rm two")
    docker_host.docker(f"{on_140} -o gateway6=fe80::1 -o no_default_route=ipv6 two")
    docker_host.docker("docker network connect two both")
    assert "default via fe80::1 dev eth0" in container.routes(6)
    docker_host.docker("docker rm -f both")


@pytest.mark.embedded_only
def test_a_link_local_gateway_without_docker(docker_host: DockerHost) -> None:
    """`--gateway` takes it, as `ip route` does."""
    router = docker_host.namespace("router")
    router.run("ip addr add fe80::1/64 dev eth0.139 nodad")
    try:
        docker_host.run("ipvl network create --subnet 2001:db8:abc2::/64 --gateway fe80::1 -o parent=eth0.139 provider")
        one = docker_host.container("ipvl run --net=provider --name=one -d alpine sleep 100000")
        assert "default via fe80::1 dev eth0" in one.routes(6)
        assert one.answers(REMOTE)
    finally:
        router.run("ip addr del fe80::1/64 dev eth0.139")
    shown = docker_host.run(
        "ipvl network create --subnet 2001:db8:9::/64 --gateway fe80::1 -o parent=eth0 -o mode=l3 routed", check=False
    )
    assert "in mode l3 containers are not on the segment of any router" in shown.stderr


@pytest.mark.newest
@pytest.mark.embedded
def test_a_container_as_router(docker_host: DockerHost) -> None:
    """It is handed nothing but what is for itself: that is said in whichever order the two come."""
    docker_host.docker(
        "docker network create -d ipvlan --subnet=192.168.20.0/24 --gateway=192.168.20.1 -o parent=eth0.20"
        " -o route=10.8.0.0/24,via=192.168.20.50 lan"
    )
    assert [] == docker_host.status()["networks"][0]["trouble"]
    shown = docker_host.docker("docker run --net=lan --ip=192.168.20.50 --name=vpn -itd alpine /bin/sh").stderr
    kind = "member" if docker_host.driver == EMBEDDED else "container"
    sentence = CANNOT_ROUTE.format(
        use="router 192.168.20.50 of route 10.8.0.0/24", who=f"{kind} vpn", of="lan", parent="eth0.20"
    )
    eventually(lambda: [sentence] == docker_host.status()["networks"][0]["trouble"], "the container's name is known")
    assert Report(1, [f"problem: network lan: {sentence}"]) == doctor(docker_host)
    assert sentence in docker_host.run("ipvl network inspect lan").stdout
    assert "on the same parent eth0.20" in docker_host.run("cat /var/log/lab/ipvl.log").stdout
    if docker_host.driver == EMBEDDED:
        assert f"notice: network lan: {sentence}" in shown
        docker_host.run("ipvl stop -t 0 vpn")
        assert f"notice: network lan: {sentence}" in docker_host.run("ipvl start vpn").stderr


@pytest.mark.parametrize("options", ["-o parent=eth0.20 -o ipvlan_mode=l3", "--internal"], ids=["l3", "isolated"])
@pytest.mark.embedded
def test_a_container_as_router_in_other_networks(docker_host: DockerHost, options: str) -> None:
    """In L3 the host's routes decide, and a dummy's ports are handed their own as any other's."""
    docker_host.docker(
        f"docker network create -d ipvlan --subnet=10.20.0.0/24 {options} -o route=10.8.0.0/24,via=10.20.0.50 lan"
    )
    assert [] == docker_host.status()["networks"][0]["trouble"]
    docker_host.container("docker run --net=lan --ip=10.20.0.50 --name=vpn -itd alpine /bin/sh")
    (trouble,) = docker_host.status()["networks"][0]["trouble"]
    assert trouble.startswith("router 10.20.0.50 of route 10.8.0.0/24 is ")
    why = (
        "in mode l3 the host's own routes decide, whatever via says"
        if "l3" in options
        else "an ipvlan port receives nothing but what is for its own addresses"
    )
    assert f", and {why}" in trouble
    assert any(
        line.startswith("problem: network lan: router 10.20.0.50 of route 10.8.0.0/24 is ")
        for line in doctor(docker_host).lines
    )


@pytest.mark.embedded
def test_a_container_as_router_on_another_parent(docker_host: DockerHost) -> None:
    """Of the same segment: the doctor knows it by who answers for its address."""
    create = "docker network create -d ipvlan --subnet=192.168.1.0/24 --gateway=192.168.1.1"
    ipam = "" if docker_host.driver == EMBEDDED else "--ipam-driver ipvl --ipam-opt parent={0}"
    docker_host.docker(f"{create} --ip-range=192.168.1.96/28 {ipam.format('eth1')} -o parent=eth1 routers")
    docker_host.container("docker run --net=routers --ip=192.168.1.60 --name=vpn -itd alpine /bin/sh")
    docker_host.docker(
        f"{create} --ip-range=192.168.1.112/28 {ipam.format('eth0')} -o parent=eth0"
        " -o route=10.8.0.0/24,via=192.168.1.60 users"
    )
    assert any(
        line.startswith("problem: network users: router 192.168.1.60 of route 10.8.0.0/24 is ")
        and "vpn of network routers on parent eth1, on the same segment, and an ipvlan port receives nothing" in line
        for line in doctor(docker_host).lines
    )


def test_a_router_on_a_bridge_that_is_the_parent(docker_host: DockerHost) -> None:
    """As the sentence offers: it has a MAC address of its own there, and gets what is to be passed on."""
    docker_host.run(
        "ip link add br5 type bridge && ip link set br5 up && ip link set eth1 master br5 && ip netns add vpn"
        " && ip link add vpn0 type veth peer name eth0 netns vpn && ip link set vpn0 master br5 up"
        " && ip -n vpn link set eth0 up && ip -n vpn addr add 192.168.1.60/24 dev eth0"
        " && ip -n vpn link add far type dummy && ip -n vpn link set far up && ip -n vpn addr add 10.8.0.1/24 dev far"
    )
    try:
        docker_host.docker(
            "docker network create -d ipvlan --subnet=192.168.1.0/24 --gateway=192.168.1.1 --ip-range=192.168.1.96/28"
            " -o parent=br5 -o route=10.8.0.0/24,via=192.168.1.60 lan"
        )
        container = docker_host.container("docker run --net=lan -itd alpine /bin/sh")
        assert container.answers("10.8.0.1")
        assert container.answers("192.168.1.1"), "the LAN's router, by eth1"
        assert [] == docker_host.status()["networks"][0]["trouble"]
        docker_host.docker(f"docker rm -f {container.id}")
        docker_host.docker("docker network rm lan")
    finally:
        docker_host.run("ip link set eth1 nomaster; ip link del br5; ip link del vpn0; ip netns del vpn", check=False)


@pytest.mark.newest
@pytest.mark.embedded
def test_internal_with_a_parent(docker_host: DockerHost) -> None:
    """The parent is not used, and every place where one would look says so, with what keeps a VLAN in."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 --internal -o parent=eth0.20 inner")
    (network,) = docker_host.status()["networks"]
    what = f"parent eth0.20 is not used, since --internal puts the network on dummy {network['parent']}"
    way_out = (
        "to keep a network on its parent without a way out, leave --internal out and give -o no_default_route=true"
    )

    assert ("eth0.20", [f"{what}; {way_out}"]) == (network["unused_parent"], network["trouble"])
    eventually(
        lambda: Report(0, [f"warning: network inner: {what}; {way_out}"]) == doctor(docker_host), "its name is known"
    )
    assert f"{what}; {way_out}" in docker_host.run("ipvl network inspect inner").stdout

    docker_host.docker(
        "docker network create -d ipvlan --subnet=192.168.30.0/24 -o no_default_route=true -o parent=eth0.30 kept"
    )
    container = docker_host.container("docker run --net=kept -itd alpine /bin/sh")
    assert container.answers("192.168.30.1"), "it is on its VLAN"
    assert {"192.168.30.0/24 dev eth0"} == container.routes(), "and leads nowhere else"


@pytest.mark.embedded
def test_l3_on_a_parent_without_a_way(docker_host: DockerHost) -> None:
    """The host sends what containers send, so it needs an address or a route there, in each family."""
    docker_host.docker(
        f"{NET} --ipv6 --subnet=192.168.110.0/24 --subnet=2001:db8:abc6::/64 -o parent=eth1 -o ipvlan_mode=l3 routed"
    )
    said = (
        "warning: in mode l3 network routed sends its IPv{0} by this host's routes, and the host has neither an IPv{0}"
        " address nor a route on parent eth1, so its containers reach nobody outside; give eth1 an address of its"
        " segment, such as `ip address add {1} dev eth1`, and the router a route to the network's subnets by that"
        " address"
    )
    expected = [said.format(4, "192.168.1.9/24"), said.format(6, "2001:db8:1::9/64")]
    eventually(lambda: Report(0, expected) == doctor(docker_host), "its name is known")
    docker_host.run("ip address add 192.168.1.9/24 dev eth1 noprefixroute")
    try:
        assert Report(0, expected[1:]) == doctor(docker_host)
        docker_host.run("ip -6 route add 2001:db8:9::/64 dev eth1")
        assert well("1 network", "1 parent") == doctor(docker_host)
    finally:
        docker_host.run("ip address del 192.168.1.9/24 dev eth1; ip -6 route del 2001:db8:9::/64 dev eth1", check=False)
