"""The engine: kernel, store, records, events, and the lock that makes every operation whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from ipvl.clock.host_clocks import rfc3339
from ipvl.driver.dhcp_leases.dhcp_leasing import DhcpLeasing
from ipvl.driver.dhcp_leases.lease_release import ended_leases, released_lease
from ipvl.driver.docker_state import DockerState
from ipvl.driver.endpoints.outdated_hosts_files import OutdatedHostsFiles
from ipvl.driver.events.event_log import EventLog
from ipvl.driver.events.event_types import Event, EventType
from ipvl.driver.events.record_changes import RecordEvents
from ipvl.driver.interfaces import Kernel, SandboxEffects, Store
from ipvl.driver.ipam.probe_state import ProbeState
from ipvl.driver.repair.repair_state import RepairState
from ipvl.errors import IpvlError, missing, quoted
from ipvl.model.addresses import IPAddress
from ipvl.model.endpoints import Endpoint
from ipvl.model.links import HostRouting
from ipvl.model.networks import Network
from ipvl.model.steps import MakeDummy, MakeVlan, RemoveLeftPort, RemoveParent, RemovePort, Step
from ipvl.model.troubles import Trouble
from ipvl.planning.host import Host
from ipvl.records.changes import Change, Put
from ipvl.records.records import Records

log = logging.getLogger(__name__)


class Engine:
    """What the use cases work on.

    One lock serves all: the kernel takes one link change at a time anyway (rtnl_lock), and every plan is made from
    records and links that nobody changes meanwhile. `creation` is held around it by those who must look before they
    make a thing, such as for a name that is free. `started` is when it was made, in seconds since the epoch. What a
    trade knows beside the records, for this run alone, is in `dhcp`, `docker`, `probes` and `repair`.

    Args:
        kernel: the host.
        store: what is remembered; its records are read here, once.
        clock: tells the time in seconds since the epoch, and never jumps: `ipvl.clock.steady_clock`.
        effects: what is done for sandboxes outside of store and kernel.
        date: says when by the wall clock a moment of that clock is or was (RFC 3339).
        moment: returns which moment of that clock it is at a time of the wall clock's, in seconds since the epoch.

    Raises:
        IpvlError: the store cannot be read.
    """

    def __init__(
        self,
        kernel: Kernel,
        store: Store,
        clock: Callable[[], float],
        effects: SandboxEffects,
        *,
        date: Callable[[float], str] = rfc3339,
        moment: Callable[[float], float] = float,
    ) -> None:
        self.kernel = kernel
        self.store = store
        self.clock = clock
        self.effects = effects
        self.date = date
        self.moment = moment
        self.started = clock()
        self.records = Records(store.load())
        self.lock = asyncio.Lock()
        self.creation = asyncio.Lock()
        self.dhcp = DhcpLeasing()
        self.docker = DockerState()
        self.probes = ProbeState()
        unseen = frozenset((one.id, one.changed) for one in self.records.endpoints() if one.seen is None)
        self.repair = RepairState(joined_before=unseen)
        self.events = EventLog()
        self.record_events = RecordEvents(self.records)
        self.hosts_files = OutdatedHostsFiles()

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What the last repair could not mend, and what a Docker made that the one that is asked has not."""
        return (*self.repair.troubles, *self.docker.troubles(self.records))

    @property
    def warnings(self) -> tuple[str, ...]:
        """The sentences of all troubles."""
        return tuple(trouble.text for trouble in self.troubles)

    @asynccontextmanager
    async def unlocked(self) -> AsyncIterator[None]:
        """Let others have the lock, which is held, while something slow is waited for; then it is held again.

        It is whatever comes: whoever holds the lock gives it back at the end, also when it was cancelled meanwhile.
        """
        self.lock.release()
        try:
            yield
        finally:
            cancelled: asyncio.CancelledError | None = None
            while True:
                try:
                    await self.lock.acquire()
                    break
                except asyncio.CancelledError as error:
                    cancelled = error
            if cancelled is not None:
                raise cancelled

    async def host(self, *, routing: bool = False, exposures: bool = False) -> Host:
        """Look at the host: every link and what the kernel can make.

        With `routing`, the host's own addresses and routes as well, and with `exposures`, how far the host is reached
        by links that ipvl made.
        """
        found = await self.kernel.host_routing() if routing else HostRouting()
        made = [parent.name for parent in self.records.parents() if parent.made] if exposures else []
        reaches = await self.kernel.host_exposures(made) if made else {}
        return Host(
            await self.kernel.links(), self.kernel.kernel_release, await self.kernel.link_kinds(), (), found, reaches
        )

    def concerns(self, link: str) -> bool:
        """Tell whether a change of this link calls for a repair: records concern it, or a trouble does."""
        return self.records.concerns(link) or any(trouble.concerns(link) for trouble in self.repair.troubles)

    def concerns_address(self, address: IPAddress) -> bool:
        """Tell whether an endpoint has an address that the host has got or lost."""
        return any(self.records.holder_of(parent.name, address) is not None for parent in self.records.parents())

    def keeps_host_off(self, link: str) -> bool:
        """Tell whether how far the host is reached by this link is ipvl's to see to: it made it."""
        parent = self.records.parent(link)
        return parent is not None and parent.made

    def commit(self, changes: Sequence[Change]) -> None:
        """Make changes durable, then true in memory, then tell them as events.

        An endpoint that goes, however that is, gives its DHCP lease back.

        Raises:
            IpvlError: the store could not take them; nothing changed.
        """
        if not changes:
            return
        ends = ended_leases(changes, self.records)
        if ends:
            released = self.dhcp.wire is not None
            changes = (*(Put(released_lease(one, self.clock(), released=released)) for one in ends), *changes)
        self.store.commit(changes)
        self.dhcp.release(ends, self.records, self.clock())
        events: list[Event] = []
        for change in changes:
            events += self.record_events.events_of(change, self.records, self.clock())
            self.hosts_files.note(change, self.records)
            self.records.apply((change,))
        self.publish(events)

    def rename_parent(self, before: str, after: str) -> None:
        """Call a parent by another name, that no parent has, in every record.

        Raises:
            IpvlError: the store could not take it; nothing changed.
        """
        self.store.rename_parent(before, after)
        self.records = Records(self.store.load())
        self.probes.forget_parent(before)
        text = f"parent {before} is called {after} now"
        log.warning("%s", text)
        self.events.publish(Event(self.clock(), EventType.WARNING, text, parent=after))

    def publish(self, events: Iterable[Event]) -> None:
        """Publish events, in their order."""
        for event in events:
            self.events.publish(event)

    def warn(self, trouble: Trouble) -> None:
        """Log a trouble and publish it as an event."""
        log.warning("%s", trouble.text)
        event = Event(self.clock(), EventType.WARNING, trouble.text)
        network = trouble.network
        if network is not None:
            event = replace(event, network=network.label, network_id=network.id, parent=network.parent)
        self.events.publish(event)

    async def apply(self, steps: Iterable[Step]) -> None:
        """Carry out steps in order, stopping at the first that fails.

        Raises:
            IpvlError: the kernel refused a step.
        """
        for step in steps:
            # Ports mostly went with their sandboxes, so these steps rarely do anything.
            rarely = isinstance(step, RemovePort | RemoveLeftPort)
            log.log(logging.DEBUG if rarely else logging.INFO, "%s", step.describe())
            await self.kernel.apply(step)
            if isinstance(step, MakeDummy | MakeVlan):
                text = f"parent {step.name} is made"
                self.events.publish(Event(self.clock(), EventType.PARENT_MADE, text, parent=step.name))
                self.record_events.note_made_parent(step.name)
            elif isinstance(step, RemoveParent):
                text = f"parent {step.name} is removed"
                self.events.publish(Event(self.clock(), EventType.PARENT_REMOVED, text, parent=step.name))

    async def apply_all(self, steps: Iterable[Step]) -> list[tuple[Step, IpvlError]]:
        """Carry out every step that can be, and return the others with their errors: for clean-up, which must go on."""
        failures = []
        for step in steps:
            try:
                await self.apply((step,))
            except IpvlError as error:
                failures.append((step, error))
        return failures

    def network(self, network_id: str) -> Network:
        """Return the network with this id.

        Raises:
            IpvlError: there is none.
        """
        network = self.records.network(network_id)
        if network is None:
            raise missing(f"network {quoted(network_id[:12])} is not known to ipvl", "remove it and create it again")
        return network

    def endpoint(self, network_id: str, endpoint_id: str) -> Endpoint:
        """Return the endpoint with this id in this network.

        Raises:
            IpvlError: the network or the endpoint is not known.
        """
        network = self.network(network_id)
        endpoint = self.records.endpoint(endpoint_id)
        if endpoint is None or endpoint.network_id != network_id:
            raise missing(f"endpoint {quoted(endpoint_id[:12])} is not known to ipvl in network {network.label}")
        return endpoint
