"""What the driver needs of the rooms below it. Tests run one suite against each implementation, real and fake."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from ipvl.dhcp.dhcp_messages import Message, Reply
from ipvl.model.addresses import IPAddress, IPNetwork, OwnAddresses
from ipvl.model.endpoints import Endpoint, Sandbox
from ipvl.model.links import HostExposure, HostRouting, Link, PortsView, SandboxView
from ipvl.model.networks import Network
from ipvl.model.steps import Step
from ipvl.records.changes import Change, Record


class Kernel(Protocol):
    """The host's links and sandboxes."""

    @property
    def kernel_release(self) -> str:
        """The kernel's release, as `uname -r` prints it."""

    async def links(self) -> tuple[Link, ...]:
        """Return every link of the host's namespace."""

    async def find_link(self, name: str) -> Link | None:
        """Return the link of the host's namespace with this name, or None."""

    @property
    def machine(self) -> str:
        """What tells this host from all others and stays over reboots."""

    async def prefixes(self) -> tuple[IPNetwork, ...]:
        """Return the prefixes of the host's addresses and of its main table's routes."""

    async def own_addresses(self) -> OwnAddresses:
        """Return the addresses that are this host's own, link-local ones left out; it takes next to no time."""

    async def host_routing(self) -> HostRouting:
        """Return the host's own addresses and the routes of its main table."""

    async def host_exposures(self, names: Collection[str]) -> Mapping[str, HostExposure]:
        """Return how far the host itself is reached by those of some links that there are."""

    async def ports_in_other_namespaces(self, known: Iterable[str] = ()) -> tuple[Link, ...]:
        """Return the ports on the host's links that are in other namespaces, as far as those can be found.

        Those at `known` paths always can be.
        """

    async def all_hosts_members(self) -> Mapping[int, int]:
        """Return how many links want what is sent to all hosts (224.0.0.1) from each link, by the index of that.

        Each that is up counts: itself, twice if it is a VLAN, macvlan or ipvlan port, and those that are on it, in
        whatever namespace.
        """

    async def link_kinds(self) -> frozenset[str]:
        """Return which of `ipvlan`, `vlan` and `dummy` the kernel can make."""

    async def apply(self, step: Step) -> None:
        """Carry out one step; removing what is gone already succeeds."""

    def namespace_inode(self, path: str) -> int | None:
        """Return what tells the network namespace at this path from all others, or None when there is none."""

    async def sandbox_view(self, path: str) -> SandboxView:
        """Return what the network of the sandbox at this path is like."""

    async def ports_view(self, path: str, *, whole: bool = True) -> PortsView:
        """Return the ports in the sandbox at this path, with all about them where ipvl may enter it.

        How they are set up takes most of the time to read, their sysctls above all; without `whole` that is left out.
        """

    async def probe_addresses(self, link: str, addresses: Collection[IPAddress]) -> Mapping[IPAddress, str]:
        """Return those of some addresses that are in use on a link's segment, and by whom.

        Who that is is a MAC address, or `THIS_HOST` where the link has the address itself. It takes most of a second
        when nobody has any; the first answer ends it, so that others may be missing beside one that was found. On a
        link that is gone or down nobody has any.
        """

    def announce_addresses(self, link: str, addresses: Collection[IPAddress]) -> None:
        """Tell everybody on a link's segment that these addresses are now at its MAC address; waits for nobody."""


class DhcpConversation(Protocol):
    """What sends and receives the messages of one DHCP exchange on a link."""

    def send(self, message: Message) -> None:
        """Send a message, which may be lost."""

    async def receive(self, within: float) -> Reply | None:
        """Return the next answer, None when none came within so many seconds."""


class DhcpWire(Protocol):
    """The segments behind the host's links."""

    def open(self, link: str, xid: int) -> AbstractContextManager[DhcpConversation]:
        """Return what sends and receives on a link; only replies with this transaction id (xid) are received."""


class Store(Protocol):
    """Durable records."""

    def load(self) -> tuple[Record, ...]:
        """Return every record: parents, networks and so on, each kind in the order of making."""

    def commit(self, changes: Iterable[Change]) -> None:
        """Make all of the changes durable, or none."""

    def rename_parent(self, before: str, after: str) -> None:
        """Call a parent by another name, that no parent has, in every record."""


@dataclass(frozen=True, slots=True)
class SandboxEffects:
    """What an engine does outside of store and kernel, for sandboxes alone; each reports itself what it could not do.

    `write_hosts` writes names to the hosts file at a path, `write_resolvers` resolvers to the file beside that.
    `remove_files` removes the files of a sandbox whose supervisor was killed. `announce` sees to it that the neighbours
    of an endpoint that ipvl placed learn where its addresses are.
    """

    write_hosts: Callable[[str, str], None]
    write_resolvers: Callable[[str, str], None]
    remove_files: Callable[[Sandbox], None]
    announce: Callable[[Network, Endpoint], None]
