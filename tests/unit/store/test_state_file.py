"""The state file: who may read it, and what happens when it is not what it should be."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ipvl.errors import Kind
from ipvl.records.changes import Put
from ipvl.store.migrations import _migrations, newest_schema
from ipvl.store.state_file import open_store, open_store_read_only
from tests.unit.builders import ID, NOW, network, parent
from tests.unit.refusals import refusal

NEWEST = newest_schema()
NOBODY = 65534
ALL = (parent(), network())


@pytest.fixture
def path(tmp_path):
    """A state file with a parent and a network."""
    path = tmp_path / "state.db"
    with closing(open_store(path)) as store:
        store.commit([Put(one) for one in ALL])
    return path


def spoil(path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(statement)


def test_the_file_is_for_root_alone(tmp_path):
    """Nobody else may read which containers there are, in none of the files that SQLite keeps."""
    with closing(open_store(tmp_path / "state.db")) as store:
        store.commit([Put(parent())])

        assert {"state.db", "state.db-wal", "state.db-shm"} == {one.name for one in tmp_path.iterdir()}
        assert {0o600} == {one.stat().st_mode & 0o777 for one in tmp_path.iterdir()}


def test_an_existing_file_keeps_its_mode(path):
    """An operator who opened it up meant it."""
    path.chmod(0o640)

    open_store(path).close()

    assert 0o640 == path.stat().st_mode & 0o777


def test_every_commit_is_on_the_disk_before_it_returns(path):
    """Write-ahead log, synchronised at each commit: a power failure loses nothing that was answered."""
    with closing(open_store(path)) as store:
        assert [("wal",)] == store._connection.execute("PRAGMA journal_mode").fetchall()
        assert [(2,)] == store._connection.execute("PRAGMA synchronous").fetchall()
        assert [(1,)] == store._connection.execute("PRAGMA foreign_keys").fetchall()


@pytest.mark.parametrize(
    ("open_one", "expected"),
    [
        (
            open_store,
            "state file {path} has schema 99, written by a newer ipvl (this one knows {newest}); run the newer ipvl",
        ),
        (
            open_store_read_only,
            "state file {path} has schema 99, this ipvl reads {newest}; start the daemon of this version once",
        ),
    ],
)
def test_a_file_of_a_newer_ipvl_is_refused(path, open_one, expected):
    """What this version does not understand it does not touch."""
    spoil(path, "PRAGMA user_version = 99")
    before = path.read_bytes()

    assert expected.format(path=path, newest=NEWEST) == refusal(Kind.UNAVAILABLE, open_one, path)
    assert before == path.read_bytes()


@pytest.mark.parametrize("open_one", [open_store, open_store_read_only])
def test_a_file_that_is_no_database_is_refused(path, open_one):
    """And left as it is, for whoever wants to look."""
    path.write_bytes(b"not a database, " * 1000)
    expected = (
        f"state file {path} cannot be used: file is not a database; "
        "check its disk, owner and mode, or move it away to start afresh"
    )

    assert expected == refusal(Kind.UNAVAILABLE, open_one, path)
    assert path.read_bytes().startswith(b"not a database")


def test_a_damaged_file_is_refused(path):
    """A page in the middle was overwritten."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    expected = (
        f"state file {path} cannot be used: database disk image is malformed; "
        "check its disk, owner and mode, or move it away to start afresh"
    )

    def read() -> object:
        with closing(open_store(path)) as store:
            return store.load()

    assert expected == refusal(Kind.UNAVAILABLE, read)


def test_a_file_of_the_first_schema_is_brought_up_to_date(tmp_path):
    """What an older ipvl remembered is there, with nothing in the fields that it did not know."""
    path, first = tmp_path / "state.db", _migrations()[0]
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript(f"{first}\nPRAGMA user_version = 1;")
        database.execute("INSERT INTO parents (name, kind, made) VALUES ('eth0', 'link', 0)")
        database.execute(
            "INSERT INTO networks (id, door, parent, mode, flag, isolated, interface_prefix, created, phase)"
            " VALUES (?, 'docker', 'eth0', 'l2', 'bridge', 0, 'eth', ?, 'ready')",
            (ID, NOW),
        )
        database.execute("INSERT INTO subnets VALUES (?, 0, '192.168.20.0/24', NULL)", (ID,))

    with closing(open_store(path)) as store:
        assert ALL == store.load()


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE subnets SET pool = 'everywhere'", "'everywhere' does not appear to be an IPv4 or IPv6 network"),
        ("UPDATE subnets SET gateway = 'home'", "'home' does not appear to be an IPv4 or IPv6 address"),
    ],
)
def test_a_file_that_somebody_edited_wrongly_is_refused(path, statement, reason):
    """The reason names the value."""
    spoil(path, statement)
    with closing(open_store(path)) as store:
        expected = (
            f"state file {path} cannot be used: {reason}; "
            "check its disk, owner and mode, or move it away to start afresh"
        )

        assert expected == refusal(Kind.UNAVAILABLE, store.load)


