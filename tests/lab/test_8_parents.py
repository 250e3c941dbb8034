"""Who may be a parent, who may share one, and what every refusal says to the user of Docker."""

import pytest

from ipvl.options.driver_options import NETWORK_OPTIONS
from tests.lab.docker_host import DockerHost, eventually

NET = "docker network create -d ipvlan --subnet=192.168.50.0/24"


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("-o parent=lo", "parent lo is the loopback, which leads nowhere; name a physical link, or none at all"),
        (
            "-o parent=nope0",
            "parent nope0 does not exist on this host;"
            " make it first, or name it NAME.VID (such as eth0.20) to have it made",
        ),
        ("-o parent=eth0.0", "VLAN id 0 of parent eth0.0 is not in 1 to 4094"),
        ("-o parent=eth0.4095", "VLAN id 4095 of parent eth0.4095 is not in 1 to 4094"),
        (
            "-o parent=nope0.20",
            "parent nope0.20 cannot be made: link nope0 does not exist on this host; links that do: eth0, eth1",
        ),
        (
            "-o parent=eth0.abc",
            "parent eth0.abc does not exist on this host;"
            " make it first, or name it NAME.VID (such as eth0.20) to have it made",
        ),
        ("-o parent=eth0 -o ipvlan_mode=l4", "ipvlan_mode l4 does not exist; use one of l2, l3, l3s"),
        ("-o parent=eth0 -o ipvlan_flag=shy", "ipvlan_flag shy does not exist; use one of bridge, private, vepa"),
        (
            "-o parnet=eth0",
            "unknown option parnet; did you mean parent? known options: "
            + ", ".join(option.key for option in NETWORK_OPTIONS),
        ),
        (
            "-o parent=eth0 -o conflict_check=probe -o ipvlan_mode=l3s",
            "conflict_check=probe has nobody to ask in mode l3s, where containers are not on the segment;"
            " drop it, or use ipvlan_mode=l2",
        ),
        (
            "-o parent=eth0 -o com.docker.network.driver.mtu=9000",
            "MTU 9000 is above the 1500 of link eth0;"
            " use 1500 or less, or raise the parent's with `ip link set eth0 mtu 9000`",
        ),
        (
            "-o parent=a-name-of-16-byte",
            "link name a-name-of-16-byte is longer than 15 bytes;"
            " make the sub-interface by hand under a shorter name and give that",
        ),
    ],
)
def test_refused_options(docker_host: DockerHost, options: str, sentence: str) -> None:
    """Each refusal is one sentence that names the thing, the value and the way out, and changes nothing."""
    shown = docker_host.refused(f"{NET} {options} refused")

    assert docker_host.refusal + sentence == shown
    assert [] == docker_host.records("SELECT id FROM networks UNION SELECT name FROM parents")


@pytest.mark.control(differs="ignores options it does not know")
def test_an_unknown_option(docker_host: DockerHost) -> None:
    """A misspelt option never makes another network than the one that was meant."""
    shown = docker_host.refused(f"{NET} -o parnet=eth0 misspelt")

    assert "unknown option parnet; did you mean parent?" in shown


@pytest.mark.embedded
@pytest.mark.newest
@pytest.mark.parametrize("driver_option", ["ipvlan_mode=l3", "ipvlan_flag=private"])
def test_a_parent_has_one_mode_and_one_flag(docker_host: DockerHost, driver_option: str) -> None:
    """A second network of another mode or flag is refused by the name of the first, whose containers notice nothing."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.1.0/24 -o parent=eth0 db_net")
    container = docker_host.container("docker run --net=db_net -itd alpine /bin/sh")
    what, _, ours = driver_option.removeprefix("ipvlan_").partition("=")
    theirs = {"mode": "l2", "flag": "bridge"}[what]

    shown = docker_host.refused(f"{NET} -o parent=eth0 -o {driver_option} other")

    assert shown == (
        f"{docker_host.refusal}parent eth0 already carries network db_net in {what} {theirs};"
        f" a parent has one {what}, so use {theirs} here or another parent"
    ), f"{ours} is refused"
    assert container.answers("192.168.1.1")
    assert "l2" == container.links()["eth0"]["linkinfo"]["info_data"]["mode"]


@pytest.mark.embedded
def test_networks_share_a_parent_of_one_mode(docker_host: DockerHost) -> None:
    """Two L2 networks share a made sub-interface; it goes with the last of them."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 first")
    docker_host.docker(
        "docker network create -d ipvlan --subnet=172.16.50.0/22 --gateway=172.16.50.1 -o parent=eth0.20 second"
    )
    first, second = docker_host.containers(
        "docker run --net=first -itd alpine /bin/sh", "docker run --net=second -itd alpine /bin/sh"
    )

    assert first.answers("192.168.20.1")
    assert second.answers("172.16.50.1")
    assert first.answers(second.address()), "through the router"
    docker_host.docker(f"docker rm -f {first.id}")
    docker_host.docker("docker network rm first")
    assert "eth0.20" in docker_host.links()
    assert second.answers("172.16.50.1")
    docker_host.docker(f"docker rm -f {second.id}")
    docker_host.docker("docker network rm second")
    assert "eth0.20" not in docker_host.links()


