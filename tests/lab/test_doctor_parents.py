"""`ipvl doctor`: a healthy host has no fault, and those of kernels and parents are found in one sentence each."""

from __future__ import annotations

import json
import re

import pytest

from tests.lab.docker_host import DockerHost
from tests.lab.doctor import NET, RUN, Fault, Report, assert_found, broken, doctor, well

ROUTED_WAYS = (("eth1", "192.168.1.9/24"), ("eth1", "2001:db8:1::9/64"), ("eth0.118", "192.168.119.9/24"))
"""What a host needs on the parents of networks in L3, whose containers' packets it sends."""
AS_NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"


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
    for link, address in ROUTED_WAYS:
        docker_host.run(f"ip address add {address} dev {link} noprefixroute")
    docker_host.docker(f"{NET} --subnet=192.168.10.0/24 isolated2")
    docker_host.docker(f"{NET} --subnet=192.168.214.0/24 --subnet=10.1.214.0/24 -o ipvlan_mode=l3 --internal isolated3")
    names = ("plain", "routed", "tagged", "tagged3", "isolated2", "isolated3")
    docker_host.containers(*(f"{RUN} --net={name} alpine /bin/sh" for name in (*names, "plain")))

    assert well("6 networks", "6 parents") == doctor(docker_host)
    assert well("1 network", "1 parent") == doctor(docker_host, "--network tagged")
    assert well("1 network", "1 parent") == doctor(docker_host, "--parent eth1")
    assert well("0 networks", "1 parent") == doctor(docker_host, "--parent eth0.30"), "would be made"
    assert "eth0.30" not in docker_host.links()
    docker_host.service("ipvl", "stop")
    try:
        assert well("6 networks", "6 parents") == doctor(docker_host)
    finally:
        docker_host.service("ipvl", "start")
        for link, address in ROUTED_WAYS:
            docker_host.run(f"ip address del {address} dev {link}", check=False)


def test_a_host_where_nothing_has_run(docker_host: DockerHost) -> None:
    """Before anything is created, without a daemon and without a state file: what can be checked is."""
    docker_host.service("ipvl", "stop")
    try:
        assert well("0 networks", "1 parent") == doctor(docker_host, "--state-folder /nowhere --parent eth0.30")
        assert well("0 networks", "0 parents") == doctor(docker_host, "--state-folder /nowhere")
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
    assert (19, 0, 1, []) == (answer["checks"], answer["networks"], answer["parents"], answer["unchecked"])


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


def veth(name: str) -> str:
    """Return what makes a link of this name with another at its end, both up."""
    return f"ip link add {name} type veth peer name {name}p && ip link set {name} up && ip link set {name}p up"


def routed(number: int, parent: str, name: str) -> str:
    """Return a network in L3, where nobody is asked for a gateway."""
    return f"{NET} --subnet=10.70.{number}.0/24 -o parent={parent} -o ipvlan_mode=l3 {name}"


PARENTS = {
    "missing": Fault(
        before=veth("up1"),
        networks=(routed(1, "up1", "missing"),),
        fault="ip link del up1",
        says=(
            "problem: parent up1 does not exist on this host;"
            " make it first, or name it NAME.VID (such as eth0.20) to have it made",
        ),
    ),
    "down": Fault(
        before=veth("up2"),
        networks=(routed(2, "up2", "down"),),
        fault="ip link set up2 down",
        repair="ip link del up2",
        says=("problem: parent up2 is down, so its containers reach nobody; bring it up with `ip link set up2 up`",),
    ),
    "without carrier": Fault(
        before=veth("up3"),
        networks=(routed(3, "up3", "carrierless"),),
        fault="ip link set up3p down",
        repair="ip link del up3",
        says=(
            "problem: parent up3 has no carrier, so its containers reach nobody;"
            " look at the cable and the switch port of up3",
        ),
    ),
    "a VLAN whose base is down": Fault(
        before=veth("up4"),
        networks=(routed(4, "up4.20", "baseless"),),
        fault="ip link set up4 down",
        repair="ip link del up4",
        says=(
            "problem: parent up4.20 is down, so its containers reach nobody;"
            " up4 below it is down: bring that up with `ip link set up4 up`",
        ),
    ),
    "with macvlan on it": Fault(
        before=veth("up5"),
        networks=(routed(5, "up5", "macvlan"),),
        fault="ip link add link up5 name mv0 type macvlan mode bridge",
        repair="ip link del up5",
        says=(
            "problem: parent up5 carries macvlan port mv0;"
            " a link cannot carry macvlan and ipvlan at once: remove that port or use another parent",
        ),
    ),
    "in a bridge": Fault(
        before=veth("up6"),
        networks=(routed(6, "up6", "bridged"),),
        fault="ip link add br9 type bridge && ip link set up6 master br9 && ip link set br9 up",
        repair="ip link del br9; ip link del up6",
        says=(
            "problem: parent up6 is a port of a bridge, which takes every frame it receives;"
            " use the bridge as the parent, or take up6 out of it",
        ),
    ),
    "in another mode": Fault(
        networks=(routed(7, "eth1", "switched"),),
        container=f"{RUN} --net=switched alpine /bin/sh",
        fault="ip link add link eth1 name iv0 type ipvlan mode l2 && ip link set iv0 up",
        repair="ip link del iv0",
        says=(
            "problem: network switched is in mode l3, but the ports of its parent eth1 were switched to mode l2 by port"
            " iv0, which ipvl did not make; remove that port, then restart one container of the network,"
            " which switches them back",
        ),
    ),
    "with a smaller MTU": Fault(
        before=veth("up8"),
        networks=(f"{routed(8, 'up8', 'large')} -o com.docker.network.driver.mtu=1500",),
        fault="ip link set up8 mtu 1400",
        repair="ip link del up8",
        says=(
            "problem: network large: MTU 1500 is above the 1400 of link up8;"
            " use 1400 or less, or raise the parent's with `ip link set up8 mtu 1500`",
        ),
    ),
    "wireless": Fault(
        before="modprobe mac80211_hwsim radios=1 && ip link set wlan0 up",
        networks=(routed(9, "wlan0", "wireless"),),
        repair="modprobe -r mac80211_hwsim",
        says=(
            "problem: parent wlan0 has no carrier, so its containers reach nobody; connect wlan0 to an access point",
            "warning: parent wlan0 is wireless, where access points drop VLAN tags and may drop the containers'"
            " addresses; use a wired link, or see that the access point allows more than one address a station",
        ),
    ),
}  # fmt: skip


@pytest.mark.stock_kernel
def test_parents_with_faults(docker_host: DockerHost) -> None:
    """One line for each, none for anything else, and the status of problems."""
    assert_found(docker_host, PARENTS)


def test_a_parent_that_cannot_be_made(docker_host: DockerHost) -> None:
    """Before there is a network on it."""
    assert doctor(docker_host, "--parent nope0.20") == Report(
        1,
        ["problem: parent nope0.20 cannot be made: link nope0 does not exist on this host; links that do: eth0, eth1"],
    )
