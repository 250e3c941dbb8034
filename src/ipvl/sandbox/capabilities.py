"""What root may do in a sandbox."""

from __future__ import annotations

from collections.abc import Collection

from ipvl.errors import invalid
from ipvl.system_calls import drop_capability

# include/uapi/linux/capability.h, in the order of their numbers.
CAPABILITY_NAMES = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
    "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
    "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
    "CHECKPOINT_RESTORE",
)  # fmt: skip
ALL = "ALL"
DEFAULT_CAPABILITIES = frozenset(
    {
        "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE",
        "NET_RAW", "SYS_CHROOT", "MKNOD", "AUDIT_WRITE", "SETFCAP",
    }
)  # fmt: skip
"""What Docker leaves to a container: enough for `ping` and for port 80, not enough to change the host."""


def parse_capabilities(added: Collection[str]) -> frozenset[str]:
    """Return what a sandbox keeps: the default and what `--cap-add` names, with or without the prefix CAP_.

    Raises:
        IpvlError: there is no capability of that name.
    """
    names = {name.upper().removeprefix("CAP_") for name in added}
    unknown = sorted(names - {*CAPABILITY_NAMES, ALL})
    if unknown:
        raise invalid(f"there is no capability {unknown[0]}", f"use one of {', '.join(CAPABILITY_NAMES)} or {ALL}")
    return frozenset(CAPABILITY_NAMES) if ALL in names else DEFAULT_CAPABILITIES | names


def drop_capabilities_but(kept: Collection[str]) -> None:
    """Keep every other capability from what this process becomes next."""
    for number, name in enumerate(CAPABILITY_NAMES):
        if name not in kept:
            drop_capability(number)