@pytest.mark.embedded
def test_macvlan_on_the_parent(docker_host: DockerHost) -> None:
    """A parent with macvlan ports is refused by name; so is a macvlan network's parent in Docker's own hands."""
    docker_host.run("ip link add link eth1 name mv0 type macvlan mode bridge")
    try:
        shown = docker_host.refused(f"{NET} -o parent=eth1 mixed")
    finally:
        docker_host.run("ip link del mv0")

    assert shown == (
        f"{docker_host.refusal}parent eth1 carries macvlan port mv0;"
        " a link cannot carry macvlan and ipvlan at once: remove that port or use another parent"
    )


def test_macvlan_inside_a_container(docker_host: DockerHost) -> None:
    """A macvlan port that Docker moved into a container is found there, before any link is made."""
    docker_host.run("docker network create -d macvlan --subnet=192.168.1.0/24 -o parent=eth1 mac")
    docker_host.container("docker run --net=mac -itd alpine /bin/sh")

    shown = docker_host.refused(f"{NET} -o parent=eth1 ours")

    assert shown.startswith(f"{docker_host.refusal}parent eth1 carries macvlan port eth0 (in /run/docker/netns/")
    assert shown.endswith("a link cannot carry macvlan and ipvlan at once: remove that port or use another parent")


def test_macvlan_after_the_network(docker_host: DockerHost) -> None:
    """A macvlan port that comes after the network is the kernel's to refuse, and that becomes one clear sentence."""
    docker_host.docker(f"{NET} -o parent=eth1 ours")
    docker_host.run("docker network create -d macvlan --subnet=192.168.1.0/24 -o parent=eth1 mac")
    docker_host.container("docker run --net=mac -itd alpine /bin/sh")

    shown = docker_host.refused("docker run --rm --net=ours alpine true")

    assert "parent eth1 takes no ipvlan port: another driver receives its frames" in shown


def test_built_in_networks_keep_their_mode(docker_host: DockerHost) -> None:
    """A container of Docker's own ipvlan driver on the parent is found, so its mode is not switched under it."""
    docker_host.run(
        "docker network create -d ipvlan --subnet=192.168.1.0/24 --gateway=192.168.1.1 -o parent=eth0 theirs"
    )
    container = docker_host.container("docker run --net=theirs -itd alpine /bin/sh")

    shown = docker_host.refused(f"{NET} -o parent=eth0 -o ipvlan_mode=l3 ours")

    assert shown.startswith(f"{docker_host.refusal}parent eth0 already carries ipvlan port eth0 (in /run/docker/netns/")
    assert shown.endswith("in mode l2; a parent has one mode, so use l2 here or another parent")
    assert container.answers("192.168.1.1")


@pytest.mark.embedded
def test_foreign_ipvlan_ports_keep_their_mode(docker_host: DockerHost) -> None:
    """A port that another tool made on the parent is looked at before ours would switch its mode."""
    docker_host.run("ip link add link eth1 name iv0 type ipvlan mode l3")
    try:
        shown = docker_host.refused(f"{NET} -o parent=eth1 ours")
        assert shown == (
            f"{docker_host.refusal}parent eth1 already carries ipvlan port iv0 in mode l3;"
            " a parent has one mode, so use l3 here or another parent"
        )
    finally:
        docker_host.run("ip link del iv0")


@pytest.mark.embedded
def test_parent_in_a_bridge(docker_host: DockerHost) -> None:
    """A link that belongs to a bridge is refused, and the bridge itself is a fine parent."""
    docker_host.run("ip link add br9 type bridge && ip link set eth1 master br9 && ip link set br9 up")
    try:
        shown = docker_host.refused(f"{NET} -o parent=eth1 ours")
        assert shown == (
            f"{docker_host.refusal}parent eth1 is a port of a bridge, which takes every frame it receives;"
            " use the bridge as the parent, or take eth1 out of it"
        )
        docker_host.docker(
            "docker network create -d ipvlan --subnet=192.168.1.0/24 --ip-range=192.168.1.96/28 -o parent=br9 on_bridge"
        )
        container = docker_host.container("docker run --net=on_bridge --ip=192.168.1.100 -itd alpine /bin/sh")
        assert container.answers("192.168.1.1")
    finally:
        docker_host.reset()
        docker_host.run("ip link set eth1 nomaster && ip link del br9")


