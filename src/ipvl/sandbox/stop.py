"""Stop a sandbox, and tell when a process has ended (pidfd_open(2))."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def stop_sandbox(process: int, supervisor: int, seconds: float) -> None:
    """Ask a sandbox's first process to end, kill it after that time, and wait until its supervisor has cleaned up."""
    with open_pidfd(process) as target, open_pidfd(supervisor) as cleaner:
        if target is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(target, signal.SIGTERM)
            if not has_ended(target, seconds):
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(target, signal.SIGKILL)
                has_ended(target, None)
        if cleaner is not None:
            has_ended(cleaner, None)


@contextmanager
def open_pidfd(process: int) -> Iterator[int | None]:
    """Yield an open file that tells when a process ends (pidfd_open(2)), or None when there is no such process."""
    try:
        fd = os.pidfd_open(process)
    except OSError:
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)


def has_ended(process: int, seconds: float | None) -> bool:
    """Tell whether a process, as `open_pidfd` yields it, ends within a time; None waits until it does."""
    return bool(select.select([process], [], [], seconds)[0])
