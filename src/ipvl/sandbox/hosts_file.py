"""Keep the members' names in hosts files, between two lines of ipvl's; everything else in them is others'."""

from __future__ import annotations

import logging
import os

log = logging.getLogger(__name__)

BEGIN = b"# What follows is kept by ipvl.\n"
END = b"# What was kept by ipvl ends here.\n"
LOCAL = b"127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
"""What a file begins with that said nothing before."""
LARGEST = 1 << 22
"""Bytes of a file that are kept: a program in a sandbox can write its own as it likes."""


def write_hosts(path: str, names: str) -> None:
    """Put the names into an existing hosts file in place: sandboxes have the file itself mounted, not its name.

    A file that is gone belonged to a sandbox that is; what cannot be written is logged.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("hosts file %s cannot be written: %s", path, error.strerror)
        return
    try:
        before = os.pread(file, LARGEST, 0)
        text = hosts_text(before, names.encode())
        if text != before:
            # At once, so that a reader sees the old text or the new one, as far as a file can be written so.
            os.pwrite(file, text, 0)
            os.ftruncate(file, len(text))
    except OSError as error:
        log.warning("hosts file %s cannot be written: %s", path, error.strerror)
    finally:
        os.close(file)


def hosts_text(before: bytes, names: bytes) -> bytes:
    """Return a hosts file with these names in ipvl's part, which a file that has none gets at its end."""
    ours = BEGIN + names + END if names else b""
    start = before.find(BEGIN)
    end = before.find(END, start)
    if start >= 0 and end >= 0:
        return before[:start] + ours + before[end + len(END) :]
    if not before.strip():
        return LOCAL + ours
    return before + (b"" if before.endswith(b"\n") or not ours else b"\n") + ours
