"""Whom programs in sandboxes ask for names: flags as Docker's, DHCP leases, and the host's file whatever it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.docker_host import DockerHost
from tests.lab.test_dhcp_leases import dhcp_server

RESOLVED = "/run/systemd/resolve"
SOCKET = f"{RESOLVED}/io.systemd.Resolve"
STUB = r"nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n"
UPSTREAM = r"# made by systemd-resolved\nnameserver 192.168.1.1\nsearch corp.example\n"
DNS = (
    "ip netns exec router dnsmasq --no-daemon --conf-file=/dev/null --no-hosts --no-resolv --bind-interfaces"
    " --listen-address=192.168.1.1 --address=/web.corp.example/203.0.113.10"
)
RUN = "ipvl run --net=web --rm alpine"
SHOW = "cat /etc/resolv.conf"


@pytest.fixture
def host(docker_host: DockerHost) -> Iterator[DockerHost]:
    """A host where systemd-resolved answers on the loopback, on a LAN whose router knows names."""
    docker_host.run("cp -P /etc/resolv.conf /root/ 2>/dev/null; true")
    docker_host.run(f"sh -c 'mkdir -p {RESOLVED} && ln -sf {RESOLVED}/stub-resolv.conf /etc/resolv.conf'")
    docker_host.run(f"sh -c 'printf \"{STUB}\" > {RESOLVED}/stub-resolv.conf'")
    docker_host.run(f"sh -c 'printf \"{UPSTREAM}\" > {RESOLVED}/resolv.conf'")
    docker_host.docker("ipvl network create --subnet=192.168.1.0/24 --gateway=192.168.1.1 -o parent=eth0 web")
    names = docker_host.guest.start(DNS)
    names.wait_for("started", 20)
    yield docker_host
    names.kill(15)
    names.wait(10)
    docker_host.run(
        f"sh -c 'rm -rf {RESOLVED} /etc/resolv.conf; [ ! -e /root/resolv.conf ] || mv /root/resolv.conf /etc/'"
    )


@pytest.mark.embedded_only
def test_a_host_with_systemd_resolved(host: DockerHost) -> None:
    """Sandboxes ask whom it asks, in its domain; what cannot be asked is said, and no public resolver is taken."""
    shown = host.guest.run(f"{RUN} sh -c '{SHOW}; ping -c 1 -W 2 web'", timeout=90)
    assert shown.stdout.startswith("search corp.example\nnameserver 192.168.1.1\nPING web (203.0.113.10)")
    assert "" == shown.stderr
    own = host.guest.start(f"socat UNIX-LISTEN:{SOCKET},fork SYSTEM:true")
    try:
        on_own_files = host.guest.run(
            f"ipvl run --net=web --rm -- sh -c '{SHOW}; test -c {SOCKET} && getent hosts web'"
        )
        assert "203.0.113.10" in on_own_files.stdout, "not by the host's own resolver"
    finally:
        own.kill(15)
        own.wait(10)

    host.run(f"rm {RESOLVED}/resolv.conf")
    sentence = (
        "ipvl: sandbox one has no resolver: the host's /etc/resolv.conf names none that is within its reach;"
        " give it one with --dns ADDRESS\n"
    )
    run_one = RUN.replace("--rm", "--rm --name=one")
    shown = host.guest.run(f"{run_one} {SHOW}", timeout=90)
    assert ("options edns0 trust-ad\n", sentence) == (shown.stdout, shown.stderr)
    host.run(f"rm {RESOLVED}/stub-resolv.conf")
    shown = host.guest.run(f"{run_one.replace('--rm', '-d')} sleep 100000", timeout=90)
    assert sentence == shown.stderr
    assert sentence == host.guest.run("ipvl restart -t 0 one", timeout=60).stderr
    assert (
        "the host has no /etc/resolv.conf, so a program on the host's own files cannot be given another;"
        " make that file, an empty one will do, or run it on a root filesystem"
    ) in host.refused("ipvl run --net=web --dns 192.168.1.1 --rm -- true")
    assert "" == host.guest.run(f"{RUN.replace('web', 'none')} true", timeout=90).stderr


@pytest.mark.embedded_only
def test_resolvers_of_the_host_that_a_sandbox_cannot_ask(host: DockerHost) -> None:
    """The host itself on the same segment, the other family, another segment's router; a file that is none."""
    file = "/etc/resolv.conf"
    host.docker("ipvl network create --subnet=192.168.20.0/24 -o parent=eth0.20 tagged")
    host.docker("ipvl network create --ipv6 --subnet=10.9.0.0/24 --subnet=2001:db8:9::/64 -o parent=eth1 dual")

    def asked(on: str, resolver: str) -> str:
        host.run(f"sh -c 'rm -rf {file}; echo nameserver {resolver} > {file}'")
        shown = host.guest.run(f"{RUN.replace('web', on)} {SHOW}", timeout=90)
        assert shown.stdout or "has no resolver: the host's /etc/resolv.conf names none that is within" in shown.stderr
        return shown.stdout.removeprefix("nameserver ").strip()

    own, six, router = "192.168.1.250", "2001:db8:1::1", "fe80::250:56ff:fe39:4501"
    assert ["", own] == [asked(on, own) for on in ("web", "tagged")]
    assert ["", six] == [asked(on, six) for on in ("web", "dual")]
    assert ["", f"{router}%eth0"] == [asked("dual", f"{router}%{link}") for link in ("eth0", "eth1")]
    for command, why in (("ln -s resolv.conf", "the host has no"), ("mkdir", "the host's")):
        host.run(f"sh -c 'rm -rf {file}; {command} {file}'")
        shown = host.guest.run("ipvl run --net=web --rm -- true")
        assert "has no resolver: the host has no /etc/resolv.conf that could be covered" in shown.stderr
        assert f"{why} /etc/resolv.conf" in host.refused("ipvl run --net=web --dns 192.168.1.1 --rm -- true")


