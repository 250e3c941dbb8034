"""The driver's one moving part: a kernel, a store, the records, and the lock that makes every operation whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from ipvl.clock.host_clocks import rfc3339
from ipvl.driver.dhcp_leases.lease_release import ended_leases, released_lease, send_release
from ipvl.driver.dhcp_leases.pending_requests import PendingRequests
from ipvl.driver.endpoints.outdated_hosts_files import OutdatedHostsFiles
from ipvl.driver.events.event_log import EventLog
from ipvl.driver.events.event_types import Event, EventType
from ipvl.driver.events.record_changes import RecordEvents
from ipvl.driver.interfaces import DhcpWire, Kernel, Store
from ipvl.errors import IpvlError, missing, shown
from ipvl.model.addresses import IPAddress
from ipvl.model.dhcp_leases import DhcpLease
from ipvl.model.endpoints import Endpoint, Sandbox
from ipvl.model.links import HostRouting
from ipvl.model.networks import Network
from ipvl.model.pools import Pool
from ipvl.model.steps import MakeDummy, MakeVlan, RemoveParent, RemovePort, Step
from ipvl.planning.host import Host
from ipvl.planning.unclaimed_networks import way_out_of_unclaimed, what_is_unclaimed
from ipvl.records.records import Change, Put, Records

log = logging.getLogger(__name__)


class Engine:
    """What the use cases work on.

    One lock serves all: the kernel takes one link change at a time anyway (rtnl_lock), and every plan is made from
    records and links that nobody changes meanwhile. `creation` is held around it by those who must look before they
    make a thing, such as for a name that is free. `started` is when it was made, in seconds since the epoch.
    `comparison_due` is set when an engine such as Docker has to be asked, later, what it still has. `listed` are the
    ids of the networks that it had when it was asked last, and `unclaimed` those of networks and pools that it did not
    have, though they came from one of its kind. `follows_docker` says that its events are heard, and `named` is set
    whenever they brought a name. `probing` are the ids of endpoints whose addresses the segment is being asked for, and
    `found_free` tells of addresses that nobody there had when a pool leased them, by parent, when that was.
    `parent_mtus` are those that all ports were last made to agree with. `clashes` are sentences about endpoints'
    addresses that the host has as well, of those that were told. `wire` is where DHCP servers are, None as long as
    nobody keeps leases, and `claims` are who is about to get one. `not_restored` says why endpoints have no port, by
    id; `unannounced` are those that have one again on a parent that is not up yet. `parent_at_join` has the index of
    the parent that endpoints joined on, by their id and when that was, as long as their ports were not seen.
    `routes_changed` is set when another engine's networks may have changed what routes sandboxes have.

    Args:
        kernel: the host.
        store: what is remembered; its records are read here, once.
        clock: tells the time in seconds since the epoch, and never jumps: `ipvl.clock.steady_clock`.
        date: says when by the wall clock a moment of that clock is or was (RFC 3339).
        moment: returns which moment of that clock it is at a time of the wall clock's, in seconds since the epoch.
        publish: writes names to the hosts file at a path; what cannot be written is its own to report.
        resolve: writes resolvers to the file beside the hosts file at a path, in the same way.
        discard: removes the files of a sandbox whose supervisor was killed; what cannot be is its own to report.
        announce: sees to it that the neighbours of an endpoint that ipvl placed learn where its addresses are.

    Raises:
        IpvlError: the store cannot be read.
    """

    def __init__(
        self,
        kernel: Kernel,
        store: Store,
        clock: Callable[[], float],
        *,
        date: Callable[[float], str] = rfc3339,
        moment: Callable[[float], float] = float,
        publish: Callable[[str, str], None] = lambda _path, _text: None,
        resolve: Callable[[str, str], None] = lambda _path, _text: None,
        discard: Callable[[Sandbox], None] = lambda _sandbox: None,
        announce: Callable[[Network, Endpoint], None] = lambda _network, _endpoint: None,
    ) -> None:
        self.kernel = kernel
        self.store = store
        self.clock = clock
        self.date = date
        self.moment = moment
        self.started = clock()
        self.records = Records(store.load())
        self.publish = publish
        self.resolve = resolve
        self.discard = discard
        self.announce = announce
        self.probing: set[str] = set()
        self.found_free: dict[tuple[str, IPAddress], float] = {}
        self.lock = asyncio.Lock()
        self.creation = asyncio.Lock()
        self.comparison_due = asyncio.Event()
        self.follows_docker = False
        self.named = asyncio.Event()
        self.listed: frozenset[str] = frozenset()
        self.unclaimed: frozenset[str] = frozenset()
        self.routes_changed = asyncio.Event()
        self.repair_warnings: tuple[str, ...] = ()
        self.not_restored: dict[str, str] = {}
        self.unannounced: set[str] = set()
        self.parent_at_join: dict[tuple[str, float], int] = {}
        self.parent_mtus: dict[str, int] = {}
        self.clashes: frozenset[str] = frozenset()
        self.wire: DhcpWire | None = None
        self.claims = PendingRequests()
        self.events = EventLog()
        self.lifecycles = RecordEvents(self.records)
        self.memberships = OutdatedHostsFiles()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the last repair could not mend."""
        return (*self.repair_warnings, *self.not_restored.values())

    @asynccontextmanager
    async def unlocked(self) -> AsyncIterator[None]:
        """Let others have the lock, which is held, while something slow is waited for; then it is held again.

        It is whatever comes: whoever holds the lock gives it back at the end, also when it was told to stop meanwhile.
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

    async def host(self, *, everywhere: bool = False, ways: bool = False, reach: bool = False) -> Host:
        """Look at the host: every link and what the kernel can make.

        `everywhere` also ports in other namespaces; with `ways`, the host's own addresses and routes as well, and with
        `reach`, how far the host is reached by links that ipvl made.
        """
        moved = await self.kernel.ports_in_other_namespaces() if everywhere else ()
        found = await self.kernel.host_routing() if ways else HostRouting()
        made = [parent.name for parent in self.records.parents() if parent.made] if reach else []
        reaches = await self.kernel.host_exposures(made) if made else {}
        return Host(
            await self.kernel.links(), self.kernel.release, await self.kernel.link_kinds(), moved, found, reaches
        )

    def concerns(self, link: str) -> bool:
        """Tell whether a change of this link calls for a repair: records concern it, or a warning is about it."""
        return self.records.concerns(link) or any(f" {link} " in warning for warning in self.warnings)

    def concerns_address(self, address: IPAddress) -> bool:
        """Tell whether an endpoint has an address that the host has got or lost."""
        return any(self.records.holder_of(parent.name, address) is not None for parent in self.records.parents())

    def all_warnings(self) -> tuple[str, ...]:
        """Return what the last repair could not mend, and what a Docker made that the one that is asked has not."""
        had: tuple[Network | Pool, ...] = (*self.records.networks(), *self.records.pools())
        unclaimed = [one for one in had if one.id in self.unclaimed]
        return (*self.warnings, *(f"{what_is_unclaimed(one)}; {way_out_of_unclaimed(one)}" for one in unclaimed))

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
            released = self.wire is not None
            changes = (*(Put(released_lease(one, self.clock(), released=released)) for one in ends), *changes)
        self.store.commit(changes)
        self._release(ends)
        told: list[Event] = []
        for change in changes:
            told += self.lifecycles.change(change, self.records, self.clock())
            self.memberships.note(change, self.records)
            self.records.apply((change,))
        self.tell(told)

    def rename_parent(self, before: str, after: str) -> None:
        """Call a parent by another name, that no parent has, in every record.

        Raises:
            IpvlError: the store could not take it; nothing changed.
        """
        self.store.rename_parent(before, after)
        self.records = Records(self.store.load())
        self.found_free = {key: when for key, when in self.found_free.items() if key[0] != before}
        text = f"parent {before} is called {after} now"
        log.warning("%s", text)
        self.events.publish(Event(self.clock(), EventType.WARNING, text, parent=after))

    def _release(self, ends: Iterable[DhcpLease]) -> None:
        for lease in ends:
            if self.wire is not None and lease.terms is not None and lease.key not in self.claims.taken:
                send_release(self.wire, self.network(lease.network_id), lease, lease.terms, self.clock())

    def tell(self, events: Iterable[Event]) -> None:
        """Publish events, in their order."""
        for event in events:
            self.events.publish(event)

    def warn(self, text: str, network: Network | None = None) -> None:
        """Publish a warning, about this network if there is one."""
        if network is None:
            self.events.publish(Event(self.clock(), EventType.WARNING, text))
        else:
            self.events.publish(
                Event(self.clock(), EventType.WARNING, text, network.label, network.id, parent=network.parent)
            )

    async def apply(self, steps: Iterable[Step]) -> None:
        """Carry out steps in order, stopping at the first that fails.

        Raises:
            IpvlError: the kernel refused a step.
        """
        for step in steps:
            # Ports mostly went with their sandboxes, so that step rarely does anything.
            log.log(logging.DEBUG if isinstance(step, RemovePort) else logging.INFO, "%s", step.describe())
            await self.kernel.apply(step)
            if isinstance(step, MakeDummy | MakeVlan):
                text = f"parent {step.name} is made"
                self.events.publish(Event(self.clock(), EventType.PARENT_MADE, text, parent=step.name))
                self.lifecycles.remade(step.name)
            elif isinstance(step, RemoveParent):
                text = f"parent {step.name} is removed"
                self.events.publish(Event(self.clock(), EventType.PARENT_REMOVED, text, parent=step.name))

    async def apply_all(self, steps: Iterable[Step]) -> list[IpvlError]:
        """Carry out every step that can be, and return what the others failed with: for clean-up, which must go on."""
        failures = []
        for step in steps:
            try:
                await self.apply((step,))
            except IpvlError as error:
                failures.append(error)
        return failures

    def network(self, network_id: str) -> Network:
        """Return the network with this id.

        Raises:
            IpvlError: there is none.
        """
        network = self.records.network(network_id)
        if network is None:
            raise missing(f"network {shown(network_id[:12])} is not known to ipvl", "remove it and create it again")
        return network

    def endpoint(self, network_id: str, endpoint_id: str) -> Endpoint:
        """Return the endpoint with this id in this network.

        Raises:
            IpvlError: the network or the endpoint is not known.
        """
        network = self.network(network_id)
        endpoint = self.records.endpoint(endpoint_id)
        if endpoint is None or endpoint.network_id != network_id:
            raise missing(f"endpoint {shown(endpoint_id[:12])} is not known to ipvl in network {network.label}")
        return endpoint
