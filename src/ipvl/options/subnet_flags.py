"""`--subnet`, `--gateway`, `--ip-range` and `--aux-address` as Docker takes them: matched by containment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

from ipvl.errors import IpvlError, invalid, quoted
from ipvl.model.addresses import IPNetwork
from ipvl.model.networks import Subnet
from ipvl.options.addresses import parse_prefix, without_zone
from ipvl.options.host_port_addresses import host_address_text
from ipvl.options.subnets import SubnetText, check_subnet_numbers


def subnets_from_flags(
    subnets: Sequence[str], gateways: Iterable[str], ranges: Iterable[str], reserved: Mapping[str, str]
) -> tuple[tuple[SubnetText, ...], tuple[str, ...]]:
    """Return the subnets with what belongs to each, and notices of what was understood otherwise than written.

    Args:
        subnets: in CIDR notation; host bits are accepted and noticed.
        gateways: addresses, each in one of the subnets, or link-local: that is the router of each IPv6 subnet which has
            none of its own.
        ranges: in CIDR notation, each inside of one of the subnets.
        reserved: names to addresses, each in one of the subnets.

    Raises:
        IpvlError: something is not an address or a subnet, is in none of the subnets, or is given twice for one.
    """
    check_subnet_numbers(len(subnets), len(reserved))
    texts: dict[IPNetwork, SubnetText] = {}
    notices: list[str] = []
    for text in subnets:
        pool = parse_prefix(text.strip(), "subnet")
        if str(pool) != text.strip() and str(ip_interface(text).ip) != str(pool.network_address):
            notices.append(f"subnet {text} has host bits set: it is {pool}")
        if pool in texts:
            raise invalid(f"subnet {pool} is given twice", "give each subnet once")
        texts[pool] = SubnetText(str(pool))
    link_local = []
    for text in gateways:
        address = _address(text, "gateway")
        if _is_link_local(address) and not any(_is_inside(address, pool) for pool in texts if pool.version == 6):
            link_local.append(text)
            continue
        pool = _containing(address, texts, "gateway", text)
        if texts[pool].gateway:
            raise invalid(f"subnet {pool} has two gateways, {texts[pool].gateway} and {quoted(text)}", "give one")
        texts[pool] = replace(texts[pool], gateway=text)
    _give_link_local(link_local, texts)
    for text in ranges:
        part = parse_prefix(text.strip(), "IP range")
        pool = _containing(part, texts, "IP range", text)
        if texts[pool].range:
            raise invalid(f"subnet {pool} has two IP ranges, {texts[pool].range} and {quoted(text)}", "give one")
        texts[pool] = replace(texts[pool], range=str(part))
    for name, text in reserved.items():
        pool = _containing(_address(text, f"aux address {quoted(name)}"), texts, f"aux address {quoted(name)}", text)
        host = texts[pool].host or host_address_text({name: text})
        texts[pool] = replace(texts[pool], reserved=(*texts[pool].reserved, text), host=host)
    return tuple(texts.values()), tuple(notices)


def replaced_gateways(texts: Iterable[SubnetText], subnets: Iterable[Subnet]) -> Iterator[str]:
    """Yield what to say of gateways that were named with a subnet and are not used, since `gateway6` was given too."""
    named = {ip_network(one.pool): ip_interface(without_zone(one.gateway)).ip for one in texts if one.gateway}
    for subnet in subnets:
        gateway = named.get(subnet.pool, subnet.gateway)
        if gateway != subnet.gateway:
            yield f"gateway {gateway} of {subnet.pool} is passed over, since gateway6 is {subnet.gateway}"


def _give_link_local(gateways: Sequence[str], texts: dict[IPNetwork, SubnetText]) -> None:
    """Make a link-local address the gateway of the IPv6 subnets that have none yet.

    Raises:
        IpvlError: there is no such subnet, or there are two such addresses.
    """
    if not gateways:
        return
    if len(gateways) > 1:
        first, second = gateways[:2]
        raise invalid(f"gateways {quoted(first)} and {quoted(second)} are both link-local", "give one")
    (text,) = gateways
    without = [pool for pool, found in texts.items() if pool.version == 6 and not found.gateway]
    if not without:
        raise invalid(
            f"gateway {quoted(text)} is link-local, and the network has no IPv6 subnet that it could be the router of",
            "give an IPv6 --subnet without another --gateway",
        )
    for pool in without:
        texts[pool] = replace(texts[pool], gateway=text)


def _is_link_local(address: IPNetwork) -> bool:
    return address.version == 6 and address.is_link_local


def _address(text: str, what: str) -> IPNetwork:
    """Return an address as the subnet of it alone, so that it compares with subnets."""
    try:
        return ip_network(ip_address(without_zone(text.strip().partition("/")[0])))
    except ValueError:
        raise invalid(f"{what} {quoted(text)} is not an address", "write it like 192.168.20.1") from None


def _containing(part: IPNetwork, pools: Iterable[IPNetwork], what: str, text: str) -> IPNetwork:
    for pool in pools:
        if pool.version == part.version and _is_inside(part, pool):
            return pool
    raise _outside(what, text, pools)


def _is_inside(part: IPNetwork, pool: IPNetwork) -> bool:
    return part.network_address in pool and part.prefixlen >= pool.prefixlen


def _outside(what: str, text: str, pools: Iterable[IPNetwork]) -> IpvlError:
    known = ", ".join(map(str, pools))
    if not known:
        return invalid(f"{what} {quoted(text)} needs a subnet", "give the --subnet that it is in")
    return invalid(f"{what} {quoted(text)} is in no subnet of the network", f"its subnets: {known}")
