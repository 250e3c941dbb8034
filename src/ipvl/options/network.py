"""What a user asks a network to be, checked as far as that can be done without looking at the host."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ipvl.errors import invalid, quoted
from ipvl.model.networks import DOCKER, Addressing, ConflictCheck, Flag, Mode, Network, Phase, VlanProtocol
from ipvl.options.addressing import check_dhcp_addressing, check_no_subnets, without_addresses
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
    canonical_options,
)
from ipvl.options.gateways import parse_default_routes, parse_gateway6
from ipvl.options.host_port_addresses import check_host_access
from ipvl.options.link_names import LINK_NAME_BYTES, check_link_name
from ipvl.options.option_values import parse_choice, parse_mtu, parse_number, parse_switch
from ipvl.options.parent_selectors import parent_text
from ipvl.options.routes import parse_routes
from ipvl.options.subnets import SubnetText, check_subnet_numbers, parse_subnets, with_host_addresses

DEFAULT_INTERFACE_PREFIX = "eth"
DUMMY_PREFIX = "di-"
LONGEST_PREFIX = LINK_NAME_BYTES - 3  # leaves room for the number that the sandbox's owner appends
HIGHEST_METRIC = 4294967295  # RTA_PRIORITY is an u32: include/uapi/linux/rtnetlink.h
MOST_ANNOUNCEMENTS = 3  # these three as in moby, daemon/libnetwork/netlabel
SHORTEST_INTERVAL, LONGEST_INTERVAL = 100, 2000

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")


def check_id(text: str, what: str = "network") -> str:
    """Return an id that is safe in link names and file names.

    Raises:
        IpvlError: it is empty, longer than 128 characters, or has characters other than letters, digits, - and _.
    """
    if _ID.fullmatch(text) is None:
        raise invalid(f"{what} id {quoted(text)} is not made of 1 to 128 letters, digits, - and _")
    return text


def dummy_name(of_network: str) -> str:
    """Return the name of an isolated network's parent: `di-` and the first twelve characters of the network's id."""
    return DUMMY_PREFIX + of_network[:12]


def parse_network(
    id_text: str,
    options: Mapping[str, object],
    subnets: Iterable[SubnetText] | None,
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
        subnets: the address pools, host bits allowed; None before they are known. Docker's networks without any give
            no addresses, those of others get default ones later.
        internal: the `--internal` flag: the same as giving no parent; a parent given all the same is not used
            (specification, "Ipvlan L2 Mode Example Usage").
        door: the name of the door that asks.
        created: seconds since the epoch.
        name: what the user calls the network, where the door knows it.

    Raises:
        IpvlError: any part of the input is wrong; the sentence names it.
    """
    identity = check_id(id_text)
    chosen = canonical_options(options)
    parent = parent_text(chosen[PARENT.key]) if PARENT.key in chosen else ""
    if parent == "lo":
        raise invalid("parent lo is the loopback, which leads nowhere", "name a physical link, or none at all")
    isolated = internal or not parent
    texts = tuple(subnets or ())
    check_subnet_numbers(len(texts), sum(len(one.reserved) + len(one.named) for one in texts))
    mode = parse_choice(Mode, MODE.key, chosen.get(MODE.key, Mode.L2))
    addressing = parse_choice(Addressing, ADDRESSING.key, chosen.get(ADDRESSING.key, Addressing.POOL))
    if addressing is Addressing.NONE:
        check_no_subnets(texts, addressing, "the network has no addresses to give")
        texts = ()
    if addressing is Addressing.DHCP:
        check_dhcp_addressing(mode, texts, chosen, isolated=isolated)
        texts = ()
    pools = parse_subnets(texts, mode)
    if GATEWAY6.key in chosen:
        has_ipv6 = any(pool.pool.version == 6 for pool in pools)
        router = parse_gateway6(chosen[GATEWAY6.key], mode, isolated=isolated, has_ipv6=has_ipv6)
        pools = tuple(replace(pool, gateway=router) if pool.pool.version == 6 else pool for pool in pools)
    host_access = parse_switch(HOST_ACCESS, chosen)
    if door == DOCKER and METRIC.key in chosen:
        raise invalid(
            f"metric {quoted(chosen[METRIC.key])} cannot be had with Docker, whose plugin protocol has no metrics",
            f"leave the default route to one network: -o {NO_DEFAULT_ROUTE.key}=true on the others",
        )
    if host_access:
        pools = with_host_addresses(pools, texts, uses_gateway=not (mode.routes or isolated))
    requested = Network(
        id=identity,
        name=name,
        door=door,
        parent=dummy_name(identity) if isolated else parent,
        mode=mode,
        flag=parse_choice(Flag, FLAG.key, chosen.get(FLAG.key, Flag.BRIDGE)),
        isolated=isolated,
        subnets=pools,
        mtu=parse_mtu(chosen[MTU.key], pools) if MTU.key in chosen else None,
        interface_prefix=check_interface_prefix(chosen.get(INTERFACE_PREFIX.key, DEFAULT_INTERFACE_PREFIX)),
        created=created,
        phase=Phase.MAKING,
        conflict_check=_conflict_check(chosen, mode, isolated=isolated),
        announcements=_number_of(chosen, ANNOUNCEMENTS, 0, MOST_ANNOUNCEMENTS),
        announce_interval=_number_of(chosen, ANNOUNCE_INTERVAL, SHORTEST_INTERVAL, LONGEST_INTERVAL),
        routes=parse_routes(chosen[ROUTE.key], mode, pools) if ROUTE.key in chosen else (),
        default_routes=parse_default_routes(chosen.get(NO_DEFAULT_ROUTE.key, NO_DEFAULT_ROUTE.default)),
        metric=_number_of(chosen, METRIC, 1, HIGHEST_METRIC),
        host_access=host_access,
        addressing=addressing,
        vlan_protocol=_vlan_protocol(chosen, isolated=isolated),
        unused_parent=parent if internal else "",
    )
    if host_access:
        check_host_access(requested)
    gives_none = door == DOCKER and subnets is not None and not pools and addressing is Addressing.POOL
    if gives_none and ADDRESSING.key in chosen:
        raise invalid(
            "addressing pool needs a subnet, and the network has none", "give a --subnet, or leave addressing=pool out"
        )
    return without_addresses(requested) if gives_none or addressing is Addressing.NONE else requested


