"""The subnets that a user wants a network to have: prefix, gateway, range, reserved addresses and the host's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_interface

from ipvl.errors import invalid, quoted
from ipvl.model.addresses import IPAddress, IPNetwork
from ipvl.model.networks import Addressing, Mode, Subnet
from ipvl.options.addresses import parse_prefix, without_zone
from ipvl.options.driver_options import (
    ADDRESSING,
)
from ipvl.options.gateways import parse_gateway
from ipvl.options.host_port_addresses import host_address_of_docker, host_address_text

MOST_SUBNETS = 256
MOST_RESERVED = 4096
"""What comes in one message of a mebibyte could be fifty thousand, and each is compared with each."""


@dataclass(frozen=True, slots=True)
class SubnetText:
    """A subnet as it was written: `pool` and `range` in CIDR notation, addresses with or without a prefix length.

    `parse_gateway`, `range` and `host`, the address of the host's own port, may be empty. `named` are further reserved
    addresses by name, one of which may be meant for that port. `dockers` says that Docker chooses its addresses itself.
    """

    pool: str
    gateway: str = ""
    range: str = ""
    reserved: tuple[str, ...] = ()
    host: str = ""
    named: Mapping[str, str] = field(default_factory=dict)
    dockers: bool = False


def check_subnet_numbers(subnets: int, reserved: int) -> None:
    """Refuse more of either than any network has.

    Raises:
        IpvlError: there are more.
    """
    for number, most, what in ((subnets, MOST_SUBNETS, "subnets"), (reserved, MOST_RESERVED, "reserved addresses")):
        if number > most:
            raise invalid(f"{number} {what} are more than the {most} that a network may have", "make several networks")


def parse_subnets(written: Iterable[SubnetText], mode: Mode) -> tuple[Subnet, ...]:
    """Return the subnets that are written, without the host's addresses.

    Raises:
        IpvlError: one cannot be read, is empty or overlaps another, or one of its addresses is not its own.
    """
    subnets: list[Subnet] = []
    for one in written:
        pool = parse_prefix(one.pool)
        if pool.prefixlen == 0:
            raise invalid(
                f"the IPv{pool.version} pool is empty ({pool})",
                f"give a --subnet, or -o {ADDRESSING.key}={Addressing.NONE} for a network without addresses",
            )
        twin = next((other for other in subnets if other.pool.overlaps(pool)), None)
        if twin is not None:
            raise invalid(f"subnets {twin.pool} and {pool} overlap", "give each address to one subnet only")
        subnets.append(
            Subnet(
                pool,
                parse_gateway(one.gateway, pool, mode) if one.gateway else None,
                parse_ip_range(one.range, pool) if one.range else None,
                tuple(sorted({_parse_reserved(text, pool) for text in (*one.reserved, *one.named.values())}, key=int)),
            )
        )
    return tuple(subnets)


def with_host_addresses(
    pools: Iterable[Subnet], texts: Iterable[SubnetText], *, uses_gateway: bool
) -> tuple[Subnet, ...]:
    """Return the subnets with the address of the host in each; None where ipvl is to choose it."""
    found = []
    for pool, text in zip(pools, texts, strict=True):
        asked = text.host or host_address_text(text.named)
        host = _parse_reserved(asked, pool.pool) if asked else None
        if host is None and text.dockers:
            host = host_address_of_docker(pool.pool, pool.gateway, uses_gateway=uses_gateway)
        found.append(replace(pool, host=host))
    return tuple(found)


def parse_ip_range(text: str, subnet: IPNetwork) -> IPNetwork | None:
    """Return the part of a subnet to choose addresses from, host bits allowed; None when it is all of the subnet.

    Raises:
        IpvlError: it is not in CIDR notation or not within the subnet.
    """
    part = parse_prefix(text, "range", f"write it like a part of {subnet}")
    if part.network_address not in subnet or part.broadcast_address not in subnet:
        raise invalid(f"range {part} is not within subnet {subnet}", "give a part of the subnet")
    return None if part == subnet else part


def _parse_reserved(text: str, subnet: IPNetwork) -> IPAddress:
    try:
        address = ip_interface(without_zone(text)).ip
    except ValueError:
        raise invalid(f"reserved address {quoted(text)} is not an address", f"use one of {subnet}") from None
    if address not in subnet:
        raise invalid(f"reserved address {address} is not in subnet {subnet}", "give one that is")
    return address
