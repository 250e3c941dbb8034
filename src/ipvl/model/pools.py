"""What the IPAM keeps: pools, leases of their addresses, and addresses that are nobody's to choose."""

from __future__ import annotations

from dataclasses import dataclass

from ipvl.model.addresses import IPAddress, IPNetwork
from ipvl.model.networks import ConflictCheck


@dataclass(frozen=True, slots=True)
class Pool:
    """A subnet that another engine (Docker, as its IPAM driver) takes addresses from.

    `range` is the part that addresses are chosen from. `parent` is the parent whose networks it shares addresses with;
    None means every parent. `users` counts who asked for it and did not release it. `changed` is when it was asked for
    last, in seconds since the epoch. `conflict_check` is for addresses of containers; it takes a parent to look on.
    `seen_by` is the Docker that listed the networks of all its users; None before any did, and `NOT_ALL_SEEN` when one
    more asked for it since then.
    """

    id: str
    subnet: IPNetwork
    range: IPNetwork | None
    parent: str | None
    users: int
    changed: float
    conflict_check: ConflictCheck = ConflictCheck.NONE
    seen_by: str | None = None


NOT_ALL_SEEN = ""
"""What a pool was seen by that has one more user than when a Docker was known to have them all."""


@dataclass(frozen=True, slots=True)
class PoolLease:
    """An address of a pool that is handed out: to an endpoint, as the `gateway`, or because somebody else has it.

    `owner` is the name of the endpoint where that was told. `users` counts who asked: more than one for gateways and
    addresses of others, which networks may share.
    """

    pool_id: str
    address: IPAddress
    gateway: bool
    owner: str | None
    users: int
    changed: float


@dataclass(frozen=True, slots=True)
class StaticAddress:
    """An address that a container or sandbox asked for on a network: nobody else is given it while that is stopped.

    `owner` is its id and `name` what the user calls it.
    """

    network_id: str
    owner: str
    name: str
    address: IPAddress

    @property
    def key(self) -> tuple[str, str, IPAddress]:
        """What tells it from all others."""
        return self.network_id, self.owner, self.address


@dataclass(frozen=True, slots=True)
class Cursor:
    """The address that a network or pool, whose id is `owner`, chose last in a subnet: the next one follows it."""

    owner: str
    subnet: IPNetwork
    address: IPAddress


QUARANTINE_SECONDS = 600.0
"""Seconds that an address somebody has is not chosen."""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """An address that somebody else on a parent's segment has, and that is not chosen there until a time.

    `holder` is the MAC address that answered, or `THIS_HOST`. `until` is in seconds since the epoch, and
    `QUARANTINE_SECONDS` later than the answer.
    """

    parent: str
    address: IPAddress
    holder: str
    until: float


THIS_HOST = "this host itself"
"""The holder of an address that the parent has in the host's namespace: ipvlan keeps that apart from its ports."""
