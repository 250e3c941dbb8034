"""Flags of `ipvl run` for resolvers and names, which are Docker's."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ipvl.doors.cli.flags import add_repeatable

if TYPE_CHECKING:
    from ipvl.sandbox.etc.resolv_conf import Resolvers


def add_resolver_flags(command: argparse.ArgumentParser) -> None:
    """Add --dns, --dns-search, --dns-option and --add-host."""
    add_repeatable(
        command, "--dns", metavar="ADDRESS", text="a resolver, in place of those of DHCP and of the host (repeatable)"
    )
    add_repeatable(
        command, "--dns-search", metavar="DOMAIN", text="where short names are looked up, or . for nowhere (repeatable)"
    )
    add_repeatable(
        command,
        "--dns-option",
        "--dns-opt",
        metavar="OPTION",
        text="an option of resolv.conf(5), such as ndots:1 (repeatable)",
    )
    add_repeatable(
        command,
        "--add-host",
        metavar="NAME:ADDRESS",
        text="a name in its /etc/hosts; the address host-gateway means the host's by host_access (repeatable)",
    )


def parse_resolvers(arguments: argparse.Namespace) -> Resolvers:
    """Return what the flags say of resolvers.

    Raises:
        IpvlError: an address, a domain or an option cannot be one.
    """
    from ipvl.options.resolvers import parse_nameserver, parse_resolver_option, parse_search_domain
    from ipvl.sandbox.etc.resolv_conf import Resolvers

    return Resolvers(
        nameservers=tuple(dict.fromkeys(map(parse_nameserver, arguments.dns))),
        search=tuple(dict.fromkeys(map(parse_search_domain, arguments.dns_search))),
        options=tuple(dict.fromkeys(map(parse_resolver_option, arguments.dns_option))),
    )


def parse_extra_hosts(arguments: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    """Return the names that --add-host gives, with their addresses.

    Raises:
        IpvlError: one is no name with an address.
    """
    from ipvl.options.resolvers import parse_extra_host

    return tuple(dict.fromkeys(map(parse_extra_host, arguments.add_host)))