@pytest.mark.embedded_only
def test_flags_for_names(host: DockerHost) -> None:
    """They go before leases and the host, are there again at each start, and reach the host where that can be."""
    host.docker("ipvl network create --subnet=192.168.30.0/24 -o host_access=true reached")
    assert (
        "--add-host gate:host-gateway needs an address of the host's on a network of the sandbox's;"
        " make that network with -o host_access=true, or give an address"
    ) in host.refused(f"{RUN.replace('alpine', '--add-host gate:host-gateway alpine')} true")
    flags = "--dns 192.168.1.1 --dns-search corp.example --dns-search . --dns-option ndots:2"
    one = host.container(
        f"ipvl run -d --name=one --net=web {flags} --add-host db:192.168.1.9 --add-host db=[2001:db8::9]"
        " alpine sleep 9999"
    )
    two = host.container("ipvl run -d --name=two --net=web alpine sleep 9999")
    gate = host.container("ipvl run -d --net=reached --add-host gate=host-gateway alpine sleep 9999")
    assert gate.resolves_and_reaches("gate")

    asked = "search corp.example\nnameserver 192.168.1.1\noptions ndots:2\n"
    assert asked == one.inside(SHOW).stdout
    assert one.inside("ping -c 1 -W 2 web").stdout.startswith("PING web (203.0.113.10)")
    host.docker("ipvl network create -o parent=eth0.20 -o addressing=dhcp lan")
    with dhcp_server(host):
        host.docker("ipvl network connect lan one", timeout=60)
        host.docker("ipvl network connect lan two", timeout=60)
        assert asked == one.inside(SHOW).stdout
        assert "search lab.example\nnameserver 192.168.20.1\n" == two.inside(SHOW).stdout
        host.docker("ipvl network disconnect lan two")
        assert "search corp.example\nnameserver 192.168.1.1\n" == two.inside(SHOW).stdout
        host.docker("ipvl restart -t 0 one", timeout=60)
    assert asked == host.guest.run(f"ipvl exec one {SHOW}").stdout
    hosts = host.guest.run("ipvl exec one cat /etc/hosts").stdout
    assert "\n192.168.1.9 db\n2001:db8::9 db\n" in hosts
