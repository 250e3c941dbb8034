"""The systemd units, in a guest that boots with systemd as a real host does (docs/installation.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from ipvl.daemon.privileges import FOR_DOCKER, NEEDED
from lab.guest import Guest
from tests.lab.docker_host import DockerHost, eventually, prepare

INSTALL = """
cp /work/packaging/systemd/ipvl.socket /work/packaging/systemd/ipvl.service /etc/systemd/system/
systemctl daemon-reload
systemctl enable --now ipvl.socket ipvl.service
"""


@pytest.fixture(scope="module")
def installed(request: pytest.FixtureRequest) -> Iterator[DockerHost]:
    """A host with systemd, Docker's own unit, and ipvl's units installed as the document says."""
    stock = request.config.getoption("--stock-kernels")
    with Guest.boot(append="init=/lib/systemd/systemd", user_mode=not stock) as guest:
        prepare(guest)
        guest.run(INSTALL, timeout=120)
        guest.run("/work/lab/services.sh docker start", timeout=180)
        yield DockerHost(guest, "")


SOCKETS = ("/run/docker/plugins/ipvl.sock", "/run/ipvl/control.sock")
AS_NOBODY = "setpriv --reuid=nobody --regid=nogroup --clear-groups --"


def assert_may(host: DockerHost, needed: Iterable[int]) -> None:
    """The daemon has these capabilities, in every set that counts, and can gain no other."""
    status = host.run("cat /proc/$(systemctl show -P MainPID ipvl.service)/status").stdout
    fields = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
    mask = sum(1 << number for number in needed)
    assert {f"{mask:016x}"} == {fields[name] for name in ("CapEff", "CapPrm", "CapBnd")}
    assert {"0" * 16} == {fields[name] for name in ("CapInh", "CapAmb")}
    assert ("1", "2") == (fields["NoNewPrivs"], fields["Seccomp"])


def test_least_privilege(installed: DockerHost) -> None:
    """The daemon can do what is listed for Docker and no more; who is not root gets nowhere."""
    host = installed
    assert_may(host, FOR_DOCKER)

    modes = host.run("stat -c '%n %a %U' /var/lib/ipvl /var/lib/ipvl/*").stdout.splitlines()
    assert "/var/lib/ipvl 700 root" in modes
    assert {"600 root"} == {line.partition(" ")[2] for line in modes if "state.db" in line or "lock" in line}
    for socket in SOCKETS:
        assert ["600", "root"] == host.run(f"stat -c '%a %U' {socket}").stdout.split()
        folders = host.run(
            f"f={socket}; while f=$(dirname $f); do stat -c '%a %U' $f; [ $f != / ] || break; done"
        ).stdout
        for mode, owner in (line.split() for line in folders.splitlines()):
            assert "root" == owner
            assert not int(mode, 8) & 0o022, "nobody else can put a socket in its place"
        refused = host.run(f"{AS_NOBODY} socat -u OPEN:/dev/null UNIX-CONNECT:{socket}", check=False)
        assert "Permission denied" in refused.stderr
    for path in ("/var/lib/ipvl", "/var/lib/ipvl/state.db"):
        assert "Permission denied" in host.run(f"{AS_NOBODY} head -c 1 {path}", check=False).stderr
    refused = host.run(f"{AS_NOBODY} ipvl network ls", check=False)
    assert (6, "ipvl: control socket /run/ipvl/control.sock may not be used by this user; run it as root") == (
        refused.status,
        refused.stderr.strip(),
    )


def test_units(installed: DockerHost) -> None:
    """The sockets are there first, Docker finds the driver, and after a reboot everything is back by itself."""
    host = installed
    access = "-o mtu=1400 -o host_access=true --aux-address host=192.168.20.240 -o conflict_check=probe"
    host.docker(f"docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 {access} vlan20")
    taken = host.refused("docker run --rm --net=vlan20 --ip=192.168.20.251 alpine true")
    assert "address 192.168.20.251 is in use on eth0.20 by 00:50:56:39:45:2f" in taken
    host.docker("docker network create -d ipvlan --subnet=192.168.10.0/24 isolated1")
    container = host.container("docker run --net=vlan20 -itd alpine /bin/sh")
    assert container.answers("192.168.20.1"), "under the unit's restrictions too"
    assert container.answers("192.168.20.240"), "and so is the host"
    host.docker("docker run --restart=always --net=isolated1 --name=always -d alpine sleep 100000")

    host.run("ip link set eth0 mtu 1450")
    eventually(
        lambda: "of network vlan20 has MTU 1450 instead of 1400" in host.run("ipvl status").stdout,
        "what the unit may not mend inside a container's namespace it tells",
    )
    host.run("ip link set eth0 mtu 1500")

    lost = "of network vlan20 has no port any more, since parent eth0.20 was made anew, and ipvl may not enter"
    host.run("ip link del eth0.20")
    eventually(lambda: lost in host.run("ipvl status").stdout, "whom to restart is told")
    assert "has no port on eth0.20 any more" in host.run("ipvl doctor", check=False).stdout
    host.docker(f"docker restart -t 0 {container.name}")
    eventually(lambda: lost not in host.run("ipvl status").stdout, "until that is done")
    container = host.container("docker run --net=vlan20 -itd alpine /bin/sh")
    assert container.answers("192.168.20.1")

    host.run("systemctl kill -s KILL ipvl.service")
    eventually(lambda: host.run("systemctl is-active ipvl.service", check=False).status == 0, "ipvl is started again")
    assert container.answers("192.168.20.1")
    assert "eth0.20" in host.run("ipvl status").stdout
    journal = host.run("journalctl -u ipvl.service -o cat --no-pager").stdout
    assert "network vlan20: endpoint" in journal
    assert "<6>" not in journal, "priorities are the journal's to show"

    host.guest.reboot()
    eventually(
        lambda: host.run("systemctl is-active docker.service", check=False).status == 0, "Docker is up", within=120
    )
    started = [
        int(host.run(f"systemctl show -P ActiveEnterTimestampMonotonic {unit}").stdout)
        for unit in ("ipvl.socket", "ipvl.service", "docker.service")
    ]
    assert sorted(started) == started, "socket, then ipvl, then Docker"
    eventually(
        lambda: host.run("docker exec always ip -o addr show eth0", check=False).stdout.find("192.168.10.") > 0,
        "the container that always restarts is back on its network",
        within=120,
    )
    assert "eth0.20" not in host.links(), "its base is not there yet"
    prepare(host.guest)
    eventually(lambda: "eth0.20" in host.links(), "eth0.20 is made once eth0 is there")
    again = host.container("docker run --net=vlan20 --ip=192.168.20.7 -itd alpine /bin/sh")
    assert again.answers("192.168.20.1")
    assert host.answers("192.168.20.7"), "the host's own port is back as well"


def test_sandboxes_take_the_larger_unit(installed: DockerHost) -> None:
    """The unit for Docker may not enter namespaces, and says what to do; with embedded.conf it can."""
    host = installed
    host.run("ipvl rootfs add alpine /opt/lab/alpine.tar")
    host.run("ipvl network create --subnet=192.168.30.0/24 -o parent=eth0.30 vlan30")
    run = "ipvl run --net=vlan30 --name=one --ip=192.168.30.9 -d alpine sleep 100000"
    assert "under systemd the daemon needs embedded.conf" in host.refused(run)

    host.run(
        "mkdir -p /etc/systemd/system/ipvl.service.d"
        " && cp /work/packaging/systemd/embedded.conf /etc/systemd/system/ipvl.service.d/"
        " && systemctl daemon-reload && systemctl restart ipvl.service"
    )
    assert_may(host, NEEDED)
    host.run(run)
    ping = host.run("ipvl exec one ping -c 2 -W 2 192.168.30.1")
    assert "packets received" in ping.stdout
    device = host.run(
        "ipvl exec one sh -c 'mknod /zero c 1 5; head -c 1 /zero; head -c 1 /dev/zero | wc -c'", check=False
    )
    assert "Permission denied" in device.stderr, "a sandbox has no devices but its own"
    assert "1" == device.stdout.strip()
    host.run("ip netns add blue && mkdir -p /etc/netns/blue && touch /etc/netns/blue/hosts")
    host.run("ipvl attach --net vlan30 --netns blue --hosts /etc/netns/blue/hosts")
    assert "192.168.30.9 one one.vlan30" in host.run("cat /etc/netns/blue/hosts").stdout.splitlines()
    host.docker("docker run --net=vlan20 --name=docked -itd alpine /bin/sh")
    host.run("ip link del eth0.20 && ip link del eth0.30")
    eventually(lambda: "192.168.30.1" in host.run("ipvl exec one ip route").stdout, "ports are made again")
    assert "packets received" in host.run("ipvl exec one ping -c 2 -W 2 192.168.30.1").stdout
    eventually(
        lambda: "1 packets received" in host.docker("docker exec docked ping -c 1 192.168.20.1", check=False).stdout,
        "in Docker's containers too",
    )
    (supervisor,) = host.records("SELECT supervisor FROM sandboxes")
    host.run(f"kill -9 {supervisor}")
    eventually(
        lambda: "one" not in host.run("cat /etc/netns/blue/hosts").stdout, "the daemon notices the supervisor's end"
    )
