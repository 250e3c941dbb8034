"""What a diagnosis is made from: what ipvl remembers, what the host showed, and whom the diagnosis is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ipvl.errors import invalid, missing, quoted
from ipvl.model.host_facts import Answers, NetworkStack
from ipvl.model.links import HostRoute, Link
from ipvl.model.networks import Network, Parent, Phase
from ipvl.options.link_names import check_link_name
from ipvl.planning.host import Host
from ipvl.planning.parents.vlan_tags import wanted_parents
from ipvl.records.records import Records


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom the diagnosis is about: networks, their parents, and `whole` when nobody narrowed it down.

    A parent may be one that ipvl knows nothing of, or one that it would only make; then `under` are those that it would
    make first.
    """

    networks: tuple[Network, ...]
    parents: tuple[Parent, ...]
    whole: bool
    under: tuple[Parent, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a check may look at.

    The host was looked at twice (`earlier` and `host`): what is there, or missing, both times is not merely on its way.
    `records` were read in between. What this user could not find out is None: `docker_networks` are the ids of Docker's
    networks, and `docker_pools` those of the pools that these use, both asked for only where they matter.
    `dhcp_servers` has the parents where a DHCP server was asked for, and
    which answered first.
    """

    scope: Scope
    records: Records
    earlier: Host
    host: Host
    stack: NetworkStack
    answers: Answers
    inode_of: Callable[[str], int | None]
    now: float
    knows_kinds: bool = True
    knows_namespaces: bool = True
    docker_networks: frozenset[str] | None = None
    docker_pools: frozenset[str] | None = None
    dhcp_servers: Mapping[str, str | None] = field(default_factory=dict)
    routes: tuple[HostRoute, ...] | None = None

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks that containers can be on."""
        return tuple(network for network in self.scope.networks if network.phase is Phase.READY)

    @property
    def routed(self) -> tuple[Network, ...]:
        """The networks in L3 and L3S that lead somewhere."""
        return tuple(network for network in self.networks if network.mode.routes and not network.isolated)

    @property
    def switched(self) -> tuple[Network, ...]:
        """The networks in L2 that lead somewhere."""
        return tuple(network for network in self.networks if not network.mode.routes and not network.isolated)

    def link_of(self, owner: Network | Parent) -> Link | None:
        """Return the link that is this parent or carries this network, or None."""
        return self.host.link(owner.parent if isinstance(owner, Network) else owner.name)

    def with_bases(self, parent: Parent) -> tuple[Parent, ...]:
        """Return a parent after those that it sits on and that are ipvl's to make, outermost first."""
        return (*self.scope.under, parent) if self.scope.under else self.records.with_bases(parent)

    def was_there_before(self, link: Link) -> bool:
        """Tell whether this very link was there at the first look as well."""
        return any((one.index, one.name) == (link.index, link.name) for one in self.earlier.links)


def scope_of(records: Records, host: Host, network: str | None, parent: str | None) -> Scope:
    """Return whom a user means.

    Args:
        records: what ipvl remembers.
        host: the host as it is now.
        network: the name of a network or the beginning of its id, or None.
        parent: the name of a link that is, or may become, a parent, or None.

    Raises:
        IpvlError: ipvl knows no such network, more than one is meant, or the parent's name cannot be one.
    """
    if parent is not None:
        name = check_link_name(parent)
        if name == "lo":
            raise invalid("parent lo is the loopback, which leads nowhere", "name a physical link")
        *under, meant_parent = wanted_parents(name, records, host)
        held = records.parent(name)
        return Scope(records.networks_on(name), (held or meant_parent,), whole=False, under=tuple(under))
    if network is None:
        carrying = tuple(one for one in records.parents() if records.networks_on(one.name))
        return Scope(tuple(records.networks()), carrying, whole=True)
    known = tuple(records.networks())
    meant = [one for one in known if one.name == network] or [one for one in known if one.id.startswith(network)]
    if not meant or not network:
        names = ", ".join(one.label for one in known) or "none"
        raise missing(f"network {quoted(network)} is not known to ipvl", f"networks that are: {names}")
    if len(meant) > 1:
        raise invalid(f"network {quoted(network)} can be more than one", "give more of its id")
    held = records.parent(meant[0].parent)
    return Scope((meant[0],), () if held is None else (held,), whole=False)
