"""Network namespaces as files."""

from collections.abc import Iterable, Iterator
from pathlib import Path

MOUNTED_IN = ("/run/docker/netns", "/run/netns")
"""Where namespaces have names: Docker's containers, and everyone who uses `ip netns`, CNI and Podman among them."""

OWN = Path("/proc/self/ns/net")


def inode(path: str) -> int | None:
    """Return the number of the network namespace at this path, which no other has, or None when there is none.

    A path that Docker left behind without its mount (after a crash) is an ordinary file: every namespace lives on the
    kernel's one nsfs device, so comparing devices tells them apart.
    """
    try:
        found = Path(path).stat()
        return found.st_ino if found.st_dev == OWN.stat().st_dev else None
    except (OSError, ValueError):  # ValueError: no path has a zero byte
        return None


def others(known: Iterable[str] = ()) -> Iterator[str]:
    """Yield one path for each network namespace that is at a `known` path or has a name on this host, but the own."""
    seen = {None, OWN.stat().st_ino}
    for path in (*known, *_mounted()):
        number = inode(path)
        if number not in seen:
            seen.add(number)
            yield path


def _mounted() -> Iterator[str]:
    for folder in map(Path, MOUNTED_IN):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            yield str(path)
