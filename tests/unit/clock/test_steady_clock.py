"""The time of records, with a pair of clocks that are set at will."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvl.clock import steady_clock
from ipvl.clock.host_clocks import HostClocks, epoch_of, rfc3339
from ipvl.clock.steady_clock import SteadyClock, look_at_clock, start_clock, watch_wall_clock
from ipvl.errors import IpvlError, Kind, unavailable
from ipvl.model.boots import Boot
from ipvl.model.pools import QUARANTINE_SECONDS, Quarantine
from ipvl.records.changes import Put
from ipvl.store.state_file import SqliteStore, open_store, open_store_read_only
from tests.unit.builders import NOW, network, parent
from tests.unit.refusals import refusal

DAY, YEAR = 86400.0, 365 * 86400.0


@dataclass
class TwoClocks:
    """A host's clocks: time passes on both, a jump or a boot is of one."""

    boot: str = "first"
    up: float = 20.0
    people: float = NOW

    def since_boot(self) -> float:
        return self.up

    def wall(self) -> float:
        return self.people

    def wait(self, seconds: float) -> None:
        self.up += seconds
        self.people += seconds

    def jump(self, seconds: float) -> None:
        self.people += seconds

    def reboot(self, boot: str, wall: float) -> None:
        self.boot, self.up, self.people = boot, 5.0, wall


@pytest.fixture
def host():
    return TwoClocks()


@pytest.fixture
def state(tmp_path):
    """The path of a state file."""
    return tmp_path / "state.db"


def opened(state: Path, host: TwoClocks) -> SteadyClock:
    """Return the clock of a process that has just started, which can go on without the file."""
    with closing(open_store(state)) as store:
        return start_clock(host, store)


def record(state: Path, moment: float) -> None:
    """Have something happen that is recorded."""
    with closing(open_store(state)) as store:
        store.commit([Put(parent()), Put(network(created=moment))])


def boots(state: Path) -> tuple[Boot, ...]:
    with closing(open_store(state)) as store:
        return store.boots()


@pytest.mark.parametrize("seconds", [-DAY, YEAR, -56 * YEAR, 0.4])
def test_a_clock_that_is_set_moves_nothing(state, host, seconds):
    """What waits goes on waiting for as long as it would have."""
    clock = opened(state, host)
    assert NOW == clock.now()

    host.wait(10)
    host.jump(seconds)
    host.wait(5)

    assert NOW + 15 == clock.now()


@pytest.mark.parametrize("seconds", [-DAY, YEAR])
def test_every_process_of_a_boot_counts_alike(state, host, seconds):
    """A daemon that is started again after a jump, a command beside it, and who may only read."""
    first = opened(state, host)
    host.wait(60)
    host.jump(seconds)

    second = opened(state, host)
    with closing(open_store_read_only(state)) as store:
        reader = look_at_clock(host, store)

    assert NOW + 60 == first.now() == second.now() == reader.now()
    assert rfc3339(NOW + 60 + seconds) == first.date(NOW + 60) == second.date(NOW + 60) == reader.date(NOW + 60)


def test_two_that_start_at_once_agree(state, host):
    """Both find no boot, and the wall clock jumps between them: who is first sets the count."""

    class Late(SqliteStore):
        """A store that finds nothing at first, since another process writes a moment later."""

        looks = 0

        def boots(self) -> tuple[Boot, ...]:
            self.looks += 1
            if self.looks == 1:
                found = super().boots()
                self.first = opened(state, host)
                host.jump(-DAY)
                return found
            return super().boots()

    with closing(open_store(state)) as store:
        late = Late(state, store._connection)
        second = start_clock(host, late)

    assert NOW == late.first.now() == second.now()
    assert ["first"] == [boot.id for boot in boots(state)]


def test_a_reader_of_a_boot_in_which_ipvl_has_not_run_writes_nothing(state, host):
    """It counts as ipvl would."""
    opened(state, host)
    host.reboot("second", NOW + 100)

    with closing(open_store_read_only(state)) as store:
        assert NOW + 100 == look_at_clock(host, store).now()

    assert ["first"] == [boot.id for boot in boots(state)]


def test_a_reboot_takes_its_time(state, host):
    """By a wall clock that is right, the host was off for an hour, and what ended meanwhile has."""
    clock = opened(state, host)
    record(state, clock.now())
    host.reboot("second", NOW + 3600)

    assert NOW + 3600 == opened(state, host).now()


@pytest.mark.parametrize("wall", [0.0, NOW - YEAR, NOW + 99])
def test_a_host_without_a_clock_goes_on_where_it_stopped(state, host, wall):
    """What is recorded never lies in the future, and what waited is neither over nor to wait for decades."""
    opened(state, host)
    record(state, NOW + 100)
    host.reboot("second", wall)

    clock = opened(state, host)
    assert NOW + 100 == clock.now()
    host.jump(NOW + DAY - wall)
    host.wait(10)

    assert NOW + 110 == clock.now() == opened(state, host).now()
    assert rfc3339(NOW + DAY + 10) == clock.date(clock.now()), "by the clock that it has learned meanwhile"
    assert rfc3339(NOW + 100) == clock.date(NOW + 100), "what was before the boot is where it was"


def test_what_was_kept_out_last_waits_no_longer_after_such_a_boot(state, host):
    """Though nothing else was recorded for a month: what it was found out at is the newest of all."""
    opened(state, host)
    record(state, NOW)
    with closing(open_store(state)) as store:
        store.commit([Put(Quarantine("eth0", ip_address("192.168.1.9"), "host2", NOW + 30 * DAY + QUARANTINE_SECONDS))])
    host.reboot("second", 100.0)

    assert NOW + 30 * DAY == opened(state, host).now()


