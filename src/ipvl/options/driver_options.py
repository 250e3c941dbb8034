"""The options of a network, one row each: parsers, help, completion, docs and refusals all read this table."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ipvl.errors import invalid, quoted
from ipvl.model.networks import Addressing, ConflictCheck, Flag, Mode, VlanProtocol


@dataclass(frozen=True, slots=True)
class Option:
    """One `-o key=value` of a network."""

    key: str
    values: str
    default: str
    meaning: str
    example: str
    aliases: tuple[str, ...] = ()
    switch: bool = False
    """Whether the key alone, as in `-o no_default_route`, means true."""


PARENT = Option(
    "parent",
    "a name of a link; auto, subnet:CIDR or mac:ADDRESS, each with .VID",
    "none: an isolated network on a dummy link",
    "The link that carries the containers to the physical network. NAME.VID is made, as an 802.1q sub-interface of "
    "NAME, when it does not exist, and removed with its last network; NAME.VID.VID has two tags, the outer one first. "
    "auto is the link of the default route, subnet:CIDR the one with an address in it, mac:ADDRESS the one with that "
    "MAC address.",
    "parent=eth0.20",
    aliases=("master", "host_iface"),
)
MODE = Option(
    "ipvlan_mode",
    ", ".join(Mode),
    Mode.L2,
    "l2: on the parent's segment, with a gateway. l3: routed by the parent, no ARP, no broadcast. l3s: l3 that passes "
    "the host's netfilter.",
    "ipvlan_mode=l3",
    aliases=("mode",),
)
FLAG = Option(
    "ipvlan_flag",
    ", ".join(Flag),
    Flag.BRIDGE,
    "bridge: containers of one parent talk directly. private: they cannot. vepa: only through the switch outside.",
    "ipvlan_flag=private",
    aliases=("flag",),
)
MTU = Option(
    "com.docker.network.driver.mtu",
    "68 to the parent's MTU (1280 or more with IPv6)",
    "the parent's",
    "The MTU of the containers' interfaces.",
    "com.docker.network.driver.mtu=1400",
    aliases=("mtu",),
)
INTERFACE_PREFIX = Option(
    "com.docker.network.container_iface_prefix",
    "1 to 12 characters",
    "eth",
    "What the containers' interfaces are called; Docker appends the next free number.",
    "com.docker.network.container_iface_prefix=vlan",
)

CONFLICT_CHECK = Option(
    "conflict_check",
    ", ".join(ConflictCheck),
    ConflictCheck.NONE,
    "probe: before an address is used, everybody on the parent's segment is asked who has it (mode l2, with a parent). "
    "One that is in use is kept out for ten minutes: ipvl takes another where it chooses, and refuses where it does "
    "not.",
    "conflict_check=probe",
)
ANNOUNCEMENTS = Option(
    "com.docker.network.advertise_addr_nmsgs",
    "0 to 3",
    "3",
    "How often a new container's addresses are announced to its neighbours (mode l2). Docker 28 and newer do so "
    "themselves; ipvl does for the networks of `ipvl network create`.",
    "com.docker.network.advertise_addr_nmsgs=1",
)
ANNOUNCE_INTERVAL = Option(
    "com.docker.network.advertise_addr_ms",
    "100 to 2000",
    "1000",
    "Milliseconds from one of these announcements to the next.",
    "com.docker.network.advertise_addr_ms=500",
)

ROUTE = Option(
    "route",
    "CIDR,via=ADDRESS, several separated by ;",
    "none",
    "More routes of the containers. In l2 each needs via, a router in one of the network's subnets or a link-local "
    "one, and containers with an address of that subnet get it. In l3 and l3s via may be left out: the parent routes.",
    "route=10.0.0.0/8,via=192.168.20.254;172.20.0.0/16,via=192.168.20.253",
    aliases=("routes",),
)
NO_DEFAULT_ROUTE = Option(
    "no_default_route",
    "true, false, ipv4, ipv6",
    "false",
    "Give containers no default route, so that another network of theirs does; with ipv4 or ipv6 none of that family "
    "alone, such as where a router announces IPv6's itself.",
    "no_default_route=true",
    switch=True,
)
GATEWAY6 = Option(
    "gateway6",
    "a link-local address",
    "the --gateway",
    "The router of the IPv6 subnets by its link-local address (mode l2), which Docker takes for no --gateway: "
    "`ipvl network create` takes it there as well.",
    "gateway6=fe80::1",
)
METRIC = Option(
    "metric",
    "1 to 4294967295",
    "the kernel's",
    "The metric of the default route and of those of route: of several networks' default routes a container has all, "
    "and uses the one with the lowest. Not for Docker's networks, whose plugin protocol has no metrics.",
    "metric=200",
)

HOST_ACCESS = Option(
    "host_access",
    "true, false",
    "false",
    "Let the host and its containers reach each other, which ipvlan prevents: by a port of the host's own on the "
    "parent, with an address of each subnet. Not with ipvlan_flag private.",
    "host_access=true",
    switch=True,
)

ADDRESSING = Option(
    "addressing",
    ", ".join(Addressing),
    Addressing.POOL,
    "pool: addresses come from the network's subnets. dhcp: each container has a lease of the DHCP server on the "
    "parent's segment (IPv4, mode l2; with Docker add --ipam-driver=null). none: the network has no subnet, and its "
    "containers a port without addresses, to which they add their own (with Docker --ipam-driver=null or "
    "--ipv4=false says the same).",
    "addressing=dhcp",
)

VLAN_PROTOCOL = Option(
    "vlan_protocol",
    ", ".join(VlanProtocol),
    VlanProtocol.DOT1Q,
    "How the outer tag of a parent NAME.VID or NAME.VID.VID is written. 802.1ad: as a provider's network wants it. A "
    "tag inside another is 802.1q.",
    "vlan_protocol=802.1ad",
)

NETWORK_OPTIONS = (
    PARENT,
    MODE,
    FLAG,
    MTU,
    INTERFACE_PREFIX,
    CONFLICT_CHECK,
    ANNOUNCEMENTS,
    ANNOUNCE_INTERVAL,
    ROUTE,
    NO_DEFAULT_ROUTE,
    GATEWAY6,
    METRIC,
    HOST_ACCESS,
    ADDRESSING,
    VLAN_PROTOCOL,
)

IPAM_PARENT = Option(
    "parent",
    "as in -o parent",
    "none: addresses are shared with every parent",
    "The parent of the network, the same as in `-o parent`. The pool then shares its addresses with the networks of "
    "that parent alone, and equal subnets on different parents are separate.",
    "parent=eth0.20",
)

IPAM_CONFLICT_CHECK = Option(
    "conflict_check",
    ", ".join(ConflictCheck),
    ConflictCheck.NONE,
    "probe: an address that somebody on the parent's segment has already is not leased to a container, but another. "
    "It takes `parent` as well.",
    "conflict_check=probe",
)

IPAM_OPTIONS = (IPAM_PARENT, IPAM_CONFLICT_CHECK)

READ_BY_DOCKER = frozenset(
    {
        "com.docker.network.enable_ipv4",
        "com.docker.network.enable_ipv6",
        "com.docker.network.endpoint.expose",
        "com.docker.network.ipam.serial",
    }
)
"""Options that Docker's own core obeys for every driver (moby, libnetwork/netlabel): nothing for ipvl to do."""


