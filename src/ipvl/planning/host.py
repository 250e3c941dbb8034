"""What planning knows of the host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ipvl.model.links import HostExposure, HostRouting, Link


@dataclass(frozen=True)
class Host:
    """What planning knows of the host: its links, its kernel's release and what kinds of link that can make.

    `moved` are ports on the host's links that were moved to other namespaces, where somebody looked for them. So are
    `routing`, the host's own addresses and routes, `exposures`, how far the host is reached by links that ipvl made,
    and `all_hosts_members`, how many links want what is sent to all hosts from each link, by its index.
    """

    links: tuple[Link, ...]
    release: str
    kinds: frozenset[str]
    moved: tuple[Link, ...] = ()
    routing: HostRouting = field(default_factory=HostRouting)
    exposures: Mapping[str, HostExposure] = field(default_factory=dict)
    all_hosts_members: Mapping[int, int] = field(default_factory=dict)

    def link(self, name: str) -> Link | None:
        """Return the link with this name, or None."""
        return self._by_name.get(name)

    def link_also_called(self, name: str) -> Link | None:
        """Return the link that has this name as an alternative one, or None."""
        return self._by_altname.get(name)

    def names_beside(self, link: Link, former: Iterable[str] = ()) -> tuple[str, ...]:
        """Return what a link is known by beside its name: the names it has, and those it had and no other has now."""
        free = (name for name in former if (self.link(name) or self.link_also_called(name) or link) == link)
        return tuple(sorted({*link.altnames, *free} - {link.name}))

    def below(self, link: Link) -> Link | None:
        """Return the link that `link` sits on, or None; the other end of a veth pair is beside it, not below."""
        if link.kind == "veth":
            return None
        return self._by_index.get(link.lower)

    def ports_of(self, link: Link) -> tuple[Link, ...]:
        """Return the links that sit directly on `link`."""
        return tuple(self._by_lower.get(link.index, ()))

    @cached_property
    def _by_name(self) -> dict[str, Link]:
        return {link.name: link for link in self.links}

    @cached_property
    def _by_altname(self) -> dict[str, Link]:
        return {name: link for link in self.links for name in link.altnames}

    @cached_property
    def _by_index(self) -> dict[int | None, Link]:
        return {link.index: link for link in self.links}

    @cached_property
    def _by_lower(self) -> dict[int, list[Link]]:
        found: dict[int, list[Link]] = {}
        for link in (*self.links, *self.moved):
            if link.lower is not None:
                found.setdefault(link.lower, []).append(link)
        return found
