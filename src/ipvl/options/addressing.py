"""Networks whose addresses come from a DHCP server, or from nobody: what these cannot have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ipvl.errors import invalid
from ipvl.model.networks import Addressing, ConflictCheck, Mode, Network
from ipvl.options.addresses import parse_prefix
from ipvl.options.driver_options import (
    CONFLICT_CHECK,
    HOST_ACCESS,
    ROUTE,
)
from ipvl.options.subnets import SubnetText


def without_addresses(requested: Network) -> Network:
    """Return a network as one that gives its endpoints no addresses.

    Raises:
        IpvlError: an option is chosen that needs a subnet.
    """
    for is_chosen, option, reason in (
        (requested.host_access, HOST_ACCESS, "the host's address is one of a subnet"),
        (requested.routes, ROUTE, "its containers' routes are added with their addresses"),
        (requested.conflict_check is not ConflictCheck.NONE, CONFLICT_CHECK, "there is no address to ask for"),
    ):
        if is_chosen:
            raise invalid(
                f"{option.key} cannot be had on a network without addresses: {reason}",
                f"leave {option.key} out, or give a --subnet",
            )
    return replace(requested, subnets=(), addressing=Addressing.NONE)


def check_dhcp_addressing(
    mode: Mode, texts: Iterable[SubnetText], chosen: Mapping[str, str], *, isolated: bool
) -> None:
    """Refuse what no DHCP server could serve, subnets, which it chooses, and options that need a subnet.

    Raises:
        IpvlError: one of these is asked for. The empty pools of Docker's null IPAM driver are no subnets.
    """
    if isolated:
        raise invalid(
            "addressing dhcp needs a parent: an isolated network has nobody outside, so no DHCP server",
            "give -o parent= and leave --internal out, or leave addressing=dhcp out",
        )
    if mode.routes:
        raise invalid(
            f"addressing dhcp cannot be had in mode {mode}: it carries no broadcasts, so no DHCP server can be asked",
            "use ipvlan_mode=l2, or leave addressing=dhcp out and give a --subnet",
        )
    for option, reason in (
        (CONFLICT_CHECK, "it is the server that must not offer what somebody has"),
        (HOST_ACCESS, "the host's address is one of a subnet, and there is none"),
        (ROUTE, "routes come with the lease (option 121)"),
    ):
        if chosen.get(option.key, option.default).lower() != option.default:
            raise invalid(f"addressing dhcp and {option.key} exclude each other: {reason}", f"leave {option.key} out")
    check_no_subnets(texts, Addressing.DHCP, "the DHCP server chooses")


def check_no_subnets(texts: Iterable[SubnetText], addressing: Addressing, reason: str) -> None:
    """Refuse subnets of a network with this addressing.

    Raises:
        IpvlError: there is one. The empty pools of Docker's null IPAM driver are none.
    """
    for one in texts:
        pool = parse_prefix(one.pool)
        if pool.prefixlen > 0:
            raise invalid(
                f"subnet {pool} cannot be given with addressing {addressing}: {reason}",
                "leave --subnet out, and with Docker add --ipam-driver=null",
            )
