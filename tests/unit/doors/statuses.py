"""Statuses to be shown, with plain defaults."""

from __future__ import annotations

from typing import Any

from ipvl.driver.status.host_status import EndpointStatus, NetworkStatus, ParentStatus, Status
from ipvl.driver.status.subnet import SubnetStatus
from tests.unit.builders import ENDPOINT_ID, ID, SANDBOX


def network_status(**fields: Any) -> NetworkStatus:
    defaults = {
        "id": ID,
        "name": "web",
        "door": "docker",
        "parent": "eth0.20",
        "mode": "l2",
        "flag": "bridge",
        "isolated": False,
        "mtu": None,
        "subnets": (SubnetStatus("192.168.20.0/24", "192.168.20.1"),),
        "endpoints": 1,
        "trouble": (),
    }
    return NetworkStatus(**{**defaults, **fields})


def parent_status(**fields: Any) -> ParentStatus:
    defaults = {
        "name": "eth0.20",
        "kind": "vlan",
        "made": True,
        "base": "eth0",
        "vlan_id": 20,
        "state": "up",
        "mtu": 1500,
        "networks": ("web",),
    }
    return ParentStatus(**{**defaults, **fields})


def endpoint_status(**fields: Any) -> EndpointStatus:
    defaults = {
        "id": ENDPOINT_ID,
        "name": "shop",
        "network": "web",
        "addresses": ("192.168.20.10/24",),
        "parent": "eth0.20",
        "sandbox": SANDBOX,
        "state": "attached",
    }
    return EndpointStatus(**{**defaults, **fields})


ONE_OF_EACH = Status((network_status(),), (parent_status(),), (endpoint_status(),), ())
EMPTY = Status((), (), (), ())
