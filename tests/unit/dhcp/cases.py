"""Values that tests of DHCP start from."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface
from typing import Any

from ipvl.dhcp.dhcp_messages import Client, MessageType, Reply, Server
from ipvl.model.dhcp_leases import GrantedTerms

NOW = 1_700_000_000.0
XID = 0x12345678
CLIENT = Client("web", "web")
SERVER = Server(IPv4Address("192.168.20.1"), "02:00:00:00:00:02")
OTHER_SERVER = Server(IPv4Address("192.168.20.2"), "02:00:00:00:00:03")
ADDRESS = IPv4Address("192.168.20.100")
OTHER_ADDRESS = IPv4Address("192.168.20.101")


def reply(type_: MessageType, address: IPv4Address = ADDRESS, **fields: Any) -> Reply:
    return Reply(
        type_,
        **{
            "xid": XID,
            "address": address,
            "server": SERVER,
            "prefix_length": 24,
            "lease_seconds": 1000,
            "routers": (SERVER.address,),
            **fields,
        },
    )


def terms(address: str = "192.168.20.100/24", obtained: float = NOW, **fields: Any) -> GrantedTerms:
    """Return a lease of a thousand seconds."""
    return GrantedTerms(
        **{
            "address": IPv4Interface(address),
            "server": SERVER.address,
            "server_mac": SERVER.mac,
            "obtained": obtained,
            "renews": obtained + 500,
            "rebinds": obtained + 875,
            "expires": obtained + 1000,
            "gateway": SERVER.address,
            **fields,
        }
    )
