"""Unix sockets of our own and of systemd, and the lock on the state folder."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ipvl.daemon import sockets
from ipvl.daemon.sockets import listening, locked, passed_sockets
from ipvl.errors import Kind
from tests.unit.refusals import refusal


@pytest.fixture
def path(tmp_path):
    """Where to listen: in a folder that does not exist yet."""
    return tmp_path / "run" / "ipvl.sock"


def answers(path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(path))
    return True


@contextmanager
def bound(path):
    """A socket of somebody else, bound and not listening yet."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
        path.parent.mkdir(exist_ok=True)
        one.bind(str(path))
        yield one


def enter(manager) -> None:
    with manager:
        pass


def test_a_socket_listens_as_long_as_the_block_runs(path):
    """Its folder is made, and the socket is gone afterwards."""
    with listening(path, {}):
        assert answers(path)
        assert 0o755 == path.parent.stat().st_mode & 0o777

    assert [] == list(path.parent.iterdir())


def test_a_socket_is_for_root_alone_from_its_first_moment(path, monkeypatch):
    """Between bind and chmod anybody could have connected: there is no such moment."""
    modes = []
    listen = socket.socket.listen

    def look_and_listen(self, backlog):
        modes.append(stat.S_IMODE(path.stat().st_mode))
        listen(self, backlog)

    monkeypatch.setattr(socket.socket, "listen", look_and_listen)
    before = os.umask(0o000)
    try:
        with listening(path, {}):
            assert [0o600] == modes
            assert 0o000 == os.umask(0o000)
    finally:
        os.umask(before)


def test_a_socket_is_gone_even_after_an_error(path):
    """However the block ends."""
    with pytest.raises(ZeroDivisionError), listening(path, {}):
        raise ZeroDivisionError

    assert not path.exists()


def test_a_dead_socket_is_replaced(path):
    """What a daemon that was killed left behind."""
    with bound(path):
        pass
    assert path.is_socket()

    with listening(path, {}):
        assert answers(path)


def test_a_live_socket_is_refused(path):
    """Another process answers there, and goes on to."""
    with bound(path) as other:
        other.listen()

        assert f"another process listens at {path}; stop it first" == refusal(Kind.CONFLICT, enter, listening(path, {}))
        assert answers(path)


def test_a_file_in_the_way_is_refused(path):
    """Whatever it is, it is not ours to remove."""
    path.parent.mkdir()
    path.write_text("precious")

    assert f"{path} exists and is not a socket; move it away" == refusal(Kind.CONFLICT, enter, listening(path, {}))
    assert "precious" == path.read_text()


def test_a_link_in_the_way_is_refused(path, tmp_path):
    """Even one that leads to a dead socket: where it leads to is somebody else's."""
    with bound(tmp_path / "other.sock"):
        pass
    path.parent.mkdir()
    path.symlink_to(tmp_path / "other.sock")

    assert f"{path} exists and is not a socket; move it away" == refusal(Kind.CONFLICT, enter, listening(path, {}))
    assert path.is_symlink()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    """A file is where the folder should be."""
    tmp_path.joinpath("file").touch()
    path = tmp_path / "file" / "ipvl.sock"

    assert f"socket {path} cannot be made: File exists; check its folder" == refusal(
        Kind.UNAVAILABLE, enter, listening(path, {})
    )


def test_the_umask_is_restored_after_an_error(tmp_path, monkeypatch):
    """A socket that could not be bound changes nothing for files that are made later."""

    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOMEM, "no memory")

    before = os.umask(0o027)
    try:
        monkeypatch.setattr(socket.socket, "bind", fail)
        refusal(Kind.UNAVAILABLE, enter, listening(tmp_path / "ipvl.sock", {}))

        assert 0o027 == os.umask(0o027)
    finally:
        os.umask(before)


def test_a_socket_of_systemd_is_used_and_stays_on_the_disk(path):
    """Docker finds it while ipvl restarts; whoever connects then waits instead of failing."""
    with bound(path) as systemds:
        systemds.listen()
        ours = systemds.dup()

        with listening(path, {str(path): ours}) as used:
            assert used is ours

        assert path.is_socket()
        assert answers(path)
        assert -1 == ours.fileno()


