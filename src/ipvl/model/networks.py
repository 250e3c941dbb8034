"""Networks and the parents that carry them, as the user asked for them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ipvl.model.addresses import BOTH_FAMILIES, IPAddress, IPNetwork

HOST_PORT_PREFIX = "ih-"
"""A host's own port on a network is called this and the first twelve characters of the network's id."""


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
