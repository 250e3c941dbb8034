"""The tagged sub-interfaces that a parent's name asks for: `eth0.20`, or `eth0.100.20` for two tags."""

from __future__ import annotations

import re

from ipvl.errors import conflict, invalid
from ipvl.model.networks import Network, Parent, ParentKind, VlanProtocol
from ipvl.planning.host import Host
from ipvl.records.records import Records

HIGHEST_VLAN_ID = 4094  # IEEE 802.1Q: 0 is priority-tagged, 4095 reserved


def split_vlan(name: str) -> tuple[str, int | None]:
    """Split `eth0.20` into ("eth0", 20); a name that does not read like that comes back whole, with None."""
    base, dot, digits = name.rpartition(".")
    if not (dot and base and re.fullmatch(r"[0-9]{1,9}", digits)):
        return name, None
    return base, int(digits)


def wanted_parents(name: str, records: Records, host: Host, protocol: VlanProtocol | None = None) -> tuple[Parent, ...]:
    """Return the record of a parent that is not a dummy, after those of the tags under it that are ipvl's to make.

    Whether ipvl made a link is told by record and mark together. What is missing under a missing sub-interface is one
    itself if it reads like one: `eth0.100.20` asks for `eth0.100` first.

    Args:
        name: what the user calls it.
        records: what ipvl remembers.
        host: the host as it is now.
        protocol: that of the outer tag, None for the usual one; a tag inside another is 802.1q always.

    Raises:
        IpvlError: it is missing and reads like a VLAN whose id is out of range.
    """
    base, vlan_id = split_vlan(name)
    link, held = host.link(name), records.parent(name)
    made = link is not None and held is not None and held.made and link.made_by_ipvl
    if vlan_id is None or (link is not None and not made):
        also = () if link is None else host.names_beside(link, () if held is None else held.also)
        return (Parent(name, ParentKind.LINK, made=False, also=also),)
    if not 1 <= vlan_id <= HIGHEST_VLAN_ID:
        raise invalid(f"VLAN id {vlan_id} of parent {name} is not in 1 to {HIGHEST_VLAN_ID}")
    under = tuple(parent for parent in wanted_parents(base, records, host, protocol) if parent.made)
    if held is not None and held.made:
        return (*under, held)
    below = host.link(base)
    inner = bool(under) or (below is not None and below.kind == "vlan")
    written = VlanProtocol.DOT1Q if inner or protocol is None else protocol
    also = () if below is None else host.names_beside(below)
    return (*under, Parent(name, ParentKind.VLAN, made=True, base=base, vlan_id=vlan_id, protocol=written, also=also))


def check_protocol(network: Network, parents: tuple[Parent, ...], host: Host) -> None:
    """Refuse a network that says how the outer tag of its parent is written, where that is another or there is none.

    Args:
        network: the network to be made.
        parents: what `wanted_parents` returned for it.
        host: the host as it is now.

    Raises:
        IpvlError: it is, or there is none.
    """
    asked = network.vlan_protocol
    if asked is None:
        return
    lowest = parents[0]
    link = host.link(lowest.name if lowest.base is None else lowest.base)
    name, found = (lowest.name, lowest.protocol) if lowest.kind is ParentKind.VLAN else (lowest.name, None)
    while link is not None and link.kind == "vlan":
        name, found = link.name, link.vlan_protocol
        link = host.below(link)
    if found is None:
        raise invalid(
            f"vlan_protocol {asked} says how a VLAN tag is written, and parent {network.parent} has none",
            "name it NAME.VID, such as eth0.100, or leave vlan_protocol out",
        )
    if found is not asked:
        raise conflict(
            f"vlan_protocol {asked} is not that of {name}, whose tag is {found} already",
            "leave vlan_protocol out, or use another VLAN",
        )
