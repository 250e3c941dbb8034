"""Give ports their network's MTU again after the kernel gave them their parent's."""

from __future__ import annotations

from ipvl.driver.engine import Engine
from ipvl.errors import IpvlError
from ipvl.planning.host import Host
from ipvl.planning.port_mtus import networks_with_mtu, wrong_mtus


async def repair_mtus(engine: Engine, host: Host) -> list[str]:
    """Set the MTU of every port that lost it, and return what could not be, one sentence each; the lock is held.

    Namespaces are looked into when a parent's MTU is another than the last time, or something could not be set then.
    """
    networks = networks_with_mtu(engine.records)
    links = {network.parent: host.link(network.parent) for network in networks}
    now = {name: link.mtu for name, link in links.items() if link is not None}
    changed = {name for name, mtu in now.items() if engine.parent_mtus.get(name) != mtu}
    # Before anything is waited for, so that what is announced meanwhile is not overwritten.
    engine.parent_mtus = now
    if not changed:
        return []
    concerned = [network for network in networks if network.parent in changed]
    paths = [one.sandbox for of in concerned for one in engine.records.endpoints_of(of.id) if one.sandbox]
    try:
        moved = await engine.kernel.ports_in_other_namespaces(paths)
    except IpvlError as error:
        engine.parent_mtus = {name: mtu for name, mtu in now.items() if name not in changed}
        return [str(error)]
    seen = Host(host.links, host.release, host.kinds, moved)
    failed: list[str] = []
    for wrong in list(wrong_mtus(concerned, engine.records, seen, engine.kernel.namespace_inode)):
        try:
            await engine.apply((wrong.step,))
        except IpvlError as error:
            now.pop(wrong.network.parent, None)
            failed.append(f"{wrong.label}, since that of parent {wrong.network.parent} changed ({error}): restart it")
    return failed
