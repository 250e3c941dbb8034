"""A link that ipvl makes carries containers and nothing else: the host is not reached by it, nor does it forward."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.docker_host import DockerHost, Place, eventually
from tests.lab.doctor import doctor, well

HOST, HOST6 = "192.168.1.250", "2001:db8:1::250"
MAC = "00:50:56:39:45:2e"
LINK_LOCAL = "fe80::250:56ff:fe39:452e"
BEHIND = "10.99.0.2"
"""A machine behind a bridge of the host's, as containers on Docker's default network are."""
IPV4, IPV6 = "/proc/sys/net/ipv4/conf", "/proc/sys/net/ipv6/conf"
SHUT = ["1", "8", "1"]
VLAN_20 = "docker network create -d ipvlan --subnet=192.168.20.0/24 --gateway=192.168.20.1 -o parent=eth0.20 net20"
ADVERTISE = r"""
import socket, struct
link = socket.if_nametoindex("eth0.20")
sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, link)
sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)  # host2 would take the address itself
prefix = struct.pack("!BBBBIII16s", 3, 4, 64, 0xC0, 9000, 9000, 0, socket.inet_pton(socket.AF_INET6, "2001:db8:bad::"))
sender.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 9000, 0, 0) + prefix, ("ff02::1", 0, 0, link))
"""


def settings(docker_host: DockerHost, name: str) -> list[str]:
    """Return a link's rp_filter, arp_ignore and disable_ipv6."""
    files = (f"{IPV4}/{name}/rp_filter", f"{IPV4}/{name}/arp_ignore", f"{IPV6}/{name}/disable_ipv6")
    return docker_host.run(f"cat {' '.join(files)}").stdout.split()


@contextmanager
def services(docker_host: DockerHost) -> Iterator[None]:
    """Have the host listen and forward, with a machine behind a bridge of its own."""
    docker_host.run(
        "sh -c 'ip netns add behind && ip link add br9 type bridge && ip addr add 10.99.0.1/24 dev br9"
        " && ip link add to9 type veth peer name eth0 netns behind && ip link set to9 master br9 up"
        " && ip link set br9 up && ip -n behind link set eth0 up && ip -n behind addr add 10.99.0.2/24 dev eth0"
        " && ip -n behind route add default via 10.99.0.1 && echo 1 >/proc/sys/net/ipv4/ip_forward"
        " && iptables -P FORWARD ACCEPT 2>/dev/null; true'"
    )
    listeners = [
        docker_host.guest.start(f"socat {what},reuseaddr,fork EXEC:cat")
        for what in ("TCP4-LISTEN:7007", "UDP4-RECVFROM:7007", "TCP6-LISTEN:7007,ipv6only=1")
    ]
    try:
        yield
    finally:
        for listener in listeners:
            listener.kill(9)
            listener.wait(10)
        docker_host.run(
            "sh -c 'ip link del br9; ip netns del behind; echo 0 >/proc/sys/net/ipv4/ip_forward;"
            f" echo 0 >{IPV4}/all/rp_filter; echo 0 >{IPV4}/all/accept_local'"
        )


def echoed(place: Place, target: str) -> bool:
    """Tell whether the host's service sends back what it is told."""
    return "heard" in place.run(f"bash -c 'echo heard | socat -T 1 - {target},connect-timeout=1'", check=False).stdout


def ways_in(place: Place, link: str) -> list[str]:
    """Return what of the host a machine reaches that puts the host's MAC address on whatever it sends by a link."""
    place.run(
        f"bash -c 'for one in {HOST} 10.99.0.1; do"
        f" ip neigh replace $one lladdr {MAC} dev {link}; ip route replace $one dev {link}; done;"
        f" ip route replace {BEHIND} via 10.99.0.1 dev {link} onlink'"
    )
    # A container of Docker's without IPv6 addresses has IPv6 switched off, and would have to switch it on first.
    place.run(
        f"bash -c 'echo 0 >{IPV6}/{link}/disable_ipv6; ip -6 neigh replace {HOST6} lladdr {MAC} dev {link};"
        f" ip -6 route replace {HOST6} dev {link}'"
    )
    try:
        tries = {
            "ping": place.reaches(HOST),
            "TCP": echoed(place, f"TCP4:{HOST}:7007"),
            "UDP": echoed(place, f"UDP4:{HOST}:7007"),
            "forwarding": place.reaches(BEHIND),
            "IPv6": place.reaches(HOST6),
            "TCP over IPv6": echoed(place, f"TCP6:[{HOST6}]:7007"),
            "link-local": place.reaches(f"{LINK_LOCAL}%{link}"),
        }
    finally:
        place.run(
            f"bash -c 'ip route del {BEHIND}; for one in {HOST} 10.99.0.1; do"
            f" ip route del $one dev {link}; ip neigh del $one dev {link}; done;"
            f" ip -6 route del {HOST6} dev {link}; ip -6 neigh del {HOST6} dev {link}'",
            check=False,
        )
    return [name for name, open_ in tries.items() if open_]


