"""Unpack archives of root filesystems, which anybody may have made."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import resource
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ipvl.errors import invalid, missing, unavailable

_DECOMPRESSORS = (bz2, gzip, lzma)
"""Imported before an archive is unpacked: afterwards Python's own files are out of sight."""

MOST_MEMBERS = 1_000_000
SPARED_FRACTION = 20
"""An archive may fill the disk up to a twentieth, which is left to the host."""
MOST_MEMORY_BYTES = 1 << 30
"""Bytes; an archive's header may ask for any number of them."""
LONGEST_TROUBLE = 200
_DAMAGED = (
    tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError, OverflowError, RecursionError, MemoryError,
)  # fmt: skip
"""What Python raises for archives that are none."""


def unpack_archive(archive: Path, target: Path) -> None:
    """Unpack a tar archive, compressed or not, with its owners and modes; nothing is written outside of `target`.

    Devices are left out: a sandbox has its own.

    Raises:
        IpvlError: it is no archive, has no room, or cannot be unpacked; nothing is left of it.
    """
    try:
        with archive.open("rb") as file, tarfile.open(fileobj=file) as tar:
            target.mkdir(parents=True)
            try:
                _unpack_inside(tar, target)
            except BaseException:
                shutil.rmtree(target, ignore_errors=True)
                raise
    except FileNotFoundError:
        raise missing(f"{archive} does not exist", "give a folder or a tar archive") from None
    except _DAMAGED as error:
        raise invalid(
            f"{archive} is not a tar archive that can be unpacked: {_words(error)}", "give a folder or a tar archive"
        ) from error
    except OSError as error:
        raise unavailable(
            f"{archive} cannot be unpacked: {error.strerror or error}", "check the archive and the disk"
        ) from error


class _Limits:
    """What an archive may still unpack. Not a tar filter (PEP 706), which Debian 12's Python 3.11.2 has not got."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._members = 0

    def allowed(self, members: Iterable[tarfile.TarInfo]) -> Iterator[tarfile.TarInfo]:
        """Yield the members but devices, one by one as they are unpacked.

        Raises:
            TarError: this one goes beyond a limit.
        """
        for member in members:
            self._count(member)
            if not (member.isblk() or member.ischr()):
                yield member

    def _count(self, member: tarfile.TarInfo) -> None:
        self._members += 1
        self._room -= max(member.size, 0) if member.isreg() else 0
        if self._room < 0:
            raise tarfile.TarError("it is larger than the room on the disk")
        if self._members > MOST_MEMBERS:
            raise tarfile.TarError(f"it has more than {MOST_MEMBERS} members")


def _unpack_inside(tar: tarfile.TarFile, target: Path) -> None:
    """Unpack in a child whose root is the target, so that no link in the archive leads out of it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _unpack_in_child(tar, target, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        trouble = pipe.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise tarfile.TarError(trouble or "the unpacking process ended")


def _unpack_in_child(tar: tarfile.TarFile, target: Path, writer: int) -> None:
    status = 1
    try:
        disk = os.statvfs(target)
        os.chroot(target)
        os.chdir("/")
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
        room = disk.f_bavail * disk.f_frsize - disk.f_blocks * disk.f_frsize // SPARED_FRACTION
        # Newer Pythons would change modes and owners; there is nothing but the target in reach.
        tar.extraction_filter = lambda member, _path: member
        tar.extractall(members=_Limits(room).allowed(tar), numeric_owner=True)  # noqa: S202 - see above
        status = 0
    except (*_DAMAGED, OSError) as error:
        os.write(writer, _words(error).encode(errors="replace"))
    finally:
        os._exit(status)


def _words(error: Exception) -> str:
    """Return what went wrong on one line; the words may be the archive's own."""
    lines = (str(error) or type(error).__name__).split("\n")
    text = " ".join(line.strip("- ") for line in lines)
    return "".join(one if one.isprintable() else "?" for one in text)[:LONGEST_TROUBLE]
