"""What happens on a host, as plain values: the types of events, and which of them a reader wants."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

SHORT_ID = 12
"""Characters of an id that stand for the whole, as in Docker and in `ipvl status`."""


class EventType(StrEnum):
    """What happened: the kind of thing, a full stop, and what became of it."""

    NETWORK_CREATED = "network.created"
    NETWORK_NAMED = "network.named"  # Docker's protocol does not send names, so they are learned a moment later
    NETWORK_REMOVED = "network.removed"
    ENDPOINT_CREATED = "endpoint.created"
    ENDPOINT_NAMED = "endpoint.named"
    ENDPOINT_JOINED = "endpoint.joined"
    ENDPOINT_RESTORED = "endpoint.restored"  # its port went with its parent, and was made again
    ENDPOINT_LEFT = "endpoint.left"
    ENDPOINT_DELETED = "endpoint.deleted"
    SANDBOX_STARTED = "sandbox.started"
    SANDBOX_ENDED = "sandbox.ended"
    PARENT_MADE = "parent.made"
    PARENT_REMOVED = "parent.removed"
    PARENT_LOST = "parent.lost"  # somebody else took it away
    PARENT_CAME_BACK = "parent.came_back"
    PARENT_DOWN = "parent.down"  # switched off, or without carrier
    PARENT_UP = "parent.up"
    LEASE_OBTAINED = "lease.obtained"  # from a DHCP server
    LEASE_RENEWED = "lease.renewed"
    LEASE_LOST = "lease.lost"  # the server took it back, or did not answer until it ended
    LEASE_RELEASED = "lease.released"
    WARNING = "warning"
    EVENTS_LOST = "events.lost"  # to one reader
    DAEMON_STOPPING = "daemon.stopping"  # the last of a stream

    @property
    def subject(self) -> str:
        """The kind of thing the event is about: what stands before the full stop."""
        return self.partition(".")[0]


ABOUT_THE_STREAM = frozenset({EventType.EVENTS_LOST, EventType.DAEMON_STOPPING})
"""What a reader is told whatever it asked for."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    `time` is in seconds since the epoch as ipvl counts them (`ipvl.clock.steady_clock`), `text` one sentence for
    people. `network` and `endpoint` are what the thing is called at that moment: its name, or the first twelve
    characters of its id; the ids tell it for certain. A sandbox is on many networks: `network` is the first, `networks`
    the ids of all. `exit_status` is as a shell has it.
    """

    time: float
    type: EventType
    text: str
    network: str | None = None
    network_id: str | None = None
    endpoint: str | None = None
    endpoint_id: str | None = None
    parent: str | None = None
    sandbox: str | None = None
    sandbox_id: str | None = None
    networks: tuple[str, ...] = ()
    exit_status: int | None = None


@dataclass(slots=True)
class Selection:
    """Which events a reader wants: those of these networks (all when empty) and types (all when empty).

    A network is given by its name or by twelve or more characters of its id. What was heard of a network under its name
    tells its id, hence its events from before it had the name; and its parent, whose events concern it too.

    Args:
        networks: names and ids.
        types: event types such as `endpoint.joined`, or subjects such as `endpoint`.
    """

    networks: Collection[str] = ()
    types: Collection[str] = ()
    _ids: set[str] = field(default_factory=set)
    _parents: set[str] = field(default_factory=set)

    def learn(self, name: str | None, network_id: str | None, parent: str | None) -> None:
        """Take note of a network, if it is one of those that are wanted."""
        if not network_id or not self._names(name, network_id):
            return
        self._ids.add(network_id)
        if parent:
            self._parents.add(parent)

    def wants(self, event: Event) -> bool:
        """Tell whether the reader wants this event, and learn from it."""
        self.learn(event.network, event.network_id, event.parent)
        if event.type in ABOUT_THE_STREAM:
            return True
        if self.types and event.type not in self.types and event.type.subject not in self.types:
            return False
        if not self.networks:
            return True
        if event.network_id is None:
            return event.parent in self._parents
        return event.network_id in self._ids or not self._ids.isdisjoint(event.networks)

    def _names(self, name: str | None, network_id: str) -> bool:
        return network_id in self._ids or any(
            wanted == name or (len(wanted) >= SHORT_ID and network_id.startswith(wanted)) for wanted in self.networks
        )