def asked(place: Place, link: str) -> list[str]:
    """Return by which questions a machine learns where the host is: plain ARP and that of duplicate detection."""
    plain = place.run(f"arping -f -c 2 -w 2 -I {link} {HOST}", check=False).status == 0
    duplicate = place.run(f"arping -D -f -c 2 -w 2 -I {link} {HOST}", check=False).status != 0
    return [name for name, answered in (("ARP", plain), ("duplicate detection", duplicate)) if answered]


@pytest.mark.embedded
@pytest.mark.newest
def test_from_outside_and_inside(docker_host: DockerHost) -> None:
    """Neither host2 on the VLAN nor a container there reaches the host, whatever it is set to."""
    host2 = docker_host.namespace("host2")
    before = docker_host.routes(6)
    with services(docker_host):
        docker_host.docker(VLAN_20.replace(" -o ", " --ipv6 --subnet=2001:db8:20::/64 -o "))
        container = docker_host.container("docker run --net=net20 --ip=192.168.20.10 -itd alpine /bin/sh")
        assert SHUT == settings(docker_host, "eth0.20")
        for everywhere in (0, 1, 2):
            docker_host.run(
                f"sh -c 'echo {everywhere} >{IPV4}/all/rp_filter; echo 1 >{IPV4}/all/accept_local;"
                " echo 1 >/proc/sys/net/ipv4/ip_forward'"
            )
            assert [] == asked(host2, "eth0.20"), everywhere
            assert [] == ways_in(host2, "eth0.20"), everywhere
            assert [] == ways_in(container, "eth0"), everywhere
        with docker_host.frames("br9", "icmp or arp") as seen:
            for group in ("255.255.255.255", "224.0.0.1"):
                assert not host2.reaches(f"-b -I eth0.20 {group}")
        assert [] == seen()

        host2.guest.run(f"ip netns exec host2 python3 -I - <<'EOF'\n{ADVERTISE}\nEOF")
        assert [] == docker_host.json("ip -j -6 addr show dev eth0.20")
        assert before == docker_host.routes(6)

        assert container.answers("192.168.20.251")
        assert container.answers("192.168.20.1")
        assert host2.answers("-I eth0.20 192.168.20.10")


@pytest.mark.embedded
def test_settings_that_change_are_set_again(docker_host: DockerHost) -> None:
    """What reloads of sysctls, another ipvl or an operator opened is shut again; an address there is named."""
    docker_host.docker(VLAN_20)
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.77.0/24 alone")
    (dummy,) = (parent["name"] for parent in docker_host.status()["parents"] if parent["kind"] == "dummy")
    container = docker_host.container("docker run --net=alone -itd alpine /bin/sh")
    assert SHUT == settings(docker_host, dummy)
    assert [] == ways_in(container, "eth0")

    docker_host.run(f"sh -c 'echo 0 >{IPV4}/eth0.20/rp_filter'")
    eventually(lambda: settings(docker_host, "eth0.20") == SHUT, "rp_filter is back")
    docker_host.run(f"sh -c 'echo 1 >{IPV6}/all/disable_ipv6; echo 0 >{IPV6}/all/disable_ipv6'")
    try:
        eventually(lambda: settings(docker_host, "eth0.20") == SHUT, "IPv6 is off again")
    finally:
        docker_host.run("ip addr add 2001:db8:1::250/64 dev eth0 nodad")
        docker_host.run("ip -6 route replace default via 2001:db8:1::1 dev eth0")

    docker_host.service("ipvl", "stop")
    docker_host.run(
        f"sh -c 'echo 0 >{IPV4}/eth0.20/rp_filter; echo 0 >{IPV4}/eth0.20/arp_ignore;"
        f" echo 0 >{IPV6}/eth0.20/disable_ipv6'"
    )
    report = doctor(docker_host, "--network net20")
    assert any(
        line.startswith(
            "warning: this host is reached by parent eth0.20, which ipvl made for containers alone"
            " (rp_filter=0, arp_ignore=0, disable_ipv6=0); `systemctl restart ipvl` shuts it"
        )
        for line in report.lines
    ), report
    docker_host.service("ipvl", "start")
    assert SHUT == settings(docker_host, "eth0.20")
    assert well("1 network", "1 parent") == doctor(docker_host, "--network net20")

    docker_host.run("ip addr add 192.168.20.250/24 dev eth0.20")
    told = "parent eth0.20 has 192.168.20.250/24, but ipvl made it for containers alone: the host answers no ARP there"
    (network,) = (one for one in docker_host.status()["networks"] if one["name"] == "net20")
    assert any(told in trouble for trouble in network["trouble"])
    assert any(told in line for line in doctor(docker_host, "--network net20").lines)
    assert ["ARP"] != asked(docker_host.namespace("host2"), "eth0.20")


