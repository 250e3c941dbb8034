"""Probe a parent's segment for addresses in use (RFC 5227, RFC 4862) before a container gets one, and quarantine those.

The address is in the records before anybody is asked, so that no two ask for the same; the engine's lock, which is held
when these are called, is free while they wait.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from ipvl.driver.engine import Engine
from ipvl.errors import IpvlError, conflict
from ipvl.model.addresses import IPAddress
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Phase
from ipvl.model.pools import QUARANTINE_SECONDS, Quarantine
from ipvl.records.changes import Change, Drop, Put
from ipvl.records.records import Records

log = logging.getLogger(__name__)

MOST_PROBES = 8
"""Addresses that may turn out to be in use, one after the other: a router that answers for everybody has them all."""
ANOTHER_OR_TAKE_IT = "choose another address, or take it from whoever has it"
ANOTHER_THAN_DOCKERS = (
    "choose another --ip, or keep it out with --aux-address or --ip-range; with --ipam-driver ipvl another one is taken"
)


async def probe_endpoint(engine: Engine, endpoint: Endpoint) -> Mapping[IPAddress, str]:
    """Return which addresses of an endpoint that is being made are in use on its parent's segment, and by whom.

    If any is, the endpoint is forgotten and they are kept out. If none is, a quarantine that one was in is over.

    Raises:
        IpvlError: nobody could be asked, and the endpoint is forgotten; or somebody took it away meanwhile.
    """
    network = engine.network(endpoint.network_id)
    addresses = [interface.ip for interface in endpoint.addresses]
    engine.probes.probing.add(endpoint.id)
    try:
        async with engine.unlocked():
            found = await engine.kernel.probe_addresses(network.parent, addresses)
    except IpvlError:
        held = engine.records.endpoint(endpoint.id)
        if held is not None and held.phase is Phase.MAKING:
            engine.commit((Drop(held),))
        raise
    finally:
        engine.probes.probing.discard(endpoint.id)
    held = engine.records.endpoint(endpoint.id)
    if held is None:
        raise conflict(
            f"{endpoint.label} was taken off network {network.label} while its addresses were being asked for",
            "put it on again",
        )
    if held.phase is Phase.READY:  # a repeated call has asked and decided
        return {}
    if found:
        engine.commit((Drop(endpoint), *quarantine_addresses(engine, network.parent, found)))
    else:
        engine.commit(end_quarantine(engine.records, network.parent, addresses))
    return found


async def probe_address(engine: Engine, parent: str, address: IPAddress) -> Mapping[IPAddress, str]:
    """Return who has an address on a parent's segment, if anybody; the records may have changed meanwhile.

    Raises:
        IpvlError: nobody could be asked.
    """
    async with engine.unlocked():
        return await engine.kernel.probe_addresses(parent, (address,))


def quarantine_addresses(engine: Engine, parent: str, found: Mapping[IPAddress, str]) -> tuple[Change, ...]:
    """Return what keeps addresses from being chosen on a parent for a while."""
    for address, holder in found.items():
        log.warning("address %s is in use on %s by %s, so it is left out", address, parent, holder)
    until = engine.clock() + QUARANTINE_SECONDS
    return tuple(Put(Quarantine(parent, address, holder, until)) for address, holder in found.items())


def end_quarantine(records: Records, parent: str, addresses: Iterable[IPAddress]) -> tuple[Change, ...]:
    """Return what ends the quarantine of addresses that nobody answered for."""
    kept = (records.quarantine(parent, address) for address in addresses)
    return tuple(Drop(one) for one in kept if one is not None)


def expired_quarantines(records: Records, now: float) -> tuple[Change, ...]:
    """Return what ends every quarantine whose time is over, so that its address is chosen again when its turn comes."""
    return tuple(Drop(one) for one in records.quarantines() if one.until <= now)


def refusal_in_use(parent: str, found: Mapping[IPAddress, str], way_out: str) -> IpvlError:
    """Return the refusal of the first of addresses that are in use, where no other may be taken."""
    address, holder = min(found.items(), key=lambda one: one[0].version)
    return conflict(f"address {address} is in use on {parent} by {holder}", way_out)


def refusal_all_in_use(parent: str, found: Mapping[IPAddress, str]) -> IpvlError:
    """Return the refusal to try further addresses; `found` is what was in use last."""
    address, holder = min(found.items(), key=lambda one: one[0].version)
    return conflict(
        f"{MOST_PROBES} addresses in turn are in use on {parent}, the last, {address}, by {holder}",
        "keep the addresses of others out with --ip-range or --aux-address; if it is a router that answers for"
        " everybody (proxy ARP), do without conflict_check",
    )
