"""Links, ports and routes as the kernel shows them."""

from __future__ import annotations

from dataclasses import dataclass

from ipvl.model.addresses import IPAddress, IPInterface, IPNetwork
from ipvl.model.endpoints import PortSetup
from ipvl.model.networks import Flag, Mode, VlanProtocol

MADE_BY_IPVL = "made by ipvl"
"""The alias (IFLA_IFALIAS) of every parent that ipvl makes: `ip link` shows it, and without it nothing is deleted."""


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
class HostExposure:
    """How far the host itself is reached by one of its links: settings of that link alone, and its IPv4 addresses.

    `rp_filter` and `arp_ignore` are the sysctls of these names (Documentation/networking/ip-sysctl in the kernel's
    source), `ipv6` says that the link takes IPv6 packets (not `disable_ipv6`).
    """

    rp_filter: int = 0
    arp_ignore: int = 0
    ipv6: bool = True
    addresses: tuple[IPInterface, ...] = ()


@dataclass(frozen=True, slots=True)
class HostPortRoute:
    """How the host reaches a part of a network: through its own port there, from its own address."""

    destination: IPNetwork
    source: IPAddress


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
class HostRouting:
    """The host's own addresses, each with its link's name, and the routes of its main table."""

    addresses: frozenset[tuple[str, IPAddress]] = frozenset()
    routes: tuple[HostRoute, ...] = ()


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
