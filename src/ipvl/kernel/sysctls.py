"""Settings of links under /proc/sys/net; a kernel without IPv6 has none of its settings."""

from __future__ import annotations

from pathlib import Path


def read_setting(path: Path, otherwise: int = 0) -> int:
    """Return the number that a file of /proc/sys or /sys has, and `otherwise` where there is none."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return otherwise


def write_settings(folder: Path, **settings: int) -> None:
    """Write the settings of a folder, in their order; one that this kernel does not have is passed over.

    Raises:
        OSError: a setting cannot be written.
    """
    for setting, value in settings.items():
        path = folder / setting
        if path.exists():
            path.write_text(str(value))
