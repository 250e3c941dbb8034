"""Addresses from the network's own DHCP server: dnsmasq on the router, which knows containers by their identifiers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from operator import gt
from typing import Any

import pytest

from lab.background import Background
from tests.lab.docker_host import DockerHost, eventually

LEASES = "/tmp/dhcp.leases"
SERVER = (
    f"dnsmasq --no-daemon --conf-file=/dev/null --no-ping --port=0 --dhcp-authoritative --dhcp-leasefile={LEASES}"
    " --interface=eth0.20 --bind-interfaces --dhcp-range=192.168.20.100,192.168.20.110,120"
    " --dhcp-option=option:dns-server,192.168.20.1 --dhcp-option=option:mtu,1400 --domain=lab.example"
    " --log-dhcp"
)


@contextmanager
def dhcp_server(host: DockerHost, *pinned: str, mac: str = "") -> Iterator[Background]:
    """Run the server, which leases for two minutes.

    `pinned` are identifiers and the addresses they are to get, `mac` is a MAC address with one.
    """
    hosts = "".join(f" --dhcp-host=id:{one}" for one in pinned) + (f" --dhcp-host={mac}" if mac else "")
    server = host.guest.start(f"ip netns exec router sh -c 'rm -f {LEASES}; exec {SERVER}{hosts}'")
    server.wait_for("IP range", 20)
    try:
        yield server
    finally:
        server.kill(15)
        server.wait(10)


def said(server: Background, pattern: str) -> list[str]:
    """Return what the server's log has of a kind of message."""
    return re.findall(pattern, server.output())


def restart_when_renewal_is_due(host: DockerHost) -> None:
    """Kill ipvl and start it when it is time to renew, which it would be half a minute later."""
    host.service("ipvl", "kill")
    host.run("sqlite3 /var/lib/ipvl/state.db 'UPDATE dhcp_leases SET renews = obtained'")
    host.service("ipvl", "start")


def lease(host: DockerHost, name: str) -> Any:
    """Return the lease of an endpoint by its name, as `ipvl status` has it."""
    return next(one["lease"] for one in host.status()["endpoints"] if one["name"] == name)


@pytest.mark.newest
def test_leases_of_docker(docker_host: DockerHost) -> None:
    """Two containers have leases that are renewed on the wire, kept when ipvl is killed, lost, and given back."""
    host = docker_host
    host.docker("docker network create -d ipvlan --ipam-driver=null -o parent=eth0.20 -o addressing=dhcp lan")
    with dhcp_server(host, "web,192.168.20.77") as server:
        web, db = host.containers(
            "docker run -d --name web --network name=lan,driver-opt=client_id=web alpine sleep 1000",
            "docker run -d --name db --network lan alpine sleep 1000",
        )
        assert ["192.168.20.77/24"] == web.addresses(), "the one that the server keeps for it"
        (of_db,) = db.addresses()
        assert re.fullmatch(r"192\.168\.20\.1\d\d/24", of_db)
        for container, address in ((web, "192.168.20.77"), (db, of_db.removesuffix("/24"))):
            shown = host.inspect(container)["NetworkSettings"]["Networks"]["lan"]
            assert (address, 24, "192.168.20.1") == (shown["IPAddress"], shown["IPPrefixLen"], shown["Gateway"])
            assert "default via 192.168.20.1 dev eth0" in container.routes()
            assert 1400 == container.links()["eth0"]["mtu"]
            assert container.answers("203.0.113.10"), "beyond the router"
        eventually(lambda: {"web", "db"} == {one["name"] for one in host.status()["endpoints"]}, "names are learned")

        before = host.records("SELECT expires FROM dhcp_leases ORDER BY client_id")
        with host.frames("eth0.20", "udp port 67 and src host 192.168.20.77") as renewals:
            restart_when_renewal_is_due(host)
            eventually(lambda: renewals() != [], "the lease is renewed")
            assert "00:50:56:39:45:2e > 00:50:56:39:45:01" in renewals()[0], "by a question to the server alone"
        eventually(
            lambda: all(map(gt, host.records("SELECT expires FROM dhcp_leases ORDER BY client_id"), before)),
            "both are renewed, and that is recorded",
        )
        host.run("ip link del eth0.20")
        eventually(lambda: "eth0" in web.links() and "eth0" in db.links(), "ports come back with their parent")
        assert (["192.168.20.77/24"], 1400) == (web.addresses(), web.links()["eth0"]["mtu"])
        assert web.answers("203.0.113.10")
        assert [] == said(server, "DHCPRELEASE"), "nothing was given back meanwhile"

    refusal = host.refused("docker run --rm --network lan alpine true")
    assert (
        "no DHCP server answers on parent eth0.20, so network lan has no address;"
        " see that the server is up and on that segment: ipvl doctor" in refusal
    )
    # It comes back without its memory, and with other plans for one of the two.
    with dhcp_server(host, "web,192.168.20.78") as server:
        restart_when_renewal_is_due(host)
        eventually(lambda: lease(host, "web")["state"] == "lost", "the server takes one back")
        lost = host.run("ipvl events --since 5m --until now --type lease.lost").stdout
        assert "network lan: endpoint web has lost the lease of 192.168.20.77: server 192.168.20.1 took it back" in lost
        assert "restart the container" in host.run("ipvl status").stdout
        assert "held" == lease(host, "db")["state"]

        host.docker("docker restart -t 0 web db")
        addresses = [host.inspect(name)["NetworkSettings"]["Networks"]["lan"]["IPAddress"] for name in ("web", "db")]
        assert ["192.168.20.78", of_db.removesuffix("/24")] == addresses
        host.docker("docker rm -f web db")
        eventually(lambda: len(said(server, r"DHCPRELEASE\(eth0.20\) 192.168.20.78")) == 1, "its lease is given back")
        assert "" == host.run(f"cat {LEASES}").stdout
    host.docker("docker network rm lan")


@pytest.mark.embedded_only
def test_leases_of_sandboxes(docker_host: DockerHost) -> None:
    """A sandbox is known by its name: address, gateway and resolvers come with its lease, the same at each start."""
    host = docker_host
    host.docker("ipvl network create -o parent=eth0.20 -o addressing=dhcp lan")
    with dhcp_server(host) as server:
        web = host.container("ipvl run -d --name web --net=lan alpine sleep 1000")
        (address,) = web.addresses()
        assert re.fullmatch(r"192\.168\.20\.1\d\d/24", address)
        assert "default via 192.168.20.1 dev eth0" in web.routes()
        assert "search lab.example\nnameserver 192.168.20.1\n" == web.inside("cat /etc/resolv.conf").stdout
        assert web.answers("203.0.113.10"), "beyond the router"
        assert " web 00:" in host.run(f"cat {LEASES}").stdout, "the server knows its name"
        view = json.loads(host.run("ipvl network inspect lan").stdout)[0]
        assert ("dhcp", "held") == (view["addressing"], view["members"][0]["lease"]["state"])

        restart_when_renewal_is_due(host)
        eventually(lambda: len(said(server, "DHCPACK")) == 2, "the lease is renewed")
        host.docker("ipvl stop -t 0 web")
        assert len(said(server, "DHCPRELEASE")) == 1
        host.docker("ipvl start web")
        view = json.loads(host.run("ipvl network inspect lan").stdout)[0]
        assert [address] == view["members"][0]["addresses"]
        host.docker("ipvl rm -f web")
    refusal = host.refused("ipvl run --rm --net=lan alpine true")
    assert "no DHCP server answers on parent eth0.20, so network lan has no address" in refusal
