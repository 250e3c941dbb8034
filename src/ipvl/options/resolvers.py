"""What `ipvl run` is told of names: Docker's flags --dns, --dns-search, --dns-option and --add-host."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address

from ipvl.errors import IpvlError, invalid, quoted
from ipvl.model.addresses import IPAddress
from ipvl.options.link_names import check_link_name

HOST_GATEWAY = "host-gateway"
"""Docker's word for the host's address, as a sandbox reaches it."""
ROOT_DOMAIN = "."
"""As a search domain: none at all."""
LONGEST_DOMAIN = 253  # RFC 1035, 2.3.4, as it is written

_DOMAIN = re.compile(
    r"[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)*"
)
_OPTION = re.compile(r"[a-zA-Z0-9_-]+(:[a-zA-Z0-9_.-]+)?")
_NUMBERED = ("ndots", "timeout", "attempts")


def parse_nameserver(text: str) -> str:
    """Return the address of a resolver as resolv.conf(5) has it.

    Raises:
        IpvlError: it is no address that a resolver can be asked at.
    """
    address = _address(text, "--dns", "write it like --dns 192.168.1.53 or --dns 2001:db8::53")
    if address.is_multicast or address.is_unspecified:
        raise invalid(f"--dns {address} is no address of a resolver", "give the address of one")
    if address.is_link_local and isinstance(address, IPv6Address) and address.scope_id is None:
        raise invalid(
            f"--dns {address} is link-local, so it needs the sandbox's interface", f"write it like --dns {address}%eth0"
        )
    return str(address)


def parse_search_domain(text: str) -> str:
    """Return a domain in which names are looked up, or `.` for none at all.

    Raises:
        IpvlError: it is no domain.
    """
    if text == ROOT_DOMAIN or _is_domain(text.removesuffix(".")):
        return text
    raise invalid(
        f"--dns-search {quoted(text)} is not a domain",
        f"write it like --dns-search corp.example, once for each; --dns-search {ROOT_DOMAIN} means none",
    )


def parse_resolver_option(text: str) -> str:
    """Return an option of resolv.conf(5), such as `ndots:1` or `rotate`.

    Raises:
        IpvlError: it is not one word, or has no number where it needs one.
    """
    if _OPTION.fullmatch(text) is None:
        raise invalid(f"--dns-option {quoted(text)} is not NAME or NAME:VALUE", "write it like --dns-option ndots:1")
    name, _, value = text.partition(":")
    if name in _NUMBERED and not (value.isascii() and value.isdigit()):
        raise invalid(f"--dns-option {quoted(text)} needs a number", f"write it like --dns-option {name}:1")
    return text


def parse_extra_host(text: str) -> tuple[str, str]:
    """Return a name and its address, or `host-gateway` in its place.

    Raises:
        IpvlError: it is not NAME:ADDRESS or NAME=ADDRESS, or one of both cannot be.
    """
    example = "write it like --add-host db:192.168.1.9, db=2001:db8::9 or db:[2001:db8::9]"
    name, separator, address = text.partition("=") if "=" in text else text.partition(":")
    if not separator or not name or not address:
        raise invalid(f"--add-host {quoted(text)} is not NAME:ADDRESS", example)
    if not _is_domain(name.removesuffix(".")):
        raise invalid(f"--add-host {quoted(text)}: {quoted(name)} is not a host name", example)
    if address == HOST_GATEWAY:
        return name, address
    return name, str(_address(address, f"--add-host {name}", example))


def _is_domain(text: str) -> bool:
    return len(text) <= LONGEST_DOMAIN and _DOMAIN.fullmatch(text) is not None


def _address(text: str, flag: str, example: str) -> IPAddress:
    """Return an address, which may be in brackets; its zone, if it has one, is a name that a link may have."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        address = ip_address(bare)
        if isinstance(address, IPv6Address) and address.scope_id is not None:
            check_link_name(address.scope_id)
    except (ValueError, IpvlError):
        raise invalid(f"{flag} {quoted(text)} is not an IP address", example) from None
    return address
