"""What a user asks a network to be, checked as far as that can be done without looking at the host."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import ip_interface, ip_network
from typing import TypeVar

from ipvl.errors import invalid, shown
from ipvl.model.addresses import IPAddress, IPNetwork
from ipvl.model.networks import DOCKER, Addressing, ConflictCheck, Flag, Mode, Network, Phase, Subnet, VlanProtocol
from ipvl.options.addresses import without_zone
from ipvl.options.driver_options import (
    ADDRESSING,
    ANNOUNCE_INTERVAL,
    ANNOUNCEMENTS,
    CONFLICT_CHECK,
    FLAG,
    GATEWAY6,
    HOST_ACCESS,
    INTERFACE_PREFIX,
    METRIC,
    MODE,
    MTU,
    NO_DEFAULT_ROUTE,
    PARENT,
    ROUTE,
    VLAN_PROTOCOL,
    Option,
    canonical,
)
from ipvl.options.gateways import default_routes, gateway, gateway6
from ipvl.options.host_port_addresses import check_host_access, host_of_dockers
from ipvl.options.link_names import LINK_NAME_BYTES, link_name, may_be_alternative
from ipvl.options.parent_selectors import parent_selector
from ipvl.options.routes import metric, routes

DEFAULT_INTERFACE_PREFIX = "eth"
DUMMY_PREFIX = "di-"
LONGEST_PREFIX = LINK_NAME_BYTES - 3  # leaves room for the number that the sandbox's owner appends
SMALLEST_MTU4 = 68  # RFC 791
SMALLEST_MTU6 = 1280  # RFC 8200
LARGEST_MTU = 65535
MOST_ANNOUNCEMENTS = 3  # these three as in moby, daemon/libnetwork/netlabel
SHORTEST_INTERVAL, LONGEST_INTERVAL = 100, 2000
MOST_SUBNETS = 256
MOST_RESERVED = 4096
"""What comes in one message of a mebibyte could be fifty thousand, and each is compared with each."""

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")
_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class SubnetText:
    """A subnet as it was written: `pool` and `range` in CIDR notation, addresses with or without a prefix length.

    `gateway`, `range` and `host`, the address of the host's own port, may be empty. `dockers` says that Docker chooses
    its addresses itself.
    """

    pool: str
    gateway: str = ""
    range: str = ""
    reserved: tuple[str, ...] = ()
    host: str = ""
    dockers: bool = False


def network_id(text: str, what: str = "network") -> str:
    """Return an id that is safe in link names and file names.

    Raises:
        IpvlError: it is empty, longer than 128 characters, or has characters other than letters, digits, - and _.
    """
    if _ID.fullmatch(text) is None:
        raise invalid(f"{what} id {shown(text)} is not made of 1 to 128 letters, digits, - and _")
    return text


def dummy_name(of_network: str) -> str:
    """Return the name of an isolated network's parent: `di-` and the first twelve characters of the network's id."""
    return DUMMY_PREFIX + of_network[:12]


def network(
    id_text: str,
    options: Mapping[str, object],
    subnets: Iterable[SubnetText],
    *,
    internal: bool,
    door: str,
    created: float,
    name: str | None = None,
) -> Network:
    """Return the network that this input describes.

    Args:
        id_text: the network's id, chosen by the door.
        options: what followed `-o`, key to value.
        subnets: the address pools, host bits allowed.
        internal: the `--internal` flag: the same as giving no parent; a parent given all the same is not used
            (specification, "Ipvlan L2 Mode Example Usage").
        door: the name of the door that asks.
        created: seconds since the epoch.
        name: what the user calls the network, where the door knows it.

    Raises:
        IpvlError: any part of the input is wrong; the sentence names it.
    """
    identity = network_id(id_text)
    chosen = canonical(options)
    parent = chosen.get(PARENT.key, "")
    if parent and not (internal and _is_looked_for(parent)):
        parent = link_name(parent)
    if parent == "lo":
        raise invalid("parent lo is the loopback, which leads nowhere", "name a physical link, or none at all")
    isolated = internal or not parent
    texts = tuple(subnets)
    check_numbers(len(texts), sum(len(one.reserved) for one in texts))
    mode = one_of(Mode, MODE.key, chosen.get(MODE.key, Mode.L2))
    addressing = one_of(Addressing, ADDRESSING.key, chosen.get(ADDRESSING.key, Addressing.POOL))
    if addressing is Addressing.NONE:
        _check_no_subnets(texts)
        texts = ()
    if addressing is Addressing.DHCP:
        _check_dhcp(mode, texts, chosen, isolated=isolated)
        texts = ()
    pools = _subnets(texts, mode)
    if GATEWAY6.key in chosen:
        has_ipv6 = any(pool.pool.version == 6 for pool in pools)
        router = gateway6(chosen[GATEWAY6.key], mode, isolated=isolated, has_ipv6=has_ipv6)
        pools = tuple(replace(pool, gateway=router) if pool.pool.version == 6 else pool for pool in pools)
    host_access = _switch(HOST_ACCESS, chosen)
    if door == DOCKER and METRIC.key in chosen:
        raise invalid(
            f"metric {shown(chosen[METRIC.key])} cannot be had with Docker, whose plugin protocol has no metrics",
            f"leave the default route to one network: -o {NO_DEFAULT_ROUTE.key}=true on the others",
        )
    if host_access:
        pools = _with_hosts(pools, texts, uses_gateway=not (mode.routes or isolated))
    wish = Network(
        id=identity,
        name=name,
        door=door,
        parent=dummy_name(identity) if isolated else parent,
        mode=mode,
        flag=one_of(Flag, FLAG.key, chosen.get(FLAG.key, Flag.BRIDGE)),
        isolated=isolated,
        subnets=pools,
        mtu=_mtu(chosen[MTU.key], pools) if MTU.key in chosen else None,
        interface_prefix=interface_prefix(chosen.get(INTERFACE_PREFIX.key, DEFAULT_INTERFACE_PREFIX)),
        created=created,
        phase=Phase.MAKING,
        conflict_check=_conflict_check(chosen, mode, isolated=isolated),
        announcements=_number(chosen, ANNOUNCEMENTS, 0, MOST_ANNOUNCEMENTS),
        announce_interval=_number(chosen, ANNOUNCE_INTERVAL, SHORTEST_INTERVAL, LONGEST_INTERVAL),
        routes=routes(chosen[ROUTE.key], mode, pools) if ROUTE.key in chosen else (),
        default_routes=default_routes(chosen.get(NO_DEFAULT_ROUTE.key, NO_DEFAULT_ROUTE.default)),
        metric=metric(chosen[METRIC.key]) if METRIC.key in chosen else None,
        host_access=host_access,
        addressing=addressing,
        vlan_protocol=_vlan_protocol(chosen, isolated=isolated),
        unused_parent=parent if internal else "",
    )
    if host_access:
        check_host_access(wish)
    return without_addresses(wish) if addressing is Addressing.NONE else wish


def without_addresses(wish: Network) -> Network:
    """Return a network as one that gives its endpoints no addresses.

    Raises:
        IpvlError: an option is chosen that needs a subnet.
    """
    for is_chosen, option, reason in (
        (wish.host_access, HOST_ACCESS, "the host's address is one of a subnet"),
        (wish.routes, ROUTE, "its containers' routes are added with their addresses"),
        (wish.conflict_check is not ConflictCheck.NONE, CONFLICT_CHECK, "there is no address to ask for"),
    ):
        if is_chosen:
            raise invalid(
                f"{option.key} cannot be had on a network without addresses: {reason}",
                f"leave {option.key} out, or give a --subnet",
            )
    return replace(wish, subnets=(), addressing=Addressing.NONE)


def uses_gateway(options: Mapping[str, object], *, internal: bool) -> bool:
    """Tell whether a network with these options needs the gateway address of its subnets, before those are known.

    Where it is no router's, it is the host's.

    Raises:
        IpvlError: an option is wrong, as far as that can be told without subnets.
    """
    chosen = canonical(options)
    for option in (ROUTE, GATEWAY6):
        chosen.pop(option.key, None)
    if _is_looked_for(chosen.get(PARENT.key, "")):
        chosen[PARENT.key] = "any"
    wish = network("unnamed", chosen, (), internal=internal, door=DOCKER, created=0.0)
    return wish.host_access or not (wish.mode.routes or wish.isolated or wish.addressing is not Addressing.POOL)


def _is_looked_for(parent: str) -> bool:
    """Tell whether only a look at the host tells what the link is called that a parent's text means."""
    return parent_selector(parent) is not None or may_be_alternative(parent)


