"""Write the hosts files that sandboxes see."""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)


def write_hosts(path: str, text: str) -> None:
    """Put a text into an existing hosts file in place: sandboxes have the file itself mounted, not its name.

    A file that is gone belonged to a sandbox that is; what cannot be written is logged.
    """
    try:
        with Path(path).open("r+", encoding="utf-8") as file:
            file.write(text)
            file.truncate()
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("hosts file %s cannot be written: %s", path, error.strerror)
