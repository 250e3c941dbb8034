"""Run a test in a child process with a network and a /run of its own, where it may make and remove links."""

from __future__ import annotations

import ctypes
import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

CLONE_NEWNS = 0x00020000  # include/uapi/linux/sched.h
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000  # include/uapi/linux/mount.h

FINE, SKIPPED, FAILED = b"fine", b"skipped", b"failed"


def in_own_namespace(work: Callable[[], None]) -> None:
    """Do the work in a child and end as it does: quietly, skipped, or failed with its traceback.

    The child has no threads and is thrown away, so nothing of it reaches the host or the other tests.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.write(writer, _outcome(work)[:65536])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        outcome, _, text = pipe.read().partition(b"\n")
    os.waitpid(child, 0)
    if outcome == SKIPPED:
        pytest.skip(text.decode())
    if outcome != FINE:
        pytest.fail(text.decode(errors="replace") or "the child ended without a word", pytrace=False)


def _outcome(work: Callable[[], None]) -> bytes:
    try:
        _enter()
        work()
    except pytest.skip.Exception as skipped:
        return SKIPPED + b"\n" + str(skipped).encode()
    except BaseException:  # noqa: BLE001 - whatever it is, the parent reports it
        return FAILED + b"\n" + traceback.format_exc().encode()
    return FINE


def _enter() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    # Whoever is not root is root in a user namespace, where the system allows that.
    spaces = CLONE_NEWNET | CLONE_NEWNS | (CLONE_NEWUSER if user else 0)
    if libc.unshare(spaces) != 0:
        pytest.skip(f"this user may make no network namespace: {os.strerror(ctypes.get_errno())}")
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    for source, target, kind, flags in (
        (b"none", b"/", None, MS_REC | MS_PRIVATE),
        (b"tmpfs", b"/run", b"tmpfs", 0),
    ):
        if libc.mount(source, target, kind, flags, None) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), target)
