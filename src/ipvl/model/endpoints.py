"""Endpoints, the sandboxes that have them, and their ports as they were seen in there."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from ipvl.model.addresses import IPAddress, IPInterface, IPNetwork
from ipvl.model.networks import Phase, Route


@dataclass(frozen=True, slots=True)
class PortRoute:
    """A route through a port, as the kernel of its sandbox lists it.

    `table`, `protocol` and `scope` are the kernel's numbers (include/uapi/linux/rtnetlink.h). `onlink` says that the
    router is reached without being in any of the port's subnets.
    """

    destination: IPNetwork
    via: IPAddress | None
    metric: int
    table: int
    protocol: int
    scope: int
    source: IPAddress | None = None
    onlink: bool = False

    @property
    def label(self) -> str:
        """What to call the route in a sentence, as `ip route` writes it."""
        return str(self.destination) if self.via is None else f"{self.destination} via {self.via}"


@dataclass(frozen=True, slots=True)
class PortSetup:
    """How a port was set up in its sandbox, by whoever it was.

    `addresses` are those that somebody gave it, beside the endpoint's own. `broadcast` says that its IPv4 addresses
    have a broadcast address. `settings` are those of its sysctls that are not what a new port has there: the name below
    `net`, with `*` in place of the interface, and the value.
    """

    broadcast: bool = False
    queue_length: int | None = None
    alias: str | None = None
    routes: tuple[PortRoute, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    addresses: tuple[IPInterface, ...] = ()


@dataclass(frozen=True, slots=True)
class SeenPort:
    """An endpoint's port as it was seen in its sandbox while all was well, to be made again when its parent is.

    `parent` is the index that the parent had. `setup` is None where ipvl may not enter the sandbox.
    """

    parent: int
    interface: str
    setup: PortSetup | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One attachment of a sandbox to a network.

    `port` is the name of the ipvlan link while it is still in the host's namespace. `sandbox` is the path of the
    network namespace it was handed to, None until it joins. `changed` is when it was made, joined or left last, in
    seconds since the epoch. `inode` tells the namespace from others that its path may lead to later, and `interface` is
    the port's name in there; both are known where ipvl itself places the port. `aliases` are more names beside `name`.
    `hosts` is the file in which ipvl keeps the names of this endpoint's fellow members. `phase` tells how far ipvl got
    where it places the port itself. `seen` is None until the port was seen in its sandbox.
    """

    id: str
    network_id: str
    addresses: tuple[IPInterface, ...]
    port: str
    interface_prefix: str
    changed: float
    name: str | None = None
    sandbox: str | None = None
    inode: int | None = None
    interface: str | None = None
    aliases: tuple[str, ...] = ()
    hosts: str | None = None
    phase: Phase = Phase.READY
    seen: SeenPort | None = None

    @property
    def label(self) -> str:
        """What to call the endpoint in a sentence: the container's name, or the first twelve characters of its id."""
        return self.name or self.id[:12]

    @property
    def address_text(self) -> str:
        """Its addresses in a sentence, IPv4 first."""
        return " and ".join(str(interface.ip) for interface in self.addresses) or "no address"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A program that ipvl runs in namespaces of its own.

    `process` is the first process in there, `inode` the number of its network namespace: together they tell whether it
    still runs. `supervisor` is the process that waits for its end. `root_filesystem` is the name of a known one, the
    path of a folder, or empty for the host's. `hosts` is the file in
    which ipvl keeps the names of its fellow members. `started` and `ended` are seconds since the epoch; `ended` and
    `exit_status` (as a shell has it: 128 and the signal's number when killed) are None while it runs.
    """

    id: str
    name: str
    hostname: str
    command: tuple[str, ...]
    root_filesystem: str
    process: int
    inode: int
    supervisor: int
    started: float
    hosts: str
    removed_at_end: bool = False
    ended: float | None = None
    exit_status: int | None = None

    @property
    def namespace(self) -> str:
        """The path of its network namespace while it runs."""
        return f"/proc/{self.process}/ns/net"


@dataclass(frozen=True, slots=True)
class JoinInfo:
    """What the sandbox's owner must set up once it has the port."""

    port: str
    interface_prefix: str
    gateway4: IPv4Address | None
    gateway6: IPv6Address | None
    routes: tuple[Route, ...]
