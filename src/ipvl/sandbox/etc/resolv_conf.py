"""What a sandbox's resolv.conf(5) says: kind by kind what its flags give, else its DHCP leases, else the host's file.

The rules for the host's file are Docker's (moby: daemon/libnetwork/internal/resolvconf), but for the last: where no
resolver is left, none is made up, since a sandbox's questions are nobody else's business.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from ipvl.options.resolvers import ROOT_DOMAIN
from ipvl.sandbox.etc.mounted_files import rewrite_in_place

HOST_RESOLV_CONF = Path("/etc/resolv.conf")
RESOLVED_FILE = Path("/run/systemd/resolve/resolv.conf")
"""Where systemd-resolved names the resolvers that it asks itself."""
STUBS = frozenset({"127.0.0.53", "127.0.0.54"})
"""Where systemd-resolved answers the host's own programs: systemd-resolved.service(8)."""
LARGEST_FILE_BYTES = 1 << 16
GIVEN_FILE, HOST_FILE = "resolv.conf.given", "resolv.conf.host"
"""Beside a sandbox's resolv.conf, out of its reach: what that is made of anew when its leases change."""


@dataclass(frozen=True, slots=True)
class Resolvers:
    """What a resolv.conf says, kind by kind; empty where it says nothing. The search domain `.` stands for none."""

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    """Lines of other kinds, as they are."""

    def __or__(self, other: Resolvers) -> Resolvers:
        """Return this with what another says of the kinds of which this says nothing."""
        return Resolvers(
            self.nameservers or other.nameservers,
            self.search or other.search,
            self.options or other.options,
            self.others or other.others,
        )

    def without(self, dropped: Callable[[str], bool]) -> Resolvers:
        """Return this without some of the resolvers."""
        return self.with_nameservers(tuple(one for one in self.nameservers if not dropped(one)))

    def with_nameservers(self, nameservers: tuple[str, ...]) -> Resolvers:
        """Return this with other resolvers."""
        return Resolvers(nameservers, self.search, self.options, self.others)

    def lines(self, *, root_domain: bool = False) -> str:
        """Return the lines of a resolv.conf, where a root domain alone is only said if asked for."""
        search = [domain for domain in self.search if root_domain or domain != ROOT_DOMAIN]
        lines = [f"search {' '.join(search)}"] if search else []
        lines += [f"nameserver {server}" for server in self.nameservers]
        lines += [f"options {' '.join(self.options)}"] if self.options else []
        return "".join(f"{line}\n" for line in (*lines, *self.others))


def parse_resolv_conf(text: str) -> Resolvers:
    """Return what a resolv.conf says; what is not an address is no resolver, and of search lines the last counts."""
    nameservers: list[str] = []
    options: list[str] = []
    others: list[str] = []
    search: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith(("#", ";")):
            continue
        kind, *values = words
        if kind == "nameserver":
            nameservers += [one for one in values[:1] if _is_address(one)]
        elif kind in {"search", "domain"}:
            search = values or search
        elif kind == "options":
            options += values
        else:
            others.append(" ".join(words))
    return Resolvers(tuple(nameservers), tuple(search), tuple(options), tuple(others))


def read_host_resolvers(file: Path = HOST_RESOLV_CONF, resolved: Path = RESOLVED_FILE) -> Resolvers:
    """Return what the host's resolv.conf says, without resolvers on the host's loopback, out of a sandbox's reach.

    Where systemd-resolved answers there, it is what that one's own file says. A file that cannot be read says nothing.
    """
    said = parse_resolv_conf(_read(file))
    reachable = said.without(is_loopback_resolver)
    if not reachable.nameservers and STUBS.intersection(said.nameservers):
        upstream = parse_resolv_conf(_read(resolved)).without(is_loopback_resolver)
        return upstream if upstream.nameservers else reachable
    return reachable


def is_loopback_resolver(nameserver: str) -> bool:
    """Tell whether a resolver is the host's own, by its loopback or 0.0.0.0, which means the same to the C library."""
    address = ip_address(nameserver)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_unspecified


def write_first_resolvers(
    folder: Path, given: Resolvers, seen: Callable[[Resolvers], Resolvers] = lambda host: host
) -> None:
    """Write a new sandbox's resolv.conf, and beside it what it is made of.

    Args:
        folder: where.
        given: what its flags say.
        seen: returns what of the host's resolvers it can ask.

    Raises:
        OSError: the disk is full, or the like.
    """
    host = seen(read_host_resolvers())
    (folder / GIVEN_FILE).write_text(given.lines(root_domain=True))
    (folder / HOST_FILE).write_text(host.lines())
    (folder / "resolv.conf").write_text((given | host).lines())


def write_resolvers(hosts: str, text: str) -> None:
    """Put what leases name into the resolv.conf beside a sandbox's hosts file, in place (`rewrite_in_place`)."""
    path = Path(hosts).with_name("resolv.conf")

    def rewrite(_before: bytes) -> bytes:
        given, host = (parse_resolv_conf(_read(path.with_name(name))) for name in (GIVEN_FILE, HOST_FILE))
        return (given | parse_resolv_conf(text) | host).lines().encode()

    rewrite_in_place(path, rewrite, LARGEST_FILE_BYTES)


def names_a_resolver(path: Path) -> bool:
    """Tell whether a resolv.conf names a resolver."""
    return bool(parse_resolv_conf(_read(path)).nameservers)


def _read(path: Path) -> str:
    """Return the beginning of a file, in whole lines; nothing of one that is none, is missing or cannot be read."""
    try:
        # A FIFO must not hold up who reads it.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        text = os.read(file, LARGEST_FILE_BYTES)
    except OSError:
        return ""
    finally:
        os.close(file)
    whole = text if len(text) < LARGEST_FILE_BYTES else text[: text.rfind(b"\n") + 1]
    return whole.decode(errors="replace")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
