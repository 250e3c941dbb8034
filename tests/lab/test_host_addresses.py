"""An address of the host's is nobody else's: whoever had it would get the host's frames."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.docker_host import DockerHost, eventually
from tests.lab.doctor import doctor
from tests.lab.embedded_host import EmbeddedHost
from tests.lab.test_dhcp_leases import dhcp_server, restart_when_renewal_is_due, said

LAN = "docker network create -d ipvlan --subnet=192.168.1.0/24 --gateway=192.168.1.1 -o parent=eth0"
RANGE = "--ip-range=192.168.1.248/29"
FREE = ["192.168.1.248/24", "192.168.1.249/24", "192.168.1.252/24", "192.168.1.253/24"]
"""What is left of the range: .250 is the host's, and .251 the second host's, which nobody told ipvl of."""
MAC = "00:50:56:39:45:2e"


@contextmanager
def also(host: DockerHost, address: str, link: str) -> Iterator[None]:
    """Give the host one more address."""
    host.run(f"ip address add {address} dev {link}" + (" nodad" if ":" in address else ""))
    try:
        yield
    finally:
        host.run(f"ip address del {address} dev {link}", check=False)


def trouble(host: DockerHost) -> list[str]:
    """Return what `ipvl status` says is wrong with the one network there is."""
    (network,) = host.status()["networks"]
    return list(network["trouble"])


def own(address: str, link: str) -> str:
    return f"address {address} is this host's own, on {link}; "


@pytest.mark.embedded
@pytest.mark.newest
def test_the_host_stays_on_its_lan(docker_host: DockerHost) -> None:
    """Four containers in a range around it: passed over or refused, never given; asked for by name, refused."""
    host, router = docker_host, docker_host.namespace("router")
    host.docker(f"{LAN} {RANGE} --aux-address other=192.168.1.251 lan")
    assert own("192.168.1.250", "eth0") in host.refused("docker run --rm --net=lan --ip=192.168.1.250 alpine true")
    if not isinstance(host, EmbeddedHost):
        # Docker's own address management offers the first free one, whatever became of it the last time.
        host.containers(*["docker run -d --net=lan alpine sleep 1000"] * 2)
        refusal = host.refused("docker run --rm --net=lan alpine true")
        assert (
            own("192.168.1.250", "eth0")
            + (
                "choose another --ip, or have Docker pass it over: create the network with"
                " --aux-address own=192.168.1.250, with an --ip-range that leaves it out, or with --ipam-driver ipvl"
            )
            in refusal
        )
        host.reset()
        host.docker(f"{LAN} {RANGE} --aux-address other=192.168.1.251 --aux-address own=192.168.1.250 lan")
    containers = host.containers(*["docker run -d --net=lan alpine sleep 1000"] * 4)
    assert sorted(one for container in containers for one in container.addresses()) == FREE
    assert router.answers("192.168.1.250")
    assert host.answers("192.168.1.1"), "the host is where it was"


@pytest.mark.newest
def test_ipvls_own_ipam_passes_it_over(docker_host: DockerHost) -> None:
    """In both families; `--ip` is refused, and `--aux-address` may name it."""
    docker_host.run("ip address add 2001:db8:1::2/64 dev eth0 nodad")
    try:
        docker_host.docker(
            f"{LAN} --ipv6 --subnet=2001:db8:1::/64 --gateway=2001:db8:1::1 {RANGE} --ipam-driver ipvl"
            " --aux-address other=192.168.1.251 --aux-address own=192.168.1.250 lan"
        )
        docker_host.docker(
            "docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 --ipam-driver ipvl vlan"
        )
        with also(docker_host, "192.168.20.2/24", "eth1"):
            containers = docker_host.containers(*["docker run -d --net=lan alpine sleep 1000"] * 4)
            found = sorted(one for container in containers for one in container.addresses())
            assert sorted([*FREE, *(f"2001:db8:1::{last}/64" for last in "3456")]) == found
            elsewhere = docker_host.container("docker run -d --net=vlan alpine sleep 1000")
            assert ["192.168.20.3/24"] == elsewhere.addresses(), "on whatever link the host has it"
            refusal = docker_host.refused("docker run --rm --net=vlan --ip=192.168.20.2 alpine true")
            assert own("192.168.20.2", "eth1") + "choose another" in refusal
            refusal = docker_host.refused("docker run --rm --net=lan --ip6=2001:db8:1::2 alpine true")
            assert own("2001:db8:1::2", "eth0") + "choose another" in refusal
        again = docker_host.container("docker run -d --net=vlan --ip=192.168.20.2 alpine sleep 1000")
        assert again.answers("192.168.20.1")
        assert docker_host.namespace("router").answers("192.168.1.250")
    finally:
        docker_host.run("ip address del 2001:db8:1::2/64 dev eth0")


@pytest.mark.embedded
def test_it_is_so_in_every_kind_of_network(docker_host: DockerHost) -> None:
    """L3 and isolated, whichever link has it, in both families: each is refused in one sentence."""
    host = docker_host
    host.docker(
        "docker network create -d ipvlan --ipv6 --subnet=10.77.0.0/24 --subnet=2001:db8:77::/64 -o parent=eth0.20"
        " -o ipvlan_mode=l3 routed"
    )
    host.docker("docker network create -d ipvlan --internal --subnet=10.78.0.0/24 alone")
    with (
        also(host, "10.77.0.9/32", "lo"),
        also(host, "2001:db8:77::9/128", "lo"),
        also(host, "10.78.0.9/32", "eth1"),
    ):
        for net, flag, address, link in (
            ("routed", "--ip", "10.77.0.9", "lo"),
            ("routed", "--ip6", "2001:db8:77::9", "lo"),
            ("alone", "--ip", "10.78.0.9", "eth1"),
        ):
            shown = host.refused(f"docker run --rm --net={net} {flag}={address} alpine true")
            assert own(address, link) + "choose another" in shown


@pytest.mark.embedded_only
def test_namespaces_get_others(docker_host: DockerHost) -> None:
    """`ipvl attach` and `ipvl network connect`, in a range and by name."""
    host = docker_host
    host.docker(f"{LAN} {RANGE} --aux-address other=192.168.1.251 lan")
    host.docker("ipvl network create --subnet=192.168.20.0/24 -o parent=eth0.20 vlan")
    names = [f"own{number}" for number in range(4)]
    try:
        attached = []
        for name in names:
            host.run(f"ip netns add {name}")
            attached.append(host.run(f"ipvl attach --net lan --netns {name}").stdout.strip())
        assert [f"eth0 {address}" for address in FREE] == attached
        refusal = host.refused(f"ipvl attach --net vlan --netns {names[0]} --ip 192.168.1.250")
        assert "address 192.168.1.250 is in no subnet of network vlan" in refusal
        host.run(f"ipvl detach --net lan --netns {names[0]}")
        refusal = host.refused(f"ipvl attach --net lan --netns {names[0]} --ip 192.168.1.250")
        assert own("192.168.1.250", "eth0") + "choose another address" in refusal
        with also(host, "192.168.20.2/32", "lo"):
            web = host.container("ipvl run -d --name web --net=lan --ip=192.168.1.77 alpine sleep 1000")
            refusal = host.refused("ipvl network connect --ip 192.168.20.2 vlan web")
            assert own("192.168.20.2", "lo") + "choose another address" in refusal
            host.docker("ipvl network connect vlan web")
            assert ["192.168.20.3/24"] == web.addresses("eth1")
        assert host.namespace("router").answers("192.168.1.250")
    finally:
        host.run("; ".join(f"ip netns del {name}" for name in names), check=False)


@pytest.mark.embedded
@pytest.mark.newest
def test_an_address_that_the_host_gets_later(docker_host: DockerHost) -> None:
    """Status says it at once, the log and the events too, `doctor` as a problem; and no more when it is gone."""
    host = docker_host
    host.docker(f"{LAN} --ipv6 --subnet=2001:db8:1::/64 lan")
    container = host.container("docker run -d --name web --net=lan --ip=192.168.1.77 alpine sleep 1000")
    _, v6 = (one.partition("/")[0] for one in container.addresses())
    eventually(lambda: ["web"] == [one["name"] for one in host.status()["endpoints"]], "its name is learned")
    again = (
        "`ipvl network disconnect lan web` and `connect` it with another"
        if isinstance(host, EmbeddedHost)
        else "start the container with another"
    )
    member = "member" if isinstance(host, EmbeddedHost) else "container"
    assert [] == trouble(host)
    for address, link, length in (("192.168.1.77", "eth1", 24), (v6, "lo", 128)):
        with also(host, f"{address}/{length}", link):
            expected = (
                f"address {address} of web is this host's own as well, on {link}, so one of the two is not reached:"
                f" take it off {link}, or {again}"
            )
            assert [expected] == trouble(host)
            assert f"network lan: {expected}" in host.run("ipvl status").stdout
            events = "ipvl events --since 5m --until now --type warning"
            eventually(lambda: f"network lan: {expected}" in host.run(events).stdout, "it is told")  # noqa: B023
            assert f"network lan: {expected}" in host.log()
            report = doctor(host)
            assert 1 == report.status
            assert (
                f"problem: address {address} of {member} web in network lan is this host's own as well, on {link}, so"
                f" one of the two is not reached; take it off {link}, or {again}"
            ) in report.lines
        assert [] == trouble(host)


@pytest.mark.embedded
def test_a_dhcp_server_that_pinned_the_mac_address(docker_host: DockerHost) -> None:
    """It leases the host's own address: declined, once for each attempt, and refused with what the server must do."""
    host = docker_host
    host.run("ip link add link eth0 name eth0.20 type vlan id 20 && ip link set eth0.20 up")
    ipam = "" if isinstance(host, EmbeddedHost) else "--ipam-driver=null"
    identified = "go by client identifiers (option 61, RFC 4361), not by MAC addresses"
    try:
        host.docker(f"docker network create -d ipvlan {ipam} -o parent=eth0.20 -o addressing=dhcp lan")
        with also(host, "192.168.20.77/24", "eth0.20"), dhcp_server(host, mac=f"{MAC},192.168.20.77") as server:
            refusal = host.refused("docker run --rm --net=lan alpine true")
            assert (
                "DHCP server 192.168.20.1 leases this host's own address, 192.168.20.77 on eth0.20, so it was"
                f" declined; have the server {identified}, which containers share with this host" in refusal
            )
            assert 1 == len(said(server, r"DHCPDECLINE\(eth0.20\) 192.168.20.77"))
            assert host.namespace("router").answers("192.168.20.77")
        with dhcp_server(host, mac=f"{MAC},192.168.20.77") as server:
            web = host.container("docker run -d --name web --net=lan alpine sleep 1000")
            assert ["192.168.20.77/24"] == web.addresses()
            with also(host, "192.168.20.77/24", "eth0.20"):
                restart_when_renewal_is_due(host)
                eventually(lambda: 1 == len(said(server, r"DHCPDECLINE\(eth0.20\) 192.168.20.77")), "it is declined")
                (lease,) = (one["lease"] for one in host.status()["endpoints"])
                assert "lost" == lease["state"]
                assert (
                    "it is this host's own address as well, on eth0.20, so it was declined; the server must"
                    f" {identified}" == lease["why"]
                )
            host.docker("docker rm -f web")
        host.docker("docker network rm lan")
    finally:
        host.run("ip link del eth0.20", check=False)
