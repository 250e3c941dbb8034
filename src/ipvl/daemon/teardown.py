"""Take away what ipvl made on the host, for when the driver itself goes."""

from __future__ import annotations

from ipvl.daemon.sockets import locked
from ipvl.kernel.host_kernel import open_host_kernel
from ipvl.model.networks import Parent, ParentKind
from ipvl.planning.host import Host
from ipvl.planning.parents.plan_parent import steps_to_remove_parents
from ipvl.startup.configuration import Configuration


async def remove_made_links(configuration: Configuration) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Remove every link of the host's namespace that ipvl made; the records stay, and the next start makes them again.

    Returns:
        The names of what is removed, and of what stays since somebody else has a link on it.

    Raises:
        IpvlError: a daemon has the state, and would make them again at once, or the kernel kept a link.
    """
    with locked(configuration.lock_file):
        async with open_host_kernel() as kernel:
            host = Host(await kernel.links(), kernel.kernel_release, frozenset())
            # What sits on another link was made after it.
            made = [Parent(link.name, ParentKind.LINK, made=True) for link in reversed(host.links) if link.made_by_ipvl]
            steps = steps_to_remove_parents(made, host)
            for step in steps:
                await kernel.apply(step)
    removed = tuple(step.name for step in steps)
    return removed, tuple(parent.name for parent in made if parent.name not in removed)
