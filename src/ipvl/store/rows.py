"""Records as rows of the tables in schema/: the one place that knows columns."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from ipaddress import ip_address, ip_interface, ip_network

from ipvl.model import (
    Addressing,
    ConflictCheck,
    Cursor,
    DhcpLease,
    Endpoint,
    Flag,
    IPAddress,
    Lease,
    Mode,
    Network,
    Parent,
    ParentKind,
    Phase,
    Pool,
    Quarantine,
    Route,
    Sandbox,
    Subnet,
    VlanProtocol,
)
from ipvl.records import Drop, Put, Record
from ipvl.store.dhcp_rows import dhcp_leases, drop_dhcp_lease, put_dhcp_lease


def select(database: sqlite3.Connection) -> Iterator[Record]:
    """Yield every record, kind by kind, each after what it refers to and in the order they were made.

    Raises:
        ValueError: a row does not hold what ipvl writes.
    """
    yield from _parents(database)
    yield from _networks(database)
    yield from _endpoints(database)
    yield from _pools(database)
    yield from _leases(database)
    yield from _cursors(database)
    yield from _sandboxes(database)
    yield from _quarantines(database)
    yield from dhcp_leases(database)


def put(database: sqlite3.Connection, change: Put) -> None:
    """Insert a record, or replace the one with its id."""
    record = change.record
    match record:
        case Parent():
            database.execute(
                "INSERT INTO parents (name, kind, made, base, vlan_id, mtu, protocol) VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, made = excluded.made, base = excluded.base,"
                " vlan_id = excluded.vlan_id, mtu = excluded.mtu, protocol = excluded.protocol",
                (record.name, record.kind, record.made, record.base, record.vlan_id, record.mtu, record.protocol),
            )
        case Network():
            database.execute(
                "INSERT INTO networks"
                " (id, name, door, parent, mode, flag, isolated, mtu, interface_prefix, created, phase, labels,"
                " conflict_check, announcements, announce_interval, routes, default_route, metric, host_access,"
                " addressing, vlan_protocol)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET name = excluded.name, phase = excluded.phase",
                (
                    record.id,
                    record.name,
                    record.door,
                    record.parent,
                    record.mode,
                    record.flag,
                    record.isolated,
                    record.mtu,
                    record.interface_prefix,
                    record.created,
                    record.phase,
                    json.dumps(dict(record.labels)),
                    record.conflict_check,
                    record.announcements,
                    record.announce_interval,
                    json.dumps([(str(route.destination), _text(route.via)) for route in record.routes]),
                    record.default_route,
                    record.metric,
                    record.host_access,
                    record.addressing,
                    record.vlan_protocol,
                ),
            )
            database.execute("DELETE FROM subnets WHERE network_id = ?", (record.id,))
            database.executemany(
                "INSERT INTO subnets (network_id, position, pool, gateway, range, host) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (
                        record.id,
                        position,
                        str(subnet.pool),
                        _text(subnet.gateway),
                        _text(subnet.range),
                        _text(subnet.host),
                    )
                    for position, subnet in enumerate(record.subnets)
                ),
            )
            database.executemany(
                "INSERT INTO reserved (network_id, position, address) VALUES (?, ?, ?)",
                (
                    (record.id, position, str(address))
                    for position, subnet in enumerate(record.subnets)
                    for address in subnet.reserved
                ),
            )
        case Endpoint():
            database.execute(
                "INSERT INTO endpoints"
                " (id, network_id, parent, port, interface_prefix, changed, name, sandbox, inode, interface, aliases,"
                " hosts, phase)"
                " VALUES (?, ?, (SELECT parent FROM networks WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET name = excluded.name, sandbox = excluded.sandbox,"
                " changed = excluded.changed, inode = excluded.inode, interface = excluded.interface,"
                " aliases = excluded.aliases, phase = excluded.phase",
                (
                    record.id,
                    record.network_id,
                    record.network_id,
                    record.port,
                    record.interface_prefix,
                    record.changed,
                    record.name,
                    record.sandbox,
                    record.inode,
                    record.interface,
                    json.dumps(record.aliases),
                    record.hosts,
                    record.phase,
                ),
            )
            database.execute("DELETE FROM addresses WHERE endpoint_id = ?", (record.id,))
            database.executemany(
                "INSERT INTO addresses (parent, address, interface, position, endpoint_id)"
                " VALUES ((SELECT parent FROM endpoints WHERE id = ?), ?, ?, ?, ?)",
                (
                    (record.id, str(interface.ip), str(interface), position, record.id)
                    for position, interface in enumerate(record.addresses)
                ),
            )
        case Pool():
            database.execute(
                "INSERT INTO pools (id, subnet, range, parent, users, changed, conflict_check)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET users = excluded.users, changed = excluded.changed",
                (
                    record.id,
                    str(record.subnet),
                    _text(record.range),
                    record.parent,
                    record.users,
                    record.changed,
                    record.conflict_check,
                ),
            )
        case Lease():
            database.execute(
                "INSERT INTO leases (pool_id, address, gateway, owner, users, changed) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (pool_id, address) DO UPDATE SET gateway = excluded.gateway, users = excluded.users,"
                " owner = excluded.owner, changed = excluded.changed",
                (record.pool_id, str(record.address), record.gateway, record.owner, record.users, record.changed),
            )
        case Cursor():
            database.execute(
                "INSERT INTO cursors (owner, subnet, address) VALUES (?, ?, ?)"
                " ON CONFLICT (owner, subnet) DO UPDATE SET address = excluded.address",
                (record.owner, str(record.subnet), str(record.address)),
            )
        case Quarantine():
            database.execute(
                "INSERT INTO quarantines (parent, address, holder, until) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (parent, address) DO UPDATE SET holder = excluded.holder, until = excluded.until",
                (record.parent, str(record.address), record.holder, record.until),
            )
        case Sandbox():
            database.execute(
                "INSERT INTO sandboxes (id, name, hostname, command, root_filesystem, process, inode, supervisor,"
                " started, hosts, removed_at_end, ended, exit_status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET process = excluded.process, inode = excluded.inode,"
                " supervisor = excluded.supervisor, started = excluded.started, hosts = excluded.hosts,"
                " ended = excluded.ended, exit_status = excluded.exit_status",
                (
                    record.id,
                    record.name,
                    record.hostname,
                    json.dumps(record.command),
                    record.root_filesystem,
                    record.process,
                    record.inode,
                    record.supervisor,
                    record.started,
                    record.hosts,
                    record.removed_at_end,
                    record.ended,
                    record.exit_status,
                ),
            )
        case DhcpLease():
            put_dhcp_lease(database, record)


def _text(value: object | None) -> str | None:
    """Return how a value is written, None for none."""
    return None if value is None else str(value)


def drop(database: sqlite3.Connection, change: Drop) -> None:
    """Delete the record with this one's id, and what goes with it."""
    match change.record:
        case Parent(name=name):
            database.execute("DELETE FROM parents WHERE name = ?", (name,))
            database.execute("DELETE FROM quarantines WHERE parent = ?", (name,))
        case Network(id=identity):
            database.execute("DELETE FROM networks WHERE id = ?", (identity,))
            database.execute("DELETE FROM cursors WHERE owner = ?", (identity,))
        case Endpoint(id=identity):
            database.execute("DELETE FROM endpoints WHERE id = ?", (identity,))
        case Pool(id=identity):
            database.execute("DELETE FROM pools WHERE id = ?", (identity,))
            database.execute("DELETE FROM cursors WHERE owner = ?", (identity,))
        case Lease(pool_id=pool_id, address=address):
            database.execute("DELETE FROM leases WHERE pool_id = ? AND address = ?", (pool_id, str(address)))
        case Sandbox(id=identity):
            database.execute("DELETE FROM sandboxes WHERE id = ?", (identity,))
        case DhcpLease():
            drop_dhcp_lease(database, change.record)
        case Cursor(owner=owner, subnet=subnet):
            database.execute("DELETE FROM cursors WHERE owner = ? AND subnet = ?", (owner, str(subnet)))
        case Quarantine(parent=parent, address=address):
            database.execute("DELETE FROM quarantines WHERE parent = ? AND address = ?", (parent, str(address)))


