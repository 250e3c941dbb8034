"""Links as the kernel shows them, and the changes to them that ipvl makes, both as plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ipvl.model import Flag, IPAddress, IPInterface, IPNetwork, Mode, PortRoute, PortSetup, Route, VlanProtocol

MADE_BY_IPVL = "made by ipvl"
"""The alias (IFLA_IFALIAS) of every parent that ipvl makes: `ip link` shows it, and without it nothing is deleted."""

USUAL_METRICS = {4: 0, 6: 512}
"""The metric of a default route of a network that has none, by family.

In IPv4 the kernel's own. In IPv6 half of what a router's announcement has (IP6_RT_PRIO_USER, 1024, include/uapi/linux/
ipv6_route.h): with the same, the kernel would go now by the one and now by the other.
"""

HALF_MADE_PREFIX = "ipvl+"
"""A parent bears a name like this until it is marked, so that one with its final name and no mark is never ipvl's."""


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the host's namespace.

    `kind` is the kernel's (`vlan`, `dummy`, `ipvlan`, `bridge`, ...), None for hardware. `lower` is the index of the
    link below it (IFLA_LINK) when that is in the same namespace. `master_kind` is the kind of the bridge, bond or team
    the link belongs to. `ethernet` is false for everything that is not ARPHRD_ETHER. `namespace` is the path of the
    network namespace a port was moved to, None for links of the host's own. `altnames` are its alternative names
    (`ip link property add`), of up to 127 bytes; no two links of a namespace have one in common.
    """

    index: int
    name: str
    kind: str | None
    lower: int | None
    up: bool
    carrier: bool
    mtu: int
    alias: str | None
    loopback: bool
    ethernet: bool
    master_kind: str | None = None
    vlan_id: int | None = None
    mode: Mode | None = None
    flag: Flag | None = None
    namespace: str | None = None
    vlan_protocol: VlanProtocol | None = None
    mac: str | None = None
    altnames: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What to call the link in a sentence: its name, and where it is when that is not the host's namespace."""
        return self.name if self.namespace is None else f"{self.name} (in {self.namespace})"

    @property
    def made_by_ipvl(self) -> bool:
        """Whether the link carries the mark that ipvl leaves on the parents it makes."""
        return self.alias == MADE_BY_IPVL


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the host itself is reached by one of its links: settings of that link alone, and its IPv4 addresses.

    `rp_filter` and `arp_ignore` are the sysctls of these names (Documentation/networking/ip-sysctl in the kernel's
    source), `ipv6` says that the link takes IPv6 packets (not `disable_ipv6`).
    """

    rp_filter: int = 0
    arp_ignore: int = 0
    ipv6: bool = True
    addresses: tuple[IPInterface, ...] = ()


@dataclass(frozen=True, slots=True)
class MakeDummy:
    """Make the private parent of an isolated network, marked and up; the host is kept off it."""

    name: str
    mtu: int | None = None

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"make dummy {self.name}"


@dataclass(frozen=True, slots=True)
class MakeVlan:
    """Make a tagged sub-interface of `base`, marked, with the host kept off it.

    It is up unless its base is down: then it comes up with that.
    """

    name: str
    base: str
    vlan_id: int
    protocol: VlanProtocol = VlanProtocol.DOT1Q

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        protocol = "" if self.protocol is VlanProtocol.DOT1Q else f"{self.protocol} "
        return f"make {self.name}, {protocol}VLAN {self.vlan_id} of {self.base}"


@dataclass(frozen=True, slots=True)
class BringUp:
    """Bring a link up that ipvl made; one without ipvl's mark is left alone, and one whose base is down stays down."""

    name: str

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"bring {self.name} up"


@dataclass(frozen=True, slots=True)
class ShutParent:
    """Keep the host off a parent that ipvl made, which carries containers alone; a missing one is done already."""

    name: str

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"keep the host off parent {self.name}"


@dataclass(frozen=True, slots=True)
class RouteParent:
    """Let the host have addresses on a parent that ipvl made and route by it, as modes l3 and l3s need it."""

    name: str

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"let the host route by parent {self.name}"


@dataclass(frozen=True, slots=True)
class MakePort:
    """Make an ipvlan port on `parent`, down and in the host's namespace, for a sandbox's owner to take."""

    name: str
    parent: str
    mode: Mode
    flag: Flag
    mtu: int | None = None

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"make ipvlan port {self.name} on {self.parent} in mode {self.mode}, flag {self.flag}"


@dataclass(frozen=True, slots=True)
class RemoveParent:
    """Remove a parent that ipvl made; a link without ipvl's mark is left alone, a missing one is done already."""

    name: str

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"remove parent {self.name}"


@dataclass(frozen=True, slots=True)
class RemoveHalfMade:
    """Remove a parent that ipvl was stopped from finishing."""

    name: str

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"remove half-made parent {self.name}"


@dataclass(frozen=True, slots=True)
class RemovePort:
    """Remove an ipvlan port from the host's namespace; a missing one is done already."""

    name: str

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"remove port {self.name}"


@dataclass(frozen=True, slots=True)
class PlacePort:
    """Move a port from the host's namespace into a sandbox's, name it, give it its addresses and bring it up.

    `namespace` is the path of the sandbox's network namespace, `interface` the name that the port has there.
    `announced` tells whether the kernel says where the addresses are when the port's MAC address changes later, with
    the parent's; the first announcements are ipvl's own. `takes_default6` tells whether the kernel takes default routes
    from routers' announcements there. `setup` is how the port was set up that it replaces; its routes are a step of
    their own.
    """

    name: str
    namespace: str
    interface: str
    addresses: tuple[IPInterface, ...]
    announced: bool = True
    takes_default6: bool = True
    setup: PortSetup | None = None

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"move port {self.name} to {self.namespace} as {self.interface} with {_list(self.addresses)}"


