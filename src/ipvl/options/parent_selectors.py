"""Parents that are described instead of named, so that one line fits hosts whose links are called differently."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_network

from ipvl.errors import invalid, quoted
from ipvl.model.addresses import IPNetwork
from ipvl.options.link_names import check_link_name, may_be_alternative_name

_TAGS = r"(?P<tags>(?:\.[0-9]{1,9})*)"
_AUTO = re.compile(rf"auto{_TAGS}")
_SUBNET = re.compile(rf"subnet:(?P<subnet>[0-9a-fA-F.:]+/[0-9]{{1,3}}){_TAGS}")
_MAC = re.compile(rf"mac:(?P<mac>[0-9a-fA-F]{{2}}(?:[:-][0-9a-fA-F]{{2}}){{5}}){_TAGS}")


@dataclass(frozen=True, slots=True)
class ParentSelector:
    """What is said of a parent: the subnet of one of its addresses, its MAC address, or, with neither, that the default
    route leads by it.

    `text` is how it was written, and `tags` what follows the link's name, such as `.20`.
    """

    text: str
    tags: str = ""
    subnet: IPNetwork | None = None
    mac: str | None = None

    @property
    def by_routing(self) -> bool:
        """Whether the host's own addresses or routes tell which link it is."""
        return self.mac is None


def parse_parent_selector(text: str) -> ParentSelector | None:
    """Return what a parent's text says, None when it is the name of a link.

    Raises:
        IpvlError: it begins like a description and is none.
    """
    found = _AUTO.fullmatch(text)
    if found:
        return ParentSelector(text, found["tags"])
    found = _MAC.fullmatch(text)
    if found:
        return ParentSelector(text, found["tags"], mac=found["mac"].lower().replace("-", ":"))
    found = _SUBNET.fullmatch(text)
    if found:
        with suppress(ValueError):
            return ParentSelector(text, found["tags"], subnet=ip_network(found["subnet"], strict=False))
    for prefix, example in (("subnet:", "subnet:192.168.1.0/24"), ("mac:", "mac:00:50:56:39:45:2e")):
        if text.startswith(prefix):
            raise invalid(
                f"parent {quoted(text)} describes no link", f"write it like {example}, or {example}.20 for its VLAN 20"
            )
    return None


def parent_text(text: str) -> str:
    """Return what a user calls a parent: a link's name, or what only a look at the host tells the link of.

    Raises:
        IpvlError: it is neither, or begins like a description and is none.
    """
    return text if parse_parent_selector(text) is not None or may_be_alternative_name(text) else check_link_name(text)
