"""Which link becomes a network's parent, whether ipvl must make it, and who may share it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from ipvl.errors import conflict, invalid, kernel_refused, missing
from ipvl.links import HostWays, Link, MakeDummy, MakeVlan, Step
from ipvl.model import Flag, Mode, Network, Parent, ParentKind
from ipvl.records import Records

OLDEST_KERNEL = (4, 2)
"""Ipvlan before this is buggy (specification, "Pre-Requisites")."""

OLDEST_KERNEL_FOR_L3S = (4, 9)  # commit 4fbae7d83c98
OLDEST_KERNEL_FOR_FLAGS = (4, 15)  # commits a190d04db937, fe89aa6b250c
HIGHEST_VLAN_ID = 4094  # IEEE 802.1Q: 0 is priority-tagged, 4095 reserved

TAKES_EVERY_FRAME = {
    "bridge": "is a port of a bridge",
    "openvswitch": "is a port of an Open vSwitch bridge",
    "bond": "belongs to a bond",
    "team": "belongs to a team",
}
"""Masters that own the one receive handler a link has, so no ipvlan port can be made on it: EBUSY in the kernel."""

MACVLAN_KINDS = frozenset({"macvlan", "macvtap"})

NEVER_OFFERED = MACVLAN_KINDS | {"ipvlan", "dummy"}


@dataclass(frozen=True)
class Host:
    """What planning knows of the host: its links, its kernel's release and what kinds of link that can make.

    `moved` are ports on the host's links that were moved to other namespaces, where somebody looked for them. So are
    `ways`, the host's own addresses and routes.
    """

    links: tuple[Link, ...]
    release: str
    kinds: frozenset[str]
    moved: tuple[Link, ...] = ()
    ways: HostWays = field(default_factory=HostWays)

    def link(self, name: str) -> Link | None:
        """Return the link with this name, or None."""
        return self._by_name.get(name)

    def below(self, link: Link) -> Link | None:
        """Return the link that `link` sits on, or None; the other end of a veth pair is beside it, not below."""
        if link.kind == "veth":
            return None
        return self._by_index.get(link.lower)

    def ports_of(self, link: Link) -> tuple[Link, ...]:
        """Return the links that sit directly on `link`."""
        return tuple(self._by_lower.get(link.index, ()))

    @cached_property
    def _by_name(self) -> dict[str, Link]:
        return {link.name: link for link in self.links}

    @cached_property
    def _by_index(self) -> dict[int | None, Link]:
        return {link.index: link for link in self.links}

    @cached_property
    def _by_lower(self) -> dict[int, list[Link]]:
        found: dict[int, list[Link]] = {}
        for link in (*self.links, *self.moved):
            if link.lower is not None:
                found.setdefault(link.lower, []).append(link)
        return found


@dataclass(frozen=True, slots=True)
class ParentPlan:
    """The parent of a network, the steps that make it, and what the operator should know about it."""

    parent: Parent
    steps: tuple[Step, ...]
    warnings: tuple[str, ...]


def check_kernel(network: Network, host: Host) -> None:
    """Refuse what this kernel cannot do.

    Raises:
        IpvlError: the kernel is too old for ipvlan, for the mode or for the flag, or lacks a link kind.
    """
    check_release(host.release, network.mode, network.flag)
    check_kind("ipvlan", host)


def check_release(release: str, mode: Mode = Mode.L2, flag: Flag = Flag.BRIDGE) -> None:
    """Refuse a kernel that is too old for ipvlan, for the mode or for the flag.

    Raises:
        IpvlError: it is.
    """
    version = kernel_version(release)
    for oldest, feature, needed in (
        (OLDEST_KERNEL, "ipvlan", True),
        (OLDEST_KERNEL_FOR_L3S, "ipvlan mode l3s", mode is Mode.L3S),
        (OLDEST_KERNEL_FOR_FLAGS, f"ipvlan flag {flag}", flag is not Flag.BRIDGE),
    ):
        if needed and version < oldest:
            at_least = ".".join(map(str, oldest))
            raise kernel_refused(f"kernel {release} is too old for {feature}", f"it needs {at_least} or later")


def check_kind(kind: str, host: Host) -> None:
    """Refuse when the kernel cannot make links of this kind.

    Raises:
        IpvlError: it cannot, and its module could not be loaded either.
    """
    if kind not in host.kinds:
        module = "8021q" if kind == "vlan" else kind
        raise kernel_refused(
            f"kernel {host.release} has no {kind} links",
            f"load the module with `modprobe {module}`, or use a kernel that has it",
        )


def kernel_version(release: str) -> tuple[int, ...]:
    """Return major and minor of a `uname -r` text such as `6.1.0-56-amd64`; (0, 0) when it does not start like one."""
    match = re.match(r"(\d+)\.(\d+)", release)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def plan_parent(network: Network, records: Records, host: Host) -> ParentPlan:
    """Decide on the parent of a new network.

    Args:
        network: the network to be made.
        records: what ipvl remembers.
        host: the host as it is now.

    Raises:
        IpvlError: the parent cannot be had or cannot be shared; the sentence says why and what to do instead.
    """
    check_sharing(network, records)
    link = host.link(network.parent)
    held = records.parent(network.parent)
    if network.isolated:
        wish = Parent(network.parent, ParentKind.DUMMY, made=True, mtu=network.mtu)
        if link is not None and not link.made_by_ipvl:
            raise conflict(
                f"link {link.name}, the parent of isolated network {network.label}, exists and was not made by ipvl",
                f"remove it with `ip link del {link.name}`",
            )
    else:
        wish = wanted_parent(network.parent, link, held)
    if link is not None:
        check_link(link, network, host)
        return ParentPlan(wish, (), warnings_about(link, host))
    steps = steps_to_make(wish, host)
    base = host.link(wish.base) if wish.base is not None else None
    if base is not None:
        check_mtu(network, base)
    return ParentPlan(wish, steps, ())


def steps_to_make(parent: Parent, host: Host) -> tuple[Step, ...]:
    """Return the steps that make a missing parent.

    Raises:
        IpvlError: it is not one that ipvl makes, its base link is missing, its VLAN is taken under another name, or
            the kernel lacks the link kind.
    """
    if parent.kind is ParentKind.DUMMY:
        check_kind("dummy", host)
        return (MakeDummy(parent.name, parent.mtu),)
    if parent.kind is ParentKind.LINK or parent.base is None or parent.vlan_id is None:
        raise missing(
            f"parent {parent.name} does not exist on this host",
            "make it first, or name it NAME.VID (such as eth0.20) to have it made",
        )
    base = host.link(parent.base)
    if base is None:
        raise missing(
            f"parent {parent.name} cannot be made: link {parent.base} does not exist on this host",
            f"links that do: {', '.join(_parents_to_offer(host)) or 'none'}",
        )
    if base.loopback or not base.ethernet:
        raise invalid(f"parent {parent.name} cannot be made: {base.name} is not an Ethernet link")
    twin = next((link for link in host.ports_of(base) if link.kind == "vlan" and link.vlan_id == parent.vlan_id), None)
    if twin is not None:
        raise conflict(
            f"parent {parent.name} cannot be made: VLAN {parent.vlan_id} of {base.name} is already link {twin.name}",
            f"use -o parent={twin.name}",
        )
    check_kind("vlan", host)
    return (MakeVlan(parent.name, parent.base, parent.vlan_id),)


def check_sharing(network: Network, records: Records) -> None:
    """Refuse a network whose mode or flag differs from that of the networks its parent carries already.

    In the kernel both belong to the parent: a new port with another mode switches every port that is there
    (drivers/net/ipvlan/ipvlan_main.c, ipvlan_set_port_mode).

    Raises:
        IpvlError: it differs; the sentence names the other network.
    """
    for other in records.networks_on(network.parent):
        if other.id == network.id:
            continue
        for what, ours, theirs in (("mode", network.mode, other.mode), ("flag", network.flag, other.flag)):
            if ours is not theirs:
                raise conflict(
                    f"parent {network.parent} already carries network {other.label} in {what} {theirs}",
                    f"a parent has one {what}, so use {theirs} here or another parent",
                )


def check_link(link: Link, network: Network, host: Host) -> None:
    """Refuse an existing link that cannot carry this network's ports.

    Raises:
        IpvlError: it is the loopback or not Ethernet, its frames go elsewhere, it carries macvlan ports or ipvlan ports
            of another mode or flag, or its MTU is below the network's.
    """
    check_ethernet(link)
    check_master(link)
    check_no_macvlan(link, host)
    for port in host.ports_of(link):
        if port.kind == "ipvlan" and (port.mode, port.flag) != (network.mode, network.flag):
            what, theirs = ("mode", port.mode) if port.mode is not network.mode else ("flag", port.flag)
            raise conflict(
                f"parent {link.name} already carries ipvlan port {port.label} in {what} {theirs}",
                f"a parent has one {what}, so use {theirs} here or another parent",
            )
    check_mtu(network, link)


def check_ethernet(link: Link) -> None:
    """Refuse a link that cannot have ipvlan ports by its nature, whatever is on it.

    Raises:
        IpvlError: it is the loopback, not Ethernet, or itself an ipvlan or macvlan port.
    """
    if link.loopback or not link.ethernet:
        raise invalid(
            f"parent {link.name} is not an Ethernet link", "ipvlan needs one, such as a NIC, a VLAN, a bond or a bridge"
        )
    for kind in ("ipvlan", "macvlan"):
        if link.kind == kind:
            article = "an" if kind == "ipvlan" else "a"
            raise invalid(f"parent {link.name} is itself {article} {kind} port", "use the link below it as the parent")


def check_master(link: Link) -> None:
    """Refuse a link whose frames all go to the bridge, bond or team it belongs to.

    Raises:
        IpvlError: it belongs to one.
    """
    if link.master_kind in TAKES_EVERY_FRAME:
        raise conflict(
            f"parent {link.name} {TAKES_EVERY_FRAME[link.master_kind]}, which takes every frame it receives",
            f"use the {link.master_kind} as the parent, or take {link.name} out of it",
        )


def check_no_macvlan(link: Link, host: Host) -> None:
    """Refuse a link that has macvlan ports: macvlan and ipvlan each want every frame of their parent.

    Raises:
        IpvlError: it has one.
    """
    for port in host.ports_of(link):
        if port.kind in MACVLAN_KINDS:
            raise conflict(
                f"parent {link.name} carries {port.kind} port {port.label}",
                "a link cannot carry macvlan and ipvlan at once: remove that port or use another parent",
            )


def check_mtu(network: Network, link: Link) -> None:
    """Refuse a network whose MTU is above that of the link under it.

    Raises:
        IpvlError: it is.
    """
    if network.mtu is not None and network.mtu > link.mtu:
        raise invalid(
            f"MTU {network.mtu} is above the {link.mtu} of link {link.name}",
            f"use {link.mtu} or less, or raise the parent's with `ip link set {link.name} mtu {network.mtu}`",
        )


def warnings_about(link: Link, host: Host) -> tuple[str, ...]:
    """Return what is wrong with a parent without stopping anyone: down, no carrier, a tag that belies its name."""
    found = []
    if not link.up:
        way_out = "" if link.made_by_ipvl else f": bring it up with `ip link set {link.name} up`"
        found.append(f"parent {link.name} is down, so its containers reach nobody{way_out}")
    elif not link.carrier:
        found.append(
            f"parent {link.name} has no carrier, so its containers reach nobody until the cable or switch is back"
        )
    base = host.below(link)
    if base is not None and base.mtu < link.mtu:
        found.append(
            f"parent {link.name} has MTU {link.mtu}, above the {base.mtu} of {base.name} below it, which drops what is"
            f" larger: lower it with `ip link set {link.name} mtu {base.mtu}`"
        )
    belied = belied_name(link, host)
    return tuple(found) if belied is None else (*found, belied)


def belied_name(link: Link, host: Host) -> str | None:
    """Return what is wrong with the name of a sub-interface that reads `name.vid` and is another VLAN, or None."""
    name, vlan_id = split_vlan(link.name)
    base = host.below(link)
    if link.kind != "vlan" or vlan_id is None or base is None or (base.name, link.vlan_id) == (name, vlan_id):
        return None
    return f"parent {link.name} is VLAN {link.vlan_id} of {base.name}, not what its name says"


def split_vlan(name: str) -> tuple[str, int | None]:
    """Split `eth0.20` into ("eth0", 20); a name that does not read like that comes back whole, with None."""
    base, dot, digits = name.rpartition(".")
    if not (dot and base and re.fullmatch(r"[0-9]{1,9}", digits)):
        return name, None
    return base, int(digits)


def wanted_parent(name: str, link: Link | None, held: Parent | None) -> Parent:
    """Return the record of a parent that is not a dummy; whether ipvl made it is told by record and mark together.

    Args:
        name: what the user calls it.
        link: the link of that name, None when there is none.
        held: what ipvl remembers of it.

    Raises:
        IpvlError: it is missing and reads like a VLAN whose id is out of range.
    """
    base, vlan_id = split_vlan(name)
    if link is not None:
        made = held is not None and held.made and link.made_by_ipvl
        if not made:
            return Parent(name, ParentKind.LINK, made=False)
    if vlan_id is None:
        return Parent(name, ParentKind.LINK, made=False)
    if not 1 <= vlan_id <= HIGHEST_VLAN_ID:
        raise invalid(f"VLAN id {vlan_id} of parent {name} is not in 1 to {HIGHEST_VLAN_ID}")
    return Parent(name, ParentKind.VLAN, made=True, base=base, vlan_id=vlan_id)


def _parents_to_offer(host: Host) -> list[str]:
    return [
        link.name
        for link in host.links
        if link.ethernet and not link.loopback and link.master_kind is None and link.kind not in NEVER_OFFERED
    ]
