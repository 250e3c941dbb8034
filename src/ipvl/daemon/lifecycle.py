"""The daemon from its first instruction to its last."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Mapping
from contextlib import closing
from functools import partial

from ipvl import __version__
from ipvl.clock.host_clocks import HostClocks
from ipvl.clock.steady_clock import start_clock, watch_wall_clock
from ipvl.daemon.host_engine import host_engine
from ipvl.daemon.host_watch import reconcile_on_changes
from ipvl.daemon.privileges import drop_privileges
from ipvl.daemon.sockets import listening, locked, passed_sockets
from ipvl.daemon.supervisor_watch import watch_supervisors
from ipvl.daemon.systemd_notify import notify_systemd
from ipvl.doors.control.control_requests import control_door
from ipvl.doors.docker.engine_api.follow import follow_docker, learn_missing_names
from ipvl.doors.docker.plugin_requests import docker_door
from ipvl.driver.dhcp_leases.lease_renewal import keep_leases
from ipvl.driver.events.event_types import Event, EventType
from ipvl.driver.ipam.address_announcements import Announcer
from ipvl.driver.repair.port_sightings import watch_ports
from ipvl.embedded.reconcile_members import reconcile_all, write_all_hosts_files
from ipvl.embedded.sandboxes import end_gone_sandboxes
from ipvl.http.server import Server
from ipvl.kernel.host_kernel import open_host_kernel
from ipvl.kernel.wire.dhcp_sockets import HostDhcpWire
from ipvl.startup.configuration import Configuration
from ipvl.store.state_file import open_store

log = logging.getLogger(__name__)


async def serve(configuration: Configuration, environment: Mapping[str, str]) -> None:
    """Run the daemon until SIGTERM or SIGINT.

    Sockets, lock and state file are this function's own and are released however it ends. Networks, ports and parents
    stay as they are.

    Raises:
        IpvlError: the state, a socket or the kernel's netlink cannot be had, or another ipvl has them.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    drop_privileges()
    gc.disable()  # nothing that is read at the start becomes garbage
    passed = passed_sockets(environment)
    with (
        locked(configuration.lock_file),
        closing(open_store(configuration.state_file)) as store,
        listening(configuration.docker_socket, passed) as docker_socket,
        listening(configuration.control_socket, passed) as control_socket,
    ):
        async with open_host_kernel() as kernel:
            announcer = Announcer()
            clock = start_clock(HostClocks(), store)
            engine = host_engine(configuration, kernel, store, clock, announcer)
            # Ports that went with their parents come back a moment later, when Docker is served.
            await reconcile_all(engine, ports=False)
            await end_gone_sandboxes(engine)
            write_all_hosts_files(engine)
            # Not before: who is gone since the last run may be back in a moment, and its lease still runs.
            engine.dhcp.wire = HostDhcpWire()
            learn_names = partial(learn_missing_names, engine, configuration.engine_socket)
            servers = [
                (Server(docker_door(engine)), docker_socket),
                (Server(control_door(engine, learn_names)), control_socket),
            ]
            async with asyncio.TaskGroup() as tasks:
                serving = [tasks.create_task(server.serve(listener)) for server, listener in servers]
                watching = [
                    tasks.create_task(reconcile_on_changes(engine)),
                    tasks.create_task(follow_docker(engine, configuration.engine_socket)),
                    tasks.create_task(watch_supervisors(engine)),
                    tasks.create_task(announcer.run(engine)),
                    tasks.create_task(keep_leases(engine, engine.dhcp.wire)),
                    tasks.create_task(watch_wall_clock(clock, store)),
                    tasks.create_task(watch_ports(engine)),
                ]
                log.info(
                    "ipvl %s serves Docker at %s: %d networks, %d endpoints",
                    __version__,
                    configuration.docker_socket,
                    len(tuple(engine.records.networks())),
                    len(tuple(engine.records.endpoints())),
                )
                # What is here now stays for good, so no collection need look at it again.
                gc.freeze()
                gc.enable()
                notify_systemd(environment, "READY=1")
                await stop.wait()
                notify_systemd(environment, "STOPPING=1")
                log.info("ipvl stops; networks and containers stay as they are")
                engine.events.end(Event(engine.clock(), EventType.DAEMON_STOPPING, "ipvl stops; its networks stay"))
                for task in watching:
                    task.cancel()
                for server, _ in servers:
                    server.stop()
                await asyncio.wait(serving)
