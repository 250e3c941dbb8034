"""What the driver needs of the rooms below it. Tests run one suite against each implementation, real and fake."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ipvl.links import HostWays, Link, SandboxView, Step
from ipvl.model import IPNetwork
from ipvl.records import Change, Record


class Kernel(Protocol):
    """The host's links and sandboxes."""

    @property
    def release(self) -> str:
        """The kernel's release, as `uname -r` prints it."""

    async def all(self) -> tuple[Link, ...]:
        """Return every link of the host's namespace."""

    @property
    def machine(self) -> str:
        """What tells this host from all others and stays over reboots."""

    async def prefixes(self) -> tuple[IPNetwork, ...]:
        """Return the prefixes of the host's addresses and of its main table's routes."""

    async def ways(self) -> HostWays:
        """Return the host's own addresses and the routes of its main table."""

    async def ports_elsewhere(self, known: Iterable[str] = ()) -> tuple[Link, ...]:
        """Return the ports on the host's links that are in other namespaces, as far as those can be found.

        Those at `known` paths always can be.
        """

    async def kinds(self) -> frozenset[str]:
        """Return which of `ipvlan`, `vlan` and `dummy` the kernel can make."""

    async def apply(self, step: Step) -> None:
        """Carry out one step; removing what is gone already succeeds."""

    def namespace_inode(self, path: str) -> int | None:
        """Return what tells the network namespace at this path from all others, or None when there is none."""

    async def sandbox_view(self, path: str) -> SandboxView:
        """Return what the network of the sandbox at this path is like."""


class Store(Protocol):
    """Durable records."""

    def load(self) -> tuple[Record, ...]:
        """Return every record: parents, networks, endpoints, pools, leases, cursors, each in the order of making."""

    def commit(self, changes: Iterable[Change]) -> None:
        """Make all of the changes durable, or none."""