def canonical_options(given: Mapping[str, object], options: Iterable[Option] = NETWORK_OPTIONS) -> dict[str, str]:
    """Return the options by canonical key, without the empty ones and those that are Docker's own business.

    Args:
        given: what followed `-o`, key to value.
        options: those that are known here.

    Raises:
        IpvlError: an option is unknown, is not text, or is given twice with different values under two names.
    """
    known = {name: option for option in options for name in (option.key, *option.aliases)}
    found: dict[str, str] = {}
    spelled: dict[str, str] = {}
    for name, value in given.items():
        if name in READ_BY_DOCKER:
            continue
        option = known.get(name)
        if option is None:
            raise invalid(f"unknown option {quoted(name)}", _way_out(name, known))
        if not isinstance(value, str):
            raise invalid(f"option {quoted(name)} is {reprlib.repr(value)}, not text", f"write it as {option.example}")
        text = value.strip() or ("true" if option.switch else "")
        if not text:
            continue
        if found.setdefault(option.key, text) != text:
            raise invalid(
                f"{spelled[option.key]}={quoted(found[option.key])} and {name}={quoted(text)} contradict each other",
                f"both mean {option.key}: give one",
            )
        spelled[option.key] = name
    return found


def _way_out(name: str, known: Mapping[str, Option]) -> str:
    import difflib

    close = difflib.get_close_matches(name[:100], known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{hint}known options: {', '.join(dict.fromkeys(option.key for option in known.values()))}"
