"""What the daemon may do, and how it gives up everything else before it listens to anybody.

This is the list: the systemd units and SECURITY.md name the same, and tests hold them to it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from ipvl import system_calls

DAC_OVERRIDE, NET_ADMIN, NET_RAW, SYS_PTRACE, SYS_ADMIN = 1, 12, 13, 19, 21  # include/uapi/linux/capability.h
FOR_DOCKER: Final = {
    NET_ADMIN: "make and remove links, and give sandboxes addresses and routes",
    NET_RAW: "send and hear frames of its own on parents (packet(7))",
}
FOR_SANDBOXES: Final = {
    SYS_ADMIN: "enter the network namespace of a sandbox (setns(2)); Docker enters its own",
    SYS_PTRACE: "open /proc/PID/ns/net of a sandbox, whose program has other capabilities",
    DAC_OVERRIDE: "write hosts files that others made, and remove what a sandbox left",
}
NEEDED: Final = FOR_DOCKER | FOR_SANDBOXES


def drop_privileges() -> None:
    """Give up every capability but the needed ones, for good; what is gone already stays so.

    The unit for Docker leaves it those for Docker alone; `embedded.conf` adds the others.

    Raises:
        OSError: the kernel refused.
    """
    for number in range(system_calls.last_capability() + 1):
        if number not in NEEDED:
            # Whoever may not even drop from this set has nothing to gain from it: no_new_privs below.
            with suppress(PermissionError):
                system_calls.drop_capability(number)
    permitted = system_calls.permitted_capabilities()
    needed = sum(1 << number for number in NEEDED)
    if permitted & ~needed:
        system_calls.set_capabilities(permitted & needed)
    system_calls.gain_no_privileges()
