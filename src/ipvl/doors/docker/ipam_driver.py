"""Docker's remote IPAM driver (moby, daemon/libnetwork/ipams/remote): its calls as calls of the driver."""

from __future__ import annotations

from ipvl.doors.docker import ipam_messages, network_messages
from ipvl.doors.docker.network_driver import Call
from ipvl.driver.engine import Engine
from ipvl.driver.ipam import docker_pools, pool_leases
from ipvl.errors import invalid, quoted
from ipvl.options.pool_options import parse_pool_address, parse_pool_request

REQUEST_TYPE = "RequestAddressType"  # moby, daemon/libnetwork/ipamapi/labels.go
GATEWAY = "com.docker.network.gateway"
ENDPOINT_NAME = "com.docker.network.endpoint.name"


def get_capabilities(engine: Engine, request: network_messages.Nothing) -> ipam_messages.Capabilities:
    """Nothing has to be said again after a restart, since it is on the disk; MAC addresses are the parent's anyway."""
    return ipam_messages.Capabilities(requires_mac_address=False, requires_request_replay=False)


def get_default_address_spaces(engine: Engine, request: network_messages.Nothing) -> ipam_messages.AddressSpaces:
    """Names for what Docker thinks of as spaces; who shares addresses with whom is decided by parents instead."""
    return ipam_messages.AddressSpaces(
        local_default_address_space=ipam_messages.LOCAL, global_default_address_space=ipam_messages.GLOBAL
    )


async def request_pool(engine: Engine, request: ipam_messages.RequestPool) -> ipam_messages.PoolGranted:
    """Grant a subnet to a network. Docker asks again, holding what it got, while that overlaps what it knows of."""
    requested = parse_pool_request(
        request.pool, request.sub_pool, request.options or {}, version=6 if request.v6 else 4
    )
    pool = await docker_pools.request_pool(engine, requested)
    return ipam_messages.PoolGranted(pool_id=pool.id, pool=str(pool.subnet), data={})


async def release_pool(engine: Engine, request: ipam_messages.ReleasePool) -> network_messages.Nothing:
    """A network is gone, or was never made."""
    await docker_pools.release_pool(engine, request.pool_id)
    return network_messages.Nothing()


async def request_address(engine: Engine, request: ipam_messages.RequestAddress) -> ipam_messages.AddressGranted:
    """Grant an address: to a container, as a gateway, or because somebody else has it (`--aux-address`)."""
    options = request.options or {}
    wanted = parse_pool_address(request.address)
    if options.get(REQUEST_TYPE) == GATEWAY:
        granted = await pool_leases.request_gateway(engine, request.pool_id, wanted)
    else:
        name = options.get(ENDPOINT_NAME)
        granted = await pool_leases.request_address(engine, request.pool_id, wanted, quoted(name) if name else None)
    return ipam_messages.AddressGranted(address=str(granted), data={})


async def release_address(engine: Engine, request: ipam_messages.ReleaseAddress) -> network_messages.Nothing:
    """A container or a network is gone."""
    address = parse_pool_address(request.address)
    if address is None:
        raise invalid(f"no address of pool {request.pool_id[:100]!r} is named", "name the one to release")
    await pool_leases.release_address(engine, request.pool_id, address)
    return network_messages.Nothing()


CALLS: dict[str, Call] = {
    "IpamDriver.GetCapabilities": Call(network_messages.Nothing, get_capabilities),
    "IpamDriver.GetDefaultAddressSpaces": Call(network_messages.Nothing, get_default_address_spaces),
    "IpamDriver.RequestPool": Call(ipam_messages.RequestPool, request_pool),
    "IpamDriver.ReleasePool": Call(ipam_messages.ReleasePool, release_pool),
    "IpamDriver.RequestAddress": Call(ipam_messages.RequestAddress, request_address),
    "IpamDriver.ReleaseAddress": Call(ipam_messages.ReleaseAddress, release_address),
}
