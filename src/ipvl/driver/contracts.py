"""What the driver needs of the rooms below it. Tests run one suite against each implementation, real and fake."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from ipvl.dhcp.messages import Message, Reply
from ipvl.links import Link, SandboxView, Step
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

    async def ports_elsewhere(self) -> tuple[Link, ...]:
        """Return the ports on the host's links that are in other namespaces, as far as those can be found."""

    async def kinds(self) -> frozenset[str]:
        """Return which of `ipvlan`, `vlan` and `dummy` the kernel can make."""

    async def apply(self, step: Step) -> None:
        """Carry out one step; removing what is gone already succeeds."""

    def namespace_inode(self, path: str) -> int | None:
        """Return what tells the network namespace at this path from all others, or None when there is none."""

    async def sandbox_view(self, path: str) -> SandboxView:
        """Return what the network of the sandbox at this path is like."""


class Conversation(Protocol):
    """What says and hears the messages of one DHCP exchange on a link."""

    def say(self, message: Message) -> None:
        """Send a message, which may be lost."""

    async def hear(self, within: float) -> Reply | None:
        """Return the next answer, None when none came within so many seconds."""


class Wire(Protocol):
    """The segments behind the host's links."""

    def open(self, link: str, xid: int) -> AbstractContextManager[Conversation]:
        """Return what speaks and listens on a link; only answers with this number are heard."""


class Store(Protocol):
    """Durable records."""

    def load(self) -> tuple[Record, ...]:
        """Return every record: parents, networks, endpoints, pools, leases, cursors, each in the order of making."""

    def commit(self, changes: Iterable[Change]) -> None:
        """Make all of the changes durable, or none."""
