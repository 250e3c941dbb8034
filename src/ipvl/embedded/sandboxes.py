"""Sandboxes that ipvl runs, as far as they concern networks and memory; their processes are the supervisor's."""

from __future__ import annotations

import logging
from dataclasses import replace

from ipvl.driver.engine import Engine
from ipvl.embedded.lookup import find_own_network, find_sandbox
from ipvl.embedded.members import DOCKERS, endpoints_in, join, leave, publish_names
from ipvl.embedded.messages import (
    AnySandbox,
    CheckSandbox,
    Member,
    NamedSandbox,
    Removed,
    SandboxEnded,
    Sandboxes,
    SandboxStarted,
    SandboxView,
    StartSandbox,
)
from ipvl.embedded.names import hosts_text
from ipvl.embedded.networks import member
from ipvl.errors import IpvlError, conflict, missing
from ipvl.model import Endpoint, Network, Sandbox
from ipvl.options.names import hostname as checked_hostname
from ipvl.options.names import name as checked_name
from ipvl.options.names import path as checked_path
from ipvl.options.network import network_id
from ipvl.records import Drop, Put

log = logging.getLogger(__name__)

KILLED = 137
"""The exit status of a sandbox whose supervisor was gone before it could tell."""


async def check(engine: Engine, request: CheckSandbox) -> Removed:
    """Refuse what `start` would refuse, before anything is unpacked or forked; return the names of the networks.

    Raises:
        IpvlError: the name is taken or a network does not exist.
    """
    _check_name(engine, request.name)
    networks = [find_own_network(engine.records, wish.network, DOCKERS) for wish in request.attachments]
    return Removed(tuple(network.label for network in networks))


async def start(engine: Engine, request: StartSandbox) -> SandboxStarted:
    """Put a sandbox whose first process waits on its networks, and remember it.

    Raises:
        IpvlError: the name is taken, a network is missing, or no address can be had. Nothing was changed.
    """
    _check_name(engine, request.name)
    sandbox = Sandbox(
        id=network_id(request.id, "sandbox"),
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
    inode = engine.kernel.namespace_inode(sandbox.namespace)
    if inode is None:
        raise missing(f"process {request.process} is gone")
    sandbox = replace(sandbox, inode=inode)
    joined: list[tuple[Network, Endpoint]] = []
    async with engine.lock:
        _check_name(engine, request.name)
        engine.commit((Put(sandbox),))
        try:
            for wish in request.attachments:
                network = find_own_network(engine.records, wish.network, DOCKERS)
                endpoint = await join(
                    engine, network, wish, sandbox.namespace, inode, name=sandbox.name, hosts=sandbox.hosts
                )
                joined.append((network, endpoint))
        except IpvlError:
            for network, endpoint in joined:
                await leave(engine, network, endpoint)
            engine.commit((Drop(sandbox),))
            raise
        publish_names(engine, *(network for network, _ in joined))
        if not joined:
            engine.publish(sandbox.hosts, hosts_text((), "", engine.records))
    log.info("sandbox %s has started, process %d", sandbox.name, sandbox.process)
    return SandboxStarted(tuple(member(network, endpoint) for network, endpoint in joined))


async def ended(engine: Engine, request: SandboxEnded) -> Removed:
    """Free what a sandbox held; it is remembered until it is removed, unless it was to be removed at its end.

    Raises:
        IpvlError: the store could not take it.
    """
    async with engine.lock:
        sandbox = engine.records.sandbox(request.id)
        if sandbox is None or sandbox.ended is not None:
            return Removed(())
        await _end(engine, sandbox, request.exit_status)
    return Removed((sandbox.name,))


async def listed(engine: Engine, request: AnySandbox) -> Sandboxes:
    """Return the sandboxes that run, or all that are remembered."""
    await settle(engine)
    return Sandboxes(
        tuple(_view(engine, sandbox) for sandbox in engine.records.sandboxes() if request.all or sandbox.ended is None)
    )


async def inspected(engine: Engine, request: NamedSandbox) -> SandboxView:
    """Return one sandbox.

    Raises:
        IpvlError: there is none of that name.
    """
    await settle(engine)
    return _view(engine, find_sandbox(engine.records, request.sandbox))


async def remove(engine: Engine, request: NamedSandbox) -> Removed:
    """Forget a sandbox that has ended; return its id, so that its files can be removed.

    Raises:
        IpvlError: there is none of that name, or it runs.
    """
    await settle(engine)
    async with engine.lock:
        sandbox = find_sandbox(engine.records, request.sandbox)
        if sandbox.ended is None:
            raise conflict(f"sandbox {sandbox.name} runs", f"stop it first: ipvl stop {sandbox.name}")
        engine.commit((Drop(sandbox),))
    return Removed((sandbox.id,))


async def settle(engine: Engine) -> None:
    """End the records of sandboxes whose processes are gone without a word: their supervisor was killed.

    Raises:
        IpvlError: the store could not take it.
    """
    async with engine.lock:
        for sandbox in engine.records.sandboxes():
            if sandbox.ended is None and engine.kernel.namespace_inode(sandbox.namespace) != sandbox.inode:
                log.warning("sandbox %s is gone", sandbox.name)
                await _end(engine, sandbox, KILLED)


async def _end(engine: Engine, sandbox: Sandbox, exit_status: int) -> None:
    networks = []
    for network, endpoint in endpoints_in(engine, sandbox.inode):
        await leave(engine, network, endpoint)
        networks.append(network)
    if sandbox.removed_at_end:
        engine.commit((Drop(sandbox),))
    else:
        engine.commit((Put(replace(sandbox, ended=engine.clock(), exit_status=exit_status)),))
    publish_names(engine, *networks)
    log.info("sandbox %s has ended with status %d", sandbox.name, exit_status)


def _check_name(engine: Engine, name: str) -> None:
    checked_name(name, "sandbox")
    if any(sandbox.name == name for sandbox in engine.records.sandboxes()):
        raise conflict(f"sandbox {name} exists already", f"choose another --name, or remove it: ipvl rm {name}")


def _view(engine: Engine, sandbox: Sandbox) -> SandboxView:
    members: tuple[Member, ...] = ()
    if sandbox.ended is None:
        members = tuple(member(network, endpoint) for network, endpoint in endpoints_in(engine, sandbox.inode))
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
        started=sandbox.started,
        ended=sandbox.ended,
        exit_status=sandbox.exit_status,
        members=members,
    )
