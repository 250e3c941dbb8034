"""Specification, "Manually Creating 802.1q Links"."""

import pytest

from tests.lab.docker_host import DockerHost, eventually


@pytest.mark.newest
@pytest.mark.control
@pytest.mark.parametrize("name", ["eth0.40", "foo"])
@pytest.mark.embedded
def test_hand_made_links_are_left_alone(docker_host: DockerHost, name: str) -> None:
    """A link that exists before the network is used under any name, and stays when the network goes."""
    docker_host.run(f"ip link add link eth0 name {name} type vlan id 40")
    docker_host.run(f"ip link set {name} up")
    eventually(lambda: docker_host.links()[name]["operstate"] == "UP", "the kernel announces the carrier")
    before = docker_host.links()[name]
    try:
        docker_host.docker(rf"""
            docker network  create  -d ipvlan \
                --subnet=192.168.40.0/24 --gateway=192.168.40.1 \
                -o parent={name} ipvlan40""")
        first, second = docker_host.containers(
            "docker run --net=ipvlan40 -it --name ivlan_test5 --rm alpine /bin/sh",
            "docker run --net=ipvlan40 -it --name ivlan_test6 --rm alpine /bin/sh",
        )

        assert first.answers(second.address())
        assert second.answers(first.address())
        assert first.answers("192.168.40.1")
        docker_host.docker("docker rm -f ivlan_test5 ivlan_test6")
        docker_host.docker("docker network rm ipvlan40")
        assert before == docker_host.links()[name], "untouched"
    finally:
        docker_host.run(f"ip link del {name}")
    assert name not in docker_host.links()
