"""`ipvl doctor`: every fault is caused for real and found in one sentence, and a healthy host has none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.lab.docker_host import Container, DockerHost, eventually

NET = "docker network create -d ipvlan"
RUN = "docker run -itd --rm"
AS_NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"
ROUTER6 = """interface eth0 { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvDefaultLifetime 1800; };"""


@dataclass(frozen=True)
class Report:
    """What the command said and how it ended."""

    status: int
    lines: list[str]


def doctor(host: DockerHost, words: str = "", before: str = "") -> Report:
    """Run `ipvl doctor` in the guest."""
    result = host.run(f"{before} ipvl doctor {words}", check=False)
    assert "" == result.stderr
    return Report(result.status, result.stdout.splitlines())


@contextmanager
def broken(host: DockerHost, fault: str, repair: str) -> Iterator[None]:
    """Cause a fault on the host while the block runs; Docker's things go before it is repaired."""
    host.run(fault)
    try:
        yield
    finally:
        host.reset()
        host.run(repair)


@pytest.mark.newest
def test_a_healthy_host(docker_host: DockerHost) -> None:
    """Networks of every mode with running containers, and not a word, with a daemon and without one."""
    docker_host.docker(
        f"{NET} --ipv6 --subnet=192.168.1.0/24 --gateway=192.168.1.1 --ip-range=192.168.1.96/28"
        " --subnet=2001:db8:1::/64 --gateway=2001:db8:1::1 -o parent=eth0 plain"
    )
    docker_host.docker(
        f"{NET} --ipv6 --subnet=192.168.110.0/24 --subnet=2001:db8:abc6::/64 -o parent=eth1 -o ipvlan_mode=l3 routed"
    )
    docker_host.docker(
        f"{NET} --ipv6 --subnet=192.168.140.0/24 --gateway=192.168.140.1 --subnet=192.168.142.0/24"
        " --gateway=192.168.142.1 --subnet=2001:db8:abc9::/64 --gateway=2001:db8:abc9::22 -o parent=eth0.140 tagged"
    )
    docker_host.docker(
        f"{NET} --subnet=192.168.118.0/24 -o parent=eth0.118 -o ipvlan_mode=l3s -o parent=eth0.118 tagged3"
    )
    docker_host.docker(f"{NET} --subnet=192.168.10.0/24 isolated2")
    docker_host.docker(f"{NET} --subnet=192.168.214.0/24 --subnet=10.1.214.0/24 -o ipvlan_mode=l3 --internal isolated3")
    names = ("plain", "routed", "tagged", "tagged3", "isolated2", "isolated3")
    docker_host.containers(*(f"{RUN} --net={name} alpine /bin/sh" for name in (*names, "plain")))

    well = "all is well: 16 checks on {}"
    assert Report(0, [well.format("6 networks, 6 parents")]) == doctor(docker_host)
    assert Report(0, [well.format("1 network, 1 parent")]) == doctor(docker_host, "--network tagged")
    assert Report(0, [well.format("1 network, 1 parent")]) == doctor(docker_host, "--parent eth1")
    assert Report(0, [well.format("0 networks, 1 parent")]) == doctor(docker_host, "--parent eth0.30"), "would be made"
    assert "eth0.30" not in docker_host.links()
    docker_host.service("ipvl", "stop")
    try:
        assert Report(0, [well.format("6 networks, 6 parents")]) == doctor(docker_host)
    finally:
        docker_host.service("ipvl", "start")


def test_a_host_where_nothing_has_run(docker_host: DockerHost) -> None:
    """Before anything is created, without a daemon and without a state file: what can be checked is."""
    docker_host.service("ipvl", "stop")
    try:
        report = doctor(docker_host, "--state-folder /nowhere --parent eth0.30")
        assert Report(0, ["all is well: 16 checks on 0 networks, 1 parent"]) == report
        assert Report(0, ["all is well: 16 checks on 0 networks, 0 parents"]) == doctor(
            docker_host, "--state-folder /nowhere"
        )
    finally:
        docker_host.service("ipvl", "start")


