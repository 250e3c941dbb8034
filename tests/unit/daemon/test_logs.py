"""Log lines for a terminal and for the journal."""

from __future__ import annotations

import logging
import re

import pytest

from ipvl.daemon.logs import JournalFormatter, set_up_logs


@pytest.fixture(autouse=True)
def _logging_is_left_as_it_was():
    """Put back what `set_up_logs` replaces."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    others = {name: logging.getLogger(name).level for name in ("pyroute2", "asyncio")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, one in others.items():
        logging.getLogger(name).setLevel(one)


def record(level: int, message: str, error: BaseException | None = None) -> logging.LogRecord:
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("ipvl", level, __file__, 1, message, (), exc_info)


@pytest.mark.parametrize(
    ("level", "priority"),
    [
        (logging.DEBUG, 7),
        (logging.INFO, 6),
        (logging.WARNING, 4),
        (logging.ERROR, 3),
        (logging.CRITICAL, 2),
        (25, 6),
    ],
)
def test_a_line_for_the_journal_has_its_priority(level, priority):
    """`<N>` at its start, as sd-daemon(3) wants it; levels of others are information."""
    assert f"<{priority}>network web is ready" == JournalFormatter("%(message)s").format(
        record(level, "network web is ready")
    )


def test_every_line_of_a_traceback_has_its_priority():
    """Otherwise the journal would show the rest as information."""
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0

    text = JournalFormatter("%(message)s").format(record(logging.ERROR, "failed", caught.value))

    assert 4 <= len(text.splitlines())
    assert all(line.startswith("<3>") for line in text.splitlines())


def test_under_systemd_lines_have_priorities_and_no_time(capsys):
    """The journal adds the time."""
    set_up_logs("info", {"JOURNAL_STREAM": "8:12345"})

    logging.getLogger("ipvl").info("network %s is ready", "web")

    assert "<6>network web is ready\n" == capsys.readouterr().err


def test_elsewhere_lines_have_times_and_levels(capsys):
    """For a terminal or a file."""
    set_up_logs("info", {})

    logging.getLogger("ipvl").warning("parent %s is down", "eth0")

    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} WARNING parent eth0 is down\n", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_the_level_decides_what_is_shown(capsys, level, shown):
    """Levels are named as on the command line."""
    set_up_logs(level, {"JOURNAL_STREAM": "8:12345"})

    for one in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger("ipvl"), one)(one)

    assert shown == [line[3:] for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("name", ["pyroute2", "asyncio"])
def test_libraries_say_only_what_is_wrong(capsys, name):
    """Even at level debug: their details are not the operator's."""
    set_up_logs("debug", {})

    logging.getLogger(name).info("selector")

    assert "" == capsys.readouterr().err
