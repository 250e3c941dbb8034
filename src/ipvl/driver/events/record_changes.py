"""Changes to the records as events, so that no way of changing one can forget to tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from ipvl.driver.events.event_types import Event, EventType
from ipvl.driver.status.host_status import link_state
from ipvl.model.dhcp_leases import DhcpLease
from ipvl.model.endpoints import Endpoint, Sandbox
from ipvl.model.networks import Network, Phase
from ipvl.planning.host import Host
from ipvl.records.changes import Change, Put
from ipvl.records.records import Records

Members: TypeAlias = Sequence[tuple[Network, Endpoint]]

PARENT_EVENTS = {
    "missing": (EventType.PARENT_LOST, "is gone"),
    "down": (EventType.PARENT_DOWN, "is down"),
    "no carrier": (EventType.PARENT_DOWN, "has no carrier"),
    "up": (EventType.PARENT_UP, "is up"),
}


class RecordEvents:
    """Tells what becomes of networks, endpoints and parents.

    Every endpoint is created, joins and leaves as often as it likes, and is deleted: each of these once, and none is
    left out, whoever changed the records. That an endpoint has joined is told by `joined`, since its record says so
    before its port is made.

    Args:
        records: what there is already, which is no event.
    """

    def __init__(self, records: Records) -> None:
        self._joined = {endpoint.id for endpoint in records.endpoints() if endpoint.sandbox is not None}
        self._parents: dict[str, str] = {}

    def events_of(self, change: Change, records: Records, time: float) -> tuple[Event, ...]:
        """Return the events of one change; the records are as they were before it."""
        record = change.record
        match record:
            case Network():
                held = records.network(record.id)
                events = self._put_network(held, record, time) if isinstance(change, Put) else _drop_network(held, time)
                return tuple(events)
            case Endpoint():
                network = records.network(record.network_id)
                before = records.endpoint(record.id)
                if network is None:
                    return ()
                if isinstance(change, Put):
                    return tuple(self._put_endpoint(network, before, record, time))
                return tuple(self._drop_endpoint(network, before, time))
            case DhcpLease() if isinstance(change, Put):
                return tuple(_put_lease(records.dhcp_lease(record.key), record, records, time))
            case _:
                return ()

    def joined(self, network: Network, endpoint: Endpoint, time: float) -> tuple[Event, ...]:
        """Return the event of an endpoint whose port is made and handed over; none if that was told already."""
        if endpoint.id in self._joined:
            return ()
        self._joined.add(endpoint.id)
        return (_event_about(EventType.ENDPOINT_JOINED, network, endpoint, f"joined sandbox {endpoint.sandbox}", time),)

    def parent_events(self, records: Records, states: Mapping[str, str], time: float) -> tuple[Event, ...]:
        """Return the events of parents that are not as they were.

        Args:
            records: whose parents are meant; one that was not seen before counts as having been up.
            states: each parent's state as `ipvl.driver.status.host_status.link_state` tells it.
            time: now, in seconds since the epoch.
        """
        before, self._parents = self._parents, {parent.name: states[parent.name] for parent in records.parents()}
        events = []
        for name, state in self._parents.items():
            was = before.get(name, "up")
            if was == state:
                continue
            if was == "missing":
                events.append(Event(time, EventType.PARENT_CAME_BACK, f"parent {name} came back", parent=name))
            if was != "missing" or state != "up":
                type_, what = PARENT_EVENTS[state]
                events.append(Event(time, type_, f"parent {name} {what}", parent=name))
        return tuple(events)

    def note_made_parent(self, parent: str) -> None:
        """Take note that ipvl itself made a missing parent again, which is an event of its own."""
        self._parents[parent] = "up"

    def _put_network(self, held: Network | None, now: Network, time: float) -> Iterator[Event]:
        if now.phase is Phase.READY and (held is None or held.phase is Phase.MAKING):
            what = f"is ready: mode {now.mode}, flag {now.flag}, parent {now.parent}"
            yield _event_about(EventType.NETWORK_CREATED, now, None, what, time)
        elif held is not None and now.name is not None and held.name != now.name:
            text = f"network {held.label} is called {now.name}"
            yield Event(time, EventType.NETWORK_NAMED, text, now.name, now.id, parent=now.parent)

    def _put_endpoint(self, network: Network, held: Endpoint | None, now: Endpoint, time: float) -> Iterator[Event]:
        if held is None:
            yield _event_about(EventType.ENDPOINT_CREATED, network, now, f"is created with {now.address_text}", time)
            return
        if held.sandbox != now.sandbox:
            yield from self._left(network, held, time)
        if now.name is not None and held.name != now.name:
            text = f"network {network.label}: endpoint {held.label} is called {now.name}"
            yield Event(
                time, EventType.ENDPOINT_NAMED, text, network.label, network.id, now.name, now.id, network.parent
            )

    def _drop_endpoint(self, network: Network, held: Endpoint | None, time: float) -> Iterator[Event]:
        if held is not None:
            yield from self._left(network, held, time)
            yield _event_about(EventType.ENDPOINT_DELETED, network, held, "is deleted", time)

    def _left(self, network: Network, endpoint: Endpoint, time: float) -> Iterator[Event]:
        if endpoint.id in self._joined:
            self._joined.remove(endpoint.id)
            yield _event_about(EventType.ENDPOINT_LEFT, network, endpoint, f"left sandbox {endpoint.sandbox}", time)


def sandbox_started(sandbox: Sandbox, members: Members, time: float) -> Event:
    """Return the event of a sandbox that runs, with what it has on its networks."""
    return _sandbox_event(EventType.SANDBOX_STARTED, sandbox, members, "has started", time)


def sandbox_ended(sandbox: Sandbox, members: Members, exit_status: int, time: float) -> Event:
    """Return the event of a sandbox that ran until now, with what it had."""
    what = f"has ended with status {exit_status}"
    return replace(_sandbox_event(EventType.SANDBOX_ENDED, sandbox, members, what, time), exit_status=exit_status)


def _sandbox_event(type_: EventType, sandbox: Sandbox, members: Members, what: str, time: float) -> Event:
    places = ", ".join(
        f"{network.label} {f'as {endpoint.address_text}' if endpoint.addresses else 'without an address'}"
        for network, endpoint in members
    )
    event = Event(
        time,
        type_,
        f"sandbox {sandbox.name} {what}, on {places or 'no network'}",
        sandbox=sandbox.name,
        sandbox_id=sandbox.id,
        networks=tuple(network.id for network, _ in members),
    )
    if not members:
        return event
    network, endpoint = members[0]
    return replace(
        event,
        network=network.label,
        network_id=network.id,
        endpoint=endpoint.label,
        endpoint_id=endpoint.id,
        parent=network.parent,
    )


def parent_states(records: Records, host: Host) -> dict[str, str]:
    """Return the state of every parent's link: up, no carrier, down or missing."""
    return {parent.name: link_state(host.link(parent.name)) for parent in records.parents()}