def test_not_root(docker_host: DockerHost) -> None:
    """A user without privileges learns what can be read, and what could not be checked."""
    docker_host.run("ip link set eth1 down")
    try:
        report = doctor(docker_host, "--parent eth1", before=AS_NOBODY)
    finally:
        docker_host.run("ip link set eth1 up")

    assert 1 == report.status
    assert (
        "problem: parent eth1 is down, so its containers reach nobody; bring it up with `ip link set eth1 up`"
        == (report.lines[0])
    )
    rest = report.lines[1:]
    assert rest, "there is more that a user may not see"
    assert all(line.startswith("not checked: ") for line in rest), rest
    assert any("what kinds of links the kernel can make" in line for line in rest)


def test_an_unknown_network(docker_host: DockerHost) -> None:
    """A misspelt network is an error that names the others, not a healthy one."""
    docker_host.docker(f"{NET} --subnet=192.168.10.0/24 spelt")

    result = docker_host.run("ipvl doctor --network spellt", check=False)

    assert (4, "ipvl: network spellt is not known to ipvl; networks that are: spelt\n") == (
        result.status,
        result.stderr,
    )


def test_as_json(docker_host: DockerHost) -> None:
    """Programs get the parts of the sentence."""
    with broken(docker_host, "ip link set eth1 down", "ip link set eth1 up"):
        result = docker_host.run("ipvl doctor --parent eth1 --json", check=False)

    answer = json.loads(result.stdout)
    assert 1 == result.status
    assert [
        {
            "check": "carrier",
            "severity": "problem",
            "subject": "eth1",
            "what": "parent eth1 is down, so its containers reach nobody",
            "way_out": "bring it up with `ip link set eth1 up`",
        }
    ] == answer["findings"]
    assert (16, 0, 1, []) == (answer["checks"], answer["networks"], answer["parents"], answer["unchecked"])


def test_an_old_kernel(docker_host: DockerHost) -> None:
    """A kernel from before ipvlan; the guest's own pretends to be one (personality UNAME26)."""
    report = doctor(docker_host, before="setarch x86_64 --uname-2.6")

    assert 1 == report.status
    (line,) = report.lines
    assert re.fullmatch(r"problem: kernel 2\.6\.\S+ is too old for ipvlan; it needs 4\.2 or later", line), line


def test_no_module(docker_host: DockerHost) -> None:
    """A kernel whose ipvlan module is missing, as in the images of some clouds."""
    hide = "echo install ipvlan /bin/false >/etc/modprobe.d/hide.conf"
    with broken(docker_host, f"modprobe -r ipvlan && {hide}", "rm /etc/modprobe.d/hide.conf"):
        report = doctor(docker_host)

    release = docker_host.run("uname -r").stdout.strip()
    assert report == Report(
        1,
        [
            f"problem: kernel {release} has no ipvlan links;"
            " load the module with `modprobe ipvlan`, or use a kernel that has it"
        ],
    )


@dataclass(frozen=True)
class Fault:
    """A network, a container on it, what breaks them and mends it again, and the lines that must be said."""

    says: tuple[str, ...]
    networks: tuple[str, ...] = ()
    container: str = ""
    before: str = "true"
    fault: str = "true"
    repair: str = "true"
    words: str = ""


ON_UP0 = f"{NET} --subnet=192.168.50.0/24 -o parent=up0 net1"
ON_ETH1 = f"{NET} --subnet=192.168.1.0/24 --gateway=192.168.1.1 --ip-range=192.168.1.96/28 -o parent=eth1 net1"
ON_VLAN_20 = f"{NET} --subnet=192.168.20.0/24 --gateway=192.168.20.1 -o parent=eth0.20 net1"
L3_ON_ETH1 = f"{NET} --ipv6 --subnet=192.168.110.0/24 --subnet=2001:db8:abc6::/64 -o parent=eth1 -o ipvlan_mode=l3 net1"
VETH = "ip link add up0 type veth peer name up1 && ip link set up0 up && ip link set up1 up"

