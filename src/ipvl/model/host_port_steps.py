"""The changes to the host's own ports that ipvl makes, as values that can describe themselves."""

from __future__ import annotations

from dataclasses import dataclass

from ipvl.model.addresses import IPAddress, IPNetwork
from ipvl.model.links import HostPortRoute
from ipvl.model.networks import Flag, Mode


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
class AddHostRoutes:
    """Give the host's own port addresses, each alone, and route by it; what is there already is done."""

    name: str
    addresses: tuple[IPAddress, ...]
    routes: tuple[HostPortRoute, ...]

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        routes = ", ".join(f"{route.destination} from {route.source}" for route in self.routes) or "nothing"
        return f"give host port {self.name} {', '.join(map(str, self.addresses))} and routes to {routes}"


@dataclass(frozen=True, slots=True)
class RemoveHostRoutes:
    """Remove routes by the host's own port; those that are gone, as with a port that is gone, are done already."""

    name: str
    destinations: tuple[IPNetwork, ...]

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"remove the routes to {', '.join(map(str, self.destinations))} by host port {self.name}"


@dataclass(frozen=True, slots=True)
class RemoveHostPort:
    """Remove the host's own port, and its routes with it; one without ipvl's mark is left alone."""

    name: str

    def describe(self) -> str:
        """Say what the step does, for logs and dry runs."""
        return f"remove host port {self.name}"
