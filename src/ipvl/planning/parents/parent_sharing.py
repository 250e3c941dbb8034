"""Who may share a parent: networks of one mode and flag."""

from __future__ import annotations

from ipvl.errors import conflict
from ipvl.model.networks import Network
from ipvl.records.records import Records


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
