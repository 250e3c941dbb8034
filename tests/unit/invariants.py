"""What holds after every operation, whatever it was and however it ended."""

from __future__ import annotations

from collections import Counter

from ipvl.model.links import HALF_MADE_PREFIX
from ipvl.model.networks import Phase
from tests.unit.world import World


def check_invariants(world: World) -> None:
    """Compare records with each other and with the kernel.

    Raises:
        AssertionError: an address is used twice on a parent, a parent has no network or the reverse, its networks
            differ in mode or flag, a link of ipvl's has no record, or something is half done.
    """
    world.picture()
    records = world.engine.records
    networks = {network.id: network for network in records.networks()}
    endpoints = tuple(records.endpoints())
    assert all(network.phase is Phase.READY for network in networks.values())
    assert {endpoint.network_id for endpoint in endpoints} <= set(networks)

    used = Counter(
        (networks[endpoint.network_id].parent, interface.ip)
        for endpoint in endpoints
        for interface in endpoint.addresses
    )
    assert [] == [one for one, times in used.items() if times > 1], "an address twice on one parent"

    parents = {parent.name: parent for parent in records.parents()}
    assert set(parents) == {network.parent for network in networks.values()}
    modes = {(network.parent, network.mode, network.flag) for network in networks.values()}
    assert len(modes) == len(parents), "one mode and flag a parent"

    links = [link for _, link, _ in world.kernel.picture()]
    assert [] == [link.name for link in links if link.name.startswith(HALF_MADE_PREFIX)]
    host_ports = {network.host_port for network in networks.values() if network.host_access}
    made = {name for name, one in parents.items() if one.made}
    assert {link.name for link in links if link.made_by_ipvl} == made | host_ports
    ports = [
        (where, link.name)
        for where, link, _ in world.kernel.picture()
        if link.kind == "ipvlan" and link.name not in host_ports
    ]
    assert len(ports) <= len(endpoints)
