"""The engine of this host, for a daemon and for a command without one: alike but for who is there afterwards."""

from __future__ import annotations

from functools import partial

from ipvl.clock.steady_clock import SteadyClock
from ipvl.daemon.supervisor_watch import remove_sandbox_files
from ipvl.driver.engine import Engine
from ipvl.driver.interfaces import Kernel, SandboxEffects, Store
from ipvl.driver.ipam.address_announcements import Announcer
from ipvl.sandbox.etc.hosts_file import write_hosts
from ipvl.sandbox.etc.resolv_conf import write_resolvers
from ipvl.startup.configuration import Configuration


def host_engine(
    configuration: Configuration, kernel: Kernel, store: Store, clock: SteadyClock, announcer: Announcer
) -> Engine:
    """Return an engine that works on this host; without `Engine.dhcp.wire` it asks no DHCP server.

    Args:
        configuration: where the files of sandboxes are.
        kernel: the host's kernel.
        store: the state file, opened to be written.
        clock: the host's clock, started from the same state file.
        announcer: takes what is to be announced, and announces it when its caller has it do so.

    Raises:
        IpvlError: the state file cannot be read.
    """
    effects = SandboxEffects(write_hosts, write_resolvers, partial(remove_sandbox_files, configuration), announcer.add)
    return Engine(kernel, store, clock.now, effects, date=clock.date, moment=clock.moment)
