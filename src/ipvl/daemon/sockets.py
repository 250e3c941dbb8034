"""Unix sockets: systemd's when it hands some over, our own otherwise."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ipvl.errors import conflict, unavailable

FIRST_PASSED_FD = 3  # SD_LISTEN_FDS_START, sd_listen_fds(3)
BACKLOG = 128
TRY_EVERY = 0.05


def passed_sockets(environment: Mapping[str, str]) -> dict[str, socket.socket]:
    """Return the listening sockets that systemd handed over, by the path each listens on (sd_listen_fds(3))."""
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return {}
    passed = {}
    for fd in range(FIRST_PASSED_FD, FIRST_PASSED_FD + int(environment.get("LISTEN_FDS", "0"))):
        one = socket.socket(fileno=fd)
        one.set_inheritable(False)
        passed[one.getsockname()] = one
    return passed


@contextmanager
def listening(path: Path, passed: Mapping[str, socket.socket]) -> Iterator[socket.socket]:
    """Yield a socket that listens at `path` and close it afterwards.

    One that systemd handed over is used as it is and stays on the disk, so that Docker finds it while ipvl restarts.
    One of our own has mode 0600 from its first moment, replaces a dead one, and is removed at the end.

    Raises:
        IpvlError: another process listens there, or the folder cannot be written.
    """
    for name, one in passed.items():
        if os.path.realpath(name) == os.path.realpath(path):
            with one:
                yield one
            return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as own:
        try:
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            _remove_dead(path)
            previous = os.umask(0o177)
            try:
                own.bind(str(path))
            finally:
                os.umask(previous)
            own.listen(BACKLOG)
        except OSError as error:
            raise unavailable(f"socket {path} cannot be made: {error.strerror}", "check its folder") from error
        try:
            yield own
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold the state for this process alone, as long as the block runs; the folder is made with mode 0700.

    Args:
        path: the lock's file.
        patience: seconds to wait for another process that holds it.

    Raises:
        IpvlError: another process holds it, or the folder cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unavailable(f"state folder {path.parent} cannot be used: {error.strerror}", "run ipvl as root") from error
    try:
        try:
            _take(lock, patience)
        except OSError as error:
            if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
                raise unavailable(f"lock {path} cannot be taken: {error.strerror}") from error
            holder = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
            raise conflict(
                f"another ipvl (process {holder}) uses state folder {path.parent}",
                "stop that one, or give this one a folder and sockets of its own",
            ) from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(lock)


def _take(lock: int, patience: float) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise
            time.sleep(TRY_EVERY)
        else:
            return


def _remove_dead(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise conflict(f"{path} exists and is not a socket", "move it away")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except FileNotFoundError:
            return
    raise conflict(f"another process listens at {path}", "stop it first")
