"""The compose files of examples/, run by the real tool."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.docker_host import Container, DockerHost

EXAMPLES = Path(__file__).parents[2] / "examples"


@contextmanager
def application(docker_host: DockerHost, name: str) -> Iterator[dict[str, Container]]:
    """Start the application of an example; its services' containers by their names. It is stopped and removed again."""
    docker_host.guest.push(EXAMPLES, "/work/examples")
    compose = f"env -C /work/examples docker-compose --project-name shop -f {name}.yml"
    docker_host.run(f"{compose} up -d", timeout=120)
    try:
        containers = {}
        for service in docker_host.run(f"{compose} ps --services").stdout.split():
            identity = docker_host.run(f"{compose} ps -q {service}").stdout.strip()
            pid = docker_host.inspect(identity)["State"]["Pid"]
            enter = f"nsenter -t {pid} -n --"
            containers[service] = Container(docker_host.guest, enter, id=identity, pid=pid, name=service)
        yield containers
    finally:
        docker_host.run(f"{compose} down", timeout=120)
    assert [] == docker_host.records("SELECT id FROM networks UNION SELECT name FROM parents"), "down takes all with it"


def test_every_example_has_its_scenario() -> None:
    """A file nobody runs is a file that does not work."""
    text = Path(__file__).read_text()

    for file in EXAMPLES.glob("*.yml"):
        assert f'application(docker_host, "{file.stem}")' in text
        assert f"[{file.name}]({file.name})" in (EXAMPLES / "README.md").read_text()


@pytest.mark.newest
def test_l2(docker_host: DockerHost) -> None:
    """Both services are on the VLAN, with its gateway."""
    with application(docker_host, "l2") as running:
        web, worker = running["web"], running["worker"]
        assert ["192.168.20.50/24"] == web.addresses()
        assert {"default via 192.168.20.1 dev eth0", "192.168.20.0/24 dev eth0"} == worker.routes()
        assert worker.answers("192.168.20.50")
        assert web.answers("192.168.20.1")
        assert docker_host.namespace("remote").answers("192.168.20.50"), "without a published port"
        assert "made by ipvl" == docker_host.links()["eth0.20"]["ifalias"]


def test_isolated(docker_host: DockerHost) -> None:
    """The services reach each other and have no way out."""
    with application(docker_host, "isolated") as running:
        assert running["database"].answers("10.77.0.50")
        assert {"10.77.0.0/24 dev eth0"} == running["web"].routes()


@pytest.mark.parametrize(("mode", "number"), [("l3", 110), ("l3s", 111)])
def test_routed(docker_host: DockerHost, mode: str, number: int) -> None:
    """The services' subnets reach each other, and the outside once it has a route by the host."""
    subnet = f"192.168.{number}.0/24"
    with application(docker_host, "l3") if mode == "l3" else application(docker_host, "l3s") as running:
        web, database = running["web"], running["database"]
        assert mode == web.links()["eth0"]["linkinfo"]["info_data"]["mode"]
        assert {"default dev eth0", f"{subnet} dev eth0"} == web.routes()
        assert web.answers(f"10.{number}.0.50")
        assert database.answers(f"192.168.{number}.50")
        docker_host.namespace("router").run(f"ip route add {subnet} via 192.168.1.250")
        try:
            assert docker_host.namespace("remote").answers(f"192.168.{number}.50")
        finally:
            docker_host.namespace("router").run(f"ip route del {subnet}")


def test_dual_stack(docker_host: DockerHost) -> None:
    """Both families, with the addresses that the file gives and the gateways of the VLAN."""
    with application(docker_host, "dual-stack") as running:
        web, worker = running["web"], running["worker"]
        assert ["192.168.140.50/24", "2001:db8:abc9::50/64"] == web.addresses()
        assert {"default via 2001:db8:abc9::22 dev eth0", "2001:db8:abc9::/64 dev eth0"} == web.routes(6)
        assert worker.answers("192.168.140.50")
        assert worker.answers("2001:db8:abc9::50")
        assert web.answers("192.168.140.1")
        assert web.answers("2001:db8:abc9::22")


@pytest.mark.newest
def test_any_host(docker_host: DockerHost) -> None:
    """The link is found by the host's default route."""
    with application(docker_host, "any-host") as running:
        assert ["eth0.20"] == docker_host.records("SELECT parent FROM networks")
        assert running["web"].answers("192.168.20.1")
