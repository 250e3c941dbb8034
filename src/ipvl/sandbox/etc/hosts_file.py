"""Keep the members' names in hosts files, between two lines of ipvl's; everything else in them is others'."""

from __future__ import annotations

from ipvl.sandbox.etc.mounted_files import rewrite_in_place

BEGIN_LINE = b"# What follows is kept by ipvl.\n"
END_LINE = b"# What was kept by ipvl ends here.\n"
LOCALHOST_LINES = b"127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
"""What a file begins with that said nothing before."""
LARGEST_FILE_BYTES = 1 << 22
"""Bytes of a file that are kept: a program in a sandbox can write its own as it likes."""


def write_hosts(path: str, names: str) -> None:
    """Put the names into an existing hosts file in place (`rewrite_in_place`)."""
    rewrite_in_place(path, lambda before: hosts_text(before, names.encode()), LARGEST_FILE_BYTES, "hosts file ")


def hosts_text(before: bytes, names: bytes) -> bytes:
    """Return a hosts file with these names in ipvl's part, which a file that has none gets at its end."""
    ours = BEGIN_LINE + names + END_LINE if names else b""
    start = before.find(BEGIN_LINE)
    end = before.find(END_LINE, start)
    if start >= 0 and end >= 0:
        return before[:start] + ours + before[end + len(END_LINE) :]
    if not before.strip():
        return LOCALHOST_LINES + ours
    return before + (b"" if before.endswith(b"\n") or not ours else b"\n") + ours
