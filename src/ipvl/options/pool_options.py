"""What Docker asks of a pool, checked as far as that can be done without looking at the host."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from ipvl.addresses.pool_requests import PoolRequest
from ipvl.errors import invalid, quoted
from ipvl.model.addresses import IPAddress, IPNetwork
from ipvl.model.networks import ConflictCheck
from ipvl.options.addresses import parse_prefix, without_zone
from ipvl.options.driver_options import IPAM_CONFLICT_CHECK, IPAM_OPTIONS, IPAM_PARENT, canonical_options
from ipvl.options.option_values import parse_choice
from ipvl.options.parent_selectors import parent_text
from ipvl.options.subnets import parse_ip_range


def parse_pool_request(subnet: str, within: str, options: Mapping[str, object], *, version: int) -> PoolRequest:
    """Return the pool that this input asks for.

    Args:
        subnet: `--subnet` in CIDR notation, host bits allowed. Empty or of the unspecified address, such as
            `0.0.0.0/24`, it asks for one of the default pools, of that size if it has one.
        within: `--ip-range`, or empty.
        options: what followed `--ipam-opt`, key to value.
        version: the IP version, 4 or 6.

    Raises:
        IpvlError: any part of the input is wrong; the sentence names it.
    """
    chosen = canonical_options(options, IPAM_OPTIONS)
    parent = parent_text(chosen[IPAM_PARENT.key]) if IPAM_PARENT.key in chosen else None
    if parent == "lo":
        raise invalid("parent lo is the loopback, which leads nowhere", "name the parent of the network")
    check = parse_choice(
        ConflictCheck, IPAM_CONFLICT_CHECK.key, chosen.get(IPAM_CONFLICT_CHECK.key, ConflictCheck.NONE)
    )
    if check is not ConflictCheck.NONE and parent is None:
        raise invalid(
            f"--ipam-opt {IPAM_CONFLICT_CHECK.key}={check} does not say on which parent to ask",
            f"give --ipam-opt {IPAM_PARENT.key}= as well, the same as in -o {IPAM_PARENT.key}=",
        )
    pool = _network(subnet, version) if subnet else None
    if pool is None or pool.network_address.is_unspecified:
        if within:
            raise invalid(f"range {quoted(within)} has no subnet that it is a part of", "give the --subnet as well")
        length = pool.prefixlen or None if pool is not None else None
        return PoolRequest(version, prefix_length=length, parent=parent, conflict_check=check)
    part = parse_ip_range(within, pool) if within else None
    return PoolRequest(version, subnet=pool, range=part, parent=parent, conflict_check=check)


def parse_pool_address(text: str) -> IPAddress | None:
    """Return the address that is asked of a pool, None for an empty text.

    Raises:
        IpvlError: it is not an address.
    """
    try:
        return ip_address(without_zone(text)) if text else None
    except ValueError:
        raise invalid(f"{quoted(text)} is not an address", "write it like 192.168.20.10") from None


def _network(text: str, version: int) -> IPNetwork:
    found = parse_prefix(text)
    if found.version != version:
        raise invalid(f"subnet {found} is not IPv{version}", f"give an IPv{version} one")
    return found
