"""Which address of a subnet comes next, and which can be asked for."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address

from ipvl.addresses.intervals import Intervals
from ipvl.errors import IpvlError, conflict, invalid
from ipvl.model.addresses import IPAddress, IPNetwork
from ipvl.model.networks import Network, Subnet


def first_usable_address(subnet: IPNetwork) -> IPAddress | None:
    """Return the address that is the gateway when none was given: the first one a host may have.

    That is the address after the network's own; a /31 and a /127 have no network address, so theirs is the lower one
    (RFC 3021, RFC 6164). None for a subnet of one address, which leaves no room for a gateway.
    """
    if subnet.num_addresses == 1:
        return None
    return _address(host_range(subnet)[0], subnet.version)


def gateway_of(network: Network, subnet: Subnet) -> IPAddress | None:
    """Return the router of a network's subnet: the one that was given, or the first usable address.

    None in routed modes and isolated networks, which use no gateway whatever was given, and in a subnet of one
    address.
    """
    if network.mode.routes or network.isolated:
        return None
    return subnet.gateway or first_usable_address(subnet.pool)


def used_gateway(network: Network, subnet: Subnet) -> IPAddress | None:
    """Return the router of a network's subnet where its endpoints have their default route by it, or None."""
    return gateway_of(network, subnet) if subnet.pool.version in network.default_routes else None


def host_range(subnet: IPNetwork, within: IPNetwork | None = None) -> tuple[int, int]:
    """Return the lowest and the highest address that hosts of a subnet may have, as numbers.

    Left out are an IPv4 subnet's network and broadcast address (RFC 1122, 3.2.1.3), except in a /31 (RFC 3021) and a
    /32, and an IPv6 subnet's lowest, which means any router (RFC 4291, 2.6.1), except in a /127 (RFC 6164) and a /128.

    Args:
        subnet: the subnet.
        within: a part of it (`--ip-range`) to keep to. Its own ends may be handed out, as Docker does.
    """
    low, high = int(subnet.network_address), int(subnet.broadcast_address)
    if subnet.num_addresses > 2:
        low += 1
        high -= 1 if subnet.version == 4 else 0
    if within is not None:
        low, high = max(low, int(within.network_address)), min(high, int(within.broadcast_address))
    return low, high


def next_free_address(
    subnet: IPNetwork,
    held: Intervals,
    *,
    within: IPNetwork | None = None,
    last: IPAddress | None = None,
    own: Collection[IPAddress] = (),
) -> IPAddress | None:
    """Return the address that comes after the last one handed out, and round; None when all are held.

    So an address that was given back is handed out again after all others, and a container that starts again and
    again does not meet the caches of its own past.

    Args:
        subnet: the subnet.
        held: what may not be handed out.
        within: the part of the subnet to keep to.
        last: the address handed out last; None for a subnet that is new.
        own: further addresses that are passed over: the host's.
    """
    low, high = host_range(subnet, within)
    start = low if last is None else int(last) + 1
    for _ in range(len(own) + 1):
        found = held.first_free(low, high, start)
        if found is None:
            return None
        address = _address(found, subnet.version)
        if address not in own:
            return address
        start = found + 1
    return None


def check_usable(subnet: IPNetwork, address: IPAddress) -> None:
    """Check that a host of the subnet may have an address that was asked for; `--ip-range` binds only what is chosen.

    Raises:
        IpvlError: it is outside of the subnet, or the subnet's network, broadcast or any-router address.
    """
    if address not in subnet:
        raise invalid(f"address {address} is not in subnet {subnet}", "ask for one that is")
    low, high = host_range(subnet)
    if not low <= int(address) <= high:
        what = "broadcast" if int(address) > high else "network" if subnet.version == 4 else "subnet-router anycast"
        raise invalid(
            f"address {address} is the {what} address of subnet {subnet}",
            f"ask for one from {_address(low, subnet.version)} to {_address(high, subnet.version)}",
        )


def refuse_full(subnet: IPNetwork, within: IPNetwork | None = None, kept: int = 0) -> IpvlError:
    """Return the refusal for a subnet, or the part of it to keep to, of which every address is held.

    `kept` is how many of them are for containers or sandboxes that asked for them and are stopped.
    """
    low, high = host_range(subnet, within)
    count = max(high - low + 1, 0)
    what = "its one address is" if count == 1 else f"all {count} addresses are"
    where = f"range {within} of subnet {subnet}" if within is not None else f"subnet {subnet}"
    for_stopped = f" ({kept} for what is stopped and asked for it, see `ipvl status`)" if kept else ""
    way_out = "remove a container, ask for an address outside of the range, or give a larger --ip-range"
    return conflict(
        f"{where} is full: {what} in use or reserved{for_stopped}",
        way_out if within is not None else "remove a container, or make a network with a larger subnet",
    )


def _address(number: int, version: int) -> IPAddress:
    return ip_address(number.to_bytes(4 if version == 4 else 16))
