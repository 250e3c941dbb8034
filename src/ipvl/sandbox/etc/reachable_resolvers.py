"""Which of the host's resolvers a sandbox on some networks can ask at all; the others would cost it seconds a name."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipvl.embedded.call_messages import NetworkView
    from ipvl.sandbox.etc.resolv_conf import Resolvers


def is_of_this_host(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is one of this host's links'."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as bound:
            bound.bind((str(address), 0))
    except OSError:
        return False
    return True


def within_reach(resolvers: Resolvers, networks: Sequence[NetworkView]) -> Resolvers:
    """Return what of the host's resolvers a sandbox can ask.

    Args:
        resolvers: the host's.
        networks: those that the sandbox will be on, in the order of its interfaces.
    """
    seen = (_seen_from(one, networks) for one in resolvers.nameservers)
    return resolvers.with_nameservers(tuple(one for one in seen if one))


def _seen_from(nameserver: str, networks: Sequence[NetworkView]) -> str:
    """Return a resolver as the sandbox has to call it, empty where it cannot ask that.

    A sandbox without addresses of a family asks nobody by it, as Docker has it; ipvlan keeps it from the host's
    addresses on its own segment; and a link-local address is of one segment, which the host's file names by a link of
    the host's.
    """
    address = ip_address(nameserver)
    if isinstance(address, IPv6Address) and address.is_link_local:
        return next(
            (
                f"{nameserver.partition('%')[0]}%eth{number}"
                for number, network in enumerate(networks)
                if network.parent == address.scope_id and network.mode == "l2" and _has(network, 6)
            ),
            "",
        )
    if not any(_has(network, address.version) for network in networks):
        return ""
    on_segment = any(
        address in ip_network(subnet.subnet) for network in networks for subnet in network.subnets
    ) and not any(network.host_access for network in networks)
    return "" if on_segment and is_of_this_host(address) else nameserver


def _has(network: NetworkView, version: int) -> bool:
    """Tell whether members of a network have addresses of a family, or may add some."""
    if network.addressing == "none":
        return True
    if network.addressing == "dhcp":
        return version == 4
    return any(ip_network(subnet.subnet).version == version for subnet in network.subnets)