def uses_gateway(options: Mapping[str, object], *, internal: bool) -> bool:
    """Tell whether a network with these options needs the gateway address of its subnets, before those are known.

    Where it is no router's, it is the host's.

    Raises:
        IpvlError: an option is wrong, as far as that can be told without subnets.
    """
    chosen = canonical_options(options)
    for option in (ROUTE, GATEWAY6):
        chosen.pop(option.key, None)
    requested = parse_network("unnamed", chosen, None, internal=internal, door=DOCKER, created=0.0)
    return requested.host_access or not (
        requested.mode.routes or requested.isolated or requested.addressing is not Addressing.POOL
    )


def check_interface_prefix(text: str) -> str:
    """Return what a sandbox's interfaces may be called, up to the number that is appended.

    Raises:
        IpvlError: it is not a link name or leaves no room for the number.
    """
    if len(check_link_name(text).encode()) > LONGEST_PREFIX:
        raise invalid(
            f"interface prefix {quoted(text)} is longer than {LONGEST_PREFIX} bytes",
            "a number is appended: use a shorter one",
        )
    return text


def _conflict_check(chosen: Mapping[str, str], mode: Mode, *, isolated: bool) -> ConflictCheck:
    check = parse_choice(ConflictCheck, CONFLICT_CHECK.key, chosen.get(CONFLICT_CHECK.key, ConflictCheck.NONE))
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
    protocol = parse_choice(VlanProtocol, VLAN_PROTOCOL.key, chosen[VLAN_PROTOCOL.key])
    if isolated:
        raise invalid(
            f"{VLAN_PROTOCOL.key} {protocol} says how a VLAN tag is written, and an isolated network has none",
            f"drop it, or give the network a {PARENT.key} NAME.VID",
        )
    return protocol


def _number_of(chosen: Mapping[str, str], option: Option, least: int, most: int) -> int | None:
    return parse_number(chosen[option.key], option.key, least, most) if option.key in chosen else None
