"""pyroute2's message for ipvlan links, completed: the library's own knows the mode but not the flags."""

from pyroute2.netlink import nla
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg


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