def port_restored(network: Network, endpoint: Endpoint, time: float) -> Event:
    """Return the event of an endpoint that has its port again, which went with its parent."""
    what = f"has its port again in sandbox {endpoint.sandbox}"
    return _event_about(EventType.ENDPOINT_RESTORED, network, endpoint, what, time)


def lease_event(type_: EventType, network: Network, endpoint: Endpoint, what: str, time: float) -> Event:
    """Return the event of a lease that became another one's, or did not; `what` follows the endpoint's name."""
    return _event_about(type_, network, endpoint, what, time)


def _put_lease(held: DhcpLease | None, now: DhcpLease, records: Records, time: float) -> Iterator[Event]:
    """Yield the events of a lease that gets an endpoint or loses it; what a server did is told where it is heard."""
    before = None if held is None else held.endpoint_id
    network = records.network(now.network_id)
    endpoint = records.endpoint(now.endpoint_id or before or "")
    if before == now.endpoint_id or network is None or endpoint is None or now.terms is None:
        return
    if now.endpoint_id is None:
        what = f"has released the lease of {now.terms.address.ip}"
        yield lease_event(EventType.LEASE_RELEASED, network, endpoint, what, time)
    else:
        what = f"has the lease of {now.terms.address.ip} from server {now.terms.server}"
        yield lease_event(EventType.LEASE_OBTAINED, network, endpoint, what, time)


def _drop_network(held: Network | None, time: float) -> Iterator[Event]:
    # One that was still being made was never announced.
    if held is not None and held.phase is not Phase.MAKING:
        yield _event_about(EventType.NETWORK_REMOVED, held, None, "is removed", time)


def _event_about(type_: EventType, network: Network, endpoint: Endpoint | None, what: str, time: float) -> Event:
    if endpoint is None:
        return Event(time, type_, f"network {network.label} {what}", network.label, network.id, parent=network.parent)
    text = f"network {network.label}: endpoint {endpoint.label} {what}"
    return Event(time, type_, text, network.label, network.id, endpoint.label, endpoint.id, network.parent)
