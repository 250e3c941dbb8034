"""Network namespaces as files."""

from collections.abc import Iterable, Iterator
from pathlib import Path

NAMESPACE_FOLDERS = ("/run/docker/netns", "/run/netns")
"""Where namespaces have names: Docker's containers, and everyone who uses `ip netns`, CNI and Podman among them."""

OWN_NAMESPACE = Path("/proc/self/ns/net")


def namespace_inode(path: str) -> int | None:
    """Return the number of the network namespace at this path, which no other has, or None when there is none.

    A path that Docker left behind without its mount (after a crash) is an ordinary file: every namespace lives on the
    kernel's one nsfs device, so comparing devices tells them apart.
    """
    try:
        found = Path(path).stat()
        return found.st_ino if found.st_dev == OWN_NAMESPACE.stat().st_dev else None
    except (OSError, ValueError):  # ValueError: no path has a zero byte
        return None


def other_namespaces(known: Iterable[str] = ()) -> Iterator[str]:
    """Yield one path for each network namespace that is at a `known` path or has a name on this host, but the own."""
    seen = {None, OWN_NAMESPACE.stat().st_ino}
    for path in (*known, *_mounted()):
        number = namespace_inode(path)
        if number not in seen:
            seen.add(number)
            yield path


def _mounted() -> Iterator[str]:
    for folder in map(Path, NAMESPACE_FOLDERS):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            yield str(path)
