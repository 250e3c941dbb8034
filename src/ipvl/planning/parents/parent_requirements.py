"""Which existing links can carry a network's ports, and what is wrong with those that do."""

from __future__ import annotations

from ipvl.errors import conflict, invalid
from ipvl.model.links import Link
from ipvl.model.networks import Network
from ipvl.planning.host import Host
from ipvl.planning.parents.vlan_tags import split_vlan

TAKES_EVERY_FRAME = {
    "bridge": "is a port of a bridge",
    "openvswitch": "is a port of an Open vSwitch bridge",
    "bond": "belongs to a bond",
    "team": "belongs to a team",
}
"""Masters that own the one receive handler a link has, so no ipvlan port can be made on it: EBUSY in the kernel."""

MACVLAN_KINDS = frozenset({"macvlan", "macvtap"})

IPVLAN_KINDS = frozenset({"ipvlan", "ipvtap"})
"""Ports for which the kernel takes the link below them instead (ipvlan_link_new, drivers/net/ipvlan/ipvlan_main.c)."""

HAS_NO_FRAMES_TO_GIVE = {
    "macvtap": "is a macvtap port, which hands what it receives to a program",
    "vrf": "is a VRF, which receives nothing itself",
}
"""Kinds whose receive handler is their own or forbidden: EBUSY or EINVAL in the kernel (netdev_rx_handler_register)."""


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
    check_mtu(network, link, host)


def check_ethernet(link: Link) -> None:
    """Refuse a link that cannot have ipvlan ports by its nature, whatever is on it.

    Raises:
        IpvlError: it is the loopback, not Ethernet, itself an ipvlan port, or a link that gives its frames to nobody.
            A macvlan port is as good as a NIC: it has a MAC address of its own.
    """
    if link.loopback or not link.ethernet:
        raise invalid(
            f"parent {link.name} is not an Ethernet link", "ipvlan needs one, such as a NIC, a VLAN, a bond or a bridge"
        )
    if link.kind in IPVLAN_KINDS:
        raise invalid(f"parent {link.name} is itself an {link.kind} port", "use the link below it as the parent")
    if link.kind in HAS_NO_FRAMES_TO_GIVE:
        raise invalid(
            f"parent {link.name} {HAS_NO_FRAMES_TO_GIVE[link.kind]}, so no ipvlan port can be on it",
            "use the link below it, or one that belongs to it, as the parent",
        )


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


def check_mtu(network: Network, link: Link, host: Host) -> None:
    """Refuse a network whose MTU is above that of the link under it.

    Raises:
        IpvlError: it is.
    """
    if network.mtu is not None and network.mtu > link.mtu:
        raise invalid(
            f"MTU {network.mtu} is above the {link.mtu} of link {link.name}",
            f"use {link.mtu} or less, or raise the parent's with `{raise_mtu(link, network.mtu, host)}`",
        )


def raise_mtu(link: Link, mtu: int, host: Host) -> str:
    """Return the line that raises a link's MTU: those below it first, and what ipvl made follows by itself."""
    lines: list[str] = []
    found: Link | None = link
    while found is not None and found.mtu < mtu:
        if not found.made_by_ipvl or host.below(found) is None:
            lines.insert(0, f"ip link set {found.name} mtu {mtu}")
        found = host.below(found)
    return " && ".join(lines) or f"ip link set {link.name} mtu {mtu}"


def warnings_about(link: Link, host: Host) -> tuple[str, ...]:
    """Return what is wrong with a parent without stopping anyone: down, no carrier, a tag that belies its name."""
    found = []
    if not link.up:
        found.append(down(link, host))
    elif not link.carrier:
        found.append(_without_carrier(link, host))
    base = host.below(link)
    if base is not None and base.mtu < link.mtu:
        found.append(
            f"parent {link.name} has MTU {link.mtu}, above the {base.mtu} of {base.name} below it, which drops what is"
            f" larger: lower it with `ip link set {link.name} mtu {base.mtu}`"
        )
    belied = contradicted_name(link, host)
    return tuple(found) if belied is None else (*found, belied)


def warning_about_base(parent: str, base: Link, host: Host) -> tuple[str, ...]:
    """Return what is wrong with the link that a missing sub-interface is made on: down, as it will be then itself."""
    lowest = lowest_down(base, host)
    if lowest is None:
        return ()
    said = f"parent {parent} stays down as long as {lowest.name} below it is, so its containers reach nobody"
    return (f"{said}: bring that up with `ip link set {lowest.name} up`",)


def down(link: Link, host: Host) -> str:
    """Return what to say of a parent that is down."""
    what, way_out = why_down(link, host)
    return f"{what}, so its containers reach nobody" + (f": {way_out}" if way_out else "")


def why_down(link: Link, host: Host) -> tuple[str, str]:
    """Return that a parent is down, and the way out, which is the lowest link that is down with it.

    What ipvl made it brings up itself, so there the way out is empty.
    """
    base = host.below(link)
    lowest = None if base is None else lowest_down(base, host)
    if lowest is not None:
        return (
            f"parent {link.name} is down, since {lowest.name} below it is",
            f"bring that up with `ip link set {lowest.name} up`",
        )
    return f"parent {link.name} is down", "" if link.made_by_ipvl else f"bring it up with `ip link set {link.name} up`"


def why_deaf(link: Link, host: Host) -> tuple[str, str] | None:
    """Return why nobody on a parent's segment hears what is asked there, and the way out; None where they may."""
    if not link.up:
        what, way_out = why_down(link, host)
        return what, way_out or "start the container once more"
    if not link.carrier:
        dead = dead_below(link, host)
        if dead is not None:
            return (
                f"parent {link.name} has no carrier, since {dead.name} below it is down",
                f"bring that up with `ip link set {dead.name} up`",
            )
        base = host.below(link) or link
        return f"parent {link.name} has no carrier", f"look at the cable and the switch port of {base.name}"
    return None


def dead_below(link: Link, host: Host) -> Link | None:
    """Return the lowest link that is down below one that is up: a macvlan port stays up, and so does what is on it."""
    found, below = None, host.below(link)
    while below is not None:
        found, below = found if below.up else below, host.below(below)
    return found


def _without_carrier(link: Link, host: Host) -> str:
    dead = dead_below(link, host)
    if dead is None:
        return f"parent {link.name} has no carrier, so its containers reach nobody until the cable or switch is back"
    return (
        f"parent {link.name} has no carrier, since {dead.name} below it is down, so its containers reach nobody:"
        f" bring that up with `ip link set {dead.name} up`"
    )


def lowest_down(link: Link, host: Host) -> Link | None:
    """Return the lowest of a link and those below it that are down, as far as one after the other is."""
    found = None
    below: Link | None = link
    while below is not None and not below.up:
        found, below = below, host.below(below)
    return found


def contradicted_name(link: Link, host: Host) -> str | None:
    """Return what is wrong with the name of a sub-interface that reads `name.vid` and is another VLAN, or None."""
    name, vlan_id = split_vlan(link.name)
    base = host.below(link)
    if link.kind != "vlan" or vlan_id is None or base is None or (base.name, link.vlan_id) == (name, vlan_id):
        return None
    if link.made_by_ipvl and link.vlan_id == vlan_id:
        return None  # its base was called that when it was made
    return f"parent {link.name} is VLAN {link.vlan_id} of {base.name}, not what its name says"
