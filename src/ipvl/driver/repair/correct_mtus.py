"""Give ports their network's MTU again after the kernel gave them their parent's."""

from __future__ import annotations

from ipvl.driver.engine import Engine
from ipvl.errors import IpvlError
from ipvl.model.troubles import Trouble
from ipvl.planning.host import Host
from ipvl.planning.port_mtus import networks_with_mtu, wrong_mtus


async def correct_mtus(engine: Engine, host: Host) -> list[Trouble]:
    """Set the MTU of every port that lost it, and return what could not be; the lock is held.

    Namespaces are looked into when a parent's MTU is another than the last time, or something could not be set then.
    """
    networks = networks_with_mtu(engine.records)
    links = {network.parent: host.link(network.parent) for network in networks}
    now = {name: link.mtu for name, link in links.items() if link is not None}
    changed = {name for name, mtu in now.items() if engine.repair.parent_mtus.get(name) != mtu}
    # Before anything is waited for, so that what is announced meanwhile is not overwritten.
    engine.repair.parent_mtus = now
    if not changed:
        return []
    concerned = [network for network in networks if network.parent in changed]
    paths = [one.sandbox for of in concerned for one in engine.records.endpoints_of(of.id) if one.sandbox]
    try:
        moved = await engine.kernel.ports_in_other_namespaces(paths)
    except IpvlError as error:
        engine.repair.parent_mtus = {name: mtu for name, mtu in now.items() if name not in changed}
        return [Trouble(str(error))]
    seen = Host(host.links, host.release, host.kinds, moved)
    failed: list[Trouble] = []
    for wrong in list(wrong_mtus(concerned, engine.records, seen, engine.kernel.namespace_inode)):
        try:
            await engine.apply((wrong.step,))
        except IpvlError as error:
            now.pop(wrong.network.parent, None)
            text = f"{wrong.label}, since that of parent {wrong.network.parent} changed ({error}): restart it"
            failed.append(Trouble(text, wrong.network))
    return failed
