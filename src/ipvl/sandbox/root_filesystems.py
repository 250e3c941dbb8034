"""Root filesystems that ipvl knows by name: folders, or archives unpacked once."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import shutil
import tarfile
from pathlib import Path

from ipvl.errors import conflict, invalid, missing, shown, unavailable
from ipvl.options.names import name as checked_name

_DECOMPRESSORS = (bz2, gzip, lzma)
"""Imported before an archive is unpacked: afterwards Python's own files are out of sight."""


def add(known: Path, name: str, source: Path) -> None:
    """Make a folder or a tar archive known under a name; a folder is used where it is, an archive is unpacked.

    Raises:
        IpvlError: the name is taken, or the source is neither.
    """
    target = known / checked_name(name, "root filesystem")
    if target.is_symlink() or target.exists():
        raise conflict(f"root filesystem {name} exists already", f"remove it first: ipvl rootfs rm {name}")
    known.mkdir(mode=0o700, parents=True, exist_ok=True)
    if source.is_dir():
        target.symlink_to(source.resolve())
        return
    partial = known / f".{name}.{os.getpid()}"
    unpack(source, partial)
    partial.rename(target)


def names(known: Path) -> list[tuple[str, Path]]:
    """Return the known names and the folders they stand for."""
    if not known.is_dir():
        return []
    return [(path.name, path.resolve()) for path in sorted(known.iterdir()) if not path.name.startswith(".")]


def remove(known: Path, name: str) -> None:
    """Forget a name; what was unpacked for it is removed, a folder that was given stays.

    Raises:
        IpvlError: it is not known.
    """
    target = known / checked_name(name, "root filesystem")
    if target.is_symlink():
        target.unlink()
    elif target.is_dir():
        shutil.rmtree(target)
    else:
        raise _unknown(known, name)


def find(known: Path, name: str) -> Path:
    """Return the folder that a name, with or without a tag such as `:latest`, stands for.

    Raises:
        IpvlError: it is not known, or its folder is gone.
    """
    word = name.partition(":")[0]
    target = known / checked_name(word, "root filesystem")
    if target.is_dir():
        return target.resolve()
    if target.is_symlink():
        raise missing(f"root filesystem {word} was at {target.readlink()}, which is gone", f"ipvl rootfs rm {word}")
    raise _unknown(known, word)


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
        raise invalid(f"{archive} is not a tar archive: {error}", "give a folder or a tar archive") from error
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


def _unknown(known: Path, name: str) -> Exception:
    have = ", ".join(one for one, _ in names(known)) or "none yet"
    return missing(
        f"root filesystem {shown(name)} is not known", f"add it with `ipvl rootfs add {name} TAR|DIR`; known: {have}"
    )
