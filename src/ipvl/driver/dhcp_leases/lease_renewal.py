"""Keep the leases of DHCP servers: renew and rebind them, tell when one is lost, and regain it if that can be."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias

from ipvl.clock.steady_clock import LONGEST_NAP
from ipvl.dhcp.client_states import Denied, Granted, NoAnswer, start_extending, start_regaining
from ipvl.driver.dhcp_leases.dhcp_exchange import dhcp_client, run_exchange
from ipvl.driver.dhcp_leases.lease_release import send_decline
from ipvl.driver.engine import Engine
from ipvl.driver.events.event_types import EventType
from ipvl.driver.events.record_changes import lease_event
from ipvl.driver.interfaces import DhcpWire
from ipvl.errors import IpvlError
from ipvl.model.dhcp_leases import DhcpLease, GrantedTerms
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Network
from ipvl.model.troubles import Trouble
from ipvl.planning.host_address_conflicts import BY_IDENTIFIERS
from ipvl.records.changes import Put

log = logging.getLogger(__name__)

RETRY_SECONDS = 10.0
"""Seconds until the next attempt where the parent is missing or down, or the disk is full."""
EVENTS_OF_ENDPOINTS = frozenset({EventType.ENDPOINT_CREATED, EventType.ENDPOINT_DELETED, EventType.EVENTS_LOST})

SleepFunction: TypeAlias = Callable[[float], Awaitable[None]]

LeaseHolder: TypeAlias = tuple[tuple[str, str], str]
"""A lease, by its key, and the endpoint that has it."""


async def keep_leases(engine: Engine, wire: DhcpWire, sleep: SleepFunction = asyncio.sleep) -> None:
    """Keep every lease that an endpoint has, from now on; runs until it is cancelled.

    Args:
        engine: what to work on.
        wire: where the servers are.
        sleep: waits for so many seconds.
    """
    kept: dict[LeaseHolder, asyncio.Task[None]] = {}
    async with asyncio.TaskGroup() as tasks:
        with engine.events.reading() as events:
            while True:
                used = {(one.key, one.endpoint_id) for one in engine.records.dhcp_leases() if one.endpoint_id}
                for holder in kept.keys() - used:
                    kept.pop(holder).cancel()
                for holder in used - kept.keys():
                    kept[holder] = tasks.create_task(_keep_lease(engine, wire, holder, sleep))
                async for event in events:
                    if event.type in EVENTS_OF_ENDPOINTS:
                        break
                else:
                    return


async def _keep_lease(engine: Engine, wire: DhcpWire, holder: LeaseHolder, sleep: SleepFunction) -> None:
    while (found := _current_lease(engine, holder)) is not None:
        lease, terms = found
        now = engine.clock()
        try:
            if lease.lost:
                await _regain(engine, wire, holder, lease, terms, sleep=sleep)
            elif terms.expires is not None and terms.expires <= now:
                await _mark_lost(engine, holder, "it ran out, and no server extended it")
            elif terms.renews is None or now < terms.renews:
                await sleep(LONGEST_NAP if terms.renews is None else min(terms.renews - now, LONGEST_NAP))
            else:
                await _renew(engine, wire, holder, lease, terms)
        except IpvlError as error:
            log.warning("the lease of %s cannot be kept now: %s", terms.address.ip, error)
            await sleep(RETRY_SECONDS)


async def _renew(engine: Engine, wire: DhcpWire, holder: LeaseHolder, lease: DhcpLease, terms: GrantedTerms) -> None:
    if await _declined_host_address(engine, wire, holder, terms):
        return
    network, endpoint = _network_and_endpoint(engine, holder)
    exchange = start_extending(dhcp_client(lease, endpoint.name), secrets.randbits(32), engine.clock(), terms)
    ended = await run_exchange(
        engine, wire, network.parent, exchange, lambda: _current_lease(engine, holder) == (lease, terms)
    )
    match ended:
        case Granted(more):
            if not await _declined_host_address(engine, wire, holder, more):
                await _record_renewal(engine, holder, more, "has renewed the lease of")
        case Denied(why):
            await _mark_lost(engine, holder, why)
        case NoAnswer():
            await _mark_lost(engine, holder, "it ran out, and no server extended it")


async def _regain(
    engine: Engine, wire: DhcpWire, holder: LeaseHolder, lease: DhcpLease, terms: GrantedTerms, *, sleep: SleepFunction
) -> None:
    if terms.address.ip in await engine.kernel.own_addresses():
        await sleep(RETRY_SECONDS)
        return
    network, endpoint = _network_and_endpoint(engine, holder)
    client = dhcp_client(lease, endpoint.name)
    exchange = start_regaining(client, secrets.randbits(32), engine.clock(), terms.address.ip)
    ended = await run_exchange(
        engine, wire, network.parent, exchange, lambda: _current_lease(engine, holder) == (lease, terms)
    )
    if isinstance(ended, Granted) and not await _declined_host_address(engine, wire, holder, ended.terms):
        await _record_renewal(engine, holder, ended.terms, "has again a lease of")


async def _declined_host_address(engine: Engine, wire: DhcpWire, holder: LeaseHolder, terms: GrantedTerms) -> bool:
    """Tell whether the host has the address of a lease itself by now; then it is declined, and lost.

    It is not asked for again as long as the host has it.
    """
    link = (await engine.kernel.own_addresses()).get(terms.address.ip)
    found = _current_lease(engine, holder)
    if link is None or found is None:
        return False
    network, _ = _network_and_endpoint(engine, holder)
    send_decline(wire, network, found[0], terms, engine.clock())
    why = f"it is this host's own address as well, on {link}, so it was declined; the server must {BY_IDENTIFIERS}"
    if found[0].lost != why:
        await _mark_lost(engine, holder, why)
    return True


async def _record_renewal(engine: Engine, holder: LeaseHolder, terms: GrantedTerms, what: str) -> None:
    async with engine.lock:
        found = _current_lease(engine, holder)
        if found is None:
            return
        lease, before = found
        network, endpoint = _network_and_endpoint(engine, holder)
        engine.commit((Put(replace(lease, terms=terms, lost="", changed=engine.clock())),))
        text = f"{what} {terms.address.ip} from server {terms.server}"
        log.info("network %s: endpoint %s %s", network.label, endpoint.label, text)
        engine.publish((lease_event(EventType.LEASE_RENEWED, network, endpoint, text, engine.clock()),))
        if (terms.gateway, terms.routes) != (before.gateway, before.routes):
            text = (
                f"network {network.label}: the DHCP server now names gateway {terms.gateway or 'none'} for endpoint"
                f" {endpoint.label}, which has {before.gateway or 'none'} until it is started again"
            )
            engine.warn(Trouble(text, network))


async def _mark_lost(engine: Engine, holder: LeaseHolder, why: str) -> None:
    async with engine.lock:
        found = _current_lease(engine, holder)
        if found is None:
            return
        lease, terms = found
        network, endpoint = _network_and_endpoint(engine, holder)
        engine.commit((Put(replace(lease, lost=why, changed=engine.clock())),))
        text = f"has lost the lease of {terms.address.ip}: {why}"
        log.warning("network %s: endpoint %s %s", network.label, endpoint.label, text)
        engine.publish((lease_event(EventType.LEASE_LOST, network, endpoint, text, engine.clock()),))


def _current_lease(engine: Engine, holder: LeaseHolder) -> tuple[DhcpLease, GrantedTerms] | None:
    """Return a lease as it is now and its terms, None when its endpoint has it no more."""
    key, endpoint_id = holder
    lease = engine.records.dhcp_lease(key)
    if lease is None or lease.endpoint_id != endpoint_id or lease.terms is None:
        return None
    return lease, lease.terms


def _network_and_endpoint(engine: Engine, holder: LeaseHolder) -> tuple[Network, Endpoint]:
    (network_id, _), endpoint_id = holder
    return engine.network(network_id), engine.endpoint(network_id, endpoint_id)
