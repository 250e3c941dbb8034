"""pyroute2's message for ipvlan links, completed: the library's own knows the mode but not the flags."""

from pyroute2.netlink import nla
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from ipvl.model import Flag, Mode

MODE_NUMBERS = {Mode.L2: 0, Mode.L3: 1, Mode.L3S: 2}  # enum ipvlan_mode, include/uapi/linux/if_link.h
FLAG_NUMBERS = {Flag.BRIDGE: 0, Flag.PRIVATE: 1, Flag.VEPA: 2}  # IPVLAN_F_PRIVATE, IPVLAN_F_VEPA, same file
MODES = {number: mode for mode, number in MODE_NUMBERS.items()}
FLAGS = {number: flag for flag, number in FLAG_NUMBERS.items()}


class ipvlan(nla):  # noqa: N801 - pyroute2 names message classes after the kernel's kinds
    """IFLA_INFO_DATA of an ipvlan link."""

    prefix = "IFLA_"
    nla_map = (
        ("IFLA_IPVLAN_UNSPEC", "none"),
        ("IFLA_IPVLAN_MODE", "uint16"),
        ("IFLA_IPVLAN_FLAGS", "uint16"),
    )


def register() -> None:
    """Make pyroute2 use the complete message, in this process."""
    ifinfmsg.ifinfo.register_link_kind(module={"ipvlan": ipvlan})
