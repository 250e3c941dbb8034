"""The addresses of this namespace's links, asked for at every container's start."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from ipaddress import ip_interface

from pyroute2.netlink.exceptions import NetlinkError

from ipvl.errors import kernel_refused
from ipvl.kernel.netlink import address_messages, link_messages
from ipvl.kernel.netlink.netlink_socket import NetlinkSocket
from ipvl.model.addresses import IPAddress, IPInterface


def list_addresses(netlink: NetlinkSocket) -> list[tuple[int, IPAddress, int]]:
    """Return every address, with the index of its link before and its prefix length behind it.

    Raises:
        NetlinkError: the kernel refused.
        OSError: an answer was lost.
        IpvlError: they changed faster than they could be read.
    """
    return [one for body in _dump(netlink) if (one := address_messages.read_address(body)) is not None]


def addresses_by_link(netlink: NetlinkSocket) -> dict[int, tuple[IPInterface, ...]]:
    """Return the addresses of every link, by the link's index.

    Raises:
        NetlinkError: the kernel refused.
        OSError: an answer was lost.
        IpvlError: they changed faster than they could be read.
    """
    found: dict[int, tuple[IPInterface, ...]] = {}
    for index, address, length in list_addresses(netlink):
        found[index] = (*found.get(index, ()), ip_interface((address, length)))
    return found


class ListedAddresses(Mapping[IPAddress, str]):
    """The host's addresses; the name of an address's link is asked for when somebody wants to know it, which is rare.

    Args:
        netlink: with the kernel.
        links: the index of the link of each address.
    """

    def __init__(self, netlink: NetlinkSocket, links: Mapping[IPAddress, int]) -> None:
        self._netlink = netlink
        self._links = links

    def __getitem__(self, address: IPAddress) -> str:
        """Return the name of an address's link, and a word for one that went a moment ago.

        Raises:
            KeyError: the host has no such address.
            IpvlError: the kernel refused.
        """
        index = self._links[address]
        try:
            return link_messages.read_link(self._netlink.ask(link_messages.get_link_by_index(index)), {}).name
        except (NetlinkError, OSError) as error:
            if isinstance(error, NetlinkError) and error.code == errno.ENODEV:
                return f"link {index}"
            raise kernel_refused(f"the name of the link with index {index} cannot be read: {error}") from error

    def __contains__(self, address: object) -> bool:
        return address in self._links

    def __iter__(self) -> Iterator[IPAddress]:
        return iter(self._links)

    def __len__(self) -> int:
        return len(self._links)


def list_own_addresses(netlink: NetlinkSocket) -> ListedAddresses:
    """Return the addresses that are the host's alone, each with the name of its link; of several links, of the last.

    Left out are link-local ones, which every link may have on its own (RFC 3927, RFC 4291).

    Raises:
        NetlinkError: the kernel refused.
        OSError: an answer was lost.
        IpvlError: they changed faster than they could be read.
    """
    links: dict[IPAddress, int] = {}
    for body in _dump(netlink):
        # Every link has one of these, and a busy host has many links.
        found = None if address_messages.is_link_local6(body) else address_messages.read_address(body)
        if found is not None and not found[1].is_link_local:
            links[found[1]] = found[0]
    return ListedAddresses(netlink, links)


def _dump(netlink: NetlinkSocket) -> tuple[bytes, ...]:
    found = netlink.dump(address_messages.dump_addresses())
    if found is None:
        raise kernel_refused("the host's addresses change faster than they can be listed", "try again")
    return found