def _with_hosts(pools: Iterable[Subnet], texts: Iterable[SubnetText], *, uses_gateway: bool) -> tuple[Subnet, ...]:
    """Return the subnets with the address of the host in each; None where ipvl is to choose it."""
    found = []
    for pool, text in zip(pools, texts, strict=True):
        host = _reserved(text.host, pool.pool) if text.host else None
        if host is None and text.dockers:
            host = host_of_dockers(pool.pool, pool.gateway, uses_gateway=uses_gateway)
        found.append(replace(pool, host=host))
    return tuple(found)


def interface_prefix(text: str) -> str:
    """Return what a sandbox's interfaces may be called, up to the number that is appended.

    Raises:
        IpvlError: it is not a link name or leaves no room for the number.
    """
    if len(link_name(text).encode()) > LONGEST_PREFIX:
        raise invalid(
            f"interface prefix {shown(text)} is longer than {LONGEST_PREFIX} bytes",
            "a number is appended: use a shorter one",
        )
    return text


def check_numbers(subnets: int, reserved: int) -> None:
    """Refuse more of either than any network has.

    Raises:
        IpvlError: there are more.
    """
    for number, most, what in ((subnets, MOST_SUBNETS, "subnets"), (reserved, MOST_RESERVED, "reserved addresses")):
        if number > most:
            raise invalid(f"{number} {what} are more than the {most} that a network may have", "make several networks")


