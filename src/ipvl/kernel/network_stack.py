"""What the host's namespace shows of itself in /sys and /proc, beside its links."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from pyroute2.netlink.exceptions import NetlinkError

from ipvl.errors import kernel_refused
from ipvl.kernel.netlink.netlink_socket import NetlinkSocket
from ipvl.kernel.own_addresses import addresses_by_link
from ipvl.kernel.sysctls import read_setting
from ipvl.model.host_facts import LinkFacts, NetworkStack
from ipvl.model.links import Link

RTF_REJECT = 0x200  # include/uapi/linux/route.h: unreachable, blackhole and their like


async def read_network_stack(
    links: Iterable[Link], *, sys: Path = Path("/sys"), proc: Path = Path("/proc")
) -> NetworkStack:
    """Return addresses, sysctls and counters of these links, which anybody may read.

    What is missing (a link that just went, a kernel without IPv6) has the kernel's own default.

    Args:
        links: the links of the host's namespace.
        sys: where sysfs is mounted.
        proc: where procfs is mounted.

    Raises:
        IpvlError: the kernel refused to list addresses.
    """
    try:
        with NetlinkSocket() as netlink:
            addresses = addresses_by_link(netlink)
    except (OSError, NetlinkError) as error:
        raise kernel_refused(f"the host's addresses cannot be listed: {error}") from error
    # /proc/net is of the namespace of whoever reads it; /sys is of the one it was mounted in.
    received = dict(_received(proc / "net/dev"))
    found = {
        link.name: replace(
            _link_facts(link.name, sys, proc),
            addresses=addresses.get(link.index, ()),
            received=received.get(link.name, 0),
        )
        for link in links
    }
    ipv4 = proc / "sys/net/ipv4/conf"
    return NetworkStack(
        links=found,
        rp_filter=max(read_setting(ipv4 / "all/rp_filter"), read_setting(ipv4 / "default/rp_filter")),
        default_routes6=frozenset(_default_routes6(proc / "net/ipv6_route")),
    )


def _link_facts(name: str, sys: Path, proc: Path) -> LinkFacts:
    link, ipv4, ipv6 = sys / "class/net" / name, proc / "sys/net/ipv4/conf", proc / "sys/net/ipv6/conf" / name
    return LinkFacts(
        name=name,
        wireless=(link / "phy80211").exists() or (link / "wireless").exists(),
        proxy_arp=read_setting(ipv4 / name / "proxy_arp") == 1 or read_setting(ipv4 / "all/proxy_arp") == 1,
        ipv6_disabled=read_setting(ipv6 / "disable_ipv6") == 1,
        accept_ra=read_setting(ipv6 / "accept_ra", 1),
        forwarding6=read_setting(ipv6 / "forwarding") == 1,
        rp_filter=max(read_setting(ipv4 / name / "rp_filter"), read_setting(ipv4 / "all/rp_filter")),
        arp_ignore=max(read_setting(ipv4 / name / "arp_ignore"), read_setting(ipv4 / "all/arp_ignore")),
    )


def _received(table: Path) -> Iterator[tuple[str, int]]:
    """Yield each link and how many frames it took in (net/core/net-procfs.c: bytes, then packets)."""
    try:
        lines = table.read_text().splitlines()
    except OSError:
        return
    for line in lines[2:]:
        name, _, counters = line.strip().partition(":")
        yield name, int(counters.split()[1])


def _default_routes6(table: Path) -> Iterator[str]:
    """Yield the links of IPv6's default routes (net/ipv6/ip6_fib.c, ipv6_route_seq_show: link last, flags before)."""
    try:
        lines = table.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        destination, length, *_, flags, link = line.split()
        if int(destination, 16) == 0 and int(length, 16) == 0 and not int(flags, 16) & RTF_REJECT:
            yield link