@pytest.mark.embedded
def test_the_hosts_own_port_answers_for_itself_alone(docker_host: DockerHost) -> None:
    """With host_access the VLAN reaches the address that the host has there, and learns of no other."""
    host2 = docker_host.namespace("host2")
    with services(docker_host):
        docker_host.docker(VLAN_20.replace(" -o ", " -o host_access=true --aux-address host=192.168.20.9 -o ", 1))
        container = docker_host.container("docker run --net=net20 --ip=192.168.20.10 -itd alpine /bin/sh")
        assert host2.answers("192.168.20.9")
        assert container.answers("192.168.20.9")
        assert [] == asked(host2, "eth0.20")
        assert [] == ways_in(host2, "eth0.20")
        assert [] == ways_in(container, "eth0")


@pytest.mark.embedded
def test_routed_parents_are_the_hosts_too(docker_host: DockerHost) -> None:
    """In L3 the host answers for its addresses on that link and for no other; what routers announce stays off it."""
    router = docker_host.namespace("router")
    docker_host.docker(
        "docker network create -d ipvlan --ipv6 --subnet=10.88.0.0/24 --subnet=2001:db8:88::/64"
        " -o ipvlan_mode=l3 -o parent=eth0.118 routed"
    )
    assert ["0", "1", "0"] == settings(docker_host, "eth0.118")
    assert "0" == docker_host.run(f"cat {IPV6}/eth0.118/accept_ra").stdout.strip()
    docker_host.run("ip addr add 192.168.118.250/24 dev eth0.118")
    router.run("bash -c 'ip addr add 192.168.118.1/24 dev eth0.118; ip route add 10.88.0.0/24 via 192.168.118.250'")
    try:
        container = docker_host.container("docker run --net=routed -itd alpine /bin/sh")
        assert container.answers("192.168.118.1")
        assert router.answers("192.168.118.250")
        assert [] == asked(router, "eth0.118")
    finally:
        router.run("ip addr del 192.168.118.1/24 dev eth0.118")
    assert not any(network["trouble"] for network in docker_host.status()["networks"])

    # As an ipvl left it that did not do so yet.
    docker_host.service("ipvl", "stop")
    docker_host.run(f"sh -c 'echo 0 >{IPV4}/eth0.118/arp_ignore; echo 1 >{IPV6}/eth0.118/accept_ra'")
    told = "this host answers for its addresses on other links as well on parent eth0.118, which ipvl made"
    assert any(told in line for line in doctor(docker_host, "--network routed").lines)
    docker_host.service("ipvl", "start")
    assert ["0", "1", "0"] == settings(docker_host, "eth0.118")
    assert "0" == docker_host.run(f"cat {IPV6}/eth0.118/accept_ra").stdout.strip()

    docker_host.docker("docker network create -d ipvlan --subnet=10.89.0.0/24 -o parent=eth0.120.20 inner")
    assert SHUT == settings(docker_host, "eth0.120") == settings(docker_host, "eth0.120.20")
    docker_host.docker("docker network create -d ipvlan --subnet=10.90.0.0/24 -o mode=l3s -o parent=eth0.120 outer")
    assert ["0", "1", "0"] == settings(docker_host, "eth0.120")
    docker_host.docker("docker network rm outer")
    assert SHUT == settings(docker_host, "eth0.120")


def test_links_of_others_stay_as_they_are(docker_host: DockerHost) -> None:
    """A parent that ipvl did not make is never set; the doctor says by which lines the operator keeps the host off."""
    docker_host.run("bash -c 'ip link add link eth0 name eth0.20 type vlan id 20 && ip link set eth0.20 up'")
    try:
        before = settings(docker_host, "eth0.20")
        docker_host.docker(VLAN_20)
        host2 = docker_host.namespace("host2")
        with services(docker_host):
            open_ways = ["ping", "TCP", "UDP", "forwarding", "IPv6", "TCP over IPv6", "link-local"]
            assert (["ARP", "duplicate detection"], open_ways) == (asked(host2, "eth0.20"), ways_in(host2, "eth0.20"))
        docker_host.container("docker run --net=net20 -itd alpine /bin/sh")
        assert before == settings(docker_host, "eth0.20")
        lines = doctor(docker_host, "--network net20").lines
        assert [
            "warning: this host answers for its other addresses on parent eth0.20, which has none, so that whoever is"
            " on that segment reaches it (rp_filter=0, arp_ignore=0); if the link is for containers alone: `sysctl"
            " net.ipv4.conf.eth0/20.rp_filter=1 net.ipv4.conf.eth0/20.arp_ignore=8"
            " net.ipv6.conf.eth0/20.disable_ipv6=1`"
        ] == lines
        docker_host.run(
            "sysctl -w net.ipv4.conf.eth0/20.rp_filter=1 net.ipv4.conf.eth0/20.arp_ignore=8"
            " net.ipv6.conf.eth0/20.disable_ipv6=1"
        )
        assert well("1 network", "1 parent") == doctor(docker_host, "--network net20")
    finally:
        docker_host.reset()
        docker_host.run("ip link del eth0.20")
