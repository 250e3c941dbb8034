"""Which kernels have what a network needs."""

from __future__ import annotations

import re

from ipvl.errors import kernel_refused
from ipvl.model.networks import Flag, Mode, Network
from ipvl.planning.host import Host

OLDEST_KERNEL = (4, 2)
"""Ipvlan before this is buggy (specification, "Pre-Requisites")."""

OLDEST_KERNEL_FOR_L3S = (4, 9)  # commit 4fbae7d83c98
OLDEST_KERNEL_FOR_FLAGS = (4, 15)  # commits a190d04db937, fe89aa6b250c


def check_kernel(network: Network, host: Host) -> None:
    """Refuse what this kernel cannot do.

    Raises:
        IpvlError: the kernel is too old for ipvlan, for the mode or for the flag, or lacks a link kind.
    """
    check_release(host.release, network.mode, network.flag)
    check_kind("ipvlan", host)


def check_release(release: str, mode: Mode = Mode.L2, flag: Flag = Flag.BRIDGE) -> None:
    """Refuse a kernel that is too old for ipvlan, for the mode or for the flag.

    Raises:
        IpvlError: it is.
    """
    version = kernel_version(release)
    for oldest, feature, needed in (
        (OLDEST_KERNEL, "ipvlan", True),
        (OLDEST_KERNEL_FOR_L3S, "ipvlan mode l3s", mode is Mode.L3S),
        (OLDEST_KERNEL_FOR_FLAGS, f"ipvlan flag {flag}", flag is not Flag.BRIDGE),
    ):
        if needed and version < oldest:
            at_least = ".".join(map(str, oldest))
            raise kernel_refused(f"kernel {release} is too old for {feature}", f"it needs {at_least} or later")


def check_kind(kind: str, host: Host) -> None:
    """Refuse when the kernel cannot make links of this kind.

    Raises:
        IpvlError: it cannot, and its module could not be loaded either.
    """
    if kind not in host.kinds:
        module = "8021q" if kind == "vlan" else kind
        raise kernel_refused(
            f"kernel {host.release} has no {kind} links",
            f"load the module with `modprobe {module}`, or use a kernel that has it",
        )


def kernel_version(release: str) -> tuple[int, ...]:
    """Return major and minor of a `uname -r` text such as `6.1.0-56-amd64`; (0, 0) when it does not start like one."""
    match = re.match(r"(\d+)\.(\d+)", release)
    return (int(match[1]), int(match[2])) if match else (0, 0)
