"""Sysctls that are a sandbox's own."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ipvl.errors import invalid


def set_sysctl(key: str, value: str) -> None:
    """Set a sysctl of the namespaces that this process is in.

    Raises:
        IpvlError: this kernel has none of that name there, or not with that value.
    """
    try:
        Path("/proc/sys", *key.split(".")).write_text(value)
    except FileNotFoundError:
        raise invalid(f"there is no sysctl {key} in a sandbox on this kernel", "check its name") from None
    except OSError as error:
        raise invalid(f"sysctl {key} cannot be {value}: {error.strerror}", "check its value") from error


def is_sandbox_sysctl(key: str) -> bool:
    """Tell whether a sysctl is the sandbox's own, so that setting it changes nothing on the host."""
    return "/" not in key and (key.startswith(("net.", "fs.mqueue.")) or key in _OF_IPC)


_OF_IPC: Collection[str] = frozenset(
    f"kernel.{name}" for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced")
)
