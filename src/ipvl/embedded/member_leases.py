"""Leases for members whose networks have their addresses from DHCP, before the engine's lock is taken."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from ipvl.driver.dhcp_leases.lease_requests import GrantedLease, LeaseRequest, request_lease
from ipvl.driver.endpoints.awaited_names import await_static_addresses
from ipvl.driver.engine import Engine
from ipvl.embedded.lookup import find_own_network
from ipvl.embedded.sandbox_messages import NetworkAttachment
from ipvl.errors import invalid, quoted
from ipvl.model.endpoints import Sandbox
from ipvl.model.networks import Network

USE_DOCKER = "use `docker network connect`, or make one with `ipvl network create`"

Leases = Mapping[str, GrantedLease]
"""What was granted, by the network's id."""


@asynccontextmanager
async def request_leases(
    engine: Engine, requests: Sequence[NetworkAttachment], name: str, namespace: str = ""
) -> AsyncIterator[Leases]:
    """Get a lease on each of these networks that has its addresses from DHCP; what is not used is given back.

    Args:
        engine: what to work on; its lock is not held.
        requests: the networks.
        name: what the member is called, by which the server knows it again.
        namespace: the path of its namespace, where it has no name.

    Raises:
        IpvlError: a network is missing, an address was asked for that its server chooses, or no server grants a lease.
    """
    async with AsyncExitStack() as stack:
        found: dict[str, GrantedLease] = {}
        parents: set[str] = set()
        for attachment in requests:
            network = find_own_network(engine.records, attachment.network, USE_DOCKER)
            parents.add(network.parent)
            if network.asks_server and network.id not in found:
                check_requested_addresses(network, attachment)
                lease_request = LeaseRequest(name=name, shape="" if name else namespace)
                found[network.id] = await stack.enter_async_context(request_lease(engine, network.id, lease_request))
        if any(network.is_dockers and network.parent in parents for network in engine.records.networks()):
            await await_static_addresses(engine)
        yield found


def check_requested_addresses(network: Network, attachment: NetworkAttachment) -> None:
    """Refuse an address that was asked for on a network whose DHCP server chooses, or that has none to give.

    Raises:
        IpvlError: one was.
    """
    for address in (attachment.ip, attachment.ip6):
        if address and network.asks_server:
            raise invalid(
                f"address {quoted(address)} cannot be chosen on network {network.label}: its DHCP server chooses",
                "drop it, and have the server give that address to this member's client identifier",
            )
        if address and not network.gives_addresses:
            raise invalid(
                f"address {quoted(address)} cannot be given on network {network.label}, which has no addresses",
                "drop it: a member of this network adds its addresses itself",
            )


def write_lease_resolvers(engine: Engine, sandbox: Sandbox, *, left: bool = False) -> None:
    """Have a sandbox ask the resolvers that its leases name, unless its user named others.

    Args:
        engine: what to work on; its lock is held.
        sandbox: whose leases.
        left: it has lost a lease, so that without another it asks those of the host again.
    """
    domains: dict[str, None] = {}
    servers: dict[str, None] = {}
    for endpoint in engine.records.endpoints_in(sandbox.inode):
        lease = engine.records.dhcp_lease_of(endpoint.id)
        if lease is None or lease.terms is None or not lease.terms.resolvers:
            continue
        if lease.terms.domain:
            domains[lease.terms.domain] = None
        servers.update((f"nameserver {resolver}\n", None) for resolver in lease.terms.resolvers)
    if servers or left:
        search = f"search {' '.join(domains)}\n" if domains else ""
        engine.effects.write_resolvers(sandbox.hosts, search + "".join(servers))
