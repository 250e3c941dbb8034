"""What is looked for, as help and docs say it; importing this costs nothing."""

MEANINGS = {
    "kernel": "the kernel is older than ipvlan, or than a mode or flag in use",
    "module": "the kernel has no ipvlan, VLAN or dummy links",
    "parent": "a parent is missing, unused, no Ethernet link, or another VLAN than its name says",
    "carrier": "a parent is down or has no carrier",
    "wireless": "a parent is wireless",
    "macvlan": "a parent carries macvlan ports",
    "master": "a parent belongs to a bridge, bond or team",
    "mode": "ports that others made switched a parent to another mode or flag",
    "subnet": "a subnet is not the parent's in L2, or is in L3, where the host must have a way",
    "vlan": "the switch does not bring a VLAN here",
    "gateway": "a gateway or router does not answer, or is this host or a container",
    "dhcp": "no DHCP server answers, or it took an address back",
    "duplicate": "a machine on the LAN, or this host, has the address of a container",
    "conflicts": "addresses are asked for too late, or a machine answers for everybody",
    "mtu": "an MTU is above the parent's",
    "sysctls": "disable_ipv6, forwarding or rp_filter is set against L3",
    "reach": "this host is reached by a parent that is for containers alone",
    "leftovers": "links are left that nobody needs",
    "records": "what ipvl remembers differs from what the host has",
}
"""Each check's name, and what it finds in one line, in the order in which findings are shown."""
