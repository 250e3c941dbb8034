"""The folder that keeps built images, payloads and the sockets of long-lived guests."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def cache_folder() -> Path:
    """Return the lab's cache folder, which need not exist yet."""
    if chosen := os.environ.get("IPVL_LAB_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ipvl-lab"


def fingerprint(parts: Iterable[tuple[str, bytes]]) -> str:
    """Return 12 hexadecimal digits that change with the name or the content of any of `parts`, not with their order."""
    digest = hashlib.sha256()
    for name, content in sorted(parts):
        digest.update(f"{len(name)}:{name}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()[:12]


def tree_parts(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of every file under `folder`, compiled Python aside, as `fingerprint` takes them."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            executable = "x" if path.stat().st_mode & 0o100 else "-"
            yield f"{executable} {path.relative_to(folder)}", path.read_bytes()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path` exclusively; waits for whoever holds it now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def finished_folder(final: Path) -> Iterator[Path]:
    """Give a fresh folder to fill, which becomes `final` in one step when all went well and vanishes otherwise.

    The caller holds the lock that keeps other builders of `final` away.
    """
    partial = final.with_name(f"{final.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.rename(final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
