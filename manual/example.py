"""The host that the README shows a picture of."""

from __future__ import annotations

from collections.abc import Iterator

from ipvl.driver.status.host_status import EndpointStatus, NetworkStatus, ParentStatus, Status
from ipvl.driver.status.subnet import SubnetStatus

SUBNETS: dict[str, tuple[tuple[str, str | None], ...]] = {
    "lan": (("192.168.1.0/24", "192.168.1.1"),),
    "web": (("192.168.20.0/24", "192.168.20.1"), ("2001:db8:20::/64", "2001:db8:20::1")),
    "db": (("192.168.30.0/24", "192.168.30.1"),),
    "routed": (("10.7.0.0/16", None),),
    "private": (("192.168.10.0/24", None),),
}
PARENTS = {"lan": "eth0", "web": "eth0.20", "db": "eth0.30", "routed": "eth1", "private": "di-f9b0c24d1a77"}
MEMBERS: dict[str, dict[str, tuple[str, ...]]] = {
    "lan": {"proxy": ("192.168.1.40/24",)},
    "web": {
        "shop": ("192.168.20.10/24", "2001:db8:20::10/64"),
        "admin": ("192.168.20.11/24", "2001:db8:20::11/64"),
        "cache": ("192.168.20.12/24", "2001:db8:20::12/64"),
    },
    "db": {"primary": ("192.168.30.10/24",), "replica": ("192.168.30.11/24",)},
    "routed": {"bgp": ("10.7.0.2/16",), "probe": ("10.7.0.3/16",)},
    "private": {"vault": ("192.168.10.2/24",)},
}


def example() -> Status:
    """Return the status of a host with networks of every kind."""
    return Status(tuple(map(_network, SUBNETS)), tuple(map(_parent, PARENTS)), tuple(_endpoints()), ())


def _network(name: str) -> NetworkStatus:
    return NetworkStatus(
        id=name,
        name=name,
        door="docker",
        parent=PARENTS[name],
        mode="l3" if name == "routed" else "l2",
        flag="bridge",
        isolated=name == "private",
        mtu=None,
        subnets=tuple(SubnetStatus(subnet, gateway) for subnet, gateway in SUBNETS[name]),
        endpoints=len(MEMBERS[name]),
        trouble=(),
    )


def _parent(network: str) -> ParentStatus:
    name = PARENTS[network]
    base, _, vlan = name.partition(".")
    kind = "vlan" if vlan else "dummy" if network == "private" else "link"
    return ParentStatus(
        name, kind, kind != "link", base if vlan else None, int(vlan) if vlan else None, "up", 1500, (network,)
    )


def _endpoints() -> Iterator[EndpointStatus]:
    for network, members in MEMBERS.items():
        for name, addresses in members.items():
            yield EndpointStatus(name, name, network, addresses, PARENTS[network], None, "attached")
