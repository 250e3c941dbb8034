"""How many links want what is sent to all hosts, as the kernel counts it for each link."""

from __future__ import annotations

from pathlib import Path

LISTS = Path("/proc/self/net/dev_mcast")  # dev_mc_seq_show, net/core
BONDS = Path("/proc/self/net/bonding")  # bond_info_seq_show, drivers/net/bonding/bond_procfs.c
ALL_HOSTS = "01005e000001"
"""The MAC address of 224.0.0.1, a group that each IPv4 interface that is up belongs to (RFC 1112, section 6.4)."""
ACTIVE, MEMBER = "Currently Active Slave: ", "Slave Interface: "


def all_hosts_members() -> dict[int, int]:
    """Return how many want frames to 224.0.0.1 from each link of this namespace, by the link's index.

    One is the link itself while it is up, and so is each VLAN, macvlan or ipvlan port on it, in whatever namespace:
    their drivers hand their lists down (dev_mc_sync). The kernel counts that for the link that hands down as well
    (__hw_addr_sync_one); of a bond, which does so to its active member or to all, it is left out here.

    Raises:
        OSError: the lists cannot be read.
    """
    handed_down = {path.name: _handed_down(path.read_text()) for path in BONDS.iterdir()} if BONDS.is_dir() else {}
    lines = (line.split() for line in LISTS.read_text().splitlines())
    return {
        int(index): int(users) - handed_down.get(name, 0)
        for index, name, users, _, address in lines
        if address == ALL_HOSTS
    }


def _handed_down(bond: str) -> int:
    """Return to how many members a bond hands its lists: the active one in a mode that has such, or all."""
    lines = bond.splitlines()
    active = next((line.removeprefix(ACTIVE) for line in lines if line.startswith(ACTIVE)), None)
    return sum(line.startswith(MEMBER) for line in lines) if active is None else int(active != "None")
