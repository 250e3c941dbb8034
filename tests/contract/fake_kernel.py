"""A kernel in memory that keeps the real one's rules about links; `test_kernel.py` holds it to them.

Unlike the real one it can be told to refuse a step, or to stop the process before, within or after one.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any
from zlib import crc32

from ipvl.errors import ENTERING_NAMESPACES, IpvlError, kernel_refused, missing
from ipvl.kernel.sandbox_ports import route_taken
from ipvl.model.addresses import IPAddress, IPInterface, IPNetwork, OwnAddresses
from ipvl.model.endpoints import PortRoute, PortSetup
from ipvl.model.host_port_steps import AddHostRoutes, MakeHostPort, RemoveHostPort, RemoveHostRoutes
from ipvl.model.links import (
    HALF_MADE_PREFIX,
    MADE_BY_IPVL,
    HostExposure,
    HostRoute,
    HostRouting,
    Link,
    PortsView,
    PortView,
    SandboxView,
)
from ipvl.model.networks import VlanProtocol
from ipvl.model.pools import THIS_HOST
from ipvl.model.steps import (
    USUAL_METRICS,
    BringUp,
    KeepHostOff,
    MakeDummy,
    MakePort,
    MakeVlan,
    PlacePort,
    RemoveHalfMade,
    RemoveLeftPort,
    RemoveParent,
    RemovePort,
    RemoveSandboxPort,
    RestoreRoutes,
    RouteByParent,
    RoutePort,
    SetMtu,
    Step,
)

EVERYWHERE = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}
EVERY_KIND = frozenset({"ipvlan", "vlan", "dummy"})
TAKES_THE_FRAMES = frozenset({"bridge", "bond", "team", "openvswitch"})
HAND_GROUPS_DOWN = frozenset({"vlan", "macvlan", "macvtap", "ipvlan"})
HOST = "host"
PLAIN = {"up": True, "carrier": True, "mtu": 1500, "alias": None, "loopback": False, "ethernet": True}
"""What a link is like unless a test says otherwise."""


class Trouble(Enum):
    """What becomes of a step, or of a commit."""

    REFUSED = auto()
    KILLED_BEFORE = auto()
    KILLED_WITHIN = auto()  # a parent is made, but not marked yet; a port is moved, but not set up
    KILLED_AFTER = auto()


class KilledError(BaseException):
    """The process ends here, without clean-up: no `except Exception` may see it."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A link and where it is: HOST or the path of a sandbox."""

    link: Link
    where: str = HOST


