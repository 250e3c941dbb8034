"""Links as the kernel shows them, and the changes to them that ipvl makes, both as plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ipvl.model import Flag, IPAddress, IPInterface, Mode, Route

MADE_BY_IPVL = "made by ipvl"
"""The alias (IFLA_IFALIAS) of every parent that ipvl makes: `ip link` shows it, and without it nothing is deleted."""

USUAL_METRICS = {4: 0, 6: 1024}
"""The metric of a route that was made without one, by family (IP6_RT_PRIO_USER, include/uapi/linux/ipv6_route.h)."""

HALF_MADE_PREFIX = "ipvl+"
"""A parent bears a name like this until it is marked, so that one with its final name and no mark is never ipvl's."""


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the host's namespace.

    `kind` is the kernel's (`vlan`, `dummy`, `ipvlan`, `bridge`, ...), None for hardware. `lower` is the index of the
    link below it (IFLA_LINK) when that is in the same namespace. `master_kind` is the kind of the bridge, bond or team
    the link belongs to. `ethernet` is false for everything that is not ARPHRD_ETHER. `namespace` is the path of the
    network namespace a port was moved to, None for links of the host's own.
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

    @property
    def label(self) -> str:
        """What to call the link in a sentence: its name, and where it is when that is not the host's namespace."""
        return self.name if self.namespace is None else f"{self.name} (in {self.namespace})"

    @property
    def made_by_ipvl(self) -> bool:
        """Whether the link carries the mark that ipvl leaves on the parents it makes."""
        return self.alias == MADE_BY_IPVL


@dataclass(frozen=True, slots=True)
class MakeDummy:
    """Make the private parent of an isolated network, marked and up."""

    name: str
    mtu: int | None = None

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"make dummy {self.name}"


@dataclass(frozen=True, slots=True)
class MakeVlan:
    """Make an 802.1q sub-interface of `base`, marked and up."""

    name: str
    base: str
    vlan_id: int

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"make {self.name}, VLAN {self.vlan_id} of {self.base}"


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
    """

    name: str
    namespace: str
    interface: str
    addresses: tuple[IPInterface, ...]

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"move port {self.name} to {self.namespace} as {self.interface} with {_list(self.addresses)}"


@dataclass(frozen=True, slots=True)
class RoutePort:
    """Add routes through an interface of a sandbox: default routes by its gateways, and others.

    `metric` is what each of them has, None for the kernel's own choice.
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
class TakePort:
    """Remove a port from a sandbox; a port or a sandbox that is gone is done already, another link is left alone."""

    namespace: str
    interface: str

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"remove {self.interface} from {self.namespace}"


Step = MakeDummy | MakeVlan | MakePort | RemoveParent | RemoveHalfMade | RemovePort | PlacePort | RoutePort | TakePort


@dataclass(frozen=True, slots=True)
class SandboxView:
    """A sandbox's network as it is: the names its interfaces have, and family and metric of each default route."""

    interfaces: frozenset[str]
    default_routes: frozenset[tuple[int, int]]


def _list(things: Iterable[object]) -> str:
    return ", ".join(map(str, things)) or "nothing"