def test_a_socket_of_systemd_is_known_by_where_it_really_is(path, tmp_path):
    """/var/run is a link to /run on every host."""
    with bound(path) as systemds:
        systemds.listen()
        ours = systemds.dup()
        tmp_path.joinpath("var").symlink_to(path.parent)

        with listening(tmp_path / "var" / path.name, {str(path): ours}) as used:
            assert used is ours


def test_a_socket_of_systemd_for_something_else_is_left_alone(path, tmp_path):
    """Each path has its own."""
    with bound(tmp_path / "other.sock") as systemds, listening(path, {str(tmp_path / "other.sock"): systemds}) as used:
        assert used is not systemds
        assert str(path) == used.getsockname()


@contextmanager
def passed_fds(monkeypatch, *paths: Path):
    """Have listening sockets at consecutive descriptors, as systemd leaves them, and their first number known."""
    with ExitStack() as stack:
        first = 900
        monkeypatch.setattr(sockets, "FIRST_PASSED_FD", first)
        for fd, path in enumerate(paths, first):
            one = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            one.bind(str(path))
            one.listen()
            os.dup2(one.fileno(), fd)
        yield first


def test_sockets_of_systemd_are_found_by_their_paths(tmp_path, monkeypatch):
    """As many as it says, closed to children."""
    paths = [tmp_path / "docker.sock", tmp_path / "control.sock"]
    with passed_fds(monkeypatch, *paths) as first, ExitStack() as stack:
        found = passed_sockets({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2"})
        for one in found.values():
            stack.enter_context(one)

        assert list(map(str, paths)) == list(found)
        assert [first, first + 1] == [one.fileno() for one in found.values()]
        assert all(fcntl.fcntl(one, fcntl.F_GETFD) & fcntl.FD_CLOEXEC for one in found.values())


@pytest.mark.parametrize(
    "environment", [{}, {"LISTEN_FDS": "2"}, {"LISTEN_PID": "1", "LISTEN_FDS": "2"}, {"LISTEN_PID": str(os.getpid())}]
)
def test_sockets_that_are_not_for_this_process_are_left_alone(environment):
    """Descriptors are only ours when systemd says so."""
    assert {} == passed_sockets(environment)


def test_a_state_folder_is_for_root_alone(tmp_path):
    """Folder and lock are made, and the lock names who holds it."""
    lock = tmp_path / "state" / "lock"

    with locked(lock):
        assert 0o700 == lock.parent.stat().st_mode & 0o777
        assert 0o600 == lock.stat().st_mode & 0o777
        assert str(os.getpid()) == lock.read_text()


def test_a_lock_is_held_once(tmp_path):
    """A second daemon on the same state would undo the first one's work."""
    lock = tmp_path / "lock"
    expected = (
        f"another ipvl (process {os.getpid()}) uses state folder {tmp_path}; "
        "stop that one, or give this one a folder and sockets of its own"
    )

    with locked(lock):
        assert expected == refusal(Kind.CONFLICT, enter, locked(lock))
        assert str(os.getpid()) == lock.read_text()


def test_a_lock_is_free_again(tmp_path):
    """After a good end and after a bad one; a longer number left in it is gone."""
    lock = tmp_path / "lock"
    lock.write_text("12345678901234567890")
    with pytest.raises(ZeroDivisionError), locked(lock):
        raise ZeroDivisionError

    with locked(lock):
        assert str(os.getpid()) == lock.read_text()


def test_a_lock_without_a_name_in_it_is_held_all_the_same(tmp_path):
    """The other process had no time to write its number."""
    lock = tmp_path / "lock"
    with lock.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        expected = (
            f"another ipvl (process unknown) uses state folder {tmp_path}; "
            "stop that one, or give this one a folder and sockets of its own"
        )

        assert expected == refusal(Kind.CONFLICT, enter, locked(lock))


def test_a_folder_that_knows_no_locks_is_refused(tmp_path, monkeypatch):
    """Some network file systems have none: that is not another ipvl."""

    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", fail)

    assert f"lock {tmp_path / 'lock'} cannot be taken: No locks available" == refusal(
        Kind.UNAVAILABLE, enter, locked(tmp_path / "lock")
    )


def test_a_state_folder_that_cannot_be_made_is_refused(tmp_path):
    """A file is where the folder should be."""
    folder = tmp_path / "file"
    folder.touch()

    assert f"state folder {folder} cannot be used: File exists; run ipvl as root" == refusal(
        Kind.UNAVAILABLE, enter, locked(folder / "lock")
    )
