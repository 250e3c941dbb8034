"""Records as rows of the tables in schema/; those of networks and DHCP leases are in files of their own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from ipaddress import ip_address, ip_interface, ip_network

from ipvl.model.dhcp_leases import DhcpLease
from ipvl.model.endpoints import Endpoint, Sandbox
from ipvl.model.networks import ConflictCheck, Network, Parent, ParentKind, Phase, VlanProtocol
from ipvl.model.pools import Cursor, Pool, PoolLease, Quarantine, StaticAddress
from ipvl.records.records import Drop, Put, Record
from ipvl.store.address_rows import drop_address, put_address, quarantines, static_addresses
from ipvl.store.column_values import seen_in, seen_text, text_of
from ipvl.store.dhcp_rows import dhcp_leases, drop_dhcp_lease, put_dhcp_lease
from ipvl.store.network_rows import networks, put_network


def select(database: sqlite3.Connection) -> Iterator[Record]:
    """Yield every record, kind by kind, each after what it refers to and in the order they were made.

    Raises:
        ValueError: a row does not hold what ipvl writes.
    """
    yield from _parents(database)
    yield from networks(database)
    yield from _endpoints(database)
    yield from _pools(database)
    yield from _leases(database)
    yield from _cursors(database)
    yield from _sandboxes(database)
    yield from quarantines(database)
    yield from dhcp_leases(database)
    yield from static_addresses(database)


def put(database: sqlite3.Connection, change: Put) -> None:
    """Insert a record, or replace the one with its id."""
    record = change.record
    match record:
        case Parent():
            database.execute(
                "INSERT INTO parents (name, kind, made, base, vlan_id, mtu, protocol, also)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, made = excluded.made, base = excluded.base,"
                " vlan_id = excluded.vlan_id, mtu = excluded.mtu, protocol = excluded.protocol, also = excluded.also",
                (
                    record.name,
                    record.kind,
                    record.made,
                    record.base,
                    record.vlan_id,
                    record.mtu,
                    record.protocol,
                    json.dumps(record.also),
                ),
            )
        case Network():
            put_network(database, record)
        case Endpoint():
            _put_endpoint(database, record)
        case Pool():
            database.execute(
                "INSERT INTO pools (id, subnet, range, parent, users, changed, conflict_check, seen_by)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET users = excluded.users, changed = excluded.changed,"
                " seen_by = excluded.seen_by",
                (
                    record.id,
                    str(record.subnet),
                    text_of(record.range),
                    record.parent,
                    record.users,
                    record.changed,
                    record.conflict_check,
                    record.seen_by,
                ),
            )
        case PoolLease():
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
        case Quarantine() | StaticAddress():
            put_address(database, record)
        case Sandbox():
            _put_sandbox(database, record)
        case DhcpLease():
            put_dhcp_lease(database, record)


def _put_endpoint(database: sqlite3.Connection, endpoint: Endpoint) -> None:
    database.execute(
        "INSERT INTO endpoints"
        " (id, network_id, parent, port, interface_prefix, changed, name, sandbox, inode, interface, aliases,"
        " hosts, phase, seen)"
        " VALUES (?, ?, (SELECT parent FROM networks WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, sandbox = excluded.sandbox,"
        " changed = excluded.changed, inode = excluded.inode, interface = excluded.interface,"
        " aliases = excluded.aliases, phase = excluded.phase, seen = excluded.seen",
        (
            endpoint.id,
            endpoint.network_id,
            endpoint.network_id,
            endpoint.port,
            endpoint.interface_prefix,
            endpoint.changed,
            endpoint.name,
            endpoint.sandbox,
            endpoint.inode,
            endpoint.interface,
            json.dumps(endpoint.aliases),
            endpoint.hosts,
            endpoint.phase,
            seen_text(endpoint.seen),
        ),
    )
    database.execute("DELETE FROM addresses WHERE endpoint_id = ?", (endpoint.id,))
    database.executemany(
        "INSERT INTO addresses (parent, address, interface, position, endpoint_id)"
        " VALUES ((SELECT parent FROM endpoints WHERE id = ?), ?, ?, ?, ?)",
        (
            (endpoint.id, str(interface.ip), str(interface), position, endpoint.id)
            for position, interface in enumerate(endpoint.addresses)
        ),
    )


def _put_sandbox(database: sqlite3.Connection, sandbox: Sandbox) -> None:
    database.execute(
        "INSERT INTO sandboxes (id, name, hostname, command, root_filesystem, process, inode, supervisor,"
        " started, hosts, removed_at_end, ended, exit_status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET process = excluded.process, inode = excluded.inode,"
        " supervisor = excluded.supervisor, started = excluded.started, hosts = excluded.hosts,"
        " ended = excluded.ended, exit_status = excluded.exit_status",
        (
            sandbox.id,
            sandbox.name,
            sandbox.hostname,
            json.dumps(sandbox.command),
            sandbox.root_filesystem,
            sandbox.process,
            sandbox.inode,
            sandbox.supervisor,
            sandbox.started,
            sandbox.hosts,
            sandbox.removed_at_end,
            sandbox.ended,
            sandbox.exit_status,
        ),
    )


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
        case PoolLease(pool_id=pool_id, address=address):
            database.execute("DELETE FROM leases WHERE pool_id = ? AND address = ?", (pool_id, str(address)))
        case Sandbox(id=identity):
            database.execute("DELETE FROM sandboxes WHERE id = ?", (identity,))
        case DhcpLease():
            drop_dhcp_lease(database, change.record)
        case Cursor(owner=owner, subnet=subnet):
            database.execute("DELETE FROM cursors WHERE owner = ? AND subnet = ?", (owner, str(subnet)))
        case Quarantine() | StaticAddress():
            drop_address(database, change.record)


def rename_parent(database: sqlite3.Connection, before: str, after: str) -> None:
    """Call a parent by another name wherever it is named; a pool keeps its id, which Docker knows it by."""
    for statement in (
        "UPDATE parents SET name = ? WHERE name = ?",
        "UPDATE parents SET base = ? WHERE base = ?",
        "UPDATE networks SET parent = ? WHERE parent = ?",
        "UPDATE endpoints SET parent = ? WHERE parent = ?",
        "UPDATE addresses SET parent = ? WHERE parent = ?",
        "UPDATE pools SET parent = ? WHERE parent = ?",
        "UPDATE quarantines SET parent = ? WHERE parent = ?",
    ):
        database.execute(statement, (after, before))


def _parents(database: sqlite3.Connection) -> Iterator[Parent]:
    for name, kind, made, base, vlan_id, mtu, protocol, also in database.execute(
        "SELECT name, kind, made, base, vlan_id, mtu, protocol, also FROM parents ORDER BY rowid"
    ):
        names = tuple(map(str, json.loads(also)))
        yield Parent(name, ParentKind(kind), bool(made), base, vlan_id, mtu, VlanProtocol(protocol), names)


def _endpoints(database: sqlite3.Connection) -> Iterator[Endpoint]:
    interfaces: dict[str, list[str]] = {}
    for endpoint_id, interface in database.execute(
        "SELECT endpoint_id, interface FROM addresses ORDER BY endpoint_id, position"
    ):
        interfaces.setdefault(endpoint_id, []).append(interface)
    rows = database.execute(
        "SELECT id, network_id, port, interface_prefix, changed, name, sandbox, inode, interface, aliases, hosts,"
        " phase, seen FROM endpoints ORDER BY rowid"
    )
    for row in rows:
        identity, network_id, port, prefix, changed, name, sandbox, inode, interface, aliases, hosts, phase, seen = row
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
            seen=seen_in(seen),
        )


def _pools(database: sqlite3.Connection) -> Iterator[Pool]:
    for identity, subnet, within, parent, users, changed, check, seen_by in database.execute(
        "SELECT id, subnet, range, parent, users, changed, conflict_check, seen_by FROM pools ORDER BY rowid"
    ):
        part = None if within is None else ip_network(within)
        yield Pool(identity, ip_network(subnet), part, parent, users, changed, ConflictCheck(check), seen_by)


def _leases(database: sqlite3.Connection) -> Iterator[PoolLease]:
    for pool_id, address, gateway, owner, users, changed in database.execute(
        "SELECT pool_id, address, gateway, owner, users, changed FROM leases ORDER BY rowid"
    ):
        yield PoolLease(pool_id, ip_address(address), bool(gateway), owner, users, changed)


def _cursors(database: sqlite3.Connection) -> Iterator[Cursor]:
    for owner, subnet, address in database.execute("SELECT owner, subnet, address FROM cursors ORDER BY rowid"):
        yield Cursor(owner, ip_network(subnet), ip_address(address))


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
