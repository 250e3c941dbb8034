"""Boots each guest once a run and gives every scenario a clean Docker host."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from lab.errors import LabError
from lab.guest import Guest
from tests.lab.docker_host import BUILT_IN, IPVL, DockerHost, prepare
from tests.lab.embedded_host import EMBEDDED, EmbeddedHost, without_docker

pytest.register_assert_rewrite("tests.lab.doctor")

OLDEST, NEWEST = "bookworm", "sid"
STOCK = "-stock"
"""At the end of a case's id: it runs on the kernel of the suite itself."""
LONG = ("test_0_kernel", "test_ipam_driver", "test_failures_and_recovery", "test_7_persistence")
"""Files that take minutes, mostly of waiting: somebody else has the CPU meanwhile."""


@dataclass(frozen=True)
class Case:
    """Where a scenario runs: the suite, which is Docker's version; with what driver; on whose kernel."""

    suite: str
    driver: str
    stock: bool

    @property
    def guest(self) -> str:
        """The name of the guest that serves it."""
        kernel = f" on {self.suite}'s own kernel" if self.stock else ""
        # A kernel of the suite's own is slow to boot, so what runs without Docker runs beside it there.
        without = " without Docker" if self.driver == EMBEDDED and not self.stock else ""
        return f"{self.suite}{without}{kernel}"


_guests: dict[str, Guest] = {}
_served: dict[str, str] = {}
"""In which boot of each guest its services were started last, by the guest's name."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--suite", action="append", choices=[OLDEST, NEWEST], help="run in this guest only (repeatable)")
    parser.addoption("--stock-kernels", action="store_true", help="run all on the kernels of the suites: an hour")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every scenario in the oldest guest, the marked ones in the newest and against the control as well."""
    if "docker_host" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker
    suites = metafunc.config.getoption("--suite") or [OLDEST, NEWEST]
    wants_stock = marker("stock_kernel")
    stock = metafunc.config.getoption("--stock-kernels") or wants_stock is not None
    stock_without_docker = stock and (wants_stock is None or wants_stock.kwargs.get("embedded", True))
    kernel = STOCK if stock else ""
    cases = []
    if OLDEST in suites and not marker("newest_only") and not marker("embedded_only"):
        cases.append(pytest.param(Case(OLDEST, IPVL, stock), id=f"docker20{kernel}"))
        control = marker("control")
        if control is not None:
            differs = control.kwargs.get("differs")
            marks = (
                [pytest.mark.xfail(strict=True, reason=differs, raises=(AssertionError, Exception))] if differs else []
            )
            cases.append(pytest.param(Case(OLDEST, BUILT_IN, stock), id=f"docker20-built-in{kernel}", marks=marks))
    if OLDEST in suites and (marker("embedded") or marker("embedded_only")):
        kernel_without_docker = STOCK if stock_without_docker else ""
        cases.append(pytest.param(Case(OLDEST, EMBEDDED, stock_without_docker), id=f"embedded{kernel_without_docker}"))
    if NEWEST in suites and (marker("newest") or marker("newest_only")):
        cases.append(pytest.param(Case(NEWEST, IPVL, stock), id=f"docker28{kernel}"))
    metafunc.parametrize("docker_host", cases, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the scenarios of one guest together, in the document's order, and those that take longest in front."""

    def order(item: pytest.Item) -> tuple[bool, bool, bool, bool]:
        case = item.callspec.params.get("docker_host") if hasattr(item, "callspec") else None
        if not isinstance(case, Case):
            return False, False, False, False
        return not case.stock, item.path.stem not in LONG, case.driver == EMBEDDED, case.suite == NEWEST

    items.sort(key=order)


class ByGuest(LoadScopeScheduling):
    """Gives a process what one guest does of a file, or all that is done by one with a stock kernel, slow to boot."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, scenario = nodeid.partition("::")
        suite = NEWEST if "docker28" in scenario else OLDEST
        if STOCK in scenario:
            return suite + STOCK
        return f"{file} {'without Docker' if 'embedded' in scenario else suite}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByGuest | None:
    """Share the work by guests, unless another way was asked for: long tests go to whoever is free."""
    return ByGuest(config, log) if config.getoption("dist") == "loadscope" else None


@pytest.fixture
def docker_host(request: pytest.FixtureRequest) -> Iterator[DockerHost]:
    """A Docker host on the underlay with ipvl and Docker running, nothing else; checked for leaks afterwards."""
    case: Case = request.param
    guest = _guest(case)
    if case.driver == EMBEDDED:
        host: DockerHost = EmbeddedHost(guest, "")
        host.run("sh -c '[ -d /var/lib/ipvl/rootfs/alpine ] || ipvl rootfs add alpine /opt/lab/alpine.tar'")
    else:
        host = DockerHost(guest, "", driver=case.driver)
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


def _processor() -> int:
    """Return the CPU for this process's guests, of which one is busy at a time; its fellows have the others."""
    available = sorted(os.sched_getaffinity(0))
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return available[int(worker) % len(available)]


def _guest(case: Case) -> Guest:
    if case.guest not in _guests:
        # One CPU, since another guest runs beside it.
        guest = Guest.boot(case.suite, cpus=1, user_mode=not case.stock, processor=_processor())
        _guests[case.guest] = guest
        prepare(guest)
        if "without Docker" in case.guest:
            without_docker(guest)
    guest = _guests[case.guest]
    if "without Docker" not in case.guest and _served.get(case.guest) != guest.boot_id:
        # New, or a scenario without Docker rebooted the guest that it shares: Docker is nothing to that one.
        for service in ("ipvl", "docker"):
            guest.run(f"/work/lab/services.sh {service} start", timeout=180)
        _served[case.guest] = guest.boot_id
    return guest
