"""How far the host itself is reached by a link: the settings that keep it off, written and read.

With `rp_filter` on a link without IPv4 addresses and routes every packet fails the reverse path check, in loose mode
(2) as in strict (1) (`no_addr` in __fib_validate_source, net/ipv4/fib_frontend.c): nothing is delivered, nothing is
forwarded, and ARP, which asks the same question, is not answered. The setting for all links can only make that
stronger, since the higher of the two counts (IN_DEV_RPFILTER, include/linux/inetdevice.h). Forwarding, which Docker
switches on for every link, comes after that check. What passes it are broadcasts from 0.0.0.0, as DHCP clients send.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from socket import if_nametoindex

from ipvl.kernel.netlink.netlink_socket import NetlinkSocket
from ipvl.kernel.own_addresses import addresses_by_link
from ipvl.kernel.sysctls import read_setting, write_settings
from ipvl.model.links import HostExposure

ANSWER_NOBODY, ANSWER_FOR_OWN_ADDRESSES = 8, 1
"""Values of arp_ignore: answer nobody, or for addresses of this very link."""
IPV4_SYSCTLS, IPV6_SYSCTLS = Path("/proc/sys/net/ipv4/conf"), Path("/proc/sys/net/ipv6/conf")


def keep_host_off(name: str) -> None:
    """Keep the host off a link; one that is gone needs it no more.

    Raises:
        OSError: the settings cannot be written.
    """
    write_settings(IPV4_SYSCTLS / name, rp_filter=1, arp_ignore=ANSWER_NOBODY)
    write_settings(IPV6_SYSCTLS / name, accept_ra=0, autoconf=0, disable_ipv6=1)


def let_host_route(name: str) -> None:
    """Let the host have addresses of its own on a link, and route by it; what routers announce stays off it.

    Raises:
        OSError: the settings cannot be written.
    """
    write_settings(
        IPV6_SYSCTLS / name, accept_ra=0, autoconf=0, disable_ipv6=read_setting(IPV6_SYSCTLS / "default/disable_ipv6")
    )
    # That nobody is answered is what a shut link is known by, so it ends last.
    write_settings(
        IPV4_SYSCTLS / name,
        rp_filter=read_setting(IPV4_SYSCTLS / "default/rp_filter"),
        arp_ignore=ANSWER_FOR_OWN_ADDRESSES,
    )


def read_host_exposures(netlink: NetlinkSocket, names: Collection[str]) -> dict[str, HostExposure]:
    """Return how far the host is reached by those of some links that there are.

    Raises:
        NetlinkError: the kernel refused to list addresses.
        OSError: its answer was lost.
        IpvlError: addresses changed faster than they could be read.
    """
    found = {}
    addresses = addresses_by_link(netlink)
    for name in names:
        if (IPV4_SYSCTLS / name).exists():
            found[name] = HostExposure(
                rp_filter=read_setting(IPV4_SYSCTLS / name / "rp_filter"),
                arp_ignore=read_setting(IPV4_SYSCTLS / name / "arp_ignore"),
                ipv6=read_setting(IPV6_SYSCTLS / name / "disable_ipv6", otherwise=1) == 0,
                addresses=tuple(one for one in addresses.get(_index(name), ()) if one.version == 4),
            )
    return found


def _index(name: str) -> int:
    # Not /sys, which is of the namespace that it was mounted in.
    try:
        return if_nametoindex(name)
    except OSError:
        return 0
