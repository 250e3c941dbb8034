"""Files that sandboxes have mounted: rewritten in place, since a mount is of the file itself and not of its name."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)


def rewrite_in_place(path: Path | str, rewrite: Callable[[bytes], bytes], largest: int, what: str = "") -> None:
    """Put another text into an existing file.

    A file that is gone belonged to a sandbox that is; what cannot be written is logged.

    Args:
        path: the file.
        rewrite: returns the new text of an old one.
        largest: bytes of the old one that are looked at.
        what: what the log calls the file before its path.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("%s%s cannot be written: %s", what, path, error.strerror)
        return
    try:
        before = os.pread(file, largest, 0)
        text = rewrite(before)
        if text != before:
            # At once, so that a reader sees the old text or the new one, as far as a file can be written so.
            os.pwrite(file, text, 0)
            os.ftruncate(file, len(text))
    except OSError as error:
        log.warning("%s%s cannot be written: %s", what, path, error.strerror)
    finally:
        os.close(file)
