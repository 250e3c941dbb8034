"""How many links want what is sent to all hosts, as the kernel counts it for each link."""

from __future__ import annotations

from pathlib import Path

LISTS = Path("/proc/self/net/dev_mcast")  # dev_mc_seq_show, net/core/dev_addr_lists.c or net/core/net-procfs.c
ALL_HOSTS = "01005e000001"
"""The MAC address of 224.0.0.1, a group that each IPv4 interface that is up belongs to (RFC 1112, section 6.4)."""


def all_hosts_members() -> dict[int, int]:
    """Return how many want frames to 224.0.0.1 from each link of this namespace, by the link's index.

    One is the link itself while it is up. So is each link on it that has a MAC filter of its own or shares it, in
    whatever namespace: drivers of VLANs, macvlan and ipvlan ports hand their lists down (dev_mc_sync).

    Raises:
        OSError: the lists cannot be read.
    """
    lines = (line.split() for line in LISTS.read_text().splitlines())
    return {int(index): int(users) for index, _, users, _, address in lines if address == ALL_HOSTS}
