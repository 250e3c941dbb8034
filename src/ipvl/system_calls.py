"""System calls about namespaces, mounts and capabilities that Python 3.11 lacks, each raising OSError."""

import ctypes
import os
from pathlib import Path

CLONE_NEWNS = 0x00020000  # include/uapi/linux/sched.h
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8  # include/uapi/linux/mount.h
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2  # include/linux/fs.h
PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
CAPABILITY_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3, include/uapi/linux/capability.h

_libc = ctypes.CDLL(None, use_errno=True)


def set_namespace(fd: int, kind: int) -> None:
    """Move the calling thread into the namespace behind an open file (setns(2)); a PID namespace is its children's."""
    _check(_libc.setns(fd, kind))


def unshare(kinds: int) -> None:
    """Give the calling process new namespaces of these kinds (unshare(2)); a PID namespace is its children's."""
    _check(_libc.unshare(kinds))


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount a file system, bind a file, or change a mount, as the flags say (mount(2))."""
    _check(
        _libc.mount(
            source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), options.encode() or None
        ),
        target,
    )


def detach(target: str) -> None:
    """Take a mount out of sight at once; it goes when nobody uses it any more (umount2(2))."""
    _check(_libc.umount2(target.encode(), MNT_DETACH), target)


def pivot_root(new: str, put_old: str) -> None:
    """Make a mount the root of this mount namespace (pivot_root(2)); the old one is at `put_old` in it."""
    _check(_libc.syscall(ctypes.c_long(_PIVOT_ROOT[os.uname().machine]), new.encode(), put_old.encode()), new)


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send this process a signal when its parent ends (prctl(2), PR_SET_PDEATHSIG)."""
    _check(_libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal_number)))


def drop_capability(number: int) -> bool:
    """Keep a capability from every program this process becomes (PR_CAPBSET_DROP); False: the kernel knows no such."""
    if _libc.prctl(PR_CAPBSET_READ, ctypes.c_ulong(number)) < 0:
        return False
    _check(_libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(number)))
    return True


def last_capability() -> int:
    """Return the highest capability that this kernel knows."""
    return int(Path("/proc/sys/kernel/cap_last_cap").read_text())


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Capabilities(ctypes.Structure):
    """Three sets, of which each 32 capabilities are one (capget(2))."""

    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def permitted_capabilities() -> int:
    """Return the capabilities that this thread may use, a bit each (capget(2))."""
    sets = (_Capabilities * 2)()
    _check(_libc.capget(ctypes.byref(_CapabilityHeader(CAPABILITY_VERSION, 0)), sets))
    return int(sets[0].permitted | sets[1].permitted << 32)


def set_capabilities(kept: int) -> None:
    """Have this thread use these capabilities, a bit each, and hand none on to programs (capset(2))."""
    low, high = kept & 0xFFFFFFFF, kept >> 32
    sets = (_Capabilities * 2)(_Capabilities(low, low, 0), _Capabilities(high, high, 0))
    _check(_libc.capset(ctypes.byref(_CapabilityHeader(CAPABILITY_VERSION, 0)), sets))


def gain_no_privileges() -> None:
    """Make sure that no program this process becomes has more privileges (PR_SET_NO_NEW_PRIVS)."""
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)))


# arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h for the others.
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "loongarch64": 41}


def _check(result: int, path: str | None = None) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), path)