def _parents(database: sqlite3.Connection) -> Iterator[Parent]:
    for name, kind, made, base, vlan_id, mtu, protocol in database.execute(
        "SELECT name, kind, made, base, vlan_id, mtu, protocol FROM parents ORDER BY rowid"
    ):
        yield Parent(name, ParentKind(kind), bool(made), base, vlan_id, mtu, VlanProtocol(protocol))


def _networks(database: sqlite3.Connection) -> Iterator[Network]:
    subnets: dict[str, list[Subnet]] = {}
    reserved: dict[tuple[str, int], list[IPAddress]] = {}
    for network_id, position, address in database.execute("SELECT network_id, position, address FROM reserved"):
        reserved.setdefault((network_id, position), []).append(ip_address(address))
    for network_id, position, pool, gateway, within, host in database.execute(
        "SELECT network_id, position, pool, gateway, range, host FROM subnets ORDER BY network_id, position"
    ):
        subnets.setdefault(network_id, []).append(
            Subnet(
                pool=ip_network(pool),
                gateway=None if gateway is None else ip_address(gateway),
                range=None if within is None else ip_network(within),
                reserved=tuple(sorted(reserved.get((network_id, position), ()), key=int)),
                host=None if host is None else ip_address(host),
            )
        )
    rows = database.execute(
        "SELECT id, name, door, parent, mode, flag, isolated, mtu, interface_prefix, created, phase, labels,"
        " conflict_check, announcements, announce_interval, routes, default_route, metric, host_access"
        ", addressing, vlan_protocol FROM networks ORDER BY rowid"
    )
    for identity, name, door, parent, mode, flag, isolated, mtu, prefix, created, phase, labels, *wishes in rows:
        check, announcements, announce_interval, routes, default_route, metric, host_access, addressing, protocol = (
            wishes
        )
        yield Network(
            id=identity,
            name=name,
            door=door,
            parent=parent,
            mode=Mode(mode),
            flag=Flag(flag),
            isolated=bool(isolated),
            subnets=tuple(subnets.get(identity, ())),
            mtu=mtu,
            interface_prefix=prefix,
            created=created,
            phase=Phase(phase),
            labels=tuple(json.loads(labels).items()),
            conflict_check=ConflictCheck(check),
            announcements=announcements,
            announce_interval=announce_interval,
            routes=tuple(
                Route(ip_network(destination), None if via is None else ip_address(via))
                for destination, via in json.loads(routes)
            ),
            default_route=bool(default_route),
            metric=metric,
            host_access=bool(host_access),
            addressing=Addressing(addressing),
            vlan_protocol=None if protocol is None else VlanProtocol(protocol),
        )


