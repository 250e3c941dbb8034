"""`ipvl doctor` in the guest: how it is run, and faults that are caused for real, several at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.lab.docker_host import Container, DockerHost, eventually

NET = "docker network create -d ipvlan"
RUN = "docker run -itd --rm"


@dataclass(frozen=True)
class Report:
    """What the command said and how it ended."""

    status: int
    lines: list[str]


@dataclass(frozen=True)
class Fault:
    """Networks, containers on them, what breaks them and mends it again, and the lines that must be said."""

    says: tuple[str, ...]
    networks: tuple[str, ...] = ()
    container: str = ""
    before: str = "true"
    fault: str = "true"
    repair: str = "true"


def doctor(host: DockerHost, words: str = "", before: str = "") -> Report:
    """Run `ipvl doctor` in the guest."""
    result = host.run(f"{before} ipvl doctor {words}", check=False)
    assert "" == result.stderr
    return Report(result.status, result.stdout.splitlines())


def well(networks: str, parents: str) -> Report:
    """Return what is said of a host where nothing is wrong."""
    return Report(0, [f"all is well: 19 checks on {networks}, {parents}"])


@contextmanager
def broken(host: DockerHost, fault: str, repair: str) -> Iterator[None]:
    """Cause a fault on the host while the block runs; Docker's things go before it is repaired."""
    host.run(fault)
    try:
        yield
    finally:
        host.reset()
        host.run(repair)


def assert_found(host: DockerHost, faults: dict[str, Fault]) -> None:
    """Cause faults in different places all at once: each has its lines, and there are no others."""
    every = tuple(faults.values())
    earlier, repairs = (" && ".join(one.before for one in every), "; ".join(one.repair for one in reversed(every)))
    with broken(host, earlier, repairs):
        for network in (network for one in every for network in one.networks):
            host.docker(network)
        for container in (
            host.containers(*lines) if (lines := [one.container for one in every if one.container]) else ()
        ):
            wait_until_named(host, container)
        host.run(" && ".join(one.fault for one in every))
        report = doctor(host)

    expected = sorted(line for one in every for line in one.says)
    assert expected == sorted(report.lines)
    assert int(any(line.startswith("problem: ") for line in expected)) == report.status


def wait_until_named(host: DockerHost, container: Container) -> None:
    """Wait until ipvl has learned a container's name from Docker."""
    eventually(
        lambda: container.name in {endpoint["name"] for endpoint in host.status()["endpoints"]},
        "ipvl knows the container's name",
    )
