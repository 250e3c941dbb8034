"""Docker's messages as it sends and reads them. Unknown fields are passed over, lists may be null.

Source: moby, daemon/libnetwork/drivers/remote/api/api.go and daemon/libnetwork/driverapi/ipamdata.go.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Message(msgspec.Struct, rename="pascal"):
    """A body whose keys are in Go's spelling."""


class IpamData(Message):
    """One pool; `gateway` in CIDR notation."""

    address_space: str = ""
    pool: str = ""
    gateway: str = ""
    aux_addresses: dict[str, str] | None = None


class CreateNetwork(Message):
    """NetworkDriver.CreateNetwork; `network_id` reads NetworkID."""

    network_id: str = msgspec.field(name="NetworkID")
    options: dict[str, Any] | None = None
    ipv4_data: list[IpamData] | None = msgspec.field(name="IPv4Data", default=None)
    ipv6_data: list[IpamData] | None = msgspec.field(name="IPv6Data", default=None)


class AllocateNetwork(CreateNetwork):
    """NetworkDriver.AllocateNetwork, which swarm managers send to drivers of global scope."""


class GwAllocCheck(Message):
    """NetworkDriver.GwAllocCheck; the options are those of CreateNetwork."""

    options: dict[str, Any] | None = None


class NetworkCall(Message):
    """DeleteNetwork and FreeNetwork."""

    network_id: str = msgspec.field(name="NetworkID")


class Interface(Message):
    """What Docker chose for the endpoint; addresses in CIDR notation, empty where it chose none."""

    address: str = ""
    address_ipv6: str = msgspec.field(name="AddressIPv6", default="")
    mac_address: str = ""


class CreateEndpoint(Message):
    """NetworkDriver.CreateEndpoint."""

    network_id: str = msgspec.field(name="NetworkID")
    endpoint_id: str = msgspec.field(name="EndpointID")
    interface: Interface | None = None
    options: dict[str, Any] | None = None


class EndpointCall(Message):
    """DeleteEndpoint, EndpointOperInfo, Leave and RevokeExternalConnectivity."""

    network_id: str = msgspec.field(name="NetworkID")
    endpoint_id: str = msgspec.field(name="EndpointID")


class Join(EndpointCall):
    """NetworkDriver.Join; `options` are the sandbox's, not the endpoint's."""

    sandbox_key: str
    options: dict[str, Any] | None = None


class ProgramExternalConnectivity(EndpointCall):
    """NetworkDriver.ProgramExternalConnectivity."""

    options: dict[str, Any] | None = None


class Discovery(Message):
    """NetworkDriver.DiscoverNew and DiscoverDelete."""

    discovery_type: int = 0
    discovery_data: Any = None


class Nothing(Message):
    """A request without a body, and an answer that says only that it went well."""


class Activated(Message):
    """Plugin.Activate."""

    implements: list[str]


class Capabilities(Message):
    """NetworkDriver.GetCapabilities."""

    scope: str
    connectivity_scope: str
    gw_alloc_checker: bool


class GwAllocChecked(Message):
    """Which gateway addresses Docker need not reserve."""

    skip_ipv4: bool = msgspec.field(name="SkipIPv4")
    skip_ipv6: bool = msgspec.field(name="SkipIPv6")


class NetworkAllocated(Message):
    """NetworkDriver.AllocateNetwork."""

    options: dict[str, str]


class EndpointCreated(Message):
    """NetworkDriver.CreateEndpoint; null where ipvl adds nothing to what Docker chose."""

    interface: Interface | None = None


class OperInfo(Message):
    """NetworkDriver.EndpointOperInfo."""

    value: dict[str, Any]


class InterfaceName(Message):
    """The link Docker takes, and what it calls it in the container: the prefix and the next free number."""

    src_name: str
    dst_prefix: str


class StaticRoute(Message):
    """`route_type` 1 is straight to the device, 0 by `next_hop`."""

    destination: str
    route_type: int
    next_hop: str = ""


class Joined(Message):
    """NetworkDriver.Join. Gateways are plain addresses."""

    interface_name: InterfaceName
    gateway: str
    gateway_ipv6: str = msgspec.field(name="GatewayIPv6")
    static_routes: list[StaticRoute]
    disable_gateway_service: bool


class Failure(Message):
    """A refusal. Network drivers' answers carry `Err`, IPAM drivers' `Error`: both are sent, so either is read."""

    err: str
    error: str