class FakeKernel:
    """Links by index, the sandboxes that hold ports, and the trouble that is due."""

    def __init__(self, release: str = "6.1.0-56-amd64", kinds: frozenset[str] = EVERY_KIND) -> None:
        self.kernel_release = release
        self.steps: list[Step] = []
        self.trouble: dict[int, Trouble] = {}
        self.machine = "fake host"
        self._kinds = kinds
        self._prefixes: set[IPNetwork] = set()
        self._neighbours: dict[tuple[str, IPAddress], str] = {}
        self.announced: list[tuple[str, tuple[IPAddress, ...]]] = []
        self.closed: set[str] = set()
        self._own_addresses: set[tuple[str, IPAddress]] = set()
        self._own_routes: dict[IPNetwork, HostRoute] = {}
        self._sandboxes: dict[str, int] = {}
        self._set_up: dict[tuple[str, str], PlacePort] = {}
        self._routes: dict[tuple[str, str], list[RoutePort]] = {}
        self._dressed: dict[tuple[str, str], tuple[tuple[IPInterface, ...], PortSetup]] = {}
        """What interfaces of sandboxes have, whoever gave it to them."""
        self._loopbacks: set[str] = set()
        """The sandboxes whose loopback is up."""
        self._links: dict[int, Placed] = {}
        self._reaches: dict[int, HostExposure] = {}
        self._next_index = 1
        self._inodes = itertools.count(4026532000)
        self.add("lo", loopback=True, ethernet=False, mtu=65536)

    # What the driver asks.

    def namespace_inode(self, path: str) -> int | None:
        return self._sandboxes.get(path)

    async def sandbox_view(self, path: str) -> SandboxView:
        self._check_sandbox(path)
        ways = [step for (where, _), steps in self._routes.items() if where == path for step in steps]
        restored = [setup.routes for (where, _), (_, setup) in self._dressed.items() if where == path]
        inside = {"lo": path in self._loopbacks} | {
            placed.link.name: placed.link.up for placed in self._links.values() if placed.where == path
        }
        return SandboxView(
            frozenset(inside),
            frozenset(name for name, up in inside.items() if up),
            frozenset(
                (version, step.metric or USUAL_METRICS[version])
                for step in ways
                for version in (
                    *(gateway.version for gateway in step.gateways),
                    *(route.destination.version for route in step.routes if route.destination.prefixlen == 0),
                )
            )
            | frozenset(
                (route.destination.version, route.metric or USUAL_METRICS[route.destination.version])
                for routes in restored
                for route in routes
                if route.destination.prefixlen == 0
            ),
        )

    async def ports_view(self, path: str, *, whole: bool = True) -> PortsView:
        self._check_sandbox(path)
        inside = [placed.link for placed in self._links.values() if placed.where == path]
        ports = [one for one in inside if one.kind == "ipvlan" and one.lower is not None]
        if path in self.closed:
            return PortsView(entered=False, ports=tuple(PortView(one.name, one.lower, one.up) for one in ports))
        view = await self.sandbox_view(path)
        return PortsView(
            entered=True,
            ports=tuple(PortView(one.name, one.lower, one.up, *self.dressed(path, one.name)) for one in ports),
            interfaces=view.interfaces,
            addresses=frozenset(
                (one.name, interface.ip) for one in inside for interface in self.dressed(path, one.name)[0]
            ),
            default_routes=view.default_routes,
        )

    async def link_kinds(self) -> frozenset[str]:
        return self._kinds

    async def links(self) -> tuple[Link, ...]:
        return tuple(self._seen(placed.link) for placed in self._links.values() if placed.where == HOST)

    async def ports_in_other_namespaces(self, known: Iterable[str] = ()) -> tuple[Link, ...]:
        looked_into = {*known, *(path for path in self._sandboxes if not path.startswith("/proc/"))}
        return tuple(
            replace(placed.link, namespace=placed.where)
            for placed in self._links.values()
            if placed.where in looked_into and placed.link.lower is not None
        )

    async def all_hosts_members(self) -> dict[int, int]:
        everything = [placed.link for placed in self._links.values()]
        return {
            placed.link.index: placed.link.up * (2 if placed.link.kind in HAND_GROUPS_DOWN else 1)
            + sum(one.up and one.kind in HAND_GROUPS_DOWN for one in everything if one.lower == placed.link.index)
            for placed in self._links.values()
            if placed.where == HOST
        }

    async def prefixes(self) -> tuple[IPNetwork, ...]:
        known = self._prefixes | set(self._own_routes)
        return tuple(sorted(known, key=lambda one: (one.version, int(one.network_address), one.prefixlen)))

    async def own_addresses(self) -> OwnAddresses:
        return {address: link for link, address in sorted(self._own_addresses, key=str) if not address.is_link_local}

    async def host_routing(self) -> HostRouting:
        return HostRouting(frozenset(self._own_addresses), tuple(self._own_routes.values()))

    async def probe_addresses(self, link: str, addresses: Collection[IPAddress]) -> dict[IPAddress, str]:
        found = self.link(link)
        heard = {one: self._neighbours[link, one] for one in addresses if (link, one) in self._neighbours}
        if found is not None and found.up and found.carrier:
            return heard
        return {one: holder for one, holder in heard.items() if holder == THIS_HOST and found is not None}

    def announce_addresses(self, link: str, addresses: Collection[IPAddress]) -> None:
        found = self.link(link)
        if found is None or not found.up:
            texts = " and ".join(map(str, addresses))
            reason = os.strerror(errno.ENODEV if found is None else errno.ENETDOWN)
            raise kernel_refused(
                f"{texts} could not be announced on {link}: {reason}",
                "neighbours that remember another machine for it find out within minutes",
            )
        self.announced.append((link, tuple(addresses)))

    async def host_exposures(self, names: Collection[str]) -> dict[str, HostExposure]:
        return {name: self._reach(link) for name in names if (link := self.link(name)) is not None}

    def _reach(self, link: Link) -> HostExposure:
        own = tuple(
            sorted(address for name, address in self._own_addresses if (name, address.version) == (link.name, 4))
        )
        return replace(self._reaches.get(link.index, HostExposure()), addresses=tuple(map(ip_interface, own)))

    async def find_link(self, name: str) -> Link | None:
        return self.link(name)

    async def apply(self, step: Step) -> None:
        self.steps.append(step)
        trouble = self.trouble.pop(len(self.steps), None)
        if trouble is Trouble.REFUSED:
            raise _refusal(errno.ENOMEM, step)
        if trouble is Trouble.KILLED_BEFORE:
            raise KilledError
        if trouble is Trouble.KILLED_WITHIN and isinstance(step, MakeDummy | MakeVlan):
            self._make_parent(step, HALF_MADE_PREFIX + "0123456789")
            raise KilledError
        if trouble is Trouble.KILLED_WITHIN and isinstance(step, MakeHostPort):
            self._make_port(step, HALF_MADE_PREFIX + "0123456789")
            raise KilledError
        if trouble is Trouble.KILLED_WITHIN and isinstance(step, AddHostRoutes):
            self._do(replace(step, routes=()))
            raise KilledError
        if trouble is Trouble.KILLED_WITHIN and isinstance(step, KeepHostOff | RouteByParent):
            half = {"rp_filter": 1, "arp_ignore": 8} if isinstance(step, KeepHostOff) else {"ipv6": True}
            self.set_reach(step.name, **half)
            raise KilledError
        if trouble is Trouble.KILLED_WITHIN and isinstance(step, PlacePort):
            self._move(step.name, HOST, step.name, step.namespace)
            raise KilledError
        self._do(step)
        if trouble is not None:
            raise KilledError

    def _do(self, step: Step) -> None:
        match step:
            case MakeDummy() | MakeVlan():
                self._make_parent(step, step.name, alias=MADE_BY_IPVL, up=True)
            case MakePort():
                self._make_port(step, step.name)
            case RemoveParent() | RemoveHostPort():
                self._remove(step, only_if_made_by_ipvl=True)
            case RemoveHalfMade() | RemovePort():
                self._remove(step)
            case PlacePort() | RoutePort() | RestoreRoutes() | RemoveSandboxPort() | RemoveLeftPort():
                self._do_inside(step)
            case _:
                self._do_further(step)

    def _do_inside(self, step: PlacePort | RoutePort | RestoreRoutes | RemoveSandboxPort | RemoveLeftPort) -> None:
        match step:
            case PlacePort():
                self._place(step)
            case RoutePort():
                self._route(step)
            case RestoreRoutes():
                self._restore(step)
            case RemoveSandboxPort():
                link = self.link(step.interface, step.namespace)
                if link is not None and link.kind == "ipvlan":
                    self._take(step.namespace, step.interface)
            case RemoveLeftPort():
                placed = self._links.get(step.index)
                if placed is not None and (placed.where, placed.link.kind) == (step.namespace, "ipvlan"):
                    self._take(step.namespace, placed.link.name)

    def _do_further(self, step: Step) -> None:
        match step:
            case MakeHostPort():
                self._make_port(step, step.name, alias=MADE_BY_IPVL, up=True)
            case AddHostRoutes() | RemoveHostRoutes():
                self._route_host(step)
            case SetMtu():
                self._set_mtu(step)
            case BringUp():
                self._bring_up(step)
            case KeepHostOff() | RouteByParent():
                self._let_reach(step)
            case _:
                raise NotImplementedError(step)

    # What others do to the host.

    def link(self, name: str, where: str = HOST) -> Link | None:
        return next(
            (
                self._seen(placed.link)
                for placed in self._links.values()
                if (placed.link.name, placed.where) == (name, where)
            ),
            None,
        )

    def set_reach(self, name: str, **settings: Any) -> None:
        """Change settings of a link by which the host is reached, as `sysctl` does."""
        link = self.link(name)
        if link is not None:
            self._reaches[link.index] = replace(self._reaches.get(link.index, HostExposure()), **settings)

    def add_neighbour(self, link: str, address: str, mac: str) -> None:
        """Put a machine with an address on a link's segment."""
        self._neighbours[link, ip_address(address)] = mac

    def remove_neighbour(self, link: str, address: str) -> None:
        """Take it away again."""
        del self._neighbours[link, ip_address(address)]

    def add_address(self, address: str, link: str = "eth0") -> None:
        """Give the host an address in CIDR notation; it brings its connected route."""
        interface = ip_interface(address)
        self._neighbours[link, interface.ip] = THIS_HOST
        self._own_addresses.add((link, interface.ip))
        self._own_routes[interface.network] = HostRoute(
            interface.network,
            link,
            connected=True,
            by_kernel=True,
            source=interface.ip if interface.version == 4 else None,
        )

    def remove_address(self, address: str, link: str = "eth0") -> None:
        """Take it from the host; its connected route stays, as nobody here asks."""
        own = ip_address(address)
        del self._neighbours[link, own]
        self._own_addresses.discard((link, own))

    def add_route(
        self, destination: str, link: str | None = "eth0", *, connected: bool = False, metric: int = 0
    ) -> None:
        to = ip_network(destination)
        self._own_routes[to] = HostRoute(to, link, connected, metric=metric)

    def remove_route(self, destination: str) -> None:
        del self._own_routes[ip_network(destination)]

    def add(self, name: str, kind: str | None = None, on: str | None = None, **fields: Any) -> Link:
        below = None if on is None else self.link(on)
        assert on is None or below is not None, f"{on} does not exist"
        own_mac = None if fields.get("loopback") else "02:00:" + crc32(name.encode()).to_bytes(4).hex(":")
        told = {
            "vlan_protocol": VlanProtocol.DOT1Q if kind == "vlan" else None,
            "mac": own_mac if below is None else below.mac,
        }
        link = Link(
            index=self._next_index,
            name=name,
            kind=kind,
            lower=None if below is None else below.index,
            **{**PLAIN, **told, **fields},
        )
        self._next_index += 1
        self._links[link.index] = Placed(link)
        return link

    def change(self, name: str, where: str = HOST, **fields: Any) -> None:
        link = self.link(name, where)
        assert link is not None, f"{name} does not exist"
        self._links[link.index] = Placed(replace(link, **fields), where)
        if where == HOST:
            self._follow(link.index, fields)

    def rename(self, name: str, new_name: str) -> None:
        """Call a link of the host otherwise; its alternative names stay."""
        self._move(name, HOST, new_name, HOST)

    def _follow(self, base: int, fields: dict[str, Any]) -> None:
        """Change what is on a link that was changed."""
        for placed in [one for one in self._links.values() if one.link.lower == base]:
            above, follows = placed.link, {}
            if "mtu" in fields and above.kind == "ipvlan":
                # The parent's overwrites all (drivers/net/ipvlan/ipvlan_main.c, ipvlan_device_event).
                follows["mtu"] = fields["mtu"]
            if "mtu" in fields and above.kind == "vlan" and above.mtu > fields["mtu"]:
                # It is lowered and never raised (vlan_device_event, net/8021q/vlan.c).
                follows["mtu"] = fields["mtu"]
            if "up" in fields and above.kind == "vlan" and above.up != fields["up"]:
                follows |= {"up": fields["up"], "carrier": fields["up"]}  # the same function
            if follows:
                self._links[above.index] = replace(placed, link=replace(above, **follows))
                self._follow(above.index, follows)

    def remove(self, name: str) -> None:
        link = self.link(name)
        assert link is not None, f"{name} does not exist"
        self._drop(link.index)

    def open_sandbox(self, path: str) -> None:
        self._sandboxes[path] = next(self._inodes)
        self._loopbacks.discard(path)

    def take(self, port: str, sandbox: str, name: str = "eth0") -> None:
        """Move a port into a sandbox, as Docker does after Join."""
        self._move(port, HOST, name, sandbox)

    def dress(self, sandbox: str, interface: str, addresses: Iterable[str], setup: PortSetup | None = None) -> None:
        """Set up an interface of a sandbox, as Docker does with a port it took, or somebody with a link of theirs."""
        if self.link(interface, sandbox) is None:
            link = self.add(interface)
            self._links[link.index] = Placed(link, sandbox)
        self.change(interface, sandbox, up=True)
        self._dressed[sandbox, interface] = tuple(map(ip_interface, addresses)), setup or PortSetup()

    def dressed(self, sandbox: str, interface: str) -> tuple[tuple[IPInterface, ...], PortSetup]:
        """Return the addresses of an interface of a sandbox and how it is set up, with its routes."""
        return self._dressed.get((sandbox, interface), ((), PortSetup()))

    def give_back(self, port: str, sandbox: str, name: str = "eth0") -> None:
        """Move a port back to the host under its old name, as Docker does before Leave."""
        self._move(name, sandbox, port, HOST)

    def end_sandbox(self, path: str) -> None:
        """End a namespace, and with it the links inside."""
        self._sandboxes.pop(path, None)
        for name in [placed.link.name for placed in self._links.values() if placed.where == path]:
            self._take(path, name)

    def reboot(self) -> None:
        """Lose every namespace and every link that is no hardware."""
        for path in tuple(self._sandboxes):
            self.end_sandbox(path)
        for index in [index for index, placed in self._links.items() if placed.link.kind is not None]:
            self._drop(index)

    def picture(self) -> tuple[tuple[str, Link, str | None], ...]:
        """Return every link in every namespace, without the indexes, which say when a link was made and no more."""
        names = {index: placed.link.name for index, placed in self._links.items()}
        return tuple(
            sorted(
                (
                    (placed.where, replace(placed.link, index=0, lower=None), names.get(placed.link.lower))
                    for placed in self._links.values()
                ),
                key=lambda entry: (entry[0], entry[1].name),
            )
        )

    def reaches(self) -> dict[str, HostExposure]:
        """Return how far the host is reached by each of its links where that was ever set."""
        return {self._links[index].link.name: reach for index, reach in self._reaches.items()}

    def set_up(self, sandbox: str, interface: str) -> tuple[PlacePort, tuple[RoutePort, ...]]:
        """Return how ipvl set up an interface of a sandbox."""
        return self._set_up[sandbox, interface], tuple(self._routes.get((sandbox, interface), ()))

    # The kernel's own rules.

    def _place(self, step: PlacePort) -> None:
        port = self._existing(step.name)
        self._check_sandbox(step.namespace)
        if self.link(step.interface, step.namespace) is not None:
            self._drop(port.index)
            raise _refusal(errno.EEXIST, step)
        self._move(step.name, HOST, step.interface, step.namespace, up=True)
        self._set_up[step.namespace, step.interface] = step
        setup = step.setup or PortSetup()
        has = (*step.addresses, *setup.addresses)
        self._dressed[step.namespace, step.interface] = has, replace(setup, routes=(), addresses=())
        self._loopbacks.add(step.namespace)

    def _route(self, step: RoutePort) -> None:
        self._check_sandbox(step.namespace)
        interface = self.link(step.interface, step.namespace)
        if interface is None:
            raise _refusal(errno.ENODEV, step)
        if not interface.up and (step.gateways or step.routes):
            raise _refusal(errno.ENETDOWN, step)
        there = {
            (route.destination, held.metric): (name, route.via)
            for (where, name), steps in self._routes.items()
            if where == step.namespace
            for held in steps
            for route in held.routes
        }
        for route in step.routes:
            other = there.get((route.destination, step.metric), (step.interface, route.via))
            if other != (step.interface, route.via):
                raise route_taken(step, route, other[1])
        self._routes.setdefault((step.namespace, step.interface), []).append(step)
        ways = [(EVERYWHERE[gateway.version], gateway) for gateway in step.gateways]
        ways += [(route.destination, route.via) for route in step.routes]
        self._add_routes(
            (step.namespace, step.interface),
            [
                PortRoute(to, via, step.metric or USUAL_METRICS[to.version], table=254, protocol=4, scope=0)
                for to, via in ways
            ],
        )

    def _restore(self, step: RestoreRoutes) -> None:
        self._check_sandbox(step.namespace)
        interface = self.link(step.interface, step.namespace)
        if interface is None:
            raise _refusal(errno.ENODEV, step)
        self._add_routes((step.namespace, step.interface), step.routes)

    def _add_routes(self, place: tuple[str, str], routes: Iterable[PortRoute]) -> None:
        addresses, setup = self._dressed.get(place, ((), PortSetup()))
        there = {(one.destination, one.metric) for one in setup.routes}
        more = tuple(one for one in routes if (one.destination, one.metric) not in there)
        self._dressed[place] = addresses, replace(setup, routes=(*setup.routes, *more))

    def _check_sandbox(self, path: str) -> None:
        if path not in self._sandboxes:
            raise missing(f"sandbox {path} is gone (No such file or directory)", "start it again")

    def _take(self, sandbox: str, name: str) -> None:
        for index in [
            index for index, placed in self._links.items() if (placed.link.name, placed.where) == (name, sandbox)
        ]:
            self._drop(index)
        self._set_up.pop((sandbox, name), None)
        self._routes.pop((sandbox, name), None)

    def _seen(self, link: Link) -> Link:
        """Return the link as the host sees it: what is below it shows only while it is in the same namespace."""
        below = self._links.get(link.lower)
        return link if below is not None and below.where == HOST else replace(link, lower=None)

    def _make_parent(
        self, step: MakeDummy | MakeVlan, name: str, *, alias: str | None = None, up: bool = False
    ) -> None:
        if isinstance(step, MakeDummy):
            self._check_kind("dummy", step)
            self._check_name(name, step)
            self.add(name, "dummy", alias=alias, up=up, carrier=up, mtu=step.mtu or 1500)
            self._do(KeepHostOff(name))
            return
        base = self._existing(step.base)
        self._check_kind("vlan", step)
        self._check_name(name, step)
        if base.loopback:
            raise _refusal(errno.EOPNOTSUPP, step)
        if any(
            (placed.link.kind, placed.link.lower, placed.link.vlan_id, placed.link.vlan_protocol)
            == ("vlan", base.index, step.vlan_id, step.protocol)
            for placed in self._links.values()
        ):
            raise _refusal(errno.EEXIST, step)
        # On a base that is down no VLAN comes up (vlan_dev_open, net/8021q/vlan_dev.c).
        up = up and base.up
        tag = {"vlan_id": step.vlan_id, "vlan_protocol": step.protocol}
        self.add(name, "vlan", step.base, alias=alias, up=up, carrier=up, mtu=base.mtu, **tag)
        self._do(KeepHostOff(name))

    def _bring_up(self, step: BringUp) -> None:
        link = self.link(step.name)
        if link is None or not link.made_by_ipvl:
            return
        if link.kind != "vlan" or link.lower is None or self._links[link.lower].link.up:
            self.change(step.name, up=True, carrier=True)

    def _route_host(self, step: AddHostRoutes | RemoveHostRoutes) -> None:
        if isinstance(step, RemoveHostRoutes):
            self._close(step)
        else:
            self._open(step)

    def _open(self, step: AddHostRoutes) -> None:
        self._existing(step.name)
        self._own_addresses |= {(step.name, address) for address in step.addresses}
        for way in step.routes:
            route = self._own_routes.setdefault(
                way.destination, HostRoute(way.destination, step.name, connected=True, source=way.source)
            )
            if route.link != step.name:
                raise _refusal(errno.EEXIST, step)

    def _let_reach(self, step: KeepHostOff | RouteByParent) -> None:
        if isinstance(step, KeepHostOff):
            self.set_reach(step.name, rp_filter=1, arp_ignore=8, ipv6=False)
        else:
            self._existing(step.name)
            self.set_reach(step.name, rp_filter=0, arp_ignore=1, ipv6=True)

    def _set_mtu(self, step: SetMtu) -> None:
        if step.namespace is not None:
            self._check_sandbox(step.namespace)
            if step.namespace in self.closed:
                raise kernel_refused(
                    f"sandbox {step.namespace} cannot be entered: Operation not permitted", ENTERING_NAMESPACES
                )
            if self.link(step.interface, step.namespace) is None:
                raise _refusal(errno.ENODEV, step)
        else:
            self._existing(step.interface)
        self.change(step.interface, step.namespace or HOST, mtu=step.mtu)

    def _close(self, step: RemoveHostRoutes) -> None:
        for destination in step.destinations:
            route = self._own_routes.get(destination)
            if route is not None and route.link == step.name:
                del self._own_routes[destination]

    def _make_port(
        self, step: MakePort | MakeHostPort, name: str, *, alias: str | None = None, up: bool = False
    ) -> None:
        parent = self.link(step.parent)
        if parent is None:
            raise missing(
                f"parent {step.parent} does not exist on this host",
                "make it again, as it was when the network was created, and start the container once more",
            )
        self._check_kind("ipvlan", step)
        self._check_name(name, step)
        if parent.kind == "ipvlan" and parent.lower is not None:
            parent = self._links[parent.lower].link
        if parent.loopback or not parent.ethernet:
            raise _refusal(errno.EINVAL, step)
        ports = [placed for placed in self._links.values() if placed.link.lower == parent.index]
        if parent.master_kind in TAKES_THE_FRAMES or any(
            placed.link.kind in {"macvlan", "macvtap"} for placed in ports
        ):
            raise kernel_refused(
                f"parent {step.parent} takes no ipvlan port: another driver receives its frames",
                "that is macvlan, a bridge, a bond or a team: take it off, or use another parent",
            )
        for placed in ports:
            if placed.link.kind == "ipvlan":
                # The last writer changes all (drivers/net/ipvlan/ipvlan_main.c, ipvlan_link_new).
                switched = replace(placed.link, mode=step.mode, flag=step.flag)
                self._links[placed.link.index] = Placed(switched, placed.where)
        port = self.add(name, "ipvlan", alias=alias, up=up, carrier=up, mtu=step.mtu or parent.mtu)
        self._links[port.index] = Placed(replace(port, lower=parent.index, mode=step.mode, flag=step.flag))

    def _remove(
        self, step: RemoveParent | RemoveHalfMade | RemovePort | RemoveHostPort, *, only_if_made_by_ipvl: bool = False
    ) -> None:
        link = self.link(step.name)
        if link is None or (only_if_made_by_ipvl and not link.made_by_ipvl):
            return
        if link.loopback:
            raise _refusal(errno.EOPNOTSUPP, step)
        self._drop(link.index)

    def _drop(self, index: int) -> None:
        gone = self._links.pop(index, None)
        self._reaches.pop(index, None)
        if gone is not None:
            place = gone.where, gone.link.name
            for told in (self._set_up, self._routes, self._dressed):
                told.pop(place, None)
            if gone.where == HOST:
                self._own_addresses = {one for one in self._own_addresses if one[0] != gone.link.name}
                self._own_routes = {
                    destination: route
                    for destination, route in self._own_routes.items()
                    if route.link != gone.link.name
                }
            for above in [above for above, placed in self._links.items() if placed.link.lower == index]:
                self._drop(above)

    def _move(self, name: str, where: str, new_name: str, new_where: str, **fields: Any) -> None:
        index = next(
            index for index, placed in self._links.items() if (placed.link.name, placed.where) == (name, where)
        )
        self._links[index] = Placed(replace(self._links[index].link, name=new_name, **fields), new_where)

    def _check_kind(self, kind: str, step: Step) -> None:
        if kind not in self._kinds:
            raise _refusal(errno.EOPNOTSUPP, step, "Unknown device type")

    def _check_name(self, name: str, step: Step) -> None:
        if self.link(name) is not None:
            raise _refusal(errno.EEXIST, step)

    def _existing(self, name: str) -> Link:
        link = self.link(name)
        if link is None:
            raise missing(f"link {name} does not exist on this host", "it went away a moment ago: make it again")
        return link


def _refusal(code: int, step: Step, sentence: str = "") -> IpvlError:
    return kernel_refused(
        f"the kernel refused to {step.describe()}: {sentence or os.strerror(code)} ({errno.errorcode[code]})"
    )
