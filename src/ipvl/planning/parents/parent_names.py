"""Which parent is meant by a name: a link's own, an alternative or a former one, or a VLAN of any of these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ipvl.errors import IpvlError, invalid
from ipvl.model.links import Link
from ipvl.model.networks import Parent, ParentKind, VlanProtocol
from ipvl.options.link_names import LINK_NAME_BYTES, LONGEST_NAME_BYTES
from ipvl.planning.host import Host
from ipvl.planning.parents.vlan_tags import HIGHEST_VLAN_ID, split_vlan
from ipvl.records.records import Records


def named_parent(
    text: str, records: Records, host: Host, protocol: VlanProtocol | None = None, *, described: bool = False
) -> str:
    """Return what ipvl calls the parent that is meant: the name of its link, or of the one to be made.

    Whatever a link is called, its parent is one. A VLAN is found by what it is, whatever its name, where its base is
    named otherwise than by its own name, or where base and tag are too long for a name of their own.

    Args:
        text: what the user calls it.
        records: what ipvl remembers, former names too.
        host: the host as it is now.
        protocol: that of the outer tag, None for the usual one.
        described: the base was found by a description, so a VLAN of it is meant by what it is.

    Raises:
        IpvlError: a VLAN is meant whose name would be too long; the sentence has the line that makes it.
    """
    if len(text.encode()) > LONGEST_NAME_BYTES:
        return text
    return _named(text, records, host, protocol, described=described, inner="")


def _named(
    text: str, records: Records, host: Host, protocol: VlanProtocol | None, *, described: bool, inner: str
) -> str:
    if host.link(text) is not None:
        return text
    link = host.link_also_called(text)
    if link is not None:
        return link.name
    known = records.parent(text) or next(
        (one for one in records.parents() if one.kind is ParentKind.LINK and text in one.also), None
    )
    if known is not None:
        return known.name
    base_text, vlan_id = split_vlan(text)
    if vlan_id is None or not 1 <= vlan_id <= HIGHEST_VLAN_ID:
        return text
    base_name = _named(base_text, records, host, protocol, described=described, inner=f".{vlan_id}{inner}")
    name, base = f"{base_name}.{vlan_id}", host.link(base_name)
    fits = len(name.encode()) <= LINK_NAME_BYTES
    if fits and base_name == base_text and not described:
        return text
    if base is not None:
        tag = (vlan_id, VlanProtocol.DOT1Q if base.kind == "vlan" or protocol is None else protocol)
        twin = next((one for one in host.ports_of(base) if (one.vlan_id, one.vlan_protocol) == tag), None)
        if twin is not None:
            return twin.name
        if not fits:
            raise _too_long(name, base, tag, host, inner)
    return name if fits or base_name != base_text else text


def _too_long(name: str, base: Link, tag: tuple[int, VlanProtocol], host: Host, inner: str) -> IpvlError:
    vlan_id, protocol = tag
    short = next(one for one in _short_names(vlan_id) if host.link(one) is None)
    written = "" if protocol is VlanProtocol.DOT1Q else f"proto {protocol} "
    return invalid(
        f"parent {name} cannot be made: a link's name has at most {LINK_NAME_BYTES} bytes",
        f"make it with `ip link add link {base.name} name {short} up type vlan {written}id {vlan_id}`"
        f" and use -o parent={short}{inner}",
    )


def _short_names(vlan_id: int) -> Iterator[str]:
    yield f"vlan{vlan_id}"
    for number in range(2, 10000):
        yield f"vlan{vlan_id}-{number}"


def renamed_parents(records: Records, host: Host) -> Iterator[tuple[Parent, str]]:
    """Yield the parents, each with its new name, whose link is called otherwise now, as its alternative names tell.

    A link that two parents could be is neither's.
    """
    for parent in records.parents():
        if parent.kind is not ParentKind.LINK or host.link(parent.name) is not None:
            continue
        link = _link_known_as(parent.also, host)
        if link is not None and records.parent(link.name) is None:
            yield parent, link.name


def learned_names(records: Records, host: Host) -> Iterator[Parent]:
    """Yield the parents whose links, or whose bases where ipvl makes them, have other names than the records say."""
    for parent in records.parents():
        if parent.kind is ParentKind.DUMMY:
            continue
        named = parent.name if parent.kind is ParentKind.LINK else parent.base or ""
        link = host.link(named) or (_link_known_as(parent.also, host) if parent.kind is ParentKind.VLAN else None)
        if link is None:
            continue
        also = host.names_beside(link, (*parent.also, named))
        base = link.name if parent.kind is ParentKind.VLAN else parent.base
        if (also, base) != (parent.also, parent.base):
            yield replace(parent, also=also, base=base)


def _link_known_as(names: tuple[str, ...], host: Host) -> Link | None:
    found = {link.index: link for name in names if (link := host.link_also_called(name)) is not None}
    return next(iter(found.values())) if len(found) == 1 else None
