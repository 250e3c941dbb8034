"""The immutable data every room shares: networks, parents, endpoints. No I/O and no defaults hidden in code paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import TypeAlias

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network
IPInterface = IPv4Interface | IPv6Interface
OwnAddresses: TypeAlias = Mapping[IPAddress, str]
"""The addresses of this host on any of its links, link-local ones left out, each with the name of its link."""

HOST_PORT_PREFIX = "ih-"
"""A host's own port on a network is called this and the first twelve characters of the network's id."""

BOTH_FAMILIES = frozenset({4, 6})
"""Both versions of the Internet Protocol."""

DOCKER = "docker"
"""The door of networks that Docker makes."""


class Mode(StrEnum):
    """How a parent forwards between its ports (kernel: IFLA_IPVLAN_MODE)."""

    L2 = "l2"
    L3 = "l3"
    L3S = "l3s"

    @property
    def routes(self) -> bool:
        """Whether the parent acts as a router: no ARP, no broadcast, gateways mean nothing."""
        return self is not Mode.L2


class Flag(StrEnum):
    """How a parent treats traffic between its own ports (kernel: IFLA_IPVLAN_FLAGS)."""

    BRIDGE = "bridge"
    PRIVATE = "private"
    VEPA = "vepa"


class VlanProtocol(StrEnum):
    """How a VLAN tag is written on the wire (kernel: IFLA_VLAN_PROTOCOL)."""

    DOT1Q = "802.1q"  # EtherType 0x8100, what access and trunk ports speak
    DOT1AD = "802.1ad"  # EtherType 0x88a8, the outer tag of a provider's network (IEEE 802.1Q, "S-tag")


class ConflictCheck(StrEnum):
    """Whether ipvl looks on the wire, before an address is used, if somebody has it already."""

    NONE = "none"
    PROBE = "probe"


class Addressing(StrEnum):
    """Who chooses the addresses of a network's endpoints."""

    POOL = "pool"  # Docker or ipvl, from the network's subnets
    DHCP = "dhcp"  # the DHCP server on the parent's segment
    NONE = "none"  # nobody: whoever is in the sandbox adds them to the port


class ParentKind(StrEnum):
    """What a parent is to ipvl, told by how the network asked for it."""

    LINK = "link"  # an existing link, whatever its kind; ipvl only uses it
    VLAN = "vlan"  # `name.vid`, a tagged sub-interface that ipvl makes when it is missing
    DUMMY = "dummy"  # the private parent of an isolated network


class Phase(StrEnum):
    """How far an operation on a record got; anything but READY after a start means that ipvl was stopped midway."""

    MAKING = "making"
    READY = "ready"
    REMOVING = "removing"


@dataclass(frozen=True, slots=True)
class Subnet:
    """A pool of addresses and, where one was given, the gateway that serves it.

    `range` is the part that addresses are chosen from (`--ip-range`), None for all of it. `reserved` are addresses that
    are others' (`--aux-address`), in ascending order. `host` is the address of the host's own port, where the network
    gives it access.
    """

    pool: IPNetwork
    gateway: IPAddress | None = None
    range: IPNetwork | None = None
    reserved: tuple[IPAddress, ...] = ()
    host: IPAddress | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """A route of a sandbox; straight to the device when `via` is None."""

    destination: IPNetwork
    via: IPAddress | None = None

    @property
    def label(self) -> str:
        """What to call the route in a sentence, as `ip route` writes it."""
        return str(self.destination) if self.via is None else f"{self.destination} via {self.via}"


@dataclass(frozen=True, slots=True)
class Network:
    """A network as the user asked for it. `name` is None until a door learns it (Docker's protocol never sends it).

    `announcements` is how often a new member's addresses are announced, `announce_interval` the milliseconds between
    two; None where the user did not say.
    `routes` are those of its sandboxes beside the default route, which they have for the IP versions in
    `default_routes` only.
    `metric` is what both have in a sandbox, None for the kernel's own choice. `host_access` says that the host has a
    port of its own.
    One whose addresses come from DHCP has no subnets: what its endpoints have is in their leases.
    `vlan_protocol` is that of the parent's outer tag, None where the user did not say.
    `unused_parent` is what the user asked for as the parent of a network that `--internal` isolates; empty where
    nothing was.
    `seen_by` is the Docker that listed it last (`DockerLists.identity`), None before any did.
    """

    id: str
    name: str | None
    door: str
    parent: str
    mode: Mode
    flag: Flag
    isolated: bool
    subnets: tuple[Subnet, ...]
    mtu: int | None
    interface_prefix: str
    created: float
    phase: Phase = Phase.READY
    labels: tuple[tuple[str, str], ...] = ()
    conflict_check: ConflictCheck = ConflictCheck.NONE
    announcements: int | None = None
    announce_interval: int | None = None
    routes: tuple[Route, ...] = ()
    default_routes: frozenset[int] = BOTH_FAMILIES
    metric: int | None = None
    host_access: bool = False
    vlan_protocol: VlanProtocol | None = None
    unused_parent: str = ""
    seen_by: str | None = None

    @property
    def host_port(self) -> str:
        """What the host's own port is called, if it has one."""
        return HOST_PORT_PREFIX + self.id[:12]

    addressing: Addressing = Addressing.POOL

    @property
    def gives_addresses(self) -> bool:
        """Whether somebody chooses addresses for its endpoints at all."""
        return self.addressing is not Addressing.NONE

    @property
    def asks_server(self) -> bool:
        """Whether its endpoints' addresses come from a DHCP server."""
        return self.addressing is Addressing.DHCP

    @property
    def label(self) -> str:
        """What to call the network in a sentence: its name, or the first twelve characters of its id."""
        return self.name or self.id[:12]

    @property
    def is_dockers(self) -> bool:
        """Whether Docker made it and looks after its containers, rather than somebody with `ipvl network create`."""
        return self.door == DOCKER


