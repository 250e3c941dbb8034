"""Archives of root filesystems, which are somebody else's work, put where they can do no harm."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import shutil
import tarfile
from pathlib import Path

from ipvl.errors import invalid, missing, unavailable

_DECOMPRESSORS = (bz2, gzip, lzma)
"""Imported before an archive is unpacked: afterwards Python's own files are out of sight."""


def unpack(archive: Path, target: Path) -> None:
    """Unpack a tar archive, compressed or not, with its owners and modes; nothing is written outside of `target`.

    Raises:
        IpvlError: it is no archive, or cannot be unpacked; nothing is left of it.
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
    except tarfile.TarError as error:
        why = " ".join(str(error).splitlines()[:1]).rstrip(":")
        raise invalid(f"{archive} is not a tar archive: {why}", "give a folder or a tar archive") from error
    except OSError as error:
        raise unavailable(
            f"{archive} cannot be unpacked: {error.strerror}", "check the archive and the disk"
        ) from error


def _unpack_inside(tar: tarfile.TarFile, target: Path) -> None:
    """Unpack in a child whose root is the target, so that no link in the archive leads out of it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with contextlib.suppress(BaseException):
            try:
                os.chroot(target)
                os.chdir("/")
                tar.extractall(numeric_owner=True)  # noqa: S202 - there is nothing but the target in reach
                os._exit(0)
            except (OSError, tarfile.TarError) as error:
                os.write(writer, str(error).encode()[:4096])
        os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        trouble = pipe.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise tarfile.TarError(trouble or "the unpacking process ended")
