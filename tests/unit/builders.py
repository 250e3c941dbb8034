"""Values that tests start from. Every field has a plain default, so that a test names only what it is about."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

from ipvl.addresses.pool_requests import pool_id
from ipvl.model.endpoints import Endpoint
from ipvl.model.links import Link
from ipvl.model.networks import Flag, Mode, Network, Parent, ParentKind, Phase, Subnet, VlanProtocol
from ipvl.model.pools import Pool, PoolLease
from ipvl.options.endpoint import port_name
from ipvl.options.network import dummy_name
from ipvl.planning.host import Host
from tests.contract.fake_kernel import EVERY_KIND, PLAIN

NOW = 1_700_000_000.0
RELEASE = "6.1.0-56-amd64"
ID = "a" * 64
OTHER_ID = "b" * 64
ENDPOINT_ID = "e" * 64
OTHER_ENDPOINT_ID = "f" * 64
SANDBOX = "/var/run/docker/netns/0123456789ab"
OTHER_SANDBOX = "/var/run/docker/netns/ba9876543210"


def subnet(pool: str, gateway: str = "", within: str = "", reserved: tuple[str, ...] = ()) -> Subnet:
    return Subnet(
        ip_network(pool),
        ip_address(gateway) if gateway else None,
        ip_network(within) if within else None,
        tuple(map(ip_address, reserved)),
    )


def pool(subnet: str = "192.168.20.0/24", within: str = "", parent: str | None = None, **fields: Any) -> Pool:
    part = ip_network(within) if within else None
    identity = pool_id(ip_network(subnet), part, parent)
    return Pool(identity, ip_network(subnet), part, parent, **{"users": 1, "changed": NOW, **fields})


def lease(of: Pool, address: str, **fields: Any) -> PoolLease:
    return PoolLease(
        of.id, ip_address(address), **{"gateway": False, "owner": None, "users": 1, "changed": NOW, **fields}
    )


def network(identity: str = ID, *, subnets: tuple[str | Subnet, ...] = ("192.168.20.0/24",), **fields: Any) -> Network:
    """Return a network on eth0, or an isolated one when `isolated` is given."""
    isolated = fields.get("isolated", False)
    defaults = {
        "name": None,
        "door": "docker",
        "parent": dummy_name(identity) if isolated else "eth0",
        "mode": Mode.L2,
        "flag": Flag.BRIDGE,
        "isolated": False,
        "mtu": None,
        "interface_prefix": "eth",
        "created": NOW,
        "phase": Phase.READY,
    }
    pools = tuple(subnet(one) if isinstance(one, str) else one for one in subnets)
    return Network(id=identity, subnets=pools, **{**defaults, **fields})


def endpoint(
    identity: str = ENDPOINT_ID,
    *,
    network_id: str = ID,
    addresses: tuple[str, ...] = ("192.168.20.10/24",),
    **fields: Any,
) -> Endpoint:
    defaults = {"port": port_name(identity), "interface_prefix": "eth", "changed": NOW, "name": None, "sandbox": None}
    return Endpoint(
        id=identity, network_id=network_id, addresses=tuple(map(ip_interface, addresses)), **{**defaults, **fields}
    )


def parent(name: str = "eth0", **fields: Any) -> Parent:
    return Parent(name, **{"kind": ParentKind.LINK, "made": False, **fields})


def vlan_parent(name: str, base: str, vlan_id: int) -> Parent:
    return Parent(name, ParentKind.VLAN, made=True, base=base, vlan_id=vlan_id)


def link(name: str = "eth0", index: int = 2, **fields: Any) -> Link:
    defaults = {
        "kind": None,
        "lower": None,
        **PLAIN,
        "vlan_protocol": VlanProtocol.DOT1Q if fields.get("kind") == "vlan" else None,
    }
    return Link(index=index, name=name, **{**defaults, **fields})


LOOPBACK = link("lo", 1, loopback=True, ethernet=False, mtu=65536)


def host(
    *links: Link, release: str = RELEASE, kinds: frozenset[str] = EVERY_KIND, moved: tuple[Link, ...] = ()
) -> Host:
    """Return a host with these links and the loopback, and `moved` ports in other namespaces."""
    return Host((LOOPBACK, *links), release, kinds, moved)
