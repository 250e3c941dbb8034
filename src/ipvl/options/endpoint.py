"""What a user asks an endpoint to be, checked against its network."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_interface

from ipvl.errors import invalid, quoted
from ipvl.model.addresses import IPInterface
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Network
from ipvl.options.addresses import without_zone
from ipvl.options.link_names import check_link_name
from ipvl.options.network import check_id, check_interface_prefix

PORT_PREFIX = "ipvl"
IFNAME = "com.docker.network.endpoint.ifname"
CLIENT_ID = "client_id"


LONGEST_CLIENT_ID = 128

_CLIENT_ID = re.compile(rf"[a-zA-Z0-9._/@-]{{1,{LONGEST_CLIENT_ID}}}")


def port_name(of_endpoint: str) -> str:
    """Return the name of an endpoint's port in the host's namespace: 15 bytes, the same every time, ipvl's own."""
    return PORT_PREFIX + hashlib.sha256(of_endpoint.encode()).hexdigest()[:11]


def parse_endpoint(
    id_text: str,
    network: Network,
    addresses: Iterable[str],
    *,
    mac: str,
    options: Mapping[str, object],
    changed: float,
) -> Endpoint:
    """Return the endpoint that this input describes.

    Args:
        id_text: the endpoint's id, chosen by the door.
        network: the network it joins.
        addresses: in CIDR notation, at most one of a family; empty texts are passed over.
        mac: the MAC address that was asked for, or "".
        options: the endpoint's driver options; only the interface name means something here.
        changed: seconds since the epoch.

    Raises:
        IpvlError: an address is outside every subnet of the network or two are of one family, a MAC address was asked
            for, or the interface name cannot be had.
    """
    identity = check_id(id_text, "endpoint")
    check_mac(mac, network)
    interfaces = tuple(_address(text, network) for text in addresses if text)
    if len({interface.version for interface in interfaces}) != len(interfaces):
        raise invalid(f"endpoint {identity[:12]} of network {network.label} asks for two addresses of one family")
    if network.asks_server:
        for interface in interfaces:
            raise invalid(
                f"address {interface.ip} cannot be chosen on network {network.label}: its DHCP server chooses",
                "have the server give it to the client_id of this container",
            )
    elif CLIENT_ID in options:
        raise invalid(
            f"client_id means nothing on network {network.label}, which asks no DHCP server",
            "drop it, or create the network with -o addressing=dhcp",
        )
    elif not interfaces and network.subnets:
        raise invalid(
            f"endpoint {identity[:12]} of network {network.label} has no address",
            "an ipvlan port forwards by its addresses",
        )
    wanted = options.get(IFNAME)
    return Endpoint(
        id=identity,
        network_id=network.id,
        addresses=interfaces,
        port=port_name(identity),
        interface_prefix=_prefix_of(wanted) if isinstance(wanted, str) and wanted else network.interface_prefix,
        changed=changed,
    )


def parse_client_id(options: Mapping[str, object]) -> str:
    """Return the DHCP client identifier that was asked for, or "".

    Raises:
        IpvlError: it is not made of what a server's configuration can hold.
    """
    text = options.get(CLIENT_ID, "")
    if not isinstance(text, str) or (text and _CLIENT_ID.fullmatch(text) is None):
        raise invalid(
            f"client_id {quoted(str(text))} is not made of 1 to {LONGEST_CLIENT_ID} letters, digits and any of ._/@-",
            "write it like client_id=web",
        )
    return text


def shape(options: Mapping[str, object]) -> str:
    """Return what tells endpoints apart that may be different containers': what they were asked to be."""
    text = json.dumps(options, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def check_mac(mac: str, network: Network) -> None:
    """Refuse a MAC address, if one was asked for.

    Raises:
        IpvlError: one was.
    """
    if mac:
        raise invalid(
            f"MAC address {quoted(mac)} cannot be given to a container of network {network.label}",
            f"all ports of an ipvlan parent share the MAC address of {network.parent}: drop --mac-address",
        )


def _address(text: str, network: Network) -> IPInterface:
    try:
        interface = ip_interface(without_zone(text))
    except ValueError:
        raise invalid(f"address {quoted(text)} is not in CIDR notation", "write it like 192.168.20.10/24") from None
    if not network.asks_server and not any(interface.ip in subnet.pool for subnet in network.subnets):
        pools = ", ".join(str(subnet.pool) for subnet in network.subnets) or "none"
        raise invalid(f"address {interface.ip} is in no subnet of network {network.label}", f"its subnets: {pools}")
    return interface


def _prefix_of(name: str) -> str:
    """Return the prefix that makes Docker call the interface `name`.

    Docker gives a remote driver's interface the prefix it is told plus the lowest number that no other interface of
    the container with that prefix has (moby, libnetwork/osl/interface_linux.go), so 0 is all that can be promised.
    """
    prefix = check_link_name(name).rstrip("0123456789")
    if name != f"{prefix}0" or not prefix:
        raise invalid(
            f"interface name {quoted(name)} cannot be promised: Docker numbers a plugin's interfaces itself, from 0",
            f"ask for {check_interface_prefix(prefix or 'eth')}0",
        )
    return check_interface_prefix(prefix)