@dataclass(frozen=True, slots=True)
class RoutePort:
    """Add routes through an interface of a sandbox: default routes by its gateways, and others.

    `metric` is what each of them has; with None a default route has the usual one, and others the kernel's choice.
    """

    namespace: str
    interface: str
    gateways: tuple[IPAddress, ...]
    routes: tuple[Route, ...]
    metric: int | None = None

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        ways = [f"default via {gateway}" for gateway in self.gateways]
        ways += [route.label for route in self.routes]
        metric = "" if self.metric is None else f" with metric {self.metric}"
        return f"route {_list(ways)} through {self.interface} of {self.namespace}{metric}"


@dataclass(frozen=True, slots=True)
class RestoreRoutes:
    """Add the routes through an interface of a sandbox that the port before it had; one that is there is left alone."""

    namespace: str
    interface: str
    routes: tuple[PortRoute, ...]

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        ways = _list(route.label for route in self.routes)
        return f"route {ways} through {self.interface} of {self.namespace} again"


@dataclass(frozen=True, slots=True)
class TakePort:
    """Remove a port from a sandbox; a port or a sandbox that is gone is done already, another link is left alone."""

    namespace: str
    interface: str

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"remove {self.interface} from {self.namespace}"


@dataclass(frozen=True, slots=True)
class HostWay:
    """How the host reaches a part of a network: through its own port there, from its own address."""

    destination: IPNetwork
    source: IPAddress


@dataclass(frozen=True, slots=True)
class MakeHostPort:
    """Make the host's own ipvlan port on `parent`, marked and up; `ipv6` tells whether it will have such addresses."""

    name: str
    parent: str
    mode: Mode
    flag: Flag
    mtu: int | None
    ipv6: bool

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"make host port {self.name} on {self.parent} in mode {self.mode}, flag {self.flag}"


@dataclass(frozen=True, slots=True)
class OpenHost:
    """Give the host's own port addresses, each alone, and route by it; what is there already is done."""

    name: str
    addresses: tuple[IPAddress, ...]
    ways: tuple[HostWay, ...]

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        ways = _list(f"{way.destination} from {way.source}" for way in self.ways)
        return f"give host port {self.name} {_list(self.addresses)} and routes to {ways}"


@dataclass(frozen=True, slots=True)
class CloseHost:
    """Remove routes by the host's own port; those that are gone, as with a port that is gone, are done already."""

    name: str
    destinations: tuple[IPNetwork, ...]

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"remove the routes to {_list(self.destinations)} by host port {self.name}"


@dataclass(frozen=True, slots=True)
class RemoveHostPort:
    """Remove the host's own port, and its routes with it; one without ipvl's mark is left alone."""

    name: str

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"remove host port {self.name}"


@dataclass(frozen=True, slots=True)
class SetMtu:
    """Set the MTU of a port in the network namespace at a path, or of one in the host's own (None)."""

    interface: str
    mtu: int
    namespace: str | None = None

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        where = "" if self.namespace is None else f" in {self.namespace}"
        return f"set MTU {self.mtu} of {self.interface}{where}"


@dataclass(frozen=True, slots=True)
class HostRoute:
    """A route of the host's main table.

    `link` is the name of the link that it leads by, None for one that leads to none or to several. `connected` says
    that no router is on the way, `by_kernel` that it is there for an address of the host, made by the kernel or by what
    heeds routers' announcements in its place. Of two routes to one destination the one with the lower `metric` is used.
    """

    destination: IPNetwork
    link: str | None
    connected: bool
    by_kernel: bool = False
    source: IPAddress | None = None
    metric: int = 0

    @property
    def label(self) -> str:
        """What to call the route in a sentence."""
        return f"{self.destination} by {self.link}" if self.link else str(self.destination)


@dataclass(frozen=True, slots=True)
class HostWays:
    """The host's own addresses, each with its link's name, and the routes of its main table."""

    addresses: frozenset[tuple[str, IPAddress]] = frozenset()
    routes: tuple[HostRoute, ...] = ()


Step = (
    MakeDummy
    | MakeVlan
    | ShutParent
    | RouteParent
    | MakePort
    | RemoveParent
    | RemoveHalfMade
    | RemovePort
    | PlacePort
    | RoutePort
    | RestoreRoutes
    | TakePort
    | MakeHostPort
    | OpenHost
    | CloseHost
    | RemoveHostPort
    | SetMtu
    | BringUp
)


@dataclass(frozen=True, slots=True)
class SandboxView:
    """A sandbox's network as it is: its interfaces by name, which are up, family and metric of each default route.

    Default routes that routers announced are left out: they come and go, and one that somebody set comes before them.
    """

    interfaces: frozenset[str]
    up: frozenset[str]
    default_routes: frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class PortView:
    """An ipvlan port in a sandbox; `parent` is the index of the link under it, in another namespace.

    `setup` is None where ipvl may not enter the sandbox; addresses are not known either then.
    """

    name: str
    parent: int
    up: bool
    addresses: tuple[IPInterface, ...] = ()
    setup: PortSetup | None = None


@dataclass(frozen=True, slots=True)
class PortsView:
    """What there is in a sandbox: its ports and, where ipvl may enter it (`entered`), everything beside them.

    `interfaces` are the names of all links, `addresses` those of each, `default_routes` the family and metric of each.
    """

    entered: bool
    ports: tuple[PortView, ...]
    interfaces: frozenset[str] = frozenset()
    addresses: frozenset[tuple[str, IPAddress]] = frozenset()
    default_routes: frozenset[tuple[int, int]] = frozenset()


def _list(things: Iterable[object]) -> str:
    return ", ".join(map(str, things)) or "nothing"
