"""What the command asks and what it is answered: plain values, over the control socket and within a process."""

from __future__ import annotations

from dataclasses import dataclass, field

from ipvl.driver.status.dhcp_lease import DhcpStatus
from ipvl.driver.status.subnet import SubnetStatus
from ipvl.embedded.sandbox_messages import NetworkAttachment
from ipvl.model.networks import ConflictCheck


@dataclass(frozen=True, slots=True)
class CreateNetwork:
    """`ipvl network create`. Without a subnet of a family that is wanted, one of the default pools is chosen."""

    name: str
    subnets: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    reserved: dict[str, str] = field(default_factory=dict)
    internal: bool = False
    ipv4: bool = True
    ipv6: bool = False
    options: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class NetworkCreated:
    """The new network's id, what was understood otherwise than written, and for a dry run what would be done."""

    id: str
    notices: tuple[str, ...]
    plan: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NamedNetwork:
    """A network by its name, its id, or the beginning of its id."""

    network: str


@dataclass(frozen=True, slots=True)
class Forget:
    """A network that a Docker made, by its name, its id, or the beginning of its id; or, if `pool` is set, a pool's id.

    `force` removes it although containers use it, or Docker has it.
    """

    name: str
    pool: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class AnyNetwork:
    """Every network; those of an engine such as Docker too, unless `own` is set."""

    own: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """An endpoint: whose it is, where it is and what it has. `interface` is None where the sandbox's owner names it.

    `notices` are what whoever made it is told.
    """

    id: str
    name: str
    network: str
    interface: str | None
    addresses: tuple[str, ...]
    sandbox: str | None
    aliases: tuple[str, ...]
    lease: DhcpStatus | None = None
    notices: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """What `ipvl attach` prints of it."""
        return " ".join((self.interface or "", *self.addresses))


@dataclass(frozen=True, slots=True)
class NetworkView:
    """A network as `ipvl network inspect` shows it. `created` is RFC 3339.

    `announcements` and `announce_interval` (milliseconds) are None where the user did not say.
    `host_access` are the addresses by which the host and its members reach each other, if they do.
    `default_route_families` are those of `ipv4` and `ipv6` for which members have a default route.
    `unused_parent` is what was given as `-o parent` beside `--internal`, and is not used.
    `trouble` is what keeps members from what they should reach, one sentence each.
    """

    id: str
    name: str
    door: str
    parent: str
    mode: str
    flag: str
    internal: bool
    mtu: int | None
    subnets: tuple[SubnetStatus, ...]
    labels: dict[str, str]
    created: str
    members: tuple[Member, ...]
    conflict_check: str = ConflictCheck.NONE
    announcements: int | None = None
    announce_interval: int | None = None
    routes: tuple[str, ...] = ()
    default_route: bool = True
    metric: int | None = None
    host_access: tuple[str, ...] = ()
    addressing: str = "pool"
    default_route_families: tuple[str, ...] = ()
    unused_parent: str | None = None
    trouble: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Removed:
    """What is gone: names, or ids where there was no name."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attach:
    """`ipvl attach`: give the network namespace at a path an endpoint; `hosts` is a file to keep members' names in."""

    attachment: NetworkAttachment
    namespace: str
    name: str = ""
    hosts: str = ""


@dataclass(frozen=True, slots=True)
class Detach:
    """`ipvl detach`: take a network namespace off a network."""

    network: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Connect:
    """`ipvl network connect`: put a running sandbox on one more network."""

    attachment: NetworkAttachment
    sandbox: str


@dataclass(frozen=True, slots=True)
class Disconnect:
    """`ipvl network disconnect`."""

    network: str
    sandbox: str


@dataclass(frozen=True, slots=True)
class AnySandbox:
    """Every sandbox, also those that have ended if `all` is set."""

    all: bool = False


@dataclass(frozen=True, slots=True)
class SandboxView:
    """A sandbox as `ipvl ps` shows it. Times are RFC 3339."""

    id: str
    name: str
    hostname: str
    command: tuple[str, ...]
    root_filesystem: str
    process: int
    supervisor: int
    inode: int
    running: bool
    started: str
    ended: str | None
    exit_status: int | None
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Networks:
    """Networks, oldest first."""

    networks: tuple[NetworkView, ...]


@dataclass(frozen=True, slots=True)
class Sandboxes:
    """Sandboxes, oldest first."""

    sandboxes: tuple[SandboxView, ...]


ANSWERS: dict[str, type] = {
    "network.create": NetworkCreated,
    "network.list": Networks,
    "network.inspect": NetworkView,
    "network.remove": Removed,
    "network.prune": Removed,
    "network.forget": Removed,
    "network.connect": Member,
    "network.disconnect": Member,
    "attach": Member,
    "detach": Member,
    "sandbox.list": Sandboxes,
    "sandbox.inspect": SandboxView,
    "sandbox.remove": Removed,
}
"""What each call answers, but those that are `SILENT`; `embedded.calls` has who does them."""
