"""Request leases of DHCP servers: which client identifier an endpoint has, and the exchange that gets it a lease."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from ipvl.dhcp.client_states import Denied, Granted, NoAnswer, start_acquiring
from ipvl.driver.dhcp_leases.dhcp_exchange import dhcp_client, run_exchange
from ipvl.driver.dhcp_leases.lease_release import send_decline, send_release
from ipvl.driver.endpoints.create_join_leave import record_endpoint, refusal_of_endpoint_id
from ipvl.driver.engine import Engine
from ipvl.driver.interfaces import DhcpWire
from ipvl.errors import IpvlError, Kind, conflict, unavailable
from ipvl.model.dhcp_leases import DhcpLease, GrantedTerms
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Network
from ipvl.planning.host_address_conflicts import granted_host_address
from ipvl.planning.parents.parent_requirements import why_deaf
from ipvl.planning.reconciliation import is_in_sandbox, is_stale
from ipvl.records.changes import Change, Drop, Put

log = logging.getLogger(__name__)

GRANT_SECONDS = 10.0
"""Seconds that a server gets to grant a lease: Docker waits, and so does the user."""
MOST_UNUSED_IDENTIFIERS = 256
"""Client identifiers of a network that are kept without an endpoint, for the next one like it."""


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """Which client identifier an endpoint is to have.

    `client_id` is the one that was asked for. Else `name` makes one, or where the door does not know it (Docker's), the
    one is taken that an endpoint of the same `shape` had last.
    """

    client_id: str = ""
    name: str = ""
    shape: str = ""


@dataclass(frozen=True, slots=True)
class GrantedLease:
    """What a server granted to a client identifier, to be recorded with the endpoint that gets it."""

    lease: DhcpLease
    terms: GrantedTerms

    def held_by(self, endpoint: Endpoint) -> Put:
        """Return what records that an endpoint has it."""
        return Put(replace(self.lease, endpoint_id=endpoint.id))


class GrantedAddressInUseError(IpvlError):
    """A server granted an address, which `terms` has, that the host or somebody here has already."""

    def __init__(self, terms: GrantedTerms, what: str, way_out: str) -> None:
        super().__init__(Kind.CONFLICT, what, way_out)
        self.terms = terms


async def create_leased_endpoint(engine: Engine, requested: Endpoint, request: LeaseRequest) -> Endpoint:
    """Make an endpoint with the address that a server grants, and return it.

    The same endpoint again is done already, with the address that it has; while it is being made, the second call waits
    for the first.

    Raises:
        IpvlError: as `request_lease`; also, the id is an endpoint's of another network, or somebody here has the
            address that the server gives. No lease is kept.
    """
    async with engine.dhcp.endpoint_lock(requested.id):
        held = engine.records.endpoint(requested.id)
        if held is not None and held.network_id == requested.network_id:
            return held
        if held is not None:
            raise refusal_of_endpoint_id(held)
        async with request_lease(engine, requested.network_id, request) as leased, engine.lock:
            endpoint = replace(requested, addresses=(leased.terms.address,), changed=engine.clock())
            await record_leased_endpoint(engine, endpoint, leased)
    return endpoint


async def record_leased_endpoint(engine: Engine, endpoint: Endpoint, leased: GrantedLease, *further: Change) -> None:
    """Do what `record_endpoint` does for an endpoint and its lease.

    Raises:
        AddressTakenError: the host or somebody here has the address, which is the server's mistake.
        IpvlError: as there.
    """
    link = (await engine.kernel.own_addresses()).get(leased.terms.address.ip)
    if link is not None:
        raise GrantedAddressInUseError(leased.terms, *granted_host_address(leased.terms, link))
    try:
        await record_endpoint(engine, endpoint, leased.held_by(endpoint), *further)
    except IpvlError as error:
        if error.kind is not Kind.CONFLICT:
            raise
        raise GrantedAddressInUseError(
            leased.terms,
            f"DHCP server {leased.terms.server} gives an address that it must not: {error.what}",
            "keep that address out of the server's range, or remove what holds it",
        ) from error


@asynccontextmanager
async def request_lease(engine: Engine, network_id: str, request: LeaseRequest) -> AsyncIterator[GrantedLease]:
    """Request a lease for an endpoint that is to be made, and yield it to be recorded with that.

    The engine's lock must not be held, and is not while the server is asked. A lease that was not recorded when the
    block ends is given back, or declined where that ended since somebody has the address.

    Raises:
        IpvlError: the client identifier is in use, nobody keeps leases here, no server grants one, or the parent is
            missing.
    """
    async with engine.lock:
        network = engine.network(network_id)
        wire = _required_wire(engine, network)
        lease = _requested_lease(engine, network, request)
        if engine.records.dhcp_lease(lease.key) is None:
            engine.commit((*_surplus_leases(engine, network), Put(lease)))
        engine.dhcp.pending.add(lease.key)
    try:
        terms = await _acquire(engine, wire, network, lease, request.name)
        give_back = send_release
        try:
            yield GrantedLease(replace(lease, terms=terms, lost="", changed=engine.clock()), terms)
        except GrantedAddressInUseError as error:
            if error.terms == terms:  # a member may have leases on several networks
                give_back = send_decline
            raise
        finally:
            held = engine.records.dhcp_lease(lease.key)
            if held is None or held.endpoint_id is None:
                give_back(wire, network, replace(lease, lost=""), terms, engine.clock())
    finally:
        engine.dhcp.pending.discard(lease.key)


async def _acquire(engine: Engine, wire: DhcpWire, network: Network, lease: DhcpLease, name: str) -> GrantedTerms:
    parent, waits = network.parent, engine.clock()
    async with engine.dhcp.parent_lock(parent):
        now, before = engine.clock(), lease.terms
        if engine.dhcp.unanswered.get(parent, 0.0) > waits:
            # Nobody answered somebody who began to ask after this one.
            raise await _unanswered(engine, network)
        runs = before is not None and not lease.lost and (before.expires is None or before.expires > now)
        hint = None if before is None else before.address.ip
        exchange = start_acquiring(
            dhcp_client(lease, name), secrets.randbits(32), now, hint=hint, within=GRANT_SECONDS, granted=runs
        )
        try:
            ended = await run_exchange(engine, wire, parent, exchange)
        except IpvlError as error:
            raise await _unanswered(engine, network, error) from error
        if ended == NoAnswer(offered=False):
            engine.dhcp.unanswered[parent] = now
    match ended:
        case Granted(terms):
            log.info("network %s: DHCP server %s grants %s", network.label, terms.server, terms.address)
            return terms
        case NoAnswer(offered=True):
            what = f"a DHCP server on parent {parent} offers network {network.label} an address and grants none"
            raise unavailable(what, "see the server's log, and whether it knows this host")
        case NoAnswer() | Denied() | None:
            raise await _unanswered(engine, network)


async def _unanswered(engine: Engine, network: Network, error: IpvlError | None = None) -> IpvlError:
    """Return why there is no lease: a dead parent first, then what the attempt failed with, else silence."""
    host = await engine.host()
    link = host.link(network.parent)
    deaf = None if link is None else why_deaf(link, host)
    if deaf is not None:
        return unavailable(f"{deaf[0]}, so network {network.label} has no address from a DHCP server", deaf[1])
    return error or unavailable(
        f"no DHCP server answers on parent {network.parent}, so network {network.label} has no address",
        "see that the server is up and on that segment: ipvl doctor",
    )


def _required_wire(engine: Engine, network: Network) -> DhcpWire:
    if engine.dhcp.wire is None:
        raise unavailable(
            f"network {network.label} has its addresses from DHCP, and without the daemon nobody would renew them",
            "start the daemon: systemctl start ipvl",
        )
    return engine.dhcp.wire


def _requested_lease(engine: Engine, network: Network, request: LeaseRequest) -> DhcpLease:
    """Return the lease, with or without terms, that an endpoint is to have.

    Raises:
        IpvlError: its identifier is another endpoint's, which lives, on the same segment.
    """
    if not (request.client_id or request.name):
        return _last_lease_of_shape(engine, network, request.shape)
    identity = request.client_id or f"{request.name}/{network.label}/{_host_identifier(engine)}"
    for other in engine.records.networks_on(network.parent):
        lease = engine.records.dhcp_lease((other.id, identity))
        endpoint = None if lease is None else engine.records.endpoint(lease.endpoint_id or "")
        in_use = endpoint is not None and is_in_sandbox(endpoint, engine.kernel.namespace_inode)
        if lease is not None and (in_use or lease.key in engine.dhcp.pending):
            raise _identity_in_use(identity, endpoint, other, request)
    found = engine.records.dhcp_lease((network.id, identity))
    return found or DhcpLease(network.id, identity, None, "", engine.clock())


def _last_lease_of_shape(engine: Engine, network: Network, shape: str) -> DhcpLease:
    """Return what an endpoint of this shape had last, so that a container that is restarted has its address again."""
    unused = [one for one in _unused_leases(engine, network) if one.shape == shape]
    if unused:
        return max(unused, key=lambda lease: lease.changed)
    new = f"{secrets.token_hex(6)}/{network.id[:12]}/{_host_identifier(engine)}"
    return DhcpLease(network.id, new, None, shape, engine.clock())


def _identity_in_use(identity: str, endpoint: Endpoint | None, network: Network, request: LeaseRequest) -> IpvlError:
    if request.name:
        return conflict(f"network {network.label} has a member {request.name} already", "choose another name")
    who = "a container that is being started" if endpoint is None else f"endpoint {endpoint.label}"
    return conflict(
        f"client_id {identity} is that of {who} of network {network.label}", "give each container one of its own"
    )


def _unused_leases(engine: Engine, network: Network) -> list[DhcpLease]:
    """Return the leases of a network whose endpoint is gone and that nobody is about to use."""
    found = []
    for lease in engine.records.dhcp_leases():
        if lease.network_id != network.id or lease.key in engine.dhcp.pending:
            continue
        endpoint = engine.records.endpoint(lease.endpoint_id or "")
        if endpoint is None or is_stale(endpoint, engine.clock(), engine.kernel.namespace_inode):
            found.append(lease)
    return found


def _surplus_leases(engine: Engine, network: Network) -> Iterator[Change]:
    """Yield what drops the identifiers that nobody has used for longest, where there are too many."""
    unused = sorted(_unused_leases(engine, network), key=lambda lease: lease.changed)
    yield from map(Drop, unused[: max(0, len(unused) - MOST_UNUSED_IDENTIFIERS)])


def _host_identifier(engine: Engine) -> str:
    """Return what keeps this host's identifiers apart from those of others on the segment."""
    return hashlib.sha256(f"ipvl dhcp {engine.kernel.machine}".encode()).hexdigest()[:8]
