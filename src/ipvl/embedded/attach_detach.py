"""Attach network namespaces to networks and detach them: any that somebody made, and those of sandboxes that run."""

from __future__ import annotations

import logging

from ipvl.driver.engine import Engine
from ipvl.driver.networks.router_notices import notices
from ipvl.embedded.call_messages import Attach, Connect, Detach, Disconnect, Member
from ipvl.embedded.hosts_file_names import write_hosts_files
from ipvl.embedded.join_leave import endpoint_id, join, leave
from ipvl.embedded.lookup import find_own_network, find_sandbox
from ipvl.embedded.member_leases import USE_DOCKER, request_leases, write_lease_resolvers
from ipvl.embedded.networks import member
from ipvl.errors import IpvlError, conflict, invalid, missing, quoted
from ipvl.model.endpoints import Sandbox
from ipvl.model.networks import Network
from ipvl.options.names import check_name as checked_name
from ipvl.options.names import check_path as checked_path

log = logging.getLogger(__name__)


HOST_NAMESPACE = "/proc/self/ns/net"


async def attach(engine: Engine, request: Attach) -> Member:
    """Give a network namespace that somebody else made an endpoint.

    Raises:
        IpvlError: network or namespace is missing, the namespace is on the network already, or no address can be had.
            Nothing was changed.
    """
    name = checked_name(request.name, "endpoint") if request.name else None
    hosts = checked_path(request.hosts, "hosts file") if request.hosts else None
    _namespace_inode(engine, request.namespace)
    attachment = request.attachment
    notes: list[str] = []
    async with request_leases(engine, (attachment,), name or "", request.namespace) as leases, engine.lock:
        network = find_own_network(engine.records, request.attachment.network, USE_DOCKER)
        inode = _namespace_inode(engine, request.namespace)
        lease = leases.get(network.id)
        endpoint = await join(
            engine, network, attachment, request.namespace, inode, name=name, hosts=hosts, lease=lease, notes=notes
        )
        write_hosts_files(engine)
    return member(network, endpoint, notices=(*notices(engine, endpoint), *notes))


async def detach(engine: Engine, request: Detach) -> Member:
    """Take a network namespace off a network.

    Raises:
        IpvlError: it is not on it, or the kernel kept the port.
    """
    async with engine.lock:
        network = find_own_network(engine.records, request.network, USE_DOCKER)
        inode = _namespace_inode(engine, request.namespace)
        endpoint = engine.records.endpoint(endpoint_id(network, inode))
        if endpoint is None:
            raise _not_on_network(request.namespace, network)
        await leave(engine, endpoint)
    return member(network, endpoint)


async def connect(engine: Engine, request: Connect) -> Member:
    """Put a running sandbox on one more network.

    Raises:
        IpvlError: network or sandbox is missing, the sandbox has ended or is on the network already, or no address can
            be had. Nothing was changed.
    """
    name = _running_sandbox(engine, request.sandbox).name
    notes: list[str] = []
    async with request_leases(engine, (request.attachment,), name) as leases, engine.lock:
        network = find_own_network(engine.records, request.attachment.network, USE_DOCKER)
        sandbox = _running_sandbox(engine, request.sandbox)
        endpoint = await join(
            engine,
            network,
            request.attachment,
            sandbox.namespace,
            sandbox.inode,
            name=sandbox.name,
            hosts=sandbox.hosts,
            lease=leases.get(network.id),
            notes=notes,
        )
        write_lease_resolvers(engine, sandbox)
        write_hosts_files(engine)
    return member(network, endpoint, notices=(*notices(engine, endpoint), *notes))


async def disconnect(engine: Engine, request: Disconnect) -> Member:
    """Take a running sandbox, or any namespace by the name it was attached under, off a network.

    Raises:
        IpvlError: network or sandbox is missing, the sandbox is not on it, or the kernel kept the port.
    """
    async with engine.lock:
        network = find_own_network(engine.records, request.network, "use `docker network disconnect`")
        endpoint = next(
            (
                one
                for one in engine.records.endpoints_of(network.id)
                if request.sandbox in {one.name, one.label, one.id}
            ),
            None,
        )
        if endpoint is None:
            sandbox = find_sandbox(engine.records, request.sandbox)
            endpoint = engine.records.endpoint(endpoint_id(network, sandbox.inode))
        if endpoint is None:
            raise _not_on_network(request.sandbox, network)
        await leave(engine, endpoint)
        if network.asks_server:
            for sandbox in engine.records.sandboxes():
                if sandbox.ended is None and sandbox.inode == endpoint.inode:
                    write_lease_resolvers(engine, sandbox, left=True)
    return member(network, endpoint)


def _not_on_network(who: str, network: Network) -> IpvlError:
    return missing(f"{quoted(who)} is not on network {network.label}", f"see `ipvl network inspect {network.label}`")


def _namespace_inode(engine: Engine, namespace: str) -> int:
    inode = engine.kernel.namespace_inode(checked_path(namespace, "network namespace"))
    if inode is None:
        raise missing(
            f"there is no network namespace at {quoted(namespace)}", "give a path such as /run/netns/NAME, or --pid PID"
        )
    if inode == engine.kernel.namespace_inode(HOST_NAMESPACE):
        raise invalid(
            f"{quoted(namespace)} is the host's own network namespace", "attach another, such as a container's"
        )
    return inode


def _running_sandbox(engine: Engine, word: str) -> Sandbox:
    sandbox = find_sandbox(engine.records, word)
    if sandbox.ended is not None or engine.kernel.namespace_inode(sandbox.namespace) != sandbox.inode:
        raise conflict(f"sandbox {sandbox.name} has ended", f"start it again: ipvl start {sandbox.name}")
    return sandbox