def test_a_folder_that_is_missing_is_refused(tmp_path):
    """The daemon makes its folder; the store does not."""
    path = tmp_path / "missing" / "state.db"
    expected = f"state file {path} cannot be used: No such file or directory; check its folder, owner and mode"

    assert expected == refusal(Kind.UNAVAILABLE, open_store, path)


def test_a_folder_in_the_files_place_is_refused(tmp_path):
    """Root could write anywhere, so what cannot be written is no file at all."""
    expected = (
        f"state file {tmp_path} cannot be used: unable to open database file; "
        "check its disk, owner and mode, or move it away to start afresh"
    )

    assert expected == refusal(Kind.UNAVAILABLE, open_store, tmp_path)


def test_a_file_in_the_folders_place_is_refused(path):
    """The path leads through a file."""
    expected = f"state file {path / 'state.db'} cannot be used: Not a directory; check its folder, owner and mode"

    assert expected == refusal(Kind.UNAVAILABLE, open_store, path / "state.db")


def test_a_disk_that_is_full_is_an_error_and_nothing_is_half_written(path):
    """The commit that did not fit is not there, and the next one that fits is."""
    with closing(open_store(path)) as store:
        store._connection.execute("PRAGMA max_page_count = 1")
        many = [Put(parent(f"eth{number}")) for number in range(5000)]
        expected = (
            f"state file {path} cannot be used: database or disk is full; "
            "check its disk, owner and mode, or move it away to start afresh"
        )

        assert expected == refusal(Kind.UNAVAILABLE, store.commit, many)
        assert ALL == store.load()

        store._connection.execute("PRAGMA max_page_count = 1000000")
        store.commit([Put(parent("eth1"))])
        assert parent("eth1") in store.load()


def test_reading_beside_the_daemon_sees_what_is_there(path):
    """A reader neither waits nor changes anything."""
    with closing(open_store(path)) as writer:
        writer.commit([Put(parent("eth1"))])
        with closing(open_store_read_only(path)) as reader:
            assert (parent(), parent("eth1"), network()) == reader.load()


def test_reading_without_the_daemon_sees_what_is_there(path):
    """Nobody else has the file open."""
    with closing(open_store_read_only(path)) as reader:
        assert ALL == reader.load()


def test_a_reader_may_not_write(path):
    """Whoever reads without the daemon's lock changes nothing."""
    with closing(open_store_read_only(path)) as reader:
        expected = (
            f"state file {path} cannot be used: attempt to write a readonly database; "
            "check its disk, owner and mode, or move it away to start afresh"
        )

        assert expected == refusal(Kind.UNAVAILABLE, reader.commit, [Put(parent("eth1"))])


def test_reading_a_file_that_is_not_there_says_that_nothing_has_run(tmp_path):
    """And makes none."""
    path = tmp_path / "state.db"
    expected = f"there is no state file {path}: ipvl has not run here yet; start the daemon: systemctl start ipvl"

    assert expected == refusal(Kind.MISSING, open_store_read_only, path)
    assert [] == list(tmp_path.iterdir())


def test_a_file_that_is_there_but_empty_becomes_a_state_file(tmp_path):
    """The daemon was stopped between making the file and its tables."""
    path = tmp_path / "state.db"
    path.touch()

    with closing(open_store(path)) as store:
        store.commit([Put(one) for one in ALL])
        assert ALL == store.load()


@pytest.mark.parametrize("open_one", [open_store, open_store_read_only])
@pytest.mark.parametrize("kept_out_by", ["folder", "file"])
def test_who_may_not_read_it_is_told_to_be_root(open_one, kept_out_by):
    """Whether it is the folder or the file that keeps this user out: its owner and mode are as they should be."""
    # pytest's own folders let nobody but root in.
    with TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        open_store(path).close()
        expected = f"state file {path} may not be used by this user; run it as root"
        with another_user(Path(folder), path if kept_out_by == "file" else Path(folder)):
            assert expected == refusal(Kind.UNAVAILABLE, open_one, path)


@contextmanager
def another_user(folder: Path, barred: Path) -> Iterator[None]:
    """Be a user whom a mode keeps out."""
    folder.chmod(0o755)
    mode = barred.stat().st_mode
    if os.geteuid() == 0:
        barred.chmod(0o700)
        os.seteuid(NOBODY)
    else:
        barred.chmod(0)
    try:
        yield
    finally:
        os.seteuid(os.getuid())
        barred.chmod(mode)
