"""Sandboxes that ipvl runs, as far as they concern networks and memory; their processes are the supervisor's."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

from ipvl.driver.engine import Engine
from ipvl.driver.events.record_changes import sandbox_ended, sandbox_started
from ipvl.driver.ipam.static_addresses import static_addresses_to
from ipvl.driver.networks.router_notices import notices
from ipvl.embedded.call_messages import AnySandbox, Member, Removed, Sandboxes, SandboxView
from ipvl.embedded.hosts_file_names import write_hosts_files
from ipvl.embedded.join_leave import join, leave
from ipvl.embedded.lookup import find_own_network, find_sandbox
from ipvl.embedded.member_leases import USE_DOCKER, check_requested_addresses, request_leases, write_lease_resolvers
from ipvl.embedded.networks import member
from ipvl.embedded.sandbox_messages import CheckSandbox, NamedSandbox, NetworkAttachment, SandboxEnded, StartSandbox
from ipvl.errors import ENTERING_NAMESPACES, IpvlError, conflict, invalid, missing
from ipvl.model.endpoints import Endpoint, Sandbox
from ipvl.model.networks import Network
from ipvl.model.pools import StaticAddress
from ipvl.options.endpoint import check_mac
from ipvl.options.names import check_hostname as checked_hostname
from ipvl.options.names import check_name as checked_name
from ipvl.options.names import check_path as checked_path
from ipvl.options.network import check_id
from ipvl.records.changes import Drop, Put

log = logging.getLogger(__name__)

MOST_PROCESSES = 1 << 22  # PID_MAX_LIMIT, include/linux/threads.h
KILLED = 137
"""The exit status of a sandbox whose supervisor was gone before it could tell."""


async def check(engine: Engine, request: CheckSandbox) -> None:
    """Refuse what `start` would refuse, before anything is unpacked or forked.

    Raises:
        IpvlError: the name is taken, or a network does not exist or is named twice.
    """
    _check_name(engine, request.name)
    networks = _networks_to_join(engine, request.attachments)
    for network, attachment in zip(networks, request.attachments, strict=True):
        check_mac(attachment.mac, network)
        check_requested_addresses(network, attachment)


async def start(engine: Engine, request: StartSandbox) -> tuple[str, ...]:
    """Put a sandbox whose first process waits on its networks, and remember it; one that has ended can start again.

    Returns:
        What the user is to know of its networks.

    Raises:
        IpvlError: the name is taken, the sandbox runs, a network is missing, or no address can be had. Nothing was
            changed; but where a later network refused it, the addresses it had on the others for a moment count as
            handed out last.
    """
    for process in (request.process, request.supervisor):
        if not 0 < process < MOST_PROCESSES:
            raise invalid(f"{process} is no process's number")
    sandbox = Sandbox(
        id=check_id(request.id, "sandbox"),
        name=request.name,
        hostname=checked_hostname(request.hostname),
        command=request.command,
        root_filesystem=request.root_filesystem,
        process=request.process,
        inode=0,
        supervisor=request.supervisor,
        started=engine.clock(),
        hosts=checked_path(request.hosts, "hosts file"),
        removed_at_end=request.removed_at_end,
    )
    joined: list[tuple[Network, Endpoint]] = []
    notes: list[str] = []
    async with request_leases(engine, request.attachments, request.name) as leases, engine.lock:
        before = engine.records.sandbox(request.id)
        if before is not None and before.ended is None:
            raise conflict(f"sandbox {before.name} runs already", f"stop it first: ipvl stop {before.name}")
        _check_name(engine, request.name, request.id)
        networks = _networks_to_join(engine, request.attachments)
        inode = engine.kernel.namespace_inode(sandbox.namespace)
        if inode is None:
            raise missing(f"process {request.process} is gone, or may not be looked at", ENTERING_NAMESPACES)
        sandbox = replace(sandbox, inode=inode)
        engine.commit((Put(sandbox),))
        try:
            for network, attachment in zip(networks, request.attachments, strict=True):
                endpoint = await join(
                    engine,
                    network,
                    attachment,
                    sandbox.namespace,
                    inode,
                    name=sandbox.name,
                    hosts=sandbox.hosts,
                    lease=leases.get(network.id),
                    notes=notes,
                )
                joined.append((network, endpoint))
            if not sandbox.removed_at_end:
                engine.commit(
                    static_addresses_to(engine, sandbox.id, _static_addresses(sandbox, networks, request.attachments))
                )
        except IpvlError:
            for _, endpoint in joined:
                await leave(engine, endpoint)
            engine.commit((Drop(sandbox) if before is None else Put(before),))
            raise
        write_lease_resolvers(engine, sandbox)
        write_hosts_files(engine)
        if not joined:
            engine.effects.write_hosts(sandbox.hosts, "")
        engine.publish((sandbox_started(sandbox, joined, engine.clock()),))
    log.info("sandbox %s has started, process %d", sandbox.name, sandbox.process)
    of_routers = (notice for _, endpoint in joined for notice in notices(engine, endpoint))
    return tuple(dict.fromkeys((*of_routers, *notes)))


async def ended(engine: Engine, request: SandboxEnded) -> None:
    """Free what a sandbox held; it is remembered until it is removed, unless it was to be removed at its end.

    Raises:
        IpvlError: the store could not take it.
    """
    if not 0 <= request.exit_status <= 255:
        raise invalid(f"{request.exit_status} is no exit status")
    async with engine.lock:
        sandbox = engine.records.sandbox(request.id)
        if sandbox is None:
            return
        if sandbox.ended is not None:
            # Another command found its process gone first; only now is it known how it ended.
            engine.commit((Put(replace(sandbox, exit_status=request.exit_status)),))
        else:
            await _end(engine, sandbox, request.exit_status)


async def listed(engine: Engine, request: AnySandbox) -> Sandboxes:
    """Return the sandboxes that run, or all that are remembered."""
    return Sandboxes(
        tuple(
            _sandbox_view(engine, sandbox)
            for sandbox in engine.records.sandboxes()
            if request.all or sandbox.ended is None
        )
    )


async def inspected(engine: Engine, request: NamedSandbox) -> SandboxView:
    """Return one sandbox.

    Raises:
        IpvlError: there is none of that name.
    """
    return _sandbox_view(engine, find_sandbox(engine.records, request.sandbox))


async def remove(engine: Engine, request: NamedSandbox) -> Removed:
    """Forget a sandbox that has ended; return its id, so that its files can be removed.

    Raises:
        IpvlError: there is none of that name, or it runs.
    """
    async with engine.lock:
        sandbox = find_sandbox(engine.records, request.sandbox)
        if sandbox.ended is None:
            raise conflict(f"sandbox {sandbox.name} runs", f"stop it first: ipvl stop {sandbox.name}")
        engine.commit((*static_addresses_to(engine, sandbox.id, ()), Drop(sandbox)))
    return Removed((sandbox.id,))


async def end_gone_sandboxes(engine: Engine) -> None:
    """End the records of all sandboxes whose processes are gone.

    For the start: a supervisor that lives tells of its sandbox's end itself, with the status, and may do so later.

    Raises:
        IpvlError: the store could not take it.
    """
    async with engine.lock:
        for sandbox in engine.records.sandboxes():
            await _end_if_gone(engine, sandbox)


async def supervisor_gone(engine: Engine, identity: str) -> None:
    """End the record of a sandbox whose supervisor ended, unless that one has told of its end; its process is gone.

    Raises:
        IpvlError: the store could not take it.
    """
    async with engine.lock:
        sandbox = engine.records.sandbox(identity)
        if sandbox is not None:
            await _end_if_gone(engine, sandbox)


async def _end_if_gone(engine: Engine, sandbox: Sandbox) -> None:
    if sandbox.ended is None and engine.kernel.namespace_inode(sandbox.namespace) != sandbox.inode:
        log.warning("sandbox %s is gone, and its supervisor did not say why", sandbox.name)
        await _end(engine, sandbox, KILLED)
        engine.effects.remove_files(sandbox)


async def _end(engine: Engine, sandbox: Sandbox, exit_status: int) -> None:
    members = _members_of(engine, sandbox)
    for _, endpoint in members:
        await leave(engine, endpoint)
    if sandbox.removed_at_end:
        engine.commit((Drop(sandbox),))
    else:
        engine.commit((Put(replace(sandbox, ended=engine.clock(), exit_status=exit_status)),))
    engine.publish((sandbox_ended(sandbox, members, exit_status, engine.clock()),))
    log.info("sandbox %s has ended with status %d", sandbox.name, exit_status)


def _members_of(engine: Engine, sandbox: Sandbox) -> list[tuple[Network, Endpoint]]:
    found = engine.records.endpoints_in(sandbox.inode)
    return [(engine.network(endpoint.network_id), endpoint) for endpoint in found]


def _check_name(engine: Engine, name: str, own: str = "") -> None:
    checked_name(name, "sandbox")
    if any(sandbox.name == name and sandbox.id != own for sandbox in engine.records.sandboxes()):
        raise conflict(f"sandbox {name} exists already", f"choose another --name, or remove it: ipvl rm {name}")


def _networks_to_join(engine: Engine, requests: Sequence[NetworkAttachment]) -> list[Network]:
    """Return the networks that a sandbox is to be on.

    Raises:
        IpvlError: one does not exist, is Docker's, or is named twice.
    """
    networks = [find_own_network(engine.records, attachment.network, USE_DOCKER) for attachment in requests]
    for number, network in enumerate(networks):
        if network in networks[:number]:
            raise invalid(f"network {network.label} is given twice", "give each --net once")
    return networks


def _static_addresses(
    sandbox: Sandbox, networks: Sequence[Network], requests: Sequence[NetworkAttachment]
) -> tuple[StaticAddress, ...]:
    """Return what a sandbox asks for by name, and will again when it is started once more."""
    return tuple(
        StaticAddress(network.id, sandbox.id, sandbox.name, ip_address(text))
        for network, attachment in zip(networks, requests, strict=True)
        for text in (attachment.ip, attachment.ip6)
        if text and not network.asks_server
    )


def _sandbox_view(engine: Engine, sandbox: Sandbox) -> SandboxView:
    members: tuple[Member, ...] = ()
    if sandbox.ended is None:
        members = tuple(member(network, endpoint) for network, endpoint in _members_of(engine, sandbox))
    return SandboxView(
        id=sandbox.id,
        name=sandbox.name,
        hostname=sandbox.hostname,
        command=sandbox.command,
        root_filesystem=sandbox.root_filesystem,
        process=sandbox.process,
        supervisor=sandbox.supervisor,
        inode=sandbox.inode,
        running=sandbox.ended is None,
        started=engine.date(sandbox.started),
        ended=None if sandbox.ended is None else engine.date(sandbox.ended),
        exit_status=sandbox.exit_status,
        members=members,
    )