@pytest.mark.embedded
def test_vlan_taken_under_another_name(docker_host: DockerHost) -> None:
    """A VLAN that exists under another name is named, so that it can be used."""
    docker_host.run("ip link add link eth0 name foo type vlan id 40")
    try:
        shown = docker_host.refused(f"{NET} -o parent=eth0.40 ours")
    finally:
        docker_host.run("ip link del foo")

    assert (
        shown
        == f"{docker_host.refusal}parent eth0.40 cannot be made: VLAN 40 of eth0 is already link foo; use -o parent=foo"
    )


@pytest.mark.embedded
@pytest.mark.parametrize("state", ["down", "no carrier"])
def test_a_dead_parent_is_a_warning(docker_host: DockerHost, state: str) -> None:
    """A parent that is down or has no carrier never keeps a container from starting; log and status say it."""
    docker_host.run("ip link add up0 type veth peer name up1 && ip link set up0 up")
    if state == "down":
        docker_host.run("ip link set up0 down")
    try:
        docker_host.docker(f"{NET} -o parent=up0 dead")
        docker_host.container("docker run --net=dead -itd alpine /bin/sh")
        (network,) = docker_host.status()["networks"]
        (parent,) = docker_host.status()["parents"]

        assert state == parent["state"]
        (trouble,) = network["trouble"]
        assert "parent up0 is down" in trouble if state == "down" else "parent up0 has no carrier" in trouble
        assert trouble in docker_host.log()
        assert "trouble" in docker_host.run("ipvl status").stdout
        if state == "down":
            assert "UP" not in docker_host.links()["up0"]["flags"], "only links that ipvl made are brought up"
    finally:
        docker_host.reset()
        docker_host.run("ip link del up0")


@pytest.mark.embedded
@pytest.mark.parametrize("alias", ["master", "host_iface"])
def test_other_words_for_parent(docker_host: DockerHost, alias: str) -> None:
    """What CNI and Podman call the parent is understood."""
    docker_host.docker(f"docker network create -d ipvlan --subnet=192.168.20.0/24 -o {alias}=eth0.20 net1")

    assert "eth0.20" == docker_host.status()["networks"][0]["parent"]


@pytest.mark.embedded
@pytest.mark.control(differs="does not make a deleted sub-interface again")
def test_a_made_parent_comes_back(docker_host: DockerHost) -> None:
    """A sub-interface that ipvl made and someone deleted is made again by itself; all containers work, new and old."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 net1")
    old = docker_host.container("docker run --net=net1 -itd alpine /bin/sh")
    assert old.answers("192.168.20.1")
    docker_host.run("ip link del eth0.20")

    eventually(
        lambda: "UP" in docker_host.links().get("eth0.20", {"flags": []})["flags"], "eth0.20 is made again", within=10
    )
    assert docker_host.container("docker run --net=net1 -itd alpine /bin/sh").answers("192.168.20.1")
    assert old.answers("192.168.20.1")


@pytest.mark.embedded
def test_a_parent_remade_by_hand_is_no_longer_ipvls(docker_host: DockerHost) -> None:
    """Who made it deletes it: a sub-interface that the operator made anew stays when the network goes."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 net1")
    docker_host.service("ipvl", "stop")
    docker_host.run(
        "ip link del eth0.20 && ip link add link eth0 name eth0.20 type vlan id 20 && ip link set eth0.20 up"
    )
    docker_host.service("ipvl", "start")
    docker_host.docker("docker network rm net1")

    assert "eth0.20" in docker_host.links()
    docker_host.run("ip link del eth0.20")


@pytest.mark.embedded
def test_namespaces_of_others_are_not_looked_into(docker_host: DockerHost) -> None:
    """A namespace that somebody looks into has a number here from then on, and this one has none."""
    docker_host.run("ip netns add far")
    try:
        for parent in ("eth1", "eth0.20"):
            docker_host.docker(f"{NET} -o parent={parent} ours")
            container = docker_host.container("docker run --net=ours -itd alpine /bin/sh")
            docker_host.docker(f"docker rm -f {container.id}")
            docker_host.docker("docker network rm ours")

        assert "eth0.20" not in docker_host.links()
        assert "far" in docker_host.run("ip netns list").stdout.splitlines()
    finally:
        docker_host.run("ip netns del far")
