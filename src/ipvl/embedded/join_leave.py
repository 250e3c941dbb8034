"""Put a network namespace on a network, as an endpoint whose port ipvl places itself, and take it off."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

from ipvl.driver.dhcp_leases.lease_requests import GrantedLease, record_leased_endpoint
from ipvl.driver.endpoints.create_join_leave import make_port, port_mtu, record_endpoint
from ipvl.driver.engine import Engine
from ipvl.driver.ipam.address_allocation import allocate_addresses, moved_cursors
from ipvl.driver.ipam.address_conflicts import (
    ANOTHER_OR_TAKE_IT,
    MOST_PROBES,
    expired_quarantines,
    probe_endpoint,
    refusal_all_in_use,
    refusal_in_use,
)
from ipvl.driver.networks.host_ports import add_host_route_to, steps_to_remove_port
from ipvl.embedded.hosts_file_names import write_hosts_files
from ipvl.embedded.member_leases import check_requested_addresses
from ipvl.embedded.member_routes import add_routes, missing_routes
from ipvl.embedded.sandbox_messages import NetworkAttachment
from ipvl.errors import IpvlError, Kind, conflict, invalid, quoted
from ipvl.model.addresses import IPAddress
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import ConflictCheck, Network, Phase
from ipvl.model.steps import MakePort, PlacePort, RemovePort, RemoveSandboxPort, Step
from ipvl.model.troubles import Trouble
from ipvl.options.endpoint import check_mac, port_name
from ipvl.options.link_names import check_link_name
from ipvl.options.names import check_name as checked_name
from ipvl.planning.reconciliation import is_in_sandbox
from ipvl.planning.sandbox_routes import has_router6
from ipvl.records.changes import Drop, Put

log = logging.getLogger(__name__)


_Address = TypeVar("_Address", IPv4Address, IPv6Address)


async def join(
    engine: Engine,
    network: Network,
    attachment: NetworkAttachment,
    namespace: str,
    inode: int,
    *,
    name: str | None,
    hosts: str | None,
    lease: GrantedLease | None = None,
    notes: list[str],
) -> Endpoint:
    """Choose addresses, make the port, move it in and set it up; the engine's lock is held.

    Only the first network that offers one gives a namespace its default route, family by family and metric by metric.
    The lock is given up while the segment is asked who has the addresses, where the network says so. Where a DHCP
    server chooses the address, `lease` has it. `notes` gets what whoever asked is to know.

    Raises:
        IpvlError: the namespace is on the network already, no address can be had, or the kernel refused. Nothing was
            changed.
    """
    if network.phase is not Phase.READY:
        raise conflict(f"network {network.label} is being removed", f"do so again: ipvl network rm {network.label}")
    check_mac(attachment.mac, network)
    check_requested_addresses(network, attachment)
    identity = endpoint_id(network, inode)
    view = await engine.kernel.sandbox_view(namespace)
    held = engine.records.endpoint(identity)
    if identity in engine.probes.probing:
        raise conflict(f"{namespace} is being put on network {network.label} already", "wait for that")
    if held is not None:
        there = held.interface in view.interfaces and is_in_sandbox(held, engine.kernel.namespace_inode)
        if there and held.phase is Phase.READY:
            raise conflict(
                f"{held.label} is on network {network.label} already, with {held.address_text}",
                f"take it off first: ipvl network disconnect {network.label} {held.label}",
            )
        await leave(engine, held)
        view = await engine.kernel.sandbox_view(namespace)
    _check_name_is_free(engine, network, name)
    endpoint = Endpoint(
        id=identity,
        network_id=network.id,
        addresses=(),
        port=port_name(identity),
        interface_prefix=network.interface_prefix,
        changed=engine.clock(),
        name=name,
        sandbox=namespace,
        inode=inode,
        interface=_free_interface(attachment.interface, network.interface_prefix, view.interfaces),
        aliases=tuple(checked_name(alias, "alias") for alias in attachment.aliases),
        hosts=hosts,
        phase=Phase.MAKING,
    )
    if network.asks_server:
        endpoint = await _with_lease(engine, network, endpoint, lease)
    else:
        endpoint = await _with_addresses(engine, network, attachment, endpoint)
    try:
        if network.conflict_check is ConflictCheck.PROBE:
            # Others may have put the namespace on another network meanwhile.
            view = await engine.kernel.sandbox_view(namespace)
            free = _free_interface(attachment.interface, network.interface_prefix, view.interfaces)
            endpoint = replace(endpoint, interface=free)
            engine.commit((Put(endpoint),))
        mtu = await port_mtu(engine, network, None if lease is None else lease.terms)
        port = MakePort(endpoint.port, network.parent, network.mode, network.flag, mtu)
        await make_port(engine, network, (port,))
        place = PlacePort(
            endpoint.port,
            namespace,
            endpoint.interface or endpoint.port,
            endpoint.addresses,
            announced=network.announcements != 0,
            takes_default6=not has_router6(network, endpoint),
        )
        await engine.apply((place,))
    except IpvlError:
        # What has the interface's name in there now, if anything has, is not the port.
        await engine.apply_all((RemovePort(endpoint.port), RemoveSandboxPort(namespace, endpoint.port)))
        engine.commit((Drop(endpoint),))
        raise
    try:
        notes += await add_routes(engine, network, endpoint, view.default_routes)
        await add_host_route_to(engine, network, endpoint)
        endpoint = replace(endpoint, phase=Phase.READY)
        engine.commit((Put(endpoint),))
    except IpvlError:
        await engine.apply_all(_steps_to_take_port(engine, endpoint))
        engine.commit((Drop(endpoint),))
        raise
    log.info("network %s: endpoint %s is in %s", network.label, endpoint.label, namespace)
    engine.publish(engine.record_events.joined(network, endpoint, engine.clock()))
    engine.effects.announce(network, endpoint)
    return endpoint


async def leave(engine: Engine, endpoint: Endpoint) -> None:
    """Remove an endpoint, its port and its names; another network then gives the namespace its default route.

    The engine's lock is held. The record goes last, so that whoever is interrupted can do all of it again.

    Raises:
        IpvlError: the kernel kept the port; the endpoint stays, to be removed again.
    """
    label = engine.network(endpoint.network_id).label
    if endpoint.sandbox is not None and is_in_sandbox(endpoint, engine.kernel.namespace_inode):
        engine.commit((Put(replace(endpoint, phase=Phase.REMOVING)),))
        await engine.apply(_steps_to_take_port(engine, endpoint))
        for other in engine.records.endpoints_in(endpoint.inode or 0):
            if other.phase is not Phase.READY:
                continue
            view = await engine.kernel.sandbox_view(endpoint.sandbox)
            # One that lost its port, with its parent for instance, or has it set down can give no route.
            if other.interface in view.up:
                try:
                    await engine.apply((missing_routes(engine, other, view.default_routes),))
                except IpvlError as error:
                    if error.kind is not Kind.CONFLICT:
                        raise
                    # Somebody else set a route in there meanwhile, which is no reason to stay.
                    network = engine.network(other.network_id)
                    engine.warn(Trouble(f"network {network.label}: {error}", network))
        write_hosts_files(engine)
        engine.commit((Drop(endpoint),))
    else:
        await engine.apply(steps_to_remove_port(engine, endpoint))
        engine.commit((Drop(endpoint),))
        write_hosts_files(engine)
    log.info("network %s: endpoint %s has left", label, endpoint.label)


def endpoint_id(network: Network, inode: int) -> str:
    """Return the id of a namespace's endpoint on a network: the same every time, so there is one at most."""
    return hashlib.sha256(f"{network.id} {inode}".encode()).hexdigest()


