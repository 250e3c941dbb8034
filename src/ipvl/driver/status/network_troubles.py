"""What keeps a network's members from what they should reach, as `ipvl status` and `ipvl network inspect` show it."""

from __future__ import annotations

from collections.abc import Iterable

from ipvl.driver.dhcp_leases.lease_status import lost_lease_trouble
from ipvl.errors import IpvlError
from ipvl.model.networks import Network
from ipvl.planning.container_routers import routers_on_parent
from ipvl.planning.host import Host
from ipvl.planning.host_access import not_reached
from ipvl.planning.host_address_conflicts import AddressConflict
from ipvl.planning.host_exposure import exposure_warning, host_address_warning
from ipvl.planning.internal_networks import unused_parent_warning
from ipvl.planning.parents.parent_requirements import check_link, warnings_about
from ipvl.records.records import Records


def troubles_of_network(
    network: Network, records: Records, host: Host, conflicts: Iterable[AddressConflict]
) -> tuple[str, ...]:
    """Return what keeps a network's members from what they should reach, one sentence each.

    Args:
        network: the network.
        records: what ipvl remembers.
        host: the host, with its routes where the network gives it access, and how far parents expose it.
        conflicts: addresses that endpoints and the host both have, on whatever network.
    """
    return (
        *_troubles_of_parent(network, host),
        *(conflict.trouble for conflict in conflicts if conflict.network.id == network.id),
        *_exposed_parents(network, records, host),
        *(trouble.text for trouble in not_reached(network, records.endpoints_of(network.id), host.routing)),
        *troubles_of_records(network, records),
    )


def troubles_of_records(network: Network, records: Records) -> tuple[str, ...]:
    """Return what keeps a network's members from what they should reach, as far as the records tell."""
    return (
        *unused_parent_warning(network),
        *map(str, routers_on_parent(network, records)),
        *_lost_leases(network, records),
    )


def _lost_leases(network: Network, records: Records) -> tuple[str, ...]:
    found = []
    for endpoint in records.endpoints_of(network.id) if network.asks_server else ():
        lease = records.dhcp_lease_of(endpoint.id)
        trouble = None if lease is None else lost_lease_trouble(network, endpoint, lease)
        if trouble is not None:
            found.append(trouble)
    return tuple(found)


def _exposed_parents(network: Network, records: Records, host: Host) -> tuple[str, ...]:
    """Return what is wrong with keeping the host off the network's parent and the tags under it."""
    parent = records.parent(network.parent)
    found = []
    for one in () if parent is None else records.with_bases(parent):
        networks = records.networks_on(one.name)
        found += [
            trouble
            for tell in (exposure_warning, host_address_warning)
            if (trouble := tell(one, networks, host)) is not None
        ]
    return tuple(found)


def _troubles_of_parent(network: Network, host: Host) -> tuple[str, ...]:
    link = host.link(network.parent)
    if link is None:
        return (f"parent {network.parent} does not exist",)
    try:
        check_link(link, network, host)
    except IpvlError as error:
        return (str(error),)
    if network.host_access and host.link(network.host_port) is None:
        gone = (
            f"host port {network.host_port} is gone, so this host does not reach its containers: systemctl restart ipvl"
        )
        return (*warnings_about(link, host), gone)
    return warnings_about(link, host)
