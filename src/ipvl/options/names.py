"""What users may call networks, sandboxes and endpoints."""

from __future__ import annotations

import re

from ipvl.errors import invalid, quoted

LONGEST_PATH = 4095  # PATH_MAX less the terminating zero: linux/limits.h
LONGEST_NAME = 63  # a label of a host name: RFC 1035, 2.3.4

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_HOSTNAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?")


def check_name(text: str, what: str) -> str:
    """Return a name that is safe in tables, hosts files and paths: Docker's rule, kept as short as a host name's label.

    Raises:
        IpvlError: it is empty, too long, or has other characters.
    """
    if len(text) > LONGEST_NAME or _NAME.fullmatch(text) is None:
        raise invalid(
            f"{what} name {quoted(text)} is not made of 1 to {LONGEST_NAME} letters, digits, dots, - and _",
            "it starts with a letter or a digit",
        )
    return text


def check_path(text: str, what: str) -> str:
    """Return a path that is the same whoever uses it and may stand in a log.

    Raises:
        IpvlError: it does not begin with a slash, is too long, or has control characters.
    """
    if not text.startswith("/") or len(text.encode()) > LONGEST_PATH or not text.isprintable():
        raise invalid(f"{what} {quoted(text)} is not an absolute path of printable characters")
    return text


def is_hostname(text: str) -> bool:
    """Tell whether a name can be that of a host (RFC 1123, 2.1)."""
    return len(text) <= LONGEST_NAME and _HOSTNAME.fullmatch(text) is not None


def check_hostname(text: str) -> str:
    """Return a host name (RFC 1123, 2.1; at most 64 bytes: __NEW_UTS_LEN).

    Raises:
        IpvlError: it is none.
    """
    if not is_hostname(text):
        raise invalid(f"hostname {quoted(text)} is not made of 1 to {LONGEST_NAME} letters, digits, dots and -")
    return text
