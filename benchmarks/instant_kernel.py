"""A kernel that answers at once, whatever it has to keep: what is left is ipvl's own time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ipvl.model.addresses import IPAddress, IPNetwork, OwnAddresses
from ipvl.model.links import HostExposure, HostRouting, Link, PortsView, SandboxView
from ipvl.model.steps import Step


class InstantKernel:
    """Parents, which are there and stay, and sandboxes, which all are.

    Args:
        parents: the names of the links that are there.
    """

    kernel_release = "6.1.0-56-amd64"
    machine = "benchmark"

    def __init__(self, parents: Iterable[str]) -> None:
        self._links = tuple(
            Link(
                index=index,
                name=name,
                kind=None,
                lower=None,
                up=True,
                carrier=True,
                mtu=1500,
                alias=None,
                loopback=False,
                ethernet=True,
            )
            for index, name in enumerate(parents, start=2)
        )

    def namespace_inode(self, path: str) -> int | None:
        """Return the number of the sandbox at this path, which is what its name ends with: every one is there."""
        name = path.rpartition("/")[2]
        return int(name) if name.isdigit() else None

    async def links(self) -> tuple[Link, ...]:
        """Return the parents."""
        return self._links

    async def find_link(self, name: str) -> Link | None:
        """Return the parent with this name."""
        return next((link for link in self._links if link.name == name), None)

    async def prefixes(self) -> tuple[IPNetwork, ...]:
        """Return nothing: the host has no address."""
        return ()

    async def own_addresses(self) -> OwnAddresses:
        """Return nothing: the host has no address."""
        return {}

    async def host_routing(self) -> HostRouting:
        """Return nothing: the host has no address and no route."""
        return HostRouting(frozenset(), ())

    async def probe_addresses(self, link: str, addresses: Collection[IPAddress]) -> Mapping[IPAddress, str]:  # noqa: ARG002
        """Return nothing: the segment is silent."""
        return {}

    def announce_addresses(self, link: str, addresses: Collection[IPAddress]) -> None:
        """Do nothing, at once."""

    async def ports_in_other_namespaces(self, known: Iterable[str] = ()) -> tuple[Link, ...]:  # noqa: ARG002
        """Return nothing: none is mixed with others."""
        return ()

    async def all_hosts_members(self) -> Mapping[int, int]:
        """Return nothing: no link has any."""
        return {}

    async def host_exposures(self, names: Collection[str]) -> Mapping[str, HostExposure]:  # noqa: ARG002
        """Return nothing: no link has settings."""
        return {}

    async def link_kinds(self) -> frozenset[str]:
        """Return every kind."""
        return frozenset({"ipvlan", "vlan", "dummy"})

    async def sandbox_view(self, path: str) -> SandboxView:  # noqa: ARG002 - all are alike
        """Return an empty sandbox's view: each is put on one network."""
        return SandboxView(frozenset({"lo"}), frozenset(), frozenset())

    async def ports_view(self, path: str, *, whole: bool = True) -> PortsView:  # noqa: ARG002 - all are alike
        """Return an empty sandbox's view."""
        return PortsView(entered=True, ports=(), interfaces=frozenset({"lo"}))

    async def apply(self, step: Step) -> None:
        """Do nothing, at once."""
