"""What Docker's own API says, as far as ipvl reads it (moby, api/types)."""

from __future__ import annotations

import msgspec


class DockerInfo(msgspec.Struct):
    """What `GET /info` says."""

    id: str = msgspec.field(name="ID", default="")


class ContainerOnNetwork(msgspec.Struct, rename="pascal"):
    """One entry of a network's `Containers`."""

    name: str
    endpoint_id: str = msgspec.field(name="EndpointID")
    address4: str = msgspec.field(name="IPv4Address", default="")
    address6: str = msgspec.field(name="IPv6Address", default="")


class Subnet(msgspec.Struct, rename="pascal"):
    """One entry of a network's `IPAM.Config`; addresses are plain, the others in CIDR notation."""

    subnet: str = ""
    ip_range: str = msgspec.field(name="IPRange", default="")
    gateway: str = ""
    auxiliary_addresses: dict[str, str] | None = None


class Ipam(msgspec.Struct, rename="pascal"):
    """Where a network has its addresses from."""

    driver: str = ""
    options: dict[str, str] | None = None
    config: list[Subnet] | None = None


class DockerNetwork(msgspec.Struct, rename="pascal"):
    """What `GET /networks` and `GET /networks/ID` say, as far as ipvl reads it; only the latter has the containers."""

    id: str
    name: str
    driver: str = ""
    ipam: Ipam | None = msgspec.field(name="IPAM", default=None)
    containers: dict[str, ContainerOnNetwork] | None = None


class AskedFor(msgspec.Struct):
    """The addresses that a container asked for by name (`--ip`, `--ip6`)."""

    address4: str = msgspec.field(name="IPv4Address", default="")
    address6: str = msgspec.field(name="IPv6Address", default="")


class ContainersNetwork(msgspec.Struct):
    """One entry of a container's `NetworkSettings.Networks`; without the network's id before it first started."""

    network_id: str = msgspec.field(name="NetworkID", default="")
    asked_for: AskedFor | None = msgspec.field(name="IPAMConfig", default=None)
    endpoint_id: str = msgspec.field(name="EndpointID", default="")


class NetworkSettings(msgspec.Struct, rename="pascal"):
    """Which networks a container is on, by their names."""

    networks: dict[str, ContainersNetwork | None] | None = None


class ListedContainer(msgspec.Struct, rename="pascal"):
    """One entry of `GET /containers/json`; its first name is its own, after a slash, the others are links'."""

    id: str
    names: list[str]
    network_settings: NetworkSettings | None = None

    @property
    def name(self) -> str:
        """What the user calls it."""
        own = next((name for name in self.names if "/" not in name[1:]), "")
        return own.removeprefix("/")


class Actor(msgspec.Struct, rename="pascal"):
    """Whom an event is about."""

    id: str = msgspec.field(name="ID")
    attributes: dict[str, str] | None = None


class Event(msgspec.Struct, rename="pascal"):
    """One line of `GET /events`."""

    action: str
    actor: Actor
    kind: str = msgspec.field(name="Type", default="")

    @property
    def container(self) -> str:
        """The id of the container that it is about, empty for none."""
        return self.actor.id if self.kind == "container" else (self.actor.attributes or {}).get("container", "")
