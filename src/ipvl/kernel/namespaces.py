"""Network namespaces as files."""

from collections.abc import Iterator
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


def mounted() -> Iterator[str]:
    """Yield the paths of the network namespaces that have a name on this host, the host's own left out."""
    own = OWN.stat().st_ino
    for folder in map(Path, MOUNTED_IN):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if inode(str(path)) not in {None, own}:
                yield str(path)
