"""Whether others have ports on a link in namespaces that nobody looked into, told by what it receives for them."""

from __future__ import annotations

from ipvl.planning.host import Host
from ipvl.records.records import Records

HAND_GROUPS_DOWN = frozenset({"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec"})
"""Kinds of links that, while they are up, have the link below receive what they do (dev_mc_sync in their drivers)."""


def has_hidden_ports(name: str, records: Records, host: Host) -> bool:
    """Tell whether a link has more on it that is up than this namespace shows and the records know.

    Every link that is up wants what is sent to all hosts, and has the link below it receive that too, from whatever
    namespace. The kernel counts them, and a link that has one below twice. Links of a kind that is not known to do so
    are not counted here, so that more is suspected than there is, never less.

    Args:
        name: the link's name; one that is missing has nothing on it.
        records: what ipvl remembers: its own ports are in sandboxes.
        host: the host as it is now, with `all_hosts_members`.
    """
    link = host.link(name)
    if link is None:
        return False
    shown = sum(port.up for port in host.ports_of(link) if port.kind in HAND_GROUPS_DOWN)
    own = sum(
        endpoint.sandbox is not None
        for network in records.networks_on(name)
        for endpoint in records.endpoints_of(network.id)
    )
    itself = link.up * (2 if link.kind in HAND_GROUPS_DOWN else 1)
    return host.all_hosts_members.get(link.index, 0) > itself + shown + own
