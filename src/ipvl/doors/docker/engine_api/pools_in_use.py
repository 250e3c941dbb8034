"""Which of ipvl's pools Docker's networks use, told by what they asked for."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from contextlib import suppress

from ipvl.addresses.pool_requests import PoolRequest, pool_id
from ipvl.doors.docker.engine_api.api_messages import DockerNetwork, Ipam
from ipvl.driver.ipam.leaked_leases import PoolUse
from ipvl.errors import IpvlError
from ipvl.model.addresses import IPAddress
from ipvl.options.driver_options import IPAM_PARENT
from ipvl.options.pool_options import parse_pool_address, parse_pool_request
from ipvl.records.records import Records

log = logging.getLogger(__name__)

BUILT_IN = frozenset({"", "default", "null"})
"""IPAM drivers of Docker's own (moby, daemon/libnetwork/ipamapi). Any other may be ipvl: plugins have many names."""


def may_use_pools(network: DockerNetwork) -> bool:
    """Tell whether a network has its addresses from a plugin, which may be ipvl."""
    return network.ipam is not None and network.ipam.driver not in BUILT_IN


def pools_in_use(networks: Iterable[DockerNetwork], records: Records) -> dict[str, PoolUse]:
    """Return what Docker has of ipvl's pools, by pool id: how many networks use each, and which addresses are in use.

    A parent that was described is by now the one that was found; of a network that is another driver's, any. What
    another plugin was asked for, and ipvl could not have been, is passed over.
    """
    found: dict[str, PoolUse] = {}
    for network in networks:
        if network.ipam is None or not may_use_pools(network):
            continue
        addresses = _addresses(network)
        for identity in _pools_of(network, network.ipam, records):
            before = found.get(identity, PoolUse(0, frozenset()))
            found[identity] = PoolUse(before.users + 1, before.addresses | addresses)
    return found


def _pools_of(network: DockerNetwork, ipam: Ipam, records: Records) -> list[str]:
    found: list[str] = []
    options, parents = _with_parents(network, records)
    for one in ipam.config or ():
        try:
            requested = parse_pool_request(one.subnet, one.ip_range, options, version=6 if ":" in one.subnet else 4)
        except IpvlError as error:
            log.debug("network %s has its addresses from elsewhere: %s", network.name, error)
            continue
        if requested.subnet is not None:
            found += _pool_ids(requested, (requested.parent,) if parents is None else parents, records)
    return found


def _pool_ids(requested: PoolRequest, parents: Collection[str | None], records: Records) -> set[str]:
    """Return the ids of the pools that a request may have got; an id keeps the name that its parent had then."""
    wanted = (requested.subnet, requested.range, requested.conflict_check)
    held = {
        pool.id
        for pool in records.pools()
        if pool.parent in parents and (pool.subnet, pool.range, pool.conflict_check) == wanted
    }
    if held or requested.subnet is None:
        return held
    return {pool_id(requested.subnet, requested.range, parent, requested.conflict_check) for parent in parents}


def _addresses(network: DockerNetwork) -> frozenset[IPAddress]:
    """Return what Docker shows of a network's addresses: its containers', its gateways and those of others."""
    texts = [text for one in (network.containers or {}).values() for text in (one.address4, one.address6)]
    for subnet in (network.ipam.config if network.ipam else None) or ():
        texts += [subnet.gateway, *(subnet.auxiliary_addresses or {}).values()]
    found = set()
    for text in texts:
        with suppress(IpvlError):
            found.add(parse_pool_address(text.partition("/")[0]))
    return frozenset(address for address in found if address is not None)


def _with_parents(network: DockerNetwork, records: Records) -> tuple[dict[str, str], Collection[str] | None]:
    """Return a network's IPAM options with a name for its parent, and what that may be if it is none of ipvl's names.

    It was described then, or is another name of the link.
    """
    options = dict((network.ipam.options if network.ipam else None) or {})
    described = options.get(IPAM_PARENT.key, "").strip()
    if not described or any(pool.parent == described for pool in records.pools()):
        return options, None
    held = records.network(network.id)
    parents = {pool.parent for pool in records.pools() if pool.parent} if held is None else {held.parent}
    return {**options, IPAM_PARENT.key: "described"}, parents
