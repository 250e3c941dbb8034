"""Have a sandbox ask the resolvers that its network names."""

from __future__ import annotations

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

LARGEST = 1 << 16


def write_resolvers(hosts: str, text: str) -> None:
    """Put resolvers into the resolv.conf beside a sandbox's hosts file, in place: it is mounted in the sandbox.

    A file that is gone belonged to a sandbox that is; what cannot be written is logged.
    """
    path = Path(hosts).with_name("resolv.conf")
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("%s cannot be written: %s", path, error.strerror)
        return
    try:
        if os.pread(file, LARGEST, 0) != text.encode():
            os.pwrite(file, text.encode(), 0)
            os.ftruncate(file, len(text.encode()))
    except OSError as error:
        log.warning("%s cannot be written: %s", path, error.strerror)
    finally:
        os.close(file)