def _switch(option: Option, chosen: Mapping[str, str]) -> bool:
    text = chosen.get(option.key, "false")
    if text.lower() not in {"true", "false"}:
        raise invalid(f"{option.key} {shown(text)} is neither true nor false", f"write it as {option.example}")
    return text.lower() == "true"


def _check_dhcp(mode: Mode, texts: Iterable[SubnetText], chosen: Mapping[str, str], *, isolated: bool) -> None:
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
    for one in texts:
        pool = _pool(one.pool)
        if pool.prefixlen > 0:
            raise invalid(
                f"subnet {pool} cannot be given with addressing dhcp: the DHCP server chooses",
                "leave --subnet out, and with Docker add --ipam-driver=null",
            )


def _check_no_subnets(texts: Iterable[SubnetText]) -> None:
    """Refuse subnets of a network that is to give no addresses.

    Raises:
        IpvlError: there is one. The empty pools of Docker's null IPAM driver are none.
    """
    for one in texts:
        pool = _pool(one.pool)
        if pool.prefixlen > 0:
            raise invalid(
                f"subnet {pool} cannot be given with addressing none: the network has no addresses to give",
                "leave --subnet out, and with Docker add --ipam-driver=null",
            )


def one_of(choices: type[_Choice], key: str, text: str) -> _Choice:
    """Return which of an option's values a text is, whatever its case.

    Raises:
        IpvlError: it is none.
    """
    try:
        return choices(text.lower())
    except ValueError:
        raise invalid(f"{key} {shown(text)} does not exist", f"use one of {', '.join(choices)}") from None


