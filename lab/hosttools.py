"""Programs the host needs, and the Debian packages that have them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

from .errors import SetupFailed

PACKAGE_OF_TOOL = {
    "cpio": "cpio",
    "mkfs.ext4": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "modprobe": "kmod",
    "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86",
    "xz": "xz-utils",
    "zstd": "zstd",
}
# QEMU's machine does not start without its firmware, which Debian only recommends to it.
EXTRA_PACKAGES = ("seabios",)
SEARCH_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def missing_tools(packages: Mapping[str, str] = PACKAGE_OF_TOOL) -> list[str]:
    """Return the tools of `packages` that this machine does not have."""
    return [tool for tool in sorted(packages) if shutil.which(tool, path=SEARCH_PATH) is None]


def install_missing_tools() -> list[str]:
    """Install what the host lacks and return the packages that were installed.

    Raises:
        SetupFailed: packages are missing and cannot be installed here; the text names them.
    """
    missing = missing_tools()
    if not missing:
        return []
    packages = sorted({PACKAGE_OF_TOOL[tool] for tool in missing} | set(EXTRA_PACKAGES))
    way_out = f"install them yourself: apt-get install {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        raise SetupFailed(f"{', '.join(missing)} not found and there is no apt-get; {way_out}")
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # The first try spares a machine with fresh package lists the update.
    for command in (install, ["apt-get", "update", "--quiet"], install):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if command is install and done.returncode == 0:
            return packages
    reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
    raise SetupFailed(f"{', '.join(missing)} not found and apt-get failed ({' '.join(reason)}); {way_out}")


def pip_command() -> list[str]:
    """Return how to call pip on this host.

    Raises:
        SetupFailed: there is none.
    """
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if found := shutil.which("pip3"):
        return [found]
    raise SetupFailed("no pip on this machine; install it yourself: apt-get install python3-pip")
