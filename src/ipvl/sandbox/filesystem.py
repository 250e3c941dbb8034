"""What a sandbox sees of files: a writable layer over its root file system, devices of its own, names that are true."""

from __future__ import annotations

import os
from pathlib import Path

from ipvl.sandbox.folders import SandboxFolders
from ipvl.system_calls import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    detach,
    mount,
    pivot_root,
)

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
DEVICE_LINKS = {
    "ptmx": "pts/ptmx",
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}
NAME_FILES = ("hosts", "hostname", "resolv.conf")
"""Files that the supervisor writes and the sandbox sees in its /etc; ipvl keeps `hosts` true afterwards."""
ASKED_FOR_NAMES = ("/run/systemd/resolve/io.systemd.Resolve", "/run/nscd/socket")
"""Where the C library would have the host look names up (nss-resolve(8), nscd(8)), whatever resolv.conf says."""
HIDDEN = ("/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/sched_debug")
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sysrq-trigger")


def enter_own_root(lower: Path, folders: SandboxFolders) -> None:
    """Make a writable layer over `lower` the root of this process, which must have a mount namespace of its own.

    Raises:
        OSError: the kernel refused a mount; the error names its target.
    """
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    root = folders.run / "root"
    for folder in (root, folders.layer / "upper", folders.layer / "work"):
        folder.mkdir(parents=True, exist_ok=True)
    layers = f"lowerdir={_escaped(lower)},upperdir={_escaped(folders.layer / 'upper')}"
    # A sandbox may make device nodes, as Docker's may, and nothing else keeps it from using them.
    mount("overlay", str(root), "overlay", MS_NODEV, f"{layers},workdir={_escaped(folders.layer / 'work')}")
    for name in ("proc", "sys", "dev", "etc", "tmp"):
        make_folder(root / name)
    _mount_devices(root / "dev")
    _mount_kernel(root)
    _bind_names(root, folders)
    os.chdir(root)
    # The old root lies under the new one for a moment, at the same place: pivot_root(2), NOTES.
    pivot_root(".", ".")
    detach(".")
    os.chdir("/")


def make_folder(path: Path) -> None:
    """Make a folder, in place of a link: until the root is changed that would lead to the host's own files.

    Raises:
        OSError: a file is in the way.
    """
    if path.is_symlink():
        path.unlink()
    path.mkdir(exist_ok=True)


def share_hosts_root(folders: SandboxFolders) -> None:
    """Keep the host's files, but see this sandbox's processes, links and names; needs a mount namespace of its own.

    Raises:
        OSError: the kernel refused a mount; the error names its target.
    """
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    root = Path("/")
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY)
    _bind_names(root, folders)
    for path in ASKED_FOR_NAMES:
        if Path(path).exists():
            mount("/dev/null", path, flags=MS_BIND)


def _mount_kernel(root: Path) -> None:
    mount("proc", str(root / "proc"), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("sysfs", str(root / "sys"), "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY)
    for path in READ_ONLY:
        inside = root / path.lstrip("/")
        if inside.exists():
            mount(str(inside), str(inside), flags=MS_BIND | MS_REC)
            mount(str(inside), str(inside), flags=MS_BIND | MS_REMOUNT | MS_RDONLY)
    for path in HIDDEN:
        inside = root / path.lstrip("/")
        if inside.exists():
            mount("/dev/null", str(inside), flags=MS_BIND)


def _mount_devices(target: Path) -> None:
    mount("tmpfs", str(target), "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64k")
    for name in DEVICES:
        (target / name).touch()
        mount(f"/dev/{name}", str(target / name), flags=MS_BIND)
    for name, leads_to in DEVICE_LINKS.items():
        (target / name).symlink_to(leads_to)
    (target / "pts").mkdir()
    mount("devpts", str(target / "pts"), "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
    (target / "shm").mkdir()
    mount("shm", str(target / "shm"), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=64m")


def _bind_names(root: Path, folders: SandboxFolders) -> None:
    for name in NAME_FILES:
        target = root / "etc" / name
        if target.is_symlink():
            # /etc/resolv.conf often leads into /run; in a layer of its own it may be replaced, on the host it may not.
            if root == Path("/"):
                target = Path(os.path.realpath(target))  # which takes links in a circle for a missing file
            else:
                target.unlink()
        if root == Path("/") and (target.is_dir() or not target.exists()):
            continue
        if not target.exists():
            target.touch()
        mount(str(folders.name_file(name)), str(target), flags=MS_BIND)


def _escaped(path: Path) -> str:
    """Return a path as overlayfs options take it, which commas separate and colons stack."""
    return str(path).replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")
