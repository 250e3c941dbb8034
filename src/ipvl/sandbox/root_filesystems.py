"""Root filesystems that ipvl knows by name: folders, or archives unpacked once."""

from __future__ import annotations

import os
from pathlib import Path

from ipvl.errors import conflict, missing, quoted
from ipvl.options.names import check_name as checked_name


def add_root_filesystem(known: Path, name: str, source: Path) -> None:
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
    from ipvl.sandbox.archives import unpack_archive

    partial = known / f".{name}.{os.getpid()}"
    unpack_archive(source, partial)
    os.sync()  # a power cut must not leave half of it under its name
    partial.rename(target)


def known_root_filesystems(known: Path) -> list[tuple[str, Path]]:
    """Return the known names and the folders they stand for."""
    if not known.is_dir():
        return []
    return [(path.name, path.resolve()) for path in sorted(known.iterdir()) if not path.name.startswith(".")]


def remove_root_filesystem(known: Path, name: str) -> None:
    """Forget a name; what was unpacked for it is removed, a folder that was given stays.

    Raises:
        IpvlError: it is not known.
    """
    target = known / checked_name(name, "root filesystem")
    if target.is_symlink():
        target.unlink()
    elif target.is_dir():
        import shutil

        shutil.rmtree(target)
    else:
        raise _unknown(known, name)


def find_root_filesystem(known: Path, name: str) -> Path:
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


def _unknown(known: Path, name: str) -> Exception:
    have = ", ".join(one for one, _ in known_root_filesystems(known)) or "none yet"
    return missing(
        f"root filesystem {quoted(name)} is not known", f"add it with `ipvl rootfs add {name} TAR|DIR`; known: {have}"
    )
