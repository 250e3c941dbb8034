"""Specification, last paragraph: drivers can be mixed and matched on one engine."""

import pytest

from tests.lab.docker_host import DockerHost


@pytest.mark.newest
def test_drivers_side_by_side(docker_host: DockerHost) -> None:
    """ipvl, Docker's own ipvlan, macvlan and bridge work on one engine, and in one container."""
    docker_host.docker("docker network create -d ipvlan --subnet=192.168.20.0/24 -o parent=eth0.20 ours")
    docker_host.run(
        "docker network create -d ipvlan --subnet=192.168.30.0/24 --gateway=192.168.30.1 -o parent=eth0.30 theirs"
    )
    docker_host.run(
        "docker network create -d macvlan --subnet=192.168.40.0/24 --gateway=192.168.40.1 -o parent=eth1.40 mac"
    )
    docker_host.run("docker network create -d bridge --subnet=172.30.0.0/24 bridged")
    ours, theirs, mac, bridged = docker_host.containers(
        *(f"docker run --net={net} --name=on-{net} -itd alpine /bin/sh" for net in ("ours", "theirs", "mac", "bridged"))
    )

    assert ours.answers("192.168.20.1")
    assert theirs.answers("192.168.30.1")
    assert mac.answers("192.168.40.1")
    docker_host.docker("docker network connect bridged on-ours")
    assert ours.answers(bridged.address()), "one container on ipvl and bridge at once"
    docker_host.docker("docker network disconnect ours on-ours")
    assert ours.answers(bridged.address())
    docker_host.docker("docker network connect ours on-ours")
    assert ours.answers("192.168.20.1")