def _endpoints(database: sqlite3.Connection) -> Iterator[Endpoint]:
    interfaces: dict[str, list[str]] = {}
    for endpoint_id, interface in database.execute(
        "SELECT endpoint_id, interface FROM addresses ORDER BY endpoint_id, position"
    ):
        interfaces.setdefault(endpoint_id, []).append(interface)
    rows = database.execute(
        "SELECT id, network_id, port, interface_prefix, changed, name, sandbox, inode, interface, aliases, hosts, phase"
        " FROM endpoints ORDER BY rowid"
    )
    for identity, network_id, port, prefix, changed, name, sandbox, inode, interface, aliases, hosts, phase in rows:
        yield Endpoint(
            id=identity,
            network_id=network_id,
            addresses=tuple(map(ip_interface, interfaces.get(identity, ()))),
            port=port,
            interface_prefix=prefix,
            changed=changed,
            name=name,
            sandbox=sandbox,
            inode=inode,
            interface=interface,
            aliases=tuple(json.loads(aliases)),
            hosts=hosts,
            phase=Phase(phase),
        )


def _pools(database: sqlite3.Connection) -> Iterator[Pool]:
    for identity, subnet, within, parent, users, changed, check in database.execute(
        "SELECT id, subnet, range, parent, users, changed, conflict_check FROM pools ORDER BY rowid"
    ):
        part = None if within is None else ip_network(within)
        yield Pool(identity, ip_network(subnet), part, parent, users, changed, ConflictCheck(check))


def _leases(database: sqlite3.Connection) -> Iterator[Lease]:
    for pool_id, address, gateway, owner, users, changed in database.execute(
        "SELECT pool_id, address, gateway, owner, users, changed FROM leases ORDER BY rowid"
    ):
        yield Lease(pool_id, ip_address(address), bool(gateway), owner, users, changed)


def _cursors(database: sqlite3.Connection) -> Iterator[Cursor]:
    for owner, subnet, address in database.execute("SELECT owner, subnet, address FROM cursors ORDER BY rowid"):
        yield Cursor(owner, ip_network(subnet), ip_address(address))


def _quarantines(database: sqlite3.Connection) -> Iterator[Quarantine]:
    for parent, address, holder, until in database.execute(
        "SELECT parent, address, holder, until FROM quarantines ORDER BY rowid"
    ):
        yield Quarantine(parent, ip_address(address), holder, until)


def _sandboxes(database: sqlite3.Connection) -> Iterator[Sandbox]:
    for row in database.execute(
        "SELECT id, name, hostname, command, root_filesystem, process, inode, supervisor, started,"
        " hosts, removed_at_end, ended, exit_status FROM sandboxes ORDER BY rowid"
    ):
        (
            identity,
            name,
            hostname,
            command,
            root,
            process,
            inode,
            supervisor,
            started,
            hosts,
            removed,
            ended,
            status,
        ) = row
        yield Sandbox(
            id=identity,
            name=name,
            hostname=hostname,
            command=tuple(json.loads(command)),
            root_filesystem=root,
            process=process,
            inode=inode,
            supervisor=supervisor,
            started=started,
            hosts=hosts,
            removed_at_end=bool(removed),
            ended=ended,
            exit_status=status,
        )
