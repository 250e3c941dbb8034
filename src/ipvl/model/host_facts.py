"""What only a diagnosis asks of a host: addresses, sysctls, counters, and who answers for an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ipvl.model.addresses import IPAddress, IPInterface, OwnAddresses


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """One link of the host's namespace.

    `proxy_arp` says that the host answers ARP for others on this link. `received` counts the frames that the link took
    in since it was made. `accept_ra` and `forwarding6` are IPv6's sysctls of these names (Documentation/networking/
    ip-sysctl in the kernel's source), `rp_filter` and `arp_ignore` IPv4's: the higher of the link's own and that of all
    links, which is the one that counts.
    """

    name: str
    addresses: tuple[IPInterface, ...] = ()
    wireless: bool = False
    received: int = 0
    proxy_arp: bool = False
    ipv6_disabled: bool = False
    accept_ra: int = 1
    forwarding6: bool = False
    rp_filter: int = 0
    arp_ignore: int = 0


@dataclass(frozen=True, slots=True)
class NetworkStack:
    """The host's namespace as far as more than one link has part in it.

    `rp_filter` is what a sandbox made now starts with: it inherits `all` and `default`, and the kernel uses the higher
    of the two (net.core.devconf_inherit_init_net). `default_routes6` names the links that IPv6's default routes use.
    """

    links: Mapping[str, LinkFacts] = field(default_factory=dict)
    rp_filter: int = 0
    default_routes6: frozenset[str] = frozenset()

    @property
    def own_addresses(self) -> OwnAddresses:
        """The addresses that are the host's own, each with its link's name."""
        return {one.ip: link.name for link in self.links.values() for one in link.addresses if not one.ip.is_link_local}

    def link(self, name: str) -> LinkFacts:
        """Return what is known of a link; one that is not there has no addresses and received nothing."""
        return self.links.get(name) or LinkFacts(name)


@dataclass(frozen=True, slots=True)
class Question:
    """Who on this link's segment holds this address? `sender` is whom the answer is for.

    Without a sender, IPv4 is asked with the sender address zero, so that nobody learns anything from the question
    (RFC 5227, section 1.1). IPv6 is always asked from the link's own link-local address.
    """

    link: str
    address: IPAddress
    sender: IPAddress | None = None


Answers = Mapping[Question, tuple[str, ...]]
"""Each question that was asked, and the MAC addresses that answered, the link's own left out."""
