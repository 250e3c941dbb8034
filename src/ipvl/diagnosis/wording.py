"""What people call things and which command they have for them: Docker's, or those of `ipvl network create`."""

from __future__ import annotations

from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Network
from ipvl.records.records import Records


def member(network: Network) -> str:
    """Return what an endpoint of the network is called."""
    return "container" if network.is_dockers else "member"


def removal(network: Network) -> str:
    """Return how a network is removed that was half done."""
    if network.is_dockers:
        return f"remove it with `docker network rm {network.label}`, or `systemctl restart ipvl`"
    return repair(network, "removes it")


def chooser_of_subnet(network: Network) -> str:
    """Return who chooses a subnet when the user gave none."""
    return "Docker" if network.is_dockers else "ipvl"


def repair(network: Network, what: str) -> str:
    """Return how ipvl is made to compare records and host; `what` is what that does, such as `makes it again`.

    Without a daemon every command that uses the state compares them first.
    """
    restart = f"`systemctl restart ipvl` {what}"
    return restart if network.is_dockers else f"{restart}, and so does `ipvl network ls` where no daemon runs"


def another_lease(network: Network, endpoint: Endpoint) -> str:
    """Return how an endpoint gets another address from a DHCP server."""
    if network.is_dockers:
        return "restart the container"
    return f"`ipvl network disconnect {network.label} {endpoint.label}`, and `connect` it again"


def another_start(network: Network) -> str:
    """Return how one port of the network is made anew, whoever's."""
    if network.is_dockers:
        return "restart one container of the network"
    return f"take one member off with `ipvl network disconnect {network.label} NAME` and put it back with `connect`"


def port_again(endpoint: Endpoint, network: Network, records: Records) -> str:
    """Return how an endpoint gets the port again that it lost."""
    if network.is_dockers:
        return "restart the container"
    flags = "".join(
        f" --ip{'6' if one.version == 6 else ''} {one.ip}" for one in endpoint.addresses if not network.asks_server
    )
    if any(sandbox.inode == endpoint.inode and sandbox.ended is None for sandbox in records.sandboxes()):
        return f"`ipvl network connect{flags} {network.label} {endpoint.label}` gives it one again"
    name = f" --name {endpoint.name}" if endpoint.name else ""
    return f"`ipvl attach --net {network.label} --netns {endpoint.sandbox}{flags}{name}` gives it one again"
