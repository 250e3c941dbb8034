"""What the command line can do without a daemon: the same calls on the same state, under the same lock."""

from __future__ import annotations

from contextlib import closing

from ipvl.clock.host_clocks import HostClocks
from ipvl.clock.steady_clock import look_at_clock, start_clock
from ipvl.daemon.host_engine import host_engine
from ipvl.daemon.sockets import locked
from ipvl.driver.ipam.address_announcements import Announcer
from ipvl.driver.status.collect_status import collect_status
from ipvl.driver.status.host_status import Status
from ipvl.embedded.all_calls import CALLS
from ipvl.embedded.reconcile_members import reconcile_all, write_all_hosts_files
from ipvl.embedded.sandbox_messages import SandboxEnded
from ipvl.embedded.sandboxes import end_gone_sandboxes
from ipvl.kernel.host_kernel import open_host_kernel
from ipvl.records.records import Records
from ipvl.startup.configuration import Configuration
from ipvl.store.state_file import open_store, open_store_read_only

WAIT_FOR_ANOTHER = 20.0
"""Seconds to wait for another command that has the state."""


async def read_status(configuration: Configuration) -> Status:
    """Return the status from the state file and the kernel, changing neither.

    Raises:
        IpvlError: the state file does not exist or cannot be read, or the kernel refused.
    """
    with closing(open_store_read_only(configuration.state_file)) as store:
        records = Records(store.load())
        clock = look_at_clock(HostClocks(), store)
    async with open_host_kernel() as kernel:
        return await collect_status(records, kernel, date=clock.date)


async def perform(configuration: Configuration, name: str, request: object) -> object:
    """Do a call of the table in `embedded.calls` in this process, which has the state to itself meanwhile.

    What it attaches is announced once, since nobody is there later to repeat it.

    Raises:
        IpvlError: it was refused, or a daemon or another command has the state and does not give it up.
    """
    with locked(configuration.lock_file, WAIT_FOR_ANOTHER), closing(open_store(configuration.state_file)) as store:
        async with open_host_kernel() as kernel:
            announcer = Announcer()
            engine = host_engine(configuration, kernel, store, start_clock(HostClocks(), store), announcer)
            try:
                await reconcile_all(engine)
                if not isinstance(request, SandboxEnded):  # the one call that knows better how a sandbox ended
                    await end_gone_sandboxes(engine)
                write_all_hosts_files(engine)
                return await CALLS[name].handle(engine, request)
            finally:
                announcer.announce_once(engine)
