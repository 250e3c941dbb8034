"""The Debian package, in guests that boot with systemd and have nothing else of ipvl's: on bookworm and on sid."""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.guest import Guest
from tests.lab.docker_host import DockerHost, eventually, prepare

ROOT = Path(__file__).parents[2]
WALKTHROUGH = "docker network create -d ipvlan --subnet=192.168.20.0/24 --gateway=192.168.20.1 -o parent=eth0.20 vlan20"
NEXT = """
dpkg-deb -R /root/ipvl.deb /root/next
sed -i 's/^Version: .*/&+next/' /root/next/DEBIAN/control
dpkg-deb -b /root/next /root/next.deb
"""


@pytest.fixture(scope="module")
def package() -> Path:
    """What `make deb` builds."""
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build/deb.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the other suite's process builds it in the same place
        subprocess.run(["make", "-s", "deb"], cwd=ROOT, check=True, timeout=600, stdout=subprocess.DEVNULL)
    (built,) = (ROOT / "build").glob("ipvl_*.deb")
    return built


@pytest.fixture(scope="module", params=["bookworm", "sid"])
def bare(request: pytest.FixtureRequest, package: Path) -> Iterator[DockerHost]:
    """A host with Docker and systemd, without the command that the lab's other guests have."""
    with Guest.boot(request.param, append="init=/lib/systemd/systemd", user_mode=True) as guest:
        prepare(guest)
        guest.push(package, "/root/ipvl.deb")
        guest.run("rm /usr/local/bin/ipvl /work/lab/ipvl")
        guest.run("/work/lab/services.sh docker start", timeout=180)
        yield DockerHost(guest, "")


def test_from_install_to_purge(bare: DockerHost) -> None:
    """Installed, used, rebooted, upgraded under a running container, downgraded, removed, installed again, purged."""
    host = bare
    host.run("apt-get install -y /root/ipvl.deb", timeout=300)
    assert ["enabled"] * 2 == host.run("systemctl is-enabled ipvl.socket ipvl.service").stdout.split()
    host.docker(WALKTHROUGH)
    host.docker("docker run --net=vlan20 --name=web -itd alpine /bin/sh")
    eventually(lambda: _reaches_router(host), "the first container on a VLAN")

    host.guest.reboot()
    eventually(
        lambda: host.run("systemctl is-active docker.service", check=False).status == 0, "Docker is up", within=120
    )
    prepare(host.guest)
    eventually(lambda: "eth0.20" in host.links(), "its VLAN is made once the lab's eth0 is there")
    host.docker("docker start web")
    eventually(lambda: _reaches_router(host), "after a reboot")

    host.run(NEXT)
    host.run("docker exec -d web sh -c 'ping -i 0.2 192.168.20.1 > /pings'")
    host.run("dpkg -i /root/next.deb", timeout=300)
    assert "+next" in host.run("dpkg-query -W ipvl").stdout
    eventually(lambda: "vlan20" in host.run("ipvl network ls", check=False).stdout, "the new daemon knows the network")
    host.run("docker exec web sh -c 'kill -INT $(pidof ping)'")
    pings = host.docker("docker exec web cat /pings").stdout
    assert " 0% packet loss" in pings, "containers go on while the package is upgraded"

    _set_schema(host, 9999)
    failed = host.run("dpkg -i /root/ipvl.deb", timeout=300)
    assert "the daemon does not start" in failed.stderr
    assert "has schema 9999, written by a newer ipvl" in failed.stderr

    _set_schema(host, None)
    host.run("systemctl reset-failed ipvl.service; dpkg --configure -a && systemctl restart ipvl.service", timeout=300)
    host.run("dpkg -r ipvl", timeout=300)
    assert "eth0.20" not in host.links(), "what ipvl made goes with it"
    assert host.run("test -s /var/lib/ipvl/state.db", check=False).status == 0, "what it knows stays"
    assert [] == host.run("find /usr/lib/ipvl -type f 2>/dev/null", check=False).stdout.split()

    host.run("dpkg -i /root/ipvl.deb", timeout=300)
    eventually(lambda: "eth0.20" in host.links(), "a later install goes on with it")
    host.docker("docker rm -f web && docker network rm vlan20")
    host.run("dpkg --purge ipvl", timeout=300)
    assert host.run("test -e /var/lib/ipvl", check=False).status == 1
    left = "/etc/systemd/system/*/ipvl.* /lib/systemd/system/ipvl.* /usr/share/doc/ipvl /run/docker/plugins/ipvl.sock"
    assert [] == host.run(f"ls -d {left} 2>/dev/null", check=False).stdout.split()


def _reaches_router(host: DockerHost) -> bool:
    return "1 packets received" in host.docker("docker exec web ping -c 1 -W 2 192.168.20.1", check=False).stdout


def _set_schema(host: DockerHost, version: int | None) -> None:
    """Make the state one of another version of ipvl, and again what it was."""
    program = (
        "import sqlite3, sys; state = sqlite3.connect('/var/lib/ipvl/state.db', isolation_level=None);"
        " print(*state.execute('PRAGMA user_version').fetchone()); state.execute(f'PRAGMA user_version={sys.argv[1]}')"
    )
    if version is not None:
        host.run(f'python3 -c "{program}" {version} > /root/schema')
    else:
        host.run(f'python3 -c "{program}" $(cat /root/schema)')
