"""Network namespaces: as files, and entered."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ipvl.errors import ENTERING_NAMESPACES, kernel_refused, missing
from ipvl.kernel.netlink.netlink_socket import NetlinkSocket
from ipvl.system_calls import CLONE_NEWNET, set_namespace

NAMESPACE_FOLDERS = ("/run/docker/netns", "/run/netns")
"""Where namespaces have names: Docker's containers, and everyone who uses `ip netns`, CNI and Podman among them."""

OWN_NAMESPACE = Path("/proc/self/ns/net")
THREAD_NAMESPACE = "/proc/thread-self/ns/net"


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


@contextmanager
def enter_namespace(namespace: str) -> Iterator[None]:
    """Put this thread into a network namespace; nothing may be awaited within.

    Raises:
        IpvlError: there is none at this path, or ipvl may not enter it.
    """
    own = os.open(THREAD_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            there = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise missing(f"sandbox {namespace} is gone ({error.strerror})", "start it again") from error
        try:
            set_namespace(there, CLONE_NEWNET)
        except OSError as error:
            raise kernel_refused(
                f"sandbox {namespace} cannot be entered: {error.strerror}", ENTERING_NAMESPACES
            ) from error
        finally:
            os.close(there)
        try:
            yield
        finally:
            set_namespace(own, CLONE_NEWNET)
    finally:
        os.close(own)


@contextmanager
def netlink_in_namespace(namespace: str) -> Iterator[NetlinkSocket]:
    """Yield a netlink with the kernel about a network namespace, and end it afterwards.

    Raises:
        IpvlError: there is none at this path, or ipvl may not enter it.
    """
    with enter_namespace(namespace):
        link = NetlinkSocket()
    with link:
        yield link
