"""Parents with two tags, on bonds and on bridges: made on demand and removed like any other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.docker_host import DockerHost, eventually
from tests.lab.doctor import doctor, well

OUTER = 160
STACKED = f"docker network create -d ipvlan --subnet=10.160.20.0/24 --gateway=10.160.20.1 -o parent=eth0.{OUTER}.20"
SECOND = f"docker network create -d ipvlan --subnet=10.160.30.0/24 --gateway=10.160.30.1 -o parent=eth0.{OUTER}.30"
ON_THE_WIRE = {"802.1q": "ethertype 802.1Q (0x8100)", "802.1ad": "ethertype 802.1Q-QinQ (0x88a8)"}


@contextmanager
def provider(docker_host: DockerHost, protocol: str) -> Iterator[None]:
    """Have the router take part in two VLANs inside the outer one, which the switch knows nothing of."""
    outer = f"eth0.{OUTER}"
    lines = [
        f"link add link eth0 name {outer} up type vlan proto {protocol} id {OUTER}",
        *(f"link add link {outer} name {outer}.{tag} up type vlan id {tag}" for tag in (20, 30)),
        *(f"addr add 10.{OUTER}.{tag}.1/24 dev {outer}.{tag}" for tag in (20, 30)),
    ]
    docker_host.guest.run("ip -n router -batch -", input="\n".join(lines) + "\n")
    try:
        yield
    finally:
        docker_host.run(f"ip -n router link del {outer}")


@pytest.mark.embedded
@pytest.mark.newest
@pytest.mark.parametrize("protocol", ["802.1q", "802.1ad"])
def test_two_tags(docker_host: DockerHost, protocol: str) -> None:
    """Both tags are on the wire; each link goes with the last network that needs it."""
    with provider(docker_host, protocol):
        assert well("0 networks", "1 parent") == doctor(docker_host, f"--parent eth0.{OUTER}.20"), "both would be made"
        docker_host.docker(f"{STACKED} -o vlan_protocol={protocol} first")
        docker_host.docker(f"{SECOND} second")
        outer = docker_host.links()[f"eth0.{OUTER}"]
        assert (protocol, OUTER, "made by ipvl") == (
            outer["linkinfo"]["info_data"]["protocol"].lower(),
            outer["linkinfo"]["info_data"]["id"],
            outer["ifalias"],
        )
        first, second = docker_host.containers(
            "docker run --net=first --name=one -itd alpine /bin/sh",
            "docker run --net=second --name=two -itd alpine /bin/sh",
        )
        with docker_host.frames("to-eth0", "greater 0", docker_host.namespace("switch")) as seen:
            assert first.answers("10.160.20.1")
            wanted = (ON_THE_WIRE[protocol], f"vlan {OUTER},", "vlan 20,")
            eventually(lambda: any(all(one in line for one in wanted) for line in seen()), "both tags on the wire")
        assert second.answers("10.160.30.1")
        assert first.answers(second.address()), "through the router"

        docker_host.docker(f"docker rm -f {first.id}")
        docker_host.docker("docker network rm first")
        left = docker_host.links()
        assert f"eth0.{OUTER}.20" not in left
        assert f"eth0.{OUTER}" in left
        assert second.answers("10.160.30.1"), "what the other network needs is as it was"
        docker_host.docker(f"docker rm -f {second.id}")
        docker_host.docker("docker network rm second")
        assert [] == [name for name in docker_host.links() if name.startswith(f"eth0.{OUTER}")]


@pytest.mark.embedded
def test_an_outer_tag_that_somebody_deleted(docker_host: DockerHost) -> None:
    """Both links come back, as they were, and the network works again."""
    with provider(docker_host, "802.1ad"):
        docker_host.docker(f"{STACKED} -o vlan_protocol=802.1ad first")
        early = docker_host.container("docker run --net=first --name=early -itd alpine /bin/sh")
        assert early.answers("10.160.20.1")
        docker_host.run(f"ip link del eth0.{OUTER}")

        late = docker_host.container("docker run --net=first --name=late -itd alpine /bin/sh")

        assert late.answers("10.160.20.1")
        assert early.answers("10.160.20.1"), "its port is made again"
        again = docker_host.links()[f"eth0.{OUTER}"]["linkinfo"]["info_data"]
        assert ("802.1ad", OUTER) == (again["protocol"].lower(), again["id"])


@pytest.mark.embedded
def test_an_outer_tag_of_somebody_elses(docker_host: DockerHost) -> None:
    """It is used as it is, and stays when the last network inside it goes; another protocol than its own is refused."""
    docker_host.run(f"ip link add link eth0 name eth0.{OUTER} up type vlan id {OUTER}")
    try:
        shown = docker_host.refused(f"{STACKED} -o vlan_protocol=802.1ad first")
        docker_host.docker(f"{STACKED} first")
        made = f"eth0.{OUTER}.20" in docker_host.links()
        docker_host.docker("docker network rm first")
        left = [name for name in docker_host.links() if name.startswith(f"eth0.{OUTER}")]
    finally:
        docker_host.run(f"ip link del eth0.{OUTER}")

    assert shown == (
        f"{docker_host.refusal}vlan_protocol 802.1ad is not that of eth0.{OUTER}, whose tag is 802.1q already;"
        " leave vlan_protocol out, or use another VLAN"
    )
    assert made
    assert [f"eth0.{OUTER}"] == left


@pytest.mark.embedded
@pytest.mark.newest
@pytest.mark.parametrize(
    "lines",
    [
        ("link add bond0 type bond mode active-backup miimon 100", "link set eth1 down", "link set eth1 master bond0"),
        ("link add bond0 type bridge stp_state 0 forward_delay 0", "link set eth1 master bond0"),
    ],
    ids=["bond", "bridge"],
)
def test_a_bond_or_bridge_as_parent(docker_host: DockerHost, lines: tuple[str, ...]) -> None:
    """Tagged and untagged, containers reach the router through whatever eth1 belongs to, made anew as well."""
    batch = "\n".join([*lines, "link set eth1 up", "link set bond0 up"]) + "\n"
    docker_host.guest.run("ip -batch -", input=batch)
    try:
        for parent, subnet in (("bond0", "192.168.1"), ("bond0.20", "192.168.20")):
            docker_host.docker(f"docker network create -d ipvlan --subnet={subnet}.0/24 -o parent={parent} {parent}")
        untagged, tagged = docker_host.containers(
            "docker run --net=bond0 --ip=192.168.1.80 -itd alpine /bin/sh",
            "docker run --net=bond0.20 -itd alpine /bin/sh",
        )

        assert untagged.answers("192.168.1.1")
        assert tagged.answers("192.168.20.1")
        assert docker_host.namespace("host2").answers(tagged.address()), "on the same VLAN"

        docker_host.run("ip link del bond0")
        docker_host.guest.run("ip -batch -", input=batch)
        eventually(lambda: "eth0" in untagged.links() and "eth0" in tagged.links(), "their ports come back")
        assert untagged.answers("192.168.1.1")
        assert tagged.answers("192.168.20.1")
        docker_host.docker(f"docker rm -f {untagged.id} {tagged.id}")
        for parent in ("bond0", "bond0.20"):
            docker_host.docker(f"docker network rm {parent}")
        assert ["bond0"] == [name for name in docker_host.links() if name.startswith("bond0")]
    finally:
        docker_host.run("ip link del bond0")
        docker_host.run("ip link set eth1 up")


@pytest.mark.embedded
def test_a_parent_with_somebody_elses_link_on_it(docker_host: DockerHost) -> None:
    """The kernel would remove that link with the parent: it stays when its network goes, and status says so."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 first")
    docker_host.run("ip link add link eth0.20 name foo type vlan id 7")
    try:
        docker_host.docker("docker network rm first")

        assert {"eth0.20", "foo"} <= set(docker_host.links())
        (warning,) = docker_host.status()["warnings"]
        assert "link eth0.20 was made by ipvl, but no network that ipvl knows uses it" in warning
    finally:
        docker_host.run("ip link del eth0.20")
    assert "foo" not in docker_host.links(), "which is how the kernel is"
    eventually(lambda: docker_host.status()["warnings"] == [], "the warning goes with the link")