async def _with_addresses(
    engine: Engine, network: Network, attachment: NetworkAttachment, endpoint: Endpoint
) -> Endpoint:
    """Give an endpoint addresses that nobody has, and record it.

    Raises:
        IpvlError: none can be had, or the one that was asked for is in use on the segment. The endpoint is forgotten.
    """
    engine.commit(expired_quarantines(engine.records, engine.clock()))
    if not network.gives_addresses:
        await record_endpoint(engine, endpoint)
        return endpoint
    wanted4, wanted6 = _requested_address(attachment.ip, IPv4Address), _requested_address(attachment.ip6, IPv6Address)
    sandbox = next(
        (one.id for one in engine.records.sandboxes() if one.ended is None and one.inode == endpoint.inode), None
    )
    found: Mapping[IPAddress, str] = {}
    for _ in range(MOST_PROBES):
        own = await engine.kernel.own_addresses()
        addresses = allocate_addresses(engine, network, wanted4, wanted6, endpoint.id, own=own, sandbox=sandbox)
        if not addresses:
            raise invalid(f"network {network.label} has no subnet, so it has no addresses to give")
        endpoint = replace(endpoint, addresses=addresses)
        await record_endpoint(engine, endpoint, *moved_cursors(engine, network, addresses, own))
        if network.conflict_check is ConflictCheck.NONE:
            return endpoint
        found = await probe_endpoint(engine, endpoint)
        if not found:
            return endpoint
        explicit = {address: holder for address, holder in found.items() if address in {wanted4, wanted6}}
        if explicit:
            raise refusal_in_use(network.parent, explicit, ANOTHER_OR_TAKE_IT)
    raise refusal_all_in_use(network.parent, found)


def _steps_to_take_port(engine: Engine, endpoint: Endpoint) -> tuple[Step, ...]:
    """Return the steps that remove a port wherever it got to: on the host, in the sandbox, there with its last name."""
    namespace = endpoint.sandbox or ""
    return (
        *steps_to_remove_port(engine, endpoint),
        RemoveSandboxPort(namespace, endpoint.port),
        RemoveSandboxPort(namespace, endpoint.interface or endpoint.port),
    )


async def _with_lease(engine: Engine, network: Network, endpoint: Endpoint, lease: GrantedLease | None) -> Endpoint:
    """Give an endpoint the address of its lease, and record both.

    Raises:
        IpvlError: there is no lease, since the network is not the one that was looked at, or somebody has the address.
    """
    if lease is None:
        raise conflict(f"network {network.label} was changed a moment ago", "do the same again")
    endpoint = replace(endpoint, addresses=(lease.terms.address,))
    await record_leased_endpoint(engine, endpoint, lease)
    return endpoint


def _check_name_is_free(engine: Engine, network: Network, name: str | None) -> None:
    """Refuse a name that a member has already: others would reach now the one and now the other by it."""
    for other in engine.records.members_named(network.id, name) if name else ():
        if is_in_sandbox(other, engine.kernel.namespace_inode):
            raise conflict(f"network {network.label} has a member {name} already", "choose another name")


def _free_interface(asked: str, prefix: str, taken: frozenset[str]) -> str:
    if asked:
        if check_link_name(asked) in taken:
            raise conflict(f"interface {asked} exists in the sandbox already", "choose another name")
        return asked
    number = 0
    while f"{prefix}{number}" in taken:
        number += 1
    return f"{prefix}{number}"


def _requested_address(text: str, kind: type[_Address]) -> _Address | None:
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        version, example = (4, "--ip 192.168.20.10") if kind is IPv4Address else (6, "--ip6 2001:db8::10")
        raise invalid(f"{quoted(text)} is not an IPv{version} address", f"write it like {example}") from None
