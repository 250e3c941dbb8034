"""Docker's messages to an IPAM driver as it sends and reads them. Unknown fields are passed over, maps may be null.

Source: moby, daemon/libnetwork/ipams/remote/api/api.go.
"""

from __future__ import annotations

import msgspec

from ipvl.doors.docker.network_messages import Message

LOCAL, GLOBAL = "ipvl-local", "ipvl-global"
NULL = "null"
"""The address space of Docker's null IPAM driver."""
"""Names for what Docker thinks of as address spaces: they tell ipvl's pools from Docker's own."""


class RequestPool(Message):
    """IpamDriver.RequestPool: `pool` is `--subnet`, `sub_pool` `--ip-range`, `options` what followed `--ipam-opt`."""

    address_space: str = ""
    pool: str = ""
    sub_pool: str = ""
    options: dict[str, str] | None = None
    v6: bool = False


class ReleasePool(Message):
    """IpamDriver.ReleasePool."""

    pool_id: str = msgspec.field(name="PoolID")


class RequestAddress(Message):
    """IpamDriver.RequestAddress; `address` is plain, empty for any."""

    pool_id: str = msgspec.field(name="PoolID")
    address: str = ""
    options: dict[str, str] | None = None


class ReleaseAddress(Message):
    """IpamDriver.ReleaseAddress."""

    pool_id: str = msgspec.field(name="PoolID")
    address: str = ""


class Capabilities(Message):
    """IpamDriver.GetCapabilities."""

    requires_mac_address: bool = msgspec.field(name="RequiresMACAddress")
    requires_request_replay: bool


class AddressSpaces(Message):
    """IpamDriver.GetDefaultAddressSpaces."""

    local_default_address_space: str
    global_default_address_space: str


class PoolGranted(Message):
    """IpamDriver.RequestPool; `pool` in CIDR notation."""

    pool_id: str = msgspec.field(name="PoolID")
    pool: str
    data: dict[str, str]


class AddressGranted(Message):
    """IpamDriver.RequestAddress; `address` in CIDR notation."""

    address: str
    data: dict[str, str]
