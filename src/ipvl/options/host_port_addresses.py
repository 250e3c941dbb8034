"""The address of the host's own port in each subnet: who chooses it, and which cannot be."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ipvl.addresses.next_address import check_usable, gateway_of
from ipvl.errors import invalid
from ipvl.model.addresses import IPAddress, IPNetwork
from ipvl.model.networks import Flag, Network

_NAMED_HOST = re.compile(r"host(_access)?[0-9]*")
HOST_ADDRESS_WAY_OUT = "give one that nobody has: --aux-address host=ADDRESS (host2= and so on for further subnets)"


def host_address_text(reserved: Mapping[str, str]) -> str:
    """Return which of the `--aux-address` of one subnet is meant for the host, empty without one."""
    return next((text for name, text in sorted(reserved.items()) if _NAMED_HOST.fullmatch(name)), "")


def host_address_of_docker(pool: IPNetwork, gateway: IPAddress | None, *, uses_gateway: bool) -> IPAddress:
    """Return the host's address in a subnet that Docker chooses addresses from: its gateway, where that is not used.

    Raises:
        IpvlError: it is used, or there is none.
    """
    if uses_gateway or gateway is None:
        raise invalid(
            f"subnet {pool} has no address for the host, and Docker does not choose one", HOST_ADDRESS_WAY_OUT
        )
    return gateway


def check_host_access(network: Network) -> None:
    """Refuse host access that cannot be.

    Raises:
        IpvlError: the network's flag keeps ports apart, or the host's address is no host's or the gateway's.
    """
    if network.flag is Flag.PRIVATE:
        raise invalid(
            f"host_access cannot be had with ipvlan_flag {network.flag}, which keeps a parent's ports apart",
            f"use ipvlan_flag={Flag.BRIDGE}, or leave one of them out",
        )
    for subnet in network.subnets:
        if subnet.host is None:
            continue
        check_usable(subnet.pool, subnet.host)
        if subnet.host == gateway_of(network, subnet):
            raise invalid(
                f"address {subnet.host} is to be the host's, and is the gateway of {subnet.pool}", HOST_ADDRESS_WAY_OUT
            )