def test_how_far_the_clock_was_off_is_remembered(state, host):
    """It was set by a year after the start: over the next boots that is neither age nor time that passed."""
    clock = opened(state, host)
    record(state, NOW + 10)
    host.wait(20)
    host.jump(YEAR)
    with closing(open_store(state)) as store:
        clock.note(store)
    host.reboot("second", NOW + YEAR + 3600)

    clock = opened(state, host)

    assert NOW + 3600 == clock.now()
    assert rfc3339(NOW + YEAR + 10) == clock.date(NOW + 10)
    assert rfc3339(NOW + YEAR + 3600) == clock.date(clock.now())


def test_state_of_before_has_wall_clock_times(state, host):
    """The count begins with the wall clock, so that leases and graces go on."""
    record(state, NOW - 50)
    assert NOW == opened(state, host).now()

    host.reboot("second", NOW - YEAR)
    assert NOW == opened(state, host).now()


def test_boots_that_tell_nothing_are_forgotten(state, host):
    """A host with a right clock keeps its present one alone, however often it boots."""
    for number in range(9):
        host.reboot(str(number), NOW + 100 * number)
        opened(state, host)

    assert ["8"] == [boot.id for boot in boots(state)]


def test_what_is_shown_stays_as_it_is(state, host):
    """To the last digit, though both clocks are never read at the same instant; and a smaller step moves nothing."""
    clock = opened(state, host)
    for step in (1e-6, -0.3, 0.6):
        host.jump(step)
        assert rfc3339(NOW + 1.25) == clock.date(NOW + 1.25) == opened(state, host).date(NOW + 1.25)
    host.jump(7.3)

    assert rfc3339(NOW + 9.25) == clock.date(NOW + 1.25)


def test_a_time_of_the_wall_clocks_is_a_moment(state, host):
    """What people write as a time, such as for --since, is read by the clock that they have."""
    clock = opened(state, host)
    host.wait(60)
    host.jump(-DAY)

    assert NOW + 50 == clock.moment(host.wall() - 10)


STEPS = st.sampled_from(["wait", "record", "jump", "restart", "reboot"])


@given(st.lists(st.tuples(STEPS, st.floats(0, 60 * YEAR)), max_size=12))
def test_it_never_runs_backwards(history):
    """Whatever happens to the clocks, and however often the host boots or ipvl starts."""
    host, log = TwoClocks(), FakeLog()
    clock = start_clock(host, log)
    for number, (what, seconds) in enumerate(history):
        before = clock.now()
        match what:
            case "wait":
                host.wait(seconds)
            case "record":
                log.newest = before
            case "jump":
                host.jump(seconds - host.wall())
            case "restart":
                clock = start_clock(host, log)
            case _:
                host.reboot(str(number), seconds)
                clock = start_clock(host, log)
                before = log.newest

        assert clock.now() >= before - 1e-5


@dataclass
class FakeLog:
    """Boots in memory."""

    kept: tuple[Boot, ...] = ()
    newest: float = 0.0
    trouble: IpvlError | None = None
    refused: asyncio.Event = field(default_factory=asyncio.Event)
    noted: asyncio.Event = field(default_factory=asyncio.Event)

    def boots(self) -> tuple[Boot, ...]:
        return self.kept

    def newest_time(self) -> float:
        return self.newest

    def begin_boot(self, boot: Boot, needless: tuple[Boot, ...]) -> None:
        self.kept = (*(one for one in self.kept if one not in needless), boot)

    def keep_ahead(self, boot: Boot) -> None:
        if self.trouble:
            self.refused.set()
            raise self.trouble
        self.kept = tuple(boot if one.id == boot.id else one for one in self.kept)
        self.noted.set()


def test_the_daemon_notes_a_jump_and_its_end(host, monkeypatch, caplog):
    """At once or a moment later, and when it stops; a full disk is a warning, and tried again."""
    monkeypatch.setattr(steady_clock, "LONGEST_NAP", 0)
    log = FakeLog(trouble=unavailable("the disk is full"))
    clock = start_clock(host, log)

    async def script() -> None:
        watching = asyncio.create_task(watch_wall_clock(clock, log))
        host.jump(YEAR)
        await asyncio.wait_for(log.refused.wait(), 10)
        log.trouble = None
        await asyncio.wait_for(log.noted.wait(), 10)
        assert YEAR == log.kept[0].ahead
        host.jump(-DAY)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    asyncio.run(script())

    assert YEAR - DAY == log.kept[0].ahead
    assert "that the clock was set could not be noted: the disk is full" == caplog.messages[0]


def test_the_hosts_clocks_are_the_kernels():
    """One knows the year, the other only how long the host has been up."""
    host = HostClocks()

    assert host.boot == HostClocks().boot
    assert 36 == len(host.boot)
    assert host.since_boot() < YEAR * 10 < host.wall()


def test_a_host_that_does_not_tell_its_boot_is_told_of(tmp_path):
    """Without /proc, for one; in a sentence."""
    path = tmp_path / "boot_id"

    expected = f"{path} cannot be read: No such file or directory; mount /proc"
    assert expected == refusal(Kind.UNAVAILABLE, HostClocks, path)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000000Z"),
        (1_700_000_000.25, "2023-11-14T22:13:20.250000Z"),
        (1_699_999_999.9999999, "2023-11-14T22:13:20.000000Z"),
        (4_102_444_800.0, "2100-01-01T00:00:00.000000Z"),
    ],
)
def test_times_are_written_as_rfc_3339_has_them(seconds, text):
    """In UTC, with the Z that Docker writes; and read again."""
    assert text == rfc3339(seconds)
    assert abs(seconds - epoch_of(text)) < 1e-5
