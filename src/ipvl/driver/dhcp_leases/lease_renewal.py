"""Keep the leases of DHCP servers: renew, rebind, tell when one is lost, and get it back if that can be."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias

from ipvl.clock.steady_clock import LONGEST_NAP
from ipvl.dhcp.client_states import Denied, Granted, NoAnswer, start_extending, start_regaining
from ipvl.driver.dhcp_leases.lease_release import send_release
from ipvl.driver.dhcp_leases.lease_requests import client_of, converse
from ipvl.driver.engine import Engine
from ipvl.driver.events.event_types import EventType
from ipvl.driver.events.record_changes import about_lease
from ipvl.driver.interfaces import DhcpWire
from ipvl.errors import IpvlError
from ipvl.model.dhcp_leases import DhcpLease, GrantedTerms
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Network
from ipvl.model.troubles import Trouble
from ipvl.planning.host_address_conflicts import BY_IDENTIFIERS
from ipvl.records.records import Put

log = logging.getLogger(__name__)

AGAIN = 10.0
"""Seconds until the next attempt where the parent is missing or down, or the disk is full."""
TELLING = frozenset({EventType.ENDPOINT_CREATED, EventType.ENDPOINT_DELETED, EventType.EVENTS_LOST})

Sleep: TypeAlias = Callable[[float], Awaitable[None]]

Use: TypeAlias = tuple[tuple[str, str], str]
"""A lease, by its key, and the endpoint that has it."""


async def keep_leases(engine: Engine, wire: DhcpWire, sleep: Sleep = asyncio.sleep) -> None:
    """Keep every lease that an endpoint has, from now on; runs until it is cancelled.

    Args:
        engine: what to work on.
        wire: where the servers are.
        sleep: waits for so many seconds.
    """
    kept: dict[Use, asyncio.Task[None]] = {}
    async with asyncio.TaskGroup() as tasks:
        with engine.events.reading() as events:
            while True:
                used = {(one.key, one.endpoint_id) for one in engine.records.dhcp_leases() if one.endpoint_id}
                for use in kept.keys() - used:
                    kept.pop(use).cancel()
                for use in used - kept.keys():
                    kept[use] = tasks.create_task(_keep(engine, wire, use, sleep))
                async for event in events:
                    if event.type in TELLING:
                        break
                else:
                    return


async def _keep(engine: Engine, wire: DhcpWire, use: Use, sleep: Sleep) -> None:
    while (found := _current(engine, use)) is not None:
        lease, terms = found
        now = engine.clock()
        try:
            if lease.lost:
                await _regain(engine, wire, use, lease, terms, sleep=sleep)
            elif terms.expires is not None and terms.expires <= now:
                await _lose(engine, use, "it ran out, and no server extended it")
            elif terms.renews is None or now < terms.renews:
                await sleep(LONGEST_NAP if terms.renews is None else min(terms.renews - now, LONGEST_NAP))
            else:
                await _extend(engine, wire, use, lease, terms)
        except IpvlError as error:
            log.warning("the lease of %s cannot be kept now: %s", terms.address.ip, error)
            await sleep(AGAIN)


async def _extend(engine: Engine, wire: DhcpWire, use: Use, lease: DhcpLease, terms: GrantedTerms) -> None:
    if await _gave_back_own(engine, wire, use, terms):
        return
    network, endpoint = _whose(engine, use)
    exchange = start_extending(client_of(lease, endpoint.name), secrets.randbits(32), engine.clock(), terms)
    ended = await converse(engine, wire, network.parent, exchange, lambda: _current(engine, use) == (lease, terms))
    match ended:
        case Granted(more):
            if not await _gave_back_own(engine, wire, use, more):
                await _renewed(engine, use, more, "has renewed the lease of")
        case Denied(why):
            await _lose(engine, use, why)
        case NoAnswer():
            await _lose(engine, use, "it ran out, and no server extended it")


async def _regain(
    engine: Engine, wire: DhcpWire, use: Use, lease: DhcpLease, terms: GrantedTerms, *, sleep: Sleep
) -> None:
    if terms.address.ip in await engine.kernel.own_addresses():
        await sleep(AGAIN)
        return
    network, endpoint = _whose(engine, use)
    client = client_of(lease, endpoint.name)
    exchange = start_regaining(client, secrets.randbits(32), engine.clock(), terms.address.ip)
    ended = await converse(engine, wire, network.parent, exchange, lambda: _current(engine, use) == (lease, terms))
    if isinstance(ended, Granted) and not await _gave_back_own(engine, wire, use, ended.terms):
        await _renewed(engine, use, ended.terms, "has again a lease of")


async def _gave_back_own(engine: Engine, wire: DhcpWire, use: Use, terms: GrantedTerms) -> bool:
    """Tell whether the host has the address of a lease itself by now; then it is declined, and lost.

    It is not asked for again as long as the host has it.
    """
    link = (await engine.kernel.own_addresses()).get(terms.address.ip)
    found = _current(engine, use)
    if link is None or found is None:
        return False
    network, _ = _whose(engine, use)
    send_release(wire, network, replace(found[0], lost=""), terms, engine.clock(), declined=True)
    why = f"it is this host's own address as well, on {link}, so it was declined; the server must {BY_IDENTIFIERS}"
    if found[0].lost != why:
        await _lose(engine, use, why)
    return True


async def _renewed(engine: Engine, use: Use, terms: GrantedTerms, what: str) -> None:
    async with engine.lock:
        found = _current(engine, use)
        if found is None:
            return
        lease, before = found
        network, endpoint = _whose(engine, use)
        engine.commit((Put(replace(lease, terms=terms, lost="", changed=engine.clock())),))
        text = f"{what} {terms.address.ip} from server {terms.server}"
        log.info("network %s: endpoint %s %s", network.label, endpoint.label, text)
        engine.tell((about_lease(EventType.LEASE_RENEWED, network, endpoint, text, engine.clock()),))
        if (terms.gateway, terms.routes) != (before.gateway, before.routes):
            text = (
                f"network {network.label}: the DHCP server now names gateway {terms.gateway or 'none'} for endpoint"
                f" {endpoint.label}, which has {before.gateway or 'none'} until it is started again"
            )
            engine.warn(Trouble(text, network))


async def _lose(engine: Engine, use: Use, why: str) -> None:
    async with engine.lock:
        found = _current(engine, use)
        if found is None:
            return
        lease, terms = found
        network, endpoint = _whose(engine, use)
        engine.commit((Put(replace(lease, lost=why, changed=engine.clock())),))
        text = f"has lost the lease of {terms.address.ip}: {why}"
        log.warning("network %s: endpoint %s %s", network.label, endpoint.label, text)
        engine.tell((about_lease(EventType.LEASE_LOST, network, endpoint, text, engine.clock()),))


def _current(engine: Engine, use: Use) -> tuple[DhcpLease, GrantedTerms] | None:
    """Return a lease as it is now and its terms, None when its endpoint has it no more."""
    key, endpoint_id = use
    lease = engine.records.dhcp_lease(key)
    if lease is None or lease.endpoint_id != endpoint_id or lease.terms is None:
        return None
    return lease, lease.terms


def _whose(engine: Engine, use: Use) -> tuple[Network, Endpoint]:
    (network_id, _), endpoint_id = use
    return engine.network(network_id), engine.endpoint(network_id, endpoint_id)
