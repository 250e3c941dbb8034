"""What the kernel accepts as the name of a link."""

from __future__ import annotations

import re

from ipvl.errors import invalid, quoted

LINK_NAME_BYTES = 15  # IFNAMSIZ less the terminating zero: linux/if.h

_NO_LINK_NAMES = frozenset({".", "..", "all", "default"})
"""The last two are the names of everybody's settings (sysctl_dev_name_is_allowed in include/net/ip.h)."""
_NOT_IN_LINK_NAMES = re.compile(r"[/:%\s\x00-\x1f\x7f]")


LONGEST_NAME_BYTES = 160
"""Bytes of an alternative name (ALTIFNAMSIZ less one, include/uapi/linux/if.h: 127) with tags; longer is none."""


def may_be_alternative_name(text: str) -> bool:
    """Tell whether a text may be an alternative name of a link, or a VLAN of one, and is too long for a link's own."""
    return LINK_NAME_BYTES < len(text.encode()) <= LONGEST_NAME_BYTES and not _NOT_IN_LINK_NAMES.search(text)


def check_link_name(text: str) -> str:
    """Return a name that the kernel accepts for a link (dev_valid_name in net/core/dev.c).

    Raises:
        IpvlError: it is longer than 15 bytes, is `.`, `..`, `all` or `default`, or has a slash, colon, percent sign or
            white space.
    """
    if len(text.encode()) > LINK_NAME_BYTES:
        raise invalid(
            f"link name {quoted(text)} is longer than {LINK_NAME_BYTES} bytes",
            "make the sub-interface by hand under a shorter name and give that",
        )
    if not text or text in _NO_LINK_NAMES or _NOT_IN_LINK_NAMES.search(text):
        raise invalid(
            f"{quoted(text)} is not a link name",
            "use a name that `ip link` shows, such as eth0, or NAME.VID, such as eth0.20",
        )
    return text