@pytest.mark.embedded
@pytest.mark.parametrize("kind", ["vlan id 7", "macvlan", "vlan proto 802.1ad id 7"])
def test_a_parent_with_somebody_elses_link_on_it_in_another_namespace(docker_host: DockerHost, kind: str) -> None:
    """No list of the host's shows that link, and the parent stays for it all the same."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 first")
    docker_host.run("ip netns add far")
    try:
        docker_host.run(f"ip link add link eth0.20 name foo netns far type {kind} && ip -n far link set foo up")
        docker_host.docker("docker network rm first")

        assert "eth0.20" in docker_host.links()
        docker_host.run("ip -n far link show foo")
        (warning,) = docker_host.status()["warnings"]
        assert "link eth0.20 was made by ipvl, but no network that ipvl knows uses it" in warning
    finally:
        docker_host.run("ip link del eth0.20; ip netns del far")
    eventually(lambda: docker_host.status()["warnings"] == [], "the warning goes with the link")


@pytest.mark.embedded
def test_a_vlan_that_is_in_another_namespace(docker_host: DockerHost) -> None:
    """The kernel refuses to make it twice, and the refusal says where it is."""
    docker_host.run("ip netns add far && ip link add link eth0 name foo netns far type vlan id 40")
    try:
        shown = docker_host.refused("docker network create -d ipvlan --subnet=192.168.40.0/24 -o parent=eth0.40 ours")

        assert shown == (
            f"{docker_host.refusal}parent eth0.40 cannot be made: VLAN 40 of eth0 is already link foo"
            " (in /run/netns/far); remove that link, or use another VLAN"
        )
        assert "eth0.40" not in docker_host.links()
    finally:
        docker_host.run("ip netns del far")
