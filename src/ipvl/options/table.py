"""The options of a network, one row each: parsers, help, completion, docs and refusals all read this table."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ipvl.errors import invalid, shown
from ipvl.model import Addressing, Flag, Mode


@dataclass(frozen=True, slots=True)
class Option:
    """One `-o key=value` of a network."""

    key: str
    values: str
    default: str
    meaning: str
    example: str
    aliases: tuple[str, ...] = ()


PARENT = Option(
    "parent",
    "the name of a link",
    "none: an isolated network on a dummy link",
    "The link that carries the containers to the physical network. NAME.VID is made, as an 802.1q sub-interface of "
    "NAME, when it does not exist, and removed with its last network.",
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

ADDRESSING = Option(
    "addressing",
    ", ".join(Addressing),
    Addressing.POOL,
    "pool: addresses come from the network's subnets. dhcp: each container has a lease of the DHCP server on the "
    "parent's segment (IPv4, mode l2; with Docker add --ipam-driver=null).",
    "addressing=dhcp",
)

NETWORK_OPTIONS = (PARENT, MODE, FLAG, MTU, INTERFACE_PREFIX, ADDRESSING)

IPAM_PARENT = Option(
    "parent",
    "the name of a link",
    "none: addresses are shared with every parent",
    "The parent of the network, the same as in `-o parent`. The pool then shares its addresses with the networks of "
    "that parent alone, and equal subnets on different parents are separate.",
    "parent=eth0.20",
)

IPAM_OPTIONS = (IPAM_PARENT,)

READ_BY_DOCKER = frozenset(
    {
        "com.docker.network.enable_ipv4",
        "com.docker.network.enable_ipv6",
        "com.docker.network.advertise_addr_nmsgs",
        "com.docker.network.advertise_addr_ms",
        "com.docker.network.endpoint.expose",
        "com.docker.network.ipam.serial",
    }
)
"""Options that Docker's own core obeys for every driver (moby, libnetwork/netlabel): nothing for ipvl to do."""


def canonical(given: Mapping[str, object], options: Iterable[Option] = NETWORK_OPTIONS) -> dict[str, str]:
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
            raise invalid(f"unknown option {shown(name)}", _way_out(name, known))
        if not isinstance(value, str):
            raise invalid(f"option {shown(name)} is {reprlib.repr(value)}, not text", f"write it as {option.example}")
        text = value.strip()
        if not text:
            continue
        if found.setdefault(option.key, text) != text:
            raise invalid(
                f"{spelled[option.key]}={shown(found[option.key])} and {name}={shown(text)} contradict each other",
                f"both mean {option.key}: give one",
            )
        spelled[option.key] = name
    return found


def _way_out(name: str, known: Mapping[str, Option]) -> str:
    import difflib

    close = difflib.get_close_matches(name[:100], known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{hint}known options: {', '.join(dict.fromkeys(option.key for option in known.values()))}"
