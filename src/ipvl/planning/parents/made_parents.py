"""Links that ipvl made and that are there: what the kernel does not do for them when the link below them changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ipvl.model.links import Link
from ipvl.model.networks import Parent
from ipvl.model.steps import BringUp, SetMtu
from ipvl.planning.host import Host

VLAN_HEADER_BYTES = 4
COUNTS_THE_TAG = frozenset({"macsec"})
"""Kinds whose MTU counts the tag of what is on them (netif_reduces_vlan_mtu, include/linux/netdevice.h)."""


def steps_to_follow_base(parents: Iterable[Parent], host: Host) -> tuple[BringUp | SetMtu, ...]:
    """Return the steps that bring made links up and give them their base's MTU, each after those of what it sits on.

    The kernel sets a VLAN down with its base and brings it up with it again, and it lowers its MTU with its base's but
    never raises it (vlan_device_event, net/8021q/vlan.c). On a base that is down no VLAN comes up.

    Args:
        parents: the records of those to look at; links that ipvl did not make are passed over.
        host: the host as it is now.
    """
    steps: list[BringUp | SetMtu] = []
    # What a link sits on has a shorter name.
    for parent in sorted(parents, key=lambda one: len(one.name)):
        link = host.link(parent.name)
        if link is None or not (parent.made and link.made_by_ipvl):
            continue
        base = host.below(link)
        found: list[BringUp | SetMtu] = []
        if base is not None and link.mtu != (mtu := mtu_on(base)):
            found.append(SetMtu(link.name, mtu))
        if not link.up and (base is None or base.up):
            found.append(BringUp(link.name))
        steps += found
        host = host_after(host, found)
    return tuple(steps)


def host_after(host: Host, steps: Iterable[BringUp | SetMtu]) -> Host:
    """Return the host as it will be when these steps are done; whether a link has a carrier then is not known."""
    links = {link.name: link for link in host.links}
    for step in steps:
        match step:
            case SetMtu(interface=name, mtu=mtu):
                links[name] = replace(links[name], mtu=mtu)
            case BringUp(name=name):
                links[name] = replace(links[name], up=True, carrier=True)
    return replace(host, links=tuple(links.values()))


def mtu_on(base: Link) -> int:
    """Return the MTU that a VLAN on a link has."""
    return base.mtu - VLAN_HEADER_BYTES if base.kind in COUNTS_THE_TAG else base.mtu
