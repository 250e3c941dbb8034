"""What ipvl remembers, and how it changes: the one state every room reads, kept the same in memory and on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ipvl.addresses.next_address import gateway_of
from ipvl.model.addresses import IPAddress
from ipvl.model.dhcp_leases import DhcpLease
from ipvl.model.endpoints import Endpoint, Sandbox
from ipvl.model.networks import HOST_PORT_PREFIX, Network, Parent
from ipvl.model.pools import StaticAddress
from ipvl.records.address_records import AddressRecords
from ipvl.records.changes import Change, Put, Record
from ipvl.records.record_index import RecordIndex


class Records(AddressRecords):
    """The records in memory, indexed the ways the driver asks. Changed only by `apply`, after the store has them."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        super().__init__()
        self._networks: dict[str, Network] = {}
        self._parents: dict[str, Parent] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._sandboxes: dict[str, Sandbox] = {}
        self._by_base = RecordIndex[Parent, str, str](lambda parent: parent.base)
        self._by_parent = RecordIndex[Network, str, str](lambda network: network.parent)
        self._by_name = RecordIndex[Network, str, str](lambda network: network.name)
        self._by_network = RecordIndex[Endpoint, str, str](lambda endpoint: endpoint.network_id)
        self._by_label = RecordIndex[Endpoint, tuple[str, str], str](_label)
        self._with_hosts = RecordIndex[Endpoint, str, str](_network_to_name)
        self._by_inode = RecordIndex[Endpoint, int, str](lambda endpoint: endpoint.inode)
        self._of_endpoints = (self._by_network, self._by_label, self._with_hosts, self._by_inode)
        self._by_address: dict[tuple[str, IPAddress], str] = {}
        self._dhcp_leases: dict[tuple[str, str], DhcpLease] = {}
        self._dhcp_by_endpoint: dict[str, tuple[str, str]] = {}
        for record in records:
            self._put(record)

    def network(self, network_id: str) -> Network | None:
        """Return the network with this id, or None."""
        return self._networks.get(network_id)

    def networks_named(self, name: str) -> tuple[Network, ...]:
        """Return the networks with this name, of whatever door, in the order in which they got it."""
        return tuple(self._networks[network_id] for network_id in self._by_name.names(name))

    def parent(self, name: str) -> Parent | None:
        """Return the parent with this name, or None."""
        return self._parents.get(name)

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """Return the endpoint with this id, or None."""
        return self._endpoints.get(endpoint_id)

    def sandbox(self, sandbox_id: str) -> Sandbox | None:
        """Return the sandbox with this id, or None."""
        return self._sandboxes.get(sandbox_id)

    def sandboxes(self) -> Iterator[Sandbox]:
        """Iterate over a snapshot of all sandboxes, oldest first."""
        return iter(tuple(self._sandboxes.values()))

    def networks(self) -> Iterator[Network]:
        """Iterate over a snapshot of all networks, oldest first."""
        return iter(tuple(self._networks.values()))

    def parents(self) -> Iterator[Parent]:
        """Iterate over a snapshot of all parents."""
        return iter(tuple(self._parents.values()))

    def endpoints(self) -> Iterator[Endpoint]:
        """Iterate over a snapshot of all endpoints, oldest first."""
        return iter(tuple(self._endpoints.values()))

    def concerns(self, link: str) -> bool:
        """Tell whether a link is a parent, the base of one that may have to be made on it, or the host's own port.

        Any name will do that either has or had.
        """
        if link.startswith(HOST_PORT_PREFIX):
            return any(network.host_access and network.host_port == link for network in self._networks.values())
        if link in self._parents or link in self._by_base:
            return True
        return any(link in parent.also for parent in self._parents.values())

    def parents_on(self, base: str) -> tuple[Parent, ...]:
        """Return the parents that sit on this link and are ipvl's to make."""
        return tuple(self._parents[name] for name in self._by_base.names(base))

    def with_bases(self, parent: Parent) -> tuple[Parent, ...]:
        """Return a parent after those that it sits on and that are ipvl's to make, outermost first."""
        under = None if parent.base is None else self._parents.get(parent.base)
        return (parent,) if under is None or not under.made else (*self.with_bases(under), parent)

    def networks_on(self, parent: str) -> tuple[Network, ...]:
        """Return the networks that this parent carries, oldest first."""
        return tuple(self._networks[network_id] for network_id in self._by_parent.names(parent))

    def endpoints_of(self, network_id: str) -> tuple[Endpoint, ...]:
        """Return the endpoints of this network, oldest first."""
        return tuple(self._endpoints[endpoint_id] for endpoint_id in self._by_network.names(network_id))

    def members_named(self, network_id: str, name: str) -> tuple[Endpoint, ...]:
        """Return the endpoints of this network with this name, in the order in which they got it."""
        return tuple(self._endpoints[endpoint_id] for endpoint_id in self._by_label.names((network_id, name)))

    def members_with_hosts(self, network_id: str) -> tuple[Endpoint, ...]:
        """Return the endpoints of this network for which ipvl keeps a hosts file, oldest first."""
        return tuple(self._endpoints[endpoint_id] for endpoint_id in self._with_hosts.names(network_id))

    def endpoints_in(self, inode: int) -> tuple[Endpoint, ...]:
        """Return the endpoints of the network namespace with this number, as far as ipvl placed them, oldest first."""
        return tuple(self._endpoints[endpoint_id] for endpoint_id in self._by_inode.names(inode))

    def holder_of(self, parent: str, address: IPAddress) -> Endpoint | None:
        """Return the endpoint that holds this address on this parent, or None."""
        endpoint_id = self._by_address.get((parent, address))
        return None if endpoint_id is None else self._endpoints[endpoint_id]

    def dhcp_leases(self) -> Iterator[DhcpLease]:
        """Iterate over a snapshot of all DHCP leases, oldest first, those without an endpoint too."""
        return iter(tuple(self._dhcp_leases.values()))

    def dhcp_lease(self, key: tuple[str, str]) -> DhcpLease | None:
        """Return the DHCP lease of this network and client identifier, or None."""
        return self._dhcp_leases.get(key)

    def dhcp_lease_of(self, endpoint_id: str) -> DhcpLease | None:
        """Return the DHCP lease that this endpoint has its address from, or None."""
        key = self._dhcp_by_endpoint.get(endpoint_id)
        return None if key is None else self._dhcp_leases[key]

    def apply(self, changes: Iterable[Change]) -> None:
        """Change the records; the store must have committed the same changes before."""
        for change in changes:
            if isinstance(change, Put):
                self._put(change.record)
            else:
                self._drop(change.record)

    def _put(self, record: Record) -> None:
        match record:
            case Network():
                self._put_network(record)
            case Parent():
                self._put_parent(record)
            case Sandbox():
                self._sandboxes[record.id] = record
            case Endpoint():
                self._put_endpoint(record)
            case DhcpLease():
                self._put_dhcp_lease(record)
            case StaticAddress():
                self._put_static(record, self._networks[record.network_id].parent)
            case _:
                self._put_address(record)

    def _put_parent(self, parent: Parent) -> None:
        before = self._parents.get(parent.name)
        self._by_base.change(parent.name, before, parent)
        self._parents[parent.name] = parent

    def _put_network(self, network: Network) -> None:
        before = self._networks.get(network.id)
        if before is not None:
            self._free_fixed(before)
        self._by_name.change(network.id, before, network)
        self._by_parent.change(network.id, before, network)
        self._networks[network.id] = network
        for address in _fixed(network):
            self._spaces.hold(network.parent, address)

    def _put_endpoint(self, endpoint: Endpoint) -> None:
        before = self._endpoints.get(endpoint.id)
        if before is not None:
            self._free_addresses(before)
        for groups in self._of_endpoints:
            groups.change(endpoint.id, before, endpoint)
        self._endpoints[endpoint.id] = endpoint
        parent = self._networks[endpoint.network_id].parent
        for interface in endpoint.addresses:
            self._by_address[parent, interface.ip] = endpoint.id
            self._spaces.hold(parent, interface.ip)

    def _drop(self, record: Record) -> None:
        match record:
            case Network():
                self._drop_network(record.id)
            case Parent():
                self._drop_parent(record.name)
            case Sandbox():
                self._sandboxes.pop(record.id, None)
            case Endpoint():
                self._drop_endpoint(record.id)
            case DhcpLease():
                self._drop_dhcp_lease(record.key)
            case StaticAddress():
                if (network := self._networks.get(record.network_id)) is not None:
                    self._drop_static(record, network.parent)
            case _:
                self._drop_address(record)

    def _drop_network(self, network_id: str) -> None:
        network = self._networks.pop(network_id, None)
        if network is not None:
            self._free_fixed(network)
            self._by_name.change(network_id, network, None)
            self._by_parent.change(network_id, network, None)
            self._drop_cursors(network_id)
            for static in [one for one in self._static.values() if one.network_id == network_id]:
                self._drop_static(static, network.parent)
            for key in [key for key in self._dhcp_leases if key[0] == network_id]:
                self._drop_dhcp_lease(key)

    def _drop_parent(self, name: str) -> None:
        parent = self._parents.pop(name, None)
        if parent is not None:
            self._by_base.change(name, parent, None)
        for quarantine in self.quarantines():
            if quarantine.parent == name:
                self._drop_quarantine(quarantine)

    def _drop_endpoint(self, endpoint_id: str) -> None:
        endpoint = self._endpoints.pop(endpoint_id, None)
        if endpoint is not None:
            self._free_addresses(endpoint)
            for groups in self._of_endpoints:
                groups.change(endpoint_id, endpoint, None)
            key = self._dhcp_by_endpoint.pop(endpoint_id, None)
            if key is not None:
                self._dhcp_leases[key] = replace(self._dhcp_leases[key], endpoint_id=None)

    def _put_dhcp_lease(self, lease: DhcpLease) -> None:
        before = self._dhcp_leases.get(lease.key)
        if before is not None and before.endpoint_id is not None:
            self._dhcp_by_endpoint.pop(before.endpoint_id, None)
        self._dhcp_leases[lease.key] = lease
        if lease.endpoint_id is not None:
            self._dhcp_by_endpoint[lease.endpoint_id] = lease.key

    def _drop_dhcp_lease(self, key: tuple[str, str]) -> None:
        lease = self._dhcp_leases.pop(key, None)
        if lease is not None and lease.endpoint_id is not None:
            self._dhcp_by_endpoint.pop(lease.endpoint_id, None)

    def _free_addresses(self, endpoint: Endpoint) -> None:
        parent = self._networks[endpoint.network_id].parent
        for interface in endpoint.addresses:
            self._spaces.release(parent, interface.ip)
            if self._by_address.get((parent, interface.ip)) == endpoint.id:
                del self._by_address[parent, interface.ip]

    def _free_fixed(self, network: Network) -> None:
        for address in _fixed(network):
            self._spaces.release(network.parent, address)


def _fixed(network: Network) -> Iterator[IPAddress]:
    """Yield what no endpoint on the network's parent may have: routers, the host's own, and the addresses of others."""
    for subnet in network.subnets:
        gateway = gateway_of(network, subnet)
        if gateway is not None:
            yield gateway
        yield from subnet.reserved
        if subnet.host is not None:
            yield subnet.host


def _label(endpoint: Endpoint) -> tuple[str, str] | None:
    return None if endpoint.name is None else (endpoint.network_id, endpoint.name)


def _network_to_name(endpoint: Endpoint) -> str | None:
    """Return the network whose members an endpoint's hosts file names, None without such a file."""
    return None if endpoint.hosts is None else endpoint.network_id