FAULTS = {
    "a missing parent": Fault(
        before=VETH,
        networks=(ON_UP0,),
        fault="ip link del up0",
        says=(
            "problem: parent up0 does not exist on this host;"
            " make it first, or name it NAME.VID (such as eth0.20) to have it made",
        ),
    ),
    "a parent that cannot be made": Fault(
        words="--parent nope0.20",
        says=(
            "problem: parent nope0.20 cannot be made: link nope0 does not exist on this host;"
            " links that do: eth0, eth1",
        ),
    ),
    "a parent that is down": Fault(
        before=VETH,
        networks=(ON_UP0,),
        fault="ip link set up0 down",
        repair="ip link del up0",
        says=("problem: parent up0 is down, so its containers reach nobody; bring it up with `ip link set up0 up`",),
    ),
    "a parent without carrier": Fault(
        before=VETH,
        networks=(ON_UP0,),
        fault="ip link set up1 down",
        repair="ip link del up0",
        says=(
            "problem: parent up0 has no carrier, so its containers reach nobody;"
            " look at the cable and the switch port of up0",
        ),
    ),
    "a VLAN whose base is down": Fault(
        networks=(f"{NET} --subnet=192.168.20.0/24 -o parent=eth1.20 net1",),
        fault="ip link set eth1 down",
        repair="ip link set eth1 up",
        says=(
            "problem: parent eth1.20 is down, so its containers reach nobody;"
            " its base link eth1 is down: bring both up with `ip link set`",
        ),
    ),
    "macvlan on the parent": Fault(
        fault="ip link add link eth1 name mv0 type macvlan mode bridge",
        repair="ip link del mv0",
        words="--parent eth1",
        says=(
            "problem: parent eth1 carries macvlan port mv0;"
            " a link cannot carry macvlan and ipvlan at once: remove that port or use another parent",
        ),
    ),
    "a parent in a bridge": Fault(
        networks=(ON_ETH1,),
        fault="ip link add br9 type bridge && ip link set eth1 master br9 && ip link set br9 up",
        repair="ip link set eth1 nomaster && ip link del br9",
        says=(
            "problem: parent eth1 is a port of a bridge, which takes every frame it receives;"
            " use the bridge as the parent, or take eth1 out of it",
        ),
    ),
    "a switched mode": Fault(
        networks=(L3_ON_ETH1,),
        container=f"{RUN} --net=net1 alpine /bin/sh",
        fault="ip link add link eth1 name iv0 type ipvlan mode l2 && ip link set iv0 up",
        repair="ip link del iv0",
        says=(
            "problem: network net1 is in mode l3, but the ports of its parent eth1 were switched to mode l2 by port"
            " iv0, which ipvl did not make; remove that port, then restart one container of the network,"
            " which switches them back",
        ),
    ),
    "another subnet in L2": Fault(
        networks=(f"{NET} --subnet=192.168.77.0/24 -o parent=eth0 net1",),
        says=(
            "problem: subnet 192.168.77.0/24 of network net1 is not that of parent eth0 (192.168.1.0/24), and nobody"
            " answers for its gateway 192.168.77.1; in mode l2 give it the parent's subnet, or the router of eth0 an"
            " address in this one",
        ),
    ),
    "the parent's subnet in L3": Fault(
        networks=(f"{NET} --subnet=192.168.1.0/24 -o parent=eth0 -o ipvlan_mode=l3 net1",),
        says=(
            "problem: subnet 192.168.1.0/24 of network net1 overlaps 192.168.1.0/24, the subnet of parent eth0, where"
            " in mode l3 nobody answers ARP for its containers; give the network a subnet of its own, and the router a"
            " route to it by this host's address",
        ),
    ),
    "a VLAN that the switch filters": Fault(
        before="bridge -n switch vlan del dev to-eth0 vid 20 && ping -c 1 192.168.1.1",
        networks=(ON_VLAN_20,),
        repair="bridge -n switch vlan add dev to-eth0 vid 20",
        says=(
            "problem: no frame of VLAN 20 has ever come in on parent eth0.20, while eth0 receives others;"
            " have the switch port of eth0 carry VLAN 20, tagged",
        ),
    ),
    "a silent gateway": Fault(
        networks=(f"{NET} --subnet=192.168.1.0/24 --gateway=192.168.1.77 -o parent=eth0 net1",),
        says=(
            "problem: gateway 192.168.1.77 of network net1 does not answer ARP on eth0; see that the router is up and"
            " on the segment of eth0, or give its address as --gateway",
        ),
    ),
    "a silent IPv6 gateway": Fault(
        networks=(
            f"{NET} --ipv6 --subnet=192.168.1.0/24 --subnet=2001:db8:1::/64 --gateway=192.168.1.1"
            " --gateway=2001:db8:1::77 -o parent=eth0 net1",
        ),
        says=(
            "problem: gateway 2001:db8:1::77 of network net1 does not answer neighbour solicitations on eth0; see that"
            " the router is up and on the segment of eth0, or give its address as --gateway",
        ),
    ),
    "the host as gateway": Fault(
        networks=(f"{NET} --subnet=192.168.1.0/24 --gateway=192.168.1.250 -o parent=eth0 net1",),
        says=(
            "problem: gateway 192.168.1.250 of network net1 is this host's own address on eth0, which ipvlan keeps out"
            " of its containers' reach; give the network the address of a router",
        ),
    ),
    "a duplicate address": Fault(
        networks=(f"{NET} --subnet=192.168.1.0/24 -o parent=eth1 net1",),
        container=f"{RUN} --net=net1 --ip=192.168.1.251 --name=twin alpine /bin/sh",
        says=(
            "problem: address 192.168.1.251 of container twin in network net1 is taken by the machine with MAC"
            " address 00:50:56:39:45:2f on eth1 as well; give one of the two another address, and keep such addresses"
            " out with --ip-range or --aux-address",
        ),
    ),
    "a duplicate IPv6 address": Fault(
        networks=(
            f"{NET} --ipv6 --subnet=192.168.1.0/24 --gateway=192.168.1.1 --ip-range=192.168.1.96/28"
            " --subnet=2001:db8:1::/64 --gateway=2001:db8:1::1 -o parent=eth1 net1",
        ),
        container=f"{RUN} --net=net1 --ip6=2001:db8:1::251 --name=twin alpine /bin/sh",
        says=(
            "problem: address 2001:db8:1::251 of container twin in network net1 is taken by the machine with MAC"
            " address 00:50:56:39:45:2f on eth1 as well; give one of the two another address, and keep such addresses"
            " out with --ip-range or --aux-address",
        ),
    ),
    "an MTU above the parent's": Fault(
        networks=(f"{ON_ETH1} -o com.docker.network.driver.mtu=1500",),
        fault="ip link set eth1 mtu 1400",
        repair="ip link set eth1 mtu 1500",
        says=(
            "problem: network net1: MTU 1500 is above the 1400 of link eth1;"
            " use 1400 or less, or raise the parent's with `ip link set eth1 mtu 1500`",
        ),
    ),
    "IPv6 off under L3": Fault(
        networks=(L3_ON_ETH1,),
        fault="sysctl -q -w net.ipv6.conf.eth1.disable_ipv6=1",
        repair="sysctl -q -w net.ipv6.conf.eth1.disable_ipv6=0",
        says=(
            "problem: IPv6 is off on parent eth1 (disable_ipv6=1), and in mode l3 network net1 sends its IPv6 by the"
            " host's own routes there; `sysctl net.ipv6.conf.eth1.disable_ipv6=0`",
        ),
    ),
    "a strict rp_filter in a container with two ways in": Fault(
        before="sysctl -q -w net.ipv4.conf.default.rp_filter=1",
        networks=(L3_ON_ETH1, f"{NET} --subnet=192.168.10.0/24 net2"),
        container=f"{RUN} --net=net1 --name=both alpine /bin/sh",
        fault="docker network connect net2 both",
        repair="sysctl -q -w net.ipv4.conf.default.rp_filter=0",
        says=(
            "warning: container both of network net1 has 2 interfaces, and with rp_filter=1 drops what comes in by one"
            " of them and would be answered by another; set net.ipv4.conf.all.rp_filter and .default.rp_filter to 2"
            " (loose) and restart the container",
        ),
    ),
    "a container without its port": Fault(
        networks=(ON_ETH1,),
        container=f"{RUN} --net=net1 --name=bare alpine /bin/sh",
        fault="nsenter -t $(docker inspect -f {{.State.Pid}} bare) -n ip link del eth0",
        says=(
            "problem: container bare has no port on eth1 any more, though ipvl gave it one in network net1;"
            " restart the container",
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault(docker_host: DockerHost, name: str) -> None:
    """One line for the fault, none for anything else, and the status that goes with it."""
    fault = FAULTS[name]
    with broken(docker_host, fault.before, fault.repair):
        for network in fault.networks:
            docker_host.docker(network)
        if fault.container:
            known = docker_host.container(fault.container)
            eventually(lambda: _is_named(docker_host, known), "ipvl knows the container's name")
        docker_host.run(fault.fault)
        report = doctor(docker_host, fault.words)

    assert fault.says == tuple(report.lines)
    assert int(any(line.startswith("problem: ") for line in fault.says)) == report.status


def test_a_subnet_that_docker_chose(docker_host: DockerHost) -> None:
    """Nobody gave one, so nobody may miss its gateway: a warning, and success."""
    docker_host.docker(f"{NET} -o parent=eth0 net1")
    (chosen,) = docker_host.network("net1")["IPAM"]["Config"]

    assert doctor(docker_host) == Report(
        0,
        [
            f"warning: subnet {chosen['Subnet']} of network net1 is not that of parent eth0 (192.168.1.0/24), and"
            f" nobody answers for its gateway {chosen['Gateway'].partition('/')[0]}; in mode l2 give it the parent's"
            " subnet, or the router of eth0 an address in this one"
        ],
    )


def test_a_gateway_that_docker_chose(docker_host: DockerHost) -> None:
    """With a range and no gateway, Docker's own address management takes the first of the range for one."""
    docker_host.docker(f"{NET} --subnet=192.168.1.0/24 --ip-range=192.168.1.96/28 -o parent=eth1 net1")

    (line,) = doctor(docker_host).lines
    assert line.startswith("problem: gateway 192.168.1.96 of network net1 does not answer ARP on eth1; ")


def _is_named(host: DockerHost, container: Container) -> bool:
    return container.name in {endpoint["name"] for endpoint in host.status()["endpoints"]}


def test_forwarding_that_lost_the_ipv6_default_route(docker_host: DockerHost) -> None:
    """A host that becomes an IPv6 router drops the default route its own router announced, and L3 goes by that."""
    router = docker_host.namespace("router")
    docker_host.run(f"printf '{ROUTER6}' >/run/radvd.conf")
    docker_host.docker(
        f"{NET} --ipv6 --subnet=192.168.110.0/24 --subnet=2001:db8:abc6::/64 -o parent=eth0 -o ipvlan_mode=l3 net1"
    )
    docker_host.run("ip -6 route del default via 2001:db8:1::1 dev eth0")
    radvd = docker_host.guest.start(f"{router.enter} radvd -n -C /run/radvd.conf -p /run/radvd.pid -m stderr")
    try:
        eventually(lambda: "proto ra" in docker_host.run("ip -6 route show default").stdout, "a route is announced")
        assert Report(0, ["all is well: 16 checks on 1 network, 1 parent"]) == doctor(docker_host)
        docker_host.run("sysctl -q -w net.ipv6.conf.all.forwarding=1")

        report = doctor(docker_host)
        assert report == Report(
            0,
            [
                "warning: the host has no IPv6 default route for network net1 in mode l3 to leave by, and with"
                " forwarding=1 parent eth0 takes none from routers (accept_ra=1);"
                " `sysctl net.ipv6.conf.eth0.accept_ra=2`, or add the route by hand"
            ],
        )
    finally:
        radvd.kill(15)
        radvd.wait(10)
        docker_host.run(
            "sysctl -q -w net.ipv6.conf.all.forwarding=0; ip -6 route flush proto ra;"
            " ip -6 route replace default via 2001:db8:1::1 dev eth0"
        )


@pytest.mark.parametrize("mode", ["l3", "l3s"])
def test_ipv4_forwarding_and_rp_filter_have_no_part_in_l3(docker_host: DockerHost, mode: str) -> None:
    """Forwarding off and a strict rp_filter on the host harm no container, so the doctor is silent about them."""
    settings = ("net.ipv4.ip_forward", *(f"net.ipv4.conf.{name}.rp_filter" for name in ("all", "default", "eth0")))
    before = docker_host.run(f"sysctl {' '.join(settings)}").stdout
    router, remote = map(docker_host.namespace, ("router", "remote"))
    docker_host.run("sysctl -q -w net.ipv4.ip_forward=0 " + " ".join(f"{name}=1" for name in settings[1:]))
    try:
        docker_host.docker(f"{NET} --subnet=192.168.110.0/24 -o parent=eth0 -o ipvlan_mode={mode} net1")
        container = docker_host.container(f"{RUN} --net=net1 --ip=192.168.110.10 alpine /bin/sh")
        # Docker switches forwarding on again for the networks that it makes itself.
        docker_host.run("sysctl -q -w net.ipv4.ip_forward=0")
        router.run("ip route add 192.168.110.0/24 via 192.168.1.250")
        assert remote.answers("192.168.110.10")
        assert container.answers("203.0.113.10")
        assert "1" == container.run("sysctl -n net.ipv4.conf.all.rp_filter").stdout.strip()
        assert Report(0, ["all is well: 16 checks on 1 network, 1 parent"]) == doctor(docker_host)
    finally:
        router.run("ip route del 192.168.110.0/24", check=False)
        docker_host.run("sysctl -q -w " + before.replace(" = ", "=").replace("\n", " "))


def test_what_others_left(docker_host: DockerHost) -> None:
    """Links that nobody needs any more, of ipvl's making and of others', each with the line that removes it."""
    docker_host.service("ipvl", "stop")
    docker_host.run(
        "ip link add stale0 type dummy && ip link set stale0 alias 'made by ipvl'"
        " && ip link add ipvl+0011223344 type dummy && ip link add di-0123456789ab type dummy"
        " && ip link add link eth1 name ipvl0123456789a type ipvlan mode l2"
        " && ip link add link eth1 name veth0123456 type ipvlan mode l2"
    )
    try:
        report = doctor(docker_host)
    finally:
        for name in ("veth0123456", "ipvl0123456789a", "di-0123456789ab", "ipvl+0011223344", "stale0"):
            docker_host.run(f"ip link del {name}")
        docker_host.service("ipvl", "start")

    assert 0 == report.status
    assert sorted(report.lines) == [
        "warning: dummy di-0123456789ab is of Docker's own driver, but Docker has no network 0123456789ab;"
        " remove it with `ip link del di-0123456789ab`",
        "warning: ipvlan port veth0123456, which ipvl did not make, is in the host's namespace, down and bare;"
        " if nobody needs it, remove it with `ip link del veth0123456`",
        "warning: link ipvl+0011223344 is a parent that ipvl never finished;"
        " remove it with `ip link del ipvl+0011223344`",
        "warning: link stale0 was made by ipvl, but no network that ipvl knows uses it;"
        " remove it with `ip link del stale0`",
        "warning: port ipvl0123456789a belongs to no container that ipvl knows;"
        " remove it with `ip link del ipvl0123456789a`",
    ]


def test_what_docker_still_needs(docker_host: DockerHost) -> None:
    """The dummy of an isolated network of Docker's own driver stays unmentioned, though no container is on it yet."""
    docker_host.run("docker network create -d ipvlan --subnet=192.168.10.0/24 theirs")
    identity = docker_host.network("theirs")["Id"]

    assert f"di-{identity[:12]}" in docker_host.links()
    assert Report(0, ["all is well: 16 checks on 0 networks, 0 parents"]) == doctor(docker_host)


def test_records_that_differ_from_the_host(docker_host: DockerHost) -> None:
    """While ipvl is away a sub-interface is deleted, a container ends and a network stays half removed."""
    docker_host.docker(ON_VLAN_20)
    docker_host.docker(f"{NET} --subnet=192.168.10.0/24 net2")
    docker_host.docker(f"{NET} --subnet=192.168.11.0/24 net3")
    container = docker_host.container(f"{RUN} --net=net2 --ip=192.168.10.9 --name=gone alpine /bin/sh")
    eventually(lambda: _is_named(docker_host, container), "ipvl knows the container's name")
    docker_host.service("ipvl", "stop")
    docker_host.run(f"ip link del eth0.20 && docker rm -f {container.id}", check=False)
    # Nobody waits two minutes here for an endpoint to count as gone, nor stops ipvl within a step.
    docker_host.run(
        "sqlite3 /var/lib/ipvl/state.db"
        " \"UPDATE endpoints SET changed = changed - 200; UPDATE networks SET phase = 'removing' WHERE name = 'net3'\""
    )
    try:
        report = doctor(docker_host)
    finally:
        docker_host.service("ipvl", "start")

    assert report == Report(
        1,
        [
            "problem: parent eth0.20 of network net1, which ipvl made, is gone;"
            " `systemctl restart ipvl` makes it again",
            "warning: container gone of network net2 is gone, but still holds 192.168.10.9;"
            " `systemctl restart ipvl` frees them",
            "warning: network net3 was not removed to the end;"
            " remove it with `docker network rm net3`, or `systemctl restart ipvl`",
        ],
    )
    assert Report(0, ["all is well: 16 checks on 2 networks, 2 parents"]) == doctor(docker_host), "as it said"