@dataclass(frozen=True, slots=True)
class Parent:
    """The link that carries a network's ports, or one that ipvl made for the outer tag of such a link.

    `made` says that ipvl made the link, so ipvl removes it with its last network; it survives restarts and reboots.
    `base` and `vlan_id` are set for VLAN parents only, and `protocol` counts for these only. `also` are further names
    that the link has or had, or the base where ipvl makes the link: by these it is found once it is called otherwise.
    """

    name: str
    kind: ParentKind
    made: bool
    base: str | None = None
    vlan_id: int | None = None
    mtu: int | None = None
    protocol: VlanProtocol = VlanProtocol.DOT1Q
    also: tuple[str, ...] = ()


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

    `addresses` are those that somebody gave it, on a network that gives none. `broadcast` says that its IPv4 addresses
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
class Pool:
    """A subnet that another engine (Docker, as its IPAM driver) takes addresses from.

    `range` is the part that addresses are chosen from. `parent` is the parent whose networks it shares addresses with;
    None means every parent. `users` counts who asked for it and did not release it. `changed` is when it was asked for
    last, in seconds since the epoch. `conflict_check` is for addresses of containers; it takes a parent to look on.
    `seen_by` is the Docker that listed the networks of all its users; None before any did, and `NOT_ALL_SEEN` when one
    more asked for it since then.
    """

    id: str
    subnet: IPNetwork
    range: IPNetwork | None
    parent: str | None
    users: int
    changed: float
    conflict_check: ConflictCheck = ConflictCheck.NONE
    seen_by: str | None = None


NOT_ALL_SEEN = ""
"""What a pool was seen by that has one more user than when a Docker was known to have them all."""


@dataclass(frozen=True, slots=True)
class Lease:
    """An address of a pool that is handed out: to an endpoint, as the `gateway`, or because somebody else has it.

    `owner` is the name of the endpoint where that was told. `users` counts who asked: more than one for gateways and
    addresses of others, which networks may share.
    """

    pool_id: str
    address: IPAddress
    gateway: bool
    owner: str | None
    users: int
    changed: float


@dataclass(frozen=True, slots=True)
class StaticAddress:
    """An address that a container or sandbox asked for on a network: nobody else is given it while that is stopped.

    `owner` is its id and `name` what the user calls it.
    """

    network_id: str
    owner: str
    name: str
    address: IPAddress

    @property
    def key(self) -> tuple[str, str, IPAddress]:
        """What tells it from all others."""
        return self.network_id, self.owner, self.address


@dataclass(frozen=True, slots=True)
class Cursor:
    """The address that a network or pool, whose id is `owner`, chose last in a subnet: the next one follows it."""

    owner: str
    subnet: IPNetwork
    address: IPAddress


KEPT_OUT_FOR = 600.0
"""Seconds that an address somebody has is not chosen."""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """An address that somebody else on a parent's segment has, and that is not chosen there until a time.

    `holder` is the MAC address that answered, or `THIS_HOST`. `until` is in seconds since the epoch, and `KEPT_OUT_FOR`
    later than the answer.
    """

    parent: str
    address: IPAddress
    holder: str
    until: float


THIS_HOST = "this host itself"
"""The holder of an address that the parent has in the host's namespace: ipvlan keeps that apart from its ports."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a DHCP server granted.

    `server_mac` is where its answer came from. Times are in seconds since the epoch: when the lease was asked for, when
    to ask its server for more, when to ask any, and when it ends; None for a lease that never does.
    """

    address: IPv4Interface
    server: IPv4Address
    server_mac: str
    obtained: float
    renews: float | None = None
    rebinds: float | None = None
    expires: float | None = None
    gateway: IPv4Address | None = None
    routes: tuple[Route, ...] = ()
    resolvers: tuple[IPv4Address, ...] = ()
    domain: str = ""
    mtu: int | None = None


@dataclass(frozen=True, slots=True)
class DhcpLease:
    """A client identifier of a network, and what the DHCP server granted it.

    The identifier outlives its endpoints, so that the next one gets the address of the one before. `endpoint_id` is
    None while nobody uses it. `shape` tells alike endpoints from others where nobody said which identifier to use,
    and is empty where somebody did. `terms` is None until a server granted any, and stays when the lease ends. `lost`
    says why the server no longer grants the address, and is empty as long as it does. `changed` is when it was used
    or released last, in seconds since the epoch.
    """

    network_id: str
    client_id: str
    endpoint_id: str | None
    shape: str
    changed: float
    terms: Terms | None = None
    lost: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others."""
        return self.network_id, self.client_id


@dataclass(frozen=True, slots=True)
class Boot:
    """A run of the host's kernel, and how ipvl counts time in it: see `ipvl.driver.steady_clock`.

    `id` is the kernel's own. `began` is when ipvl first ran in it. `offset` is what is added to the seconds since the
    boot, and `ahead` by how many seconds the wall clock was before ipvl's count when it was looked at last.
    """

    id: str
    began: float
    offset: float
    ahead: float = 0.0


@dataclass(frozen=True, slots=True)
class Attachment:
    """What the sandbox's owner must set up once it has the port."""

    port: str
    interface_prefix: str
    gateway4: IPv4Address | None
    gateway6: IPv6Address | None
    routes: tuple[Route, ...]
