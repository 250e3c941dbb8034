"""Numbers and words that options have as values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from ipvl.errors import invalid, quoted
from ipvl.model.networks import Subnet
from ipvl.options.driver_options import (
    Option,
)

SMALLEST_MTU4 = 68  # RFC 791
SMALLEST_MTU6 = 1280  # RFC 8200
LARGEST_MTU = 65535
_Choice = TypeVar("_Choice", bound=StrEnum)


def parse_switch(option: Option, chosen: Mapping[str, str]) -> bool:
    """Return whether an option is set to true; it is false where it is not given.

    Raises:
        IpvlError: it is set to another word.
    """
    text = chosen.get(option.key, "false")
    if text.lower() not in {"true", "false"}:
        raise invalid(f"{option.key} {quoted(text)} is neither true nor false", f"write it as {option.example}")
    return text.lower() == "true"


def parse_choice(choices: type[_Choice], key: str, text: str) -> _Choice:
    """Return which of an option's values a text is, whatever its case.

    Raises:
        IpvlError: it is none.
    """
    try:
        return choices(text.lower())
    except ValueError:
        raise invalid(f"{key} {quoted(text)} does not exist", f"use one of {', '.join(choices)}") from None


def parse_number(text: str, what: str, least: int, most: int, least_text: str = "") -> int:
    """Return a number in decimal digits.

    Raises:
        IpvlError: it is none, or not from `least` to `most`; the sentence calls it `what`.
    """
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= most:
        raise invalid(f"{what} {quoted(text)} is not a number from {least_text or least} to {most}")
    return int(text)


def parse_mtu(text: str, subnets: Iterable[Subnet]) -> int:
    """Return the MTU of a network with these subnets.

    Raises:
        IpvlError: it is no number, or the IP versions of the subnets need a larger one.
    """
    if any(subnet.pool.version == 6 for subnet in subnets):
        return parse_number(text, "MTU", SMALLEST_MTU6, LARGEST_MTU, f"{SMALLEST_MTU6} (IPv6's least)")
    return parse_number(text, "MTU", SMALLEST_MTU4, LARGEST_MTU, f"{SMALLEST_MTU4} (IPv4's least)")
