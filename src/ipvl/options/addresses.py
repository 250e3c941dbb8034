"""Addresses as people write them."""

from __future__ import annotations


def without_zone(text: str) -> str:
    """Return the text of an address as it is, for `ipaddress` to read.

    Raises:
        ValueError: it has a zone (RFC 4007, 11), such as `fe80::1%eth0`: `ipaddress` takes any text for one, line ends
            too, and no address of a network has one.
    """
    if "%" in text:
        raise ValueError(text)
    return text
