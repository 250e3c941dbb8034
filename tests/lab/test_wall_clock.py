"""The wall clock is set while ipvl runs, while it does not, and late after a boot: whatever waits is right."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from lab.background import Background
from tests.lab.docker_host import DockerHost, eventually, prepare

SERVER = (
    "dnsmasq --no-daemon --conf-file=/dev/null --no-ping --port=0 --dhcp-authoritative --log-dhcp"
    " --dhcp-leasefile=/tmp/time.leases --interface=eth0.20 --bind-interfaces"
    " --dhcp-range=192.168.20.100,192.168.20.110,120 --dhcp-option=option:T1,10"
)
DAY, YEAR = 86400, 365 * 86400


@pytest.fixture
def host(docker_host: DockerHost) -> Iterator[DockerHost]:
    """A host whose clock is right again afterwards."""
    yield docker_host
    set_clock(docker_host, time.time())
    docker_host.service("ipvl", "start")


@pytest.fixture
def server(host: DockerHost) -> Iterator[Background]:
    """A DHCP server that leases for two minutes, to be renewed after ten seconds."""
    dnsmasq = host.guest.start(f"ip netns exec router sh -c 'rm -f /tmp/time.leases; exec {SERVER}'")
    dnsmasq.wait_for("IP range", 20)
    yield dnsmasq
    dnsmasq.kill(15)
    dnsmasq.wait(10)


def set_clock(host: DockerHost, seconds: float) -> None:
    """Set the guest's wall clock, in seconds since the epoch."""
    host.run(f"date -s @{seconds:.0f}")


def jump(host: DockerHost, seconds: int) -> None:
    """Move the guest's wall clock."""
    set_clock(host, wall_clock(host) + seconds)


def wall_clock(host: DockerHost) -> float:
    """Return the guest's wall clock, in seconds since the epoch."""
    return float(host.run("date +%s").stdout)


def epoch(text: str) -> float:
    """Return what a time in JSON is, in seconds since the epoch."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", text), "RFC 3339 in UTC, as Docker writes it"
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


def events(host: DockerHost, since: str) -> list[dict[str, Any]]:
    """Return the events since then."""
    return [
        json.loads(line) for line in host.run(f"ipvl events --since {since} --until now --json").stdout.splitlines()
    ]


def make_networks(host: DockerHost) -> None:
    """One network asks a DHCP server, the other asks the segment who has an address."""
    dhcp = "--ipam-driver=null" if host.driver != "embedded" else ""
    host.docker(f"docker network create -d ipvlan {dhcp} -o parent=eth0.20 -o addressing=dhcp lan")
    host.docker(
        "docker network create -d ipvlan --subnet=192.168.1.0/24 --gateway=192.168.1.1 -o parent=eth0"
        " -o conflict_check=probe careful"
    )


@contextmanager
def renewed(host: DockerHost, address: str) -> Iterator[None]:
    """Wait until a lease was extended after what is done meanwhile, by a question on the wire."""
    (before,) = host.records("SELECT obtained FROM dhcp_leases")
    with host.frames("eth0.20", f"udp port 67 and src host {address}") as questions:
        yield
        eventually(lambda: questions() != [], "the server is asked", within=20)
        eventually(lambda: host.records("SELECT obtained FROM dhcp_leases") > [before], "and grants it")


@pytest.mark.embedded
@pytest.mark.newest
def test_the_clock_is_set(host: DockerHost, server: Background) -> None:
    """Back by a day, on by a year, and back while ipvl does not run: nothing ends before its time or after it."""
    make_networks(host)
    web = host.container("docker run -d --name web --network=lan alpine sleep 100000")
    (interface,) = web.addresses()
    address = interface.removesuffix("/24")
    assert "192.168.1.251" in host.refused("docker run --rm --network=careful --ip=192.168.1.251 alpine true")

    def is_right() -> None:
        now, shown = wall_clock(host), host.status()
        lease = next(one["lease"] for one in shown["endpoints"] if one["lease"])
        assert "held" == lease["state"]
        assert now < epoch(lease["expires"]) <= now + 121
        assert now - 2 < epoch(lease["renews"]) <= now + 12
        (kept_out,) = shown["quarantines"]
        assert now + 300 < epoch(kept_out["until"]) <= now + 601
        assert [interface] == web.addresses()
        made = json.loads(host.run("ipvl network inspect lan").stdout)[0]["created"]
        assert now - 300 < epoch(made) <= now + 1, "it was made some minutes ago by any clock"
        if host.driver == "embedded":
            (one,) = json.loads(host.run("ipvl ps --json").stdout)["sandboxes"]
            assert now - 300 < epoch(one["started"]) <= now + 1
            assert re.search(r"\bup \d+ (s|min)\b", host.run("ipvl ps").stdout)

    is_right()
    for seconds in (-DAY, YEAR):
        with renewed(host, address):
            jump(host, seconds)
        is_right()
    told = events(host, "10m")
    assert {"network.created", "lease.obtained", "lease.renewed"} <= {one["type"] for one in told}, (
        "the jumps hide none"
    )
    times = [epoch(one["time"]) for one in told]
    assert times == sorted(times)
    assert wall_clock(host) - 300 < times[0]
    assert [] == events(host, "0s")

    with renewed(host, address):
        host.service("ipvl", "kill")
        jump(host, -2 * YEAR)
        host.service("ipvl", "start")
    is_right()
    assert [] == [one for one in events(host, "10m") if one["type"] == "lease.lost"]
    assert "DHCPRELEASE" not in server.output(), "nothing was given back"
    host.docker("docker rm -f web")
    eventually(lambda: f"DHCPRELEASE(eth0.20) {address}" in server.output(), "until the container went")


@pytest.mark.embedded
def test_a_boot_without_a_clock(host: DockerHost) -> None:
    """The host wakes up in 1970, and some time after ipvl's start it learns the time."""
    make_networks(host)
    assert "192.168.1.251" in host.refused("docker run --rm --network=careful --ip=192.168.1.251 alpine true")
    one = host.container(
        "docker run -d --restart=always --name=one --network=careful --ip=192.168.1.9 alpine sleep 1000"
    )
    assert one.answers("192.168.1.1")
    made = json.loads(host.run("ipvl network inspect careful").stdout)[0]["created"]
    host.sync()

    host.guest.reboot()
    set_clock(host, 100)
    prepare(host.guest)
    host.service("ipvl", "start")
    host.service("docker", "start")
    host.come_back("one")

    def is_back() -> bool:
        attached = [one["addresses"] for one in host.status()["endpoints"] if one["state"] == "attached"]
        return attached == [["192.168.1.9/24"]]

    eventually(is_back, "the container has its address again, which is not held for what is gone")
    assert 1970 == datetime.fromtimestamp(wall_clock(host), UTC).year
    (kept_out,) = host.status()["quarantines"]
    assert 300 < epoch(kept_out["until"]) - wall_clock(host) <= 601, "not forgotten, and not kept for decades"

    set_clock(host, time.time())
    (kept_out,) = host.status()["quarantines"]
    assert 200 < epoch(kept_out["until"]) - time.time() <= 601
    assert made == json.loads(host.run("ipvl network inspect careful").stdout)[0]["created"], "it was before the boot"
    joined = [one for one in events(host, "10m") if one["type"] == "endpoint.joined"]
    assert joined
    assert all(time.time() - 300 < epoch(one["time"]) < time.time() + 2 for one in joined)
    host.service("ipvl", "kill")
    host.service("ipvl", "start")
    assert is_back()
    host.docker("docker rm -f one")
