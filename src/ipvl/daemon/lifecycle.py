"""The daemon from its first instruction to its last."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Mapping
from contextlib import closing
from functools import partial

from ipvl import __version__
from ipvl.clock.host_clocks import HostClocks
from ipvl.clock.steady_clock import start_clock, watch_wall_clock
from ipvl.daemon.privileges import drop_privileges
from ipvl.daemon.sockets import listening, locked, passed_sockets
from ipvl.daemon.supervisor_watch import discard, watch_supervisors
from ipvl.doors.control.control_requests import control_app
from ipvl.doors.docker.engine_api.follow import follow_docker, learn_missing_names
from ipvl.doors.docker.plugin_requests import docker_app
from ipvl.driver.dhcp_leases.lease_renewal import keep_leases
from ipvl.driver.engine import Engine
from ipvl.driver.events.event_types import Event, EventType
from ipvl.driver.ipam.address_announcements import Announcer
from ipvl.driver.repair.port_sightings import watch_ports
from ipvl.embedded.reconcile_members import publish_all, reconcile_all
from ipvl.embedded.sandboxes import settle
from ipvl.errors import IpvlError
from ipvl.http.server import Server
from ipvl.kernel.host_kernel import open_host_kernel
from ipvl.kernel.netlink.change_notifications import LinkState, address_changes, link_changes, reach_changes
from ipvl.kernel.wire.dhcp_sockets import HostWire
from ipvl.sandbox.hosts_file import write_hosts
from ipvl.sandbox.resolv_conf import write_resolvers
from ipvl.startup.configuration import Configuration
from ipvl.store.state_file import open_store

log = logging.getLogger(__name__)

SETTLE = 0.2
"""Seconds to let link changes come to rest before looking at the host: one `ip link del` is several announcements."""
AGAIN = 5.0
"""Seconds until the host is compared once more when it could not be."""


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
            engine = Engine(
                kernel,
                store,
                clock.now,
                date=clock.date,
                moment=clock.moment,
                publish=write_hosts,
                resolve=write_resolvers,
                discard=partial(discard, configuration),
                announce=announcer,
            )
            # Ports that went with their parents come back a moment later, when Docker is served.
            await reconcile_all(engine, ports=False)
            await settle(engine)
            publish_all(engine)
            # Not before: who is gone since the last run may be back in a moment, and its lease still runs.
            engine.wire = HostWire()
            learn_names = partial(learn_missing_names, engine, configuration.engine_socket)
            servers = [
                (Server(docker_app(engine)), docker_socket),
                (Server(control_app(engine, learn_names)), control_socket),
            ]
            async with asyncio.TaskGroup() as tasks:
                serving = [tasks.create_task(server.serve(listener)) for server, listener in servers]
                watching = [
                    tasks.create_task(_repair_on_change(engine)),
                    tasks.create_task(follow_docker(engine, configuration.engine_socket)),
                    tasks.create_task(watch_supervisors(engine)),
                    tasks.create_task(announcer.run(engine)),
                    tasks.create_task(keep_leases(engine, engine.wire)),
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
                _notify(environment, "READY=1")
                await stop.wait()
                _notify(environment, "STOPPING=1")
                log.info("ipvl stops; networks and containers stay as they are")
                engine.events.end(Event(engine.clock(), EventType.DAEMON_STOPPING, "ipvl stops; its networks stay"))
                for task in watching:
                    task.cancel()
                for server, _ in servers:
                    server.stop()
                await asyncio.wait(serving)


async def _listen_for_reach(engine: Engine, changed: asyncio.Event) -> None:
    async for name in reach_changes():
        if name is None or engine.keeps_host_off(name):
            changed.set()


async def _listen_for_links(engine: Engine, changed: asyncio.Event) -> None:
    seen: dict[int, LinkState] = {}
    async for state in link_changes():
        if state is None:
            changed.set()
            continue
        # Each port that comes or goes makes its parent announce itself, unchanged; a rename keeps the index.
        before = seen.get(state.index)
        if before != state and (before is not None or any(map(engine.concerns, (state.name, *state.altnames)))):
            if before is not None and before.mtu != state.mtu:
                # It may be back by the time that the host is looked at, and all ports have lost theirs.
                engine.parent_mtus.pop(state.name, None)
            seen[state.index] = state
            changed.set()


async def _repair_on_change(engine: Engine) -> None:
    changed = asyncio.Event()

    async def listen_for_addresses() -> None:
        async for address in address_changes():
            if address is None or engine.concerns_address(address):
                changed.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_listen_for_links(engine, changed))
        tasks.create_task(listen_for_addresses())
        tasks.create_task(_listen_for_reach(engine, changed))
        while True:
            await changed.wait()
            await asyncio.sleep(SETTLE)
            changed.clear()
            try:
                await reconcile_all(engine)
            except IpvlError as error:
                log.warning("the host could not be compared with the records: %s", error)
                asyncio.get_running_loop().call_later(AGAIN, changed.set)


def _notify(environment: Mapping[str, str], state: str) -> None:
    """Tell systemd how far the daemon is (sd_notify(3)); nothing happens without systemd."""
    address = environment.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
        try:
            notify.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError as error:
            log.warning("systemd could not be told %s: %s", state, os.strerror(error.errno or 0))