def _conflict_check(chosen: Mapping[str, str], mode: Mode, *, isolated: bool) -> ConflictCheck:
    check = one_of(ConflictCheck, CONFLICT_CHECK.key, chosen.get(CONFLICT_CHECK.key, ConflictCheck.NONE))
    if check is not ConflictCheck.NONE and mode.routes:
        raise invalid(
            f"{CONFLICT_CHECK.key}={check} has nobody to ask in mode {mode}, where containers are not on the segment",
            f"drop it, or use {MODE.key}={Mode.L2}",
        )
    if check is not ConflictCheck.NONE and isolated:
        raise invalid(
            f"{CONFLICT_CHECK.key}={check} has nobody to ask on an isolated network, which has no segment outside",
            f"drop it, or give the network a {PARENT.key}",
        )
    return check


def _vlan_protocol(chosen: Mapping[str, str], *, isolated: bool) -> VlanProtocol | None:
    if VLAN_PROTOCOL.key not in chosen:
        return None
    protocol = one_of(VlanProtocol, VLAN_PROTOCOL.key, chosen[VLAN_PROTOCOL.key])
    if isolated:
        raise invalid(
            f"{VLAN_PROTOCOL.key} {protocol} says how a VLAN tag is written, and an isolated network has none",
            f"drop it, or give the network a {PARENT.key} NAME.VID",
        )
    return protocol


def _number(chosen: Mapping[str, str], option: Option, least: int, most: int) -> int | None:
    text = chosen.get(option.key)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,6}", text) or not least <= int(text) <= most:
        raise invalid(f"{option.key} {shown(text)} is not a number from {least} to {most}")
    return int(text)


def _mtu(text: str, subnets: Iterable[Subnet]) -> int:
    smallest = SMALLEST_MTU6 if any(subnet.pool.version == 6 for subnet in subnets) else SMALLEST_MTU4
    if not re.fullmatch(r"[0-9]{1,6}", text) or not smallest <= int(text) <= LARGEST_MTU:
        family = "IPv6" if smallest == SMALLEST_MTU6 else "IPv4"
        raise invalid(f"MTU {shown(text)} is not a number from {smallest} ({family}'s least) to {LARGEST_MTU}")
    return int(text)


def _subnets(written: Iterable[SubnetText], mode: Mode) -> tuple[Subnet, ...]:
    subnets: list[Subnet] = []
    for one in written:
        pool = _pool(one.pool)
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
                gateway(one.gateway, pool, mode) if one.gateway else None,
                address_range(one.range, pool) if one.range else None,
                tuple(sorted({_reserved(text, pool) for text in one.reserved}, key=int)),
            )
        )
    return tuple(subnets)


def _pool(text: str) -> IPNetwork:
    try:
        return ip_network(without_zone(text), strict=False)
    except ValueError:
        raise invalid(f"subnet {shown(text)} is not in CIDR notation", "write it like 192.168.20.0/24") from None


def address_range(text: str, subnet: IPNetwork) -> IPNetwork | None:
    """Return the part of a subnet to choose addresses from, host bits allowed; None when it is all of the subnet.

    Raises:
        IpvlError: it is not in CIDR notation or not within the subnet.
    """
    try:
        part = ip_network(without_zone(text), strict=False)
    except ValueError:
        raise invalid(f"range {shown(text)} is not in CIDR notation", f"write it like a part of {subnet}") from None
    if part.network_address not in subnet or part.broadcast_address not in subnet:
        raise invalid(f"range {part} is not within subnet {subnet}", "give a part of the subnet")
    return None if part == subnet else part


def _reserved(text: str, subnet: IPNetwork) -> IPAddress:
    try:
        address = ip_interface(without_zone(text)).ip
    except ValueError:
        raise invalid(f"reserved address {shown(text)} is not an address", f"use one of {subnet}") from None
    if address not in subnet:
        raise invalid(f"reserved address {address} is not in subnet {subnet}", "give one that is")
    return address
