"""The changes to links that ipvl makes, as values that can describe themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ipvl.model.addresses import IPAddress, IPInterface
from ipvl.model.endpoints import PortRoute, PortSetup
from ipvl.model.host_port_steps import AddHostRoutes, MakeHostPort, RemoveHostPort, RemoveHostRoutes
from ipvl.model.networks import Flag, Mode, Route, VlanProtocol

USUAL_METRICS = {4: 0, 6: 512}
"""The metric of a default route of a network that has none, by family.

In IPv4 the kernel's own. In IPv6 half of what a router's announcement has (IP6_RT_PRIO_USER, 1024, include/uapi/linux/
ipv6_route.h): with the same, the kernel would go now by the one and now by the other.
"""


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
class KeepHostOff:
    """Keep the host off a parent that ipvl made, which carries containers alone; a missing one is done already."""

    name: str

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"keep the host off parent {self.name}"


@dataclass(frozen=True, slots=True)
class RouteByParent:
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
    from routers' announcements there. `setup` is how the port was set up that it replaces, with further addresses, of
    which one that another port has by now is passed over; its routes are a step of their own.
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
        addresses = self.addresses if self.setup is None else (*self.addresses, *self.setup.addresses)
        return f"move port {self.name} to {self.namespace} as {self.interface} with {_list(addresses)}"


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
class RemoveSandboxPort:
    """Remove a port from a sandbox; a port or a sandbox that is gone is done already, another link is left alone."""

    namespace: str
    interface: str

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"remove {self.interface} from {self.namespace}"


@dataclass(frozen=True, slots=True)
class RemoveLeftPort:
    """Remove a port from a sandbox by the index it was made with, without entering; one that is gone is done already.

    A port keeps its index when it is moved, unless another link in there has it: then that one, no port, stays.
    """

    namespace: str
    index: int

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"remove the port with index {self.index} that was left in {self.namespace}"


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


Step = (
    MakeDummy
    | MakeVlan
    | KeepHostOff
    | RouteByParent
    | MakePort
    | RemoveParent
    | RemoveHalfMade
    | RemovePort
    | PlacePort
    | RoutePort
    | RestoreRoutes
    | RemoveSandboxPort
    | RemoveLeftPort
    | MakeHostPort
    | AddHostRoutes
    | RemoveHostRoutes
    | RemoveHostPort
    | SetMtu
    | BringUp
)


def _list(things: Iterable[object]) -> str:
    return ", ".join(map(str, things)) or "nothing"
