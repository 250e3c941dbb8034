"""Boots each guest once a run and gives every scenario a clean Docker host."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from lab.errors import LabError
from lab.guest import Guest
from tests.lab.docker_host import BUILT_IN, IPVL, DockerHost, prepare
from tests.lab.embedded_host import EMBEDDED, EMBEDDED_BESIDE_DOCKER, EmbeddedHost, without_docker

pytest.register_assert_rewrite("tests.lab.doctor")

OLDEST, NEWEST = "bookworm", "sid"

_guests: dict[str, Guest] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--suite", action="append", choices=[OLDEST, NEWEST], help="run in this guest only (repeatable)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every scenario in the oldest guest, the marked ones in the newest and against the control as well."""
    if "docker_host" not in metafunc.fixturenames:
        return
    suites = metafunc.config.getoption("--suite") or [OLDEST, NEWEST]
    cases = []
    if metafunc.definition.get_closest_marker("embedded_only"):
        metafunc.parametrize("docker_host", [pytest.param((OLDEST, EMBEDDED), id="embedded")], indirect=True)
        return
    if OLDEST in suites and not metafunc.definition.get_closest_marker("newest_only"):
        cases.append(pytest.param((OLDEST, IPVL), id="docker20"))
        control = metafunc.definition.get_closest_marker("control")
        if control is not None:
            differs = control.kwargs.get("differs")
            marks = (
                [pytest.mark.xfail(strict=True, reason=differs, raises=(AssertionError, Exception))] if differs else []
            )
            cases.append(pytest.param((OLDEST, BUILT_IN), id="docker20-built-in", marks=marks))
    embedded = metafunc.definition.get_closest_marker("embedded")
    if OLDEST in suites and embedded:
        driver = EMBEDDED_BESIDE_DOCKER if embedded.kwargs.get("stock_kernel") else EMBEDDED
        cases.append(pytest.param((OLDEST, driver), id="embedded"))
    if NEWEST in suites and any(metafunc.definition.get_closest_marker(mark) for mark in ("newest", "newest_only")):
        cases.append(pytest.param((NEWEST, IPVL), id="docker28"))
    metafunc.parametrize("docker_host", cases, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the scenarios of one guest together, in the document's order."""

    def in_newest(item: pytest.Item) -> bool:
        case = item.callspec.params.get("docker_host") if hasattr(item, "callspec") else None
        return isinstance(case, tuple) and case[0] == NEWEST

    items.sort(key=in_newest)


@pytest.fixture
def docker_host(request: pytest.FixtureRequest) -> Iterator[DockerHost]:
    """A Docker host on the underlay with ipvl and Docker running, nothing else; checked for leaks afterwards."""
    suite, driver = request.param
    if driver == EMBEDDED:
        host: DockerHost = EmbeddedHost(_guest(suite, docker=False), "")
    elif driver == EMBEDDED_BESIDE_DOCKER:
        host = EmbeddedHost(_guest(suite), "")
        host.run("sh -c '[ -d /var/lib/ipvl/rootfs/alpine ] || ipvl rootfs add alpine /opt/lab/alpine.tar'")
    else:
        host = DockerHost(_guest(suite), "", driver=driver)
    links = set(host.links())
    yield host
    host.reset()
    left = set(host.links()) - links
    assert left == set(), "links left behind"
    kept = (
        "id FROM networks",
        "id FROM endpoints",
        "name FROM parents",
        "id FROM pools",
        "address FROM leases",
        "client_id FROM dhcp_leases",
    )
    assert host.records(" UNION ".join(f"SELECT {column_and_table}" for column_and_table in kept)) == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what ipvl and Docker logged at the end of a scenario that failed."""
    report = yield
    host = getattr(item, "funcargs", {}).get("docker_host")
    if report.failed and isinstance(host, DockerHost):
        for service in ("ipvl", "dockerd"):
            try:
                tail = host.run(f"tail -n 25 /var/log/lab/{service}.log").stdout
            except LabError as error:
                tail = str(error)
            report.sections.append((f"{service}.log in the guest", tail))
    return report


def pytest_sessionfinish() -> None:
    """Switch the guests off."""
    while _guests:
        _guests.popitem()[1].close()


def _guest(suite: str, *, docker: bool = True) -> Guest:
    key = suite if docker else f"{suite} without Docker"
    if key not in _guests:
        # One CPU, since another guest runs beside it. What does without Docker needs no emulation.
        guest = Guest.boot(suite, cpus=1, user_mode=not docker)
        _guests[key] = guest
        prepare(guest)
        if not docker:
            without_docker(guest)
            return guest
        for service in ("ipvl", "docker"):
            guest.run(f"/work/lab/services.sh {service} start", timeout=180)
    return _guests[key]
