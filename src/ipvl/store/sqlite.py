"""The records in an SQLite file."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import resources
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

from ipvl.errors import IpvlError, missing, unavailable
from ipvl.model import (
    Cursor,
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
    Sandbox,
    Subnet,
)
from ipvl.records import Change, Drop, Put, Record

SECONDS_TO_WAIT_FOR_A_READER = 5.0


class SqliteStore:
    """Records in one SQLite file, each commit on the disk before it returns; its owner closes it."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def load(self) -> tuple[Record, ...]:
        """Return every record, kind by kind, each after what it refers to and in the order they were made.

        Raises:
            IpvlError: the file cannot be read or does not hold what ipvl wrote.
        """
        with _named_errors(self._path):
            return (
                *self._parents(),
                *self._networks(),
                *self._endpoints(),
                *self._pools(),
                *self._leases(),
                *self._cursors(),
                *self._sandboxes(),
            )

    def commit(self, changes: Iterable[Change]) -> None:
        """Make all of the changes durable, or none.

        Raises:
            IpvlError: the file cannot be written (full, read-only, damaged); it is as it was.
        """
        with _named_errors(self._path), _transaction(self._connection) as database:
            for change in changes:
                if isinstance(change, Put):
                    _put(database, change.record)
                else:
                    _drop(database, change)

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        self._connection.close()

    def _parents(self) -> Iterator[Parent]:
        for name, kind, made, base, vlan_id, mtu in self._connection.execute(
            "SELECT name, kind, made, base, vlan_id, mtu FROM parents ORDER BY rowid"
        ):
            yield Parent(name, ParentKind(kind), bool(made), base, vlan_id, mtu)

    def _networks(self) -> Iterator[Network]:
        subnets: dict[str, list[Subnet]] = {}
        reserved: dict[tuple[str, int], list[IPAddress]] = {}
        for network_id, position, address in self._connection.execute(
            "SELECT network_id, position, address FROM reserved"
        ):
            reserved.setdefault((network_id, position), []).append(ip_address(address))
        for network_id, position, pool, gateway, within in self._connection.execute(
            "SELECT network_id, position, pool, gateway, range FROM subnets ORDER BY network_id, position"
        ):
            subnets.setdefault(network_id, []).append(
                Subnet(
                    pool=ip_network(pool),
                    gateway=None if gateway is None else ip_address(gateway),
                    range=None if within is None else ip_network(within),
                    reserved=tuple(sorted(reserved.get((network_id, position), ()), key=int)),
                )
            )
        rows = self._connection.execute(
            "SELECT id, name, door, parent, mode, flag, isolated, mtu, interface_prefix, created, phase, labels"
            " FROM networks ORDER BY rowid"
        )
        for identity, name, door, parent, mode, flag, isolated, mtu, prefix, created, phase, labels in rows:
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
            )

    def _endpoints(self) -> Iterator[Endpoint]:
        interfaces: dict[str, list[str]] = {}
        for endpoint_id, interface in self._connection.execute(
            "SELECT endpoint_id, interface FROM addresses ORDER BY endpoint_id, position"
        ):
            interfaces.setdefault(endpoint_id, []).append(interface)
        rows = self._connection.execute(
            "SELECT id, network_id, port, interface_prefix, changed, name, sandbox, inode, interface, aliases, hosts"
            " FROM endpoints ORDER BY rowid"
        )
        for identity, network_id, port, prefix, changed, name, sandbox, inode, interface, aliases, hosts in rows:
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
            )

    def _pools(self) -> Iterator[Pool]:
        for identity, subnet, within, parent, users, changed in self._connection.execute(
            "SELECT id, subnet, range, parent, users, changed FROM pools ORDER BY rowid"
        ):
            part = None if within is None else ip_network(within)
            yield Pool(identity, ip_network(subnet), part, parent, users, changed)

    def _leases(self) -> Iterator[Lease]:
        for pool_id, address, gateway, owner, users, changed in self._connection.execute(
            "SELECT pool_id, address, gateway, owner, users, changed FROM leases ORDER BY rowid"
        ):
            yield Lease(pool_id, ip_address(address), bool(gateway), owner, users, changed)

    def _cursors(self) -> Iterator[Cursor]:
        for owner, subnet, address in self._connection.execute(
            "SELECT owner, subnet, address FROM cursors ORDER BY rowid"
        ):
            yield Cursor(owner, ip_network(subnet), ip_address(address))

    def _sandboxes(self) -> Iterator[Sandbox]:
        for row in self._connection.execute(
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


def open_store(path: Path) -> SqliteStore:
    """Open the state file, making it (mode 0600) and bringing its schema up to date where needed.

    Raises:
        IpvlError: it cannot be opened, is damaged, or was written by a newer ipvl.
    """
    with _named_errors(path):
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        connection = _connect(path)
        try:
            # WAL with FULL: one fsync a commit, and readers such as `ipvl status` never wait.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            _migrate(path, connection)
        except (sqlite3.Error, IpvlError):
            connection.close()
            raise
        return SqliteStore(path, connection)


def open_store_read_only(path: Path) -> SqliteStore:
    """Open an existing state file without the right to change it, beside a daemon that has it open.

    Raises:
        IpvlError: it does not exist, cannot be read, or was not written by this version of ipvl.
    """
    with _named_errors(path):
        if not path.exists():
            raise missing(
                f"there is no state file {path}: ipvl has not run here yet", "start the daemon: systemctl start ipvl"
            )
        connection = _connect(f"file:{path}?mode=ro")
        version, newest = _version(connection), len(_migrations())
        if version != newest:
            connection.close()
            raise unavailable(
                f"state file {path} has schema {version}, this ipvl reads {newest}",
                "start the daemon of this version once",
            )
        return SqliteStore(path, connection)


def _connect(target: Path | str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        target, timeout=SECONDS_TO_WAIT_FOR_A_READER, isolation_level=None, uri=isinstance(target, str)
    )
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _migrations() -> list[str]:
    schema = resources.files(__package__) / "schema"
    scripts = sorted((entry.name, entry.read_text()) for entry in schema.iterdir() if entry.name.endswith(".sql"))
    return [script for _, script in scripts]


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _migrate(path: Path, connection: sqlite3.Connection) -> None:
    scripts = _migrations()
    version = _version(connection)
    if version > len(scripts):
        raise unavailable(
            f"state file {path} has schema {version}, written by a newer ipvl (this one knows {len(scripts)})",
            "run the newer ipvl",
        )
    for number, script in enumerate(scripts[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, ValueError) as error:
        raise unavailable(
            f"state file {path} cannot be used: {error}",
            "check its disk, owner and mode, or move it away to start afresh",
        ) from error
    except OSError as error:
        raise unavailable(
            f"state file {path} cannot be used: {error.strerror}", "check its folder, owner and mode"
        ) from error


def _put(database: sqlite3.Connection, record: Record) -> None:
    match record:
        case Parent():
            database.execute(
                "INSERT INTO parents (name, kind, made, base, vlan_id, mtu) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, made = excluded.made, base = excluded.base,"
                " vlan_id = excluded.vlan_id, mtu = excluded.mtu",
                (record.name, record.kind, record.made, record.base, record.vlan_id, record.mtu),
            )
        case Network():
            database.execute(
                "INSERT INTO networks"
                " (id, name, door, parent, mode, flag, isolated, mtu, interface_prefix, created, phase, labels)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
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
                ),
            )
            database.execute("DELETE FROM subnets WHERE network_id = ?", (record.id,))
            database.executemany(
                "INSERT INTO subnets (network_id, position, pool, gateway, range) VALUES (?, ?, ?, ?, ?)",
                (
                    (record.id, position, str(subnet.pool), _text(subnet.gateway), _text(subnet.range))
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
                " hosts)"
                " VALUES (?, ?, (SELECT parent FROM networks WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET name = excluded.name, sandbox = excluded.sandbox,"
                " changed = excluded.changed, inode = excluded.inode, interface = excluded.interface,"
                " aliases = excluded.aliases",
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
                "INSERT INTO pools (id, subnet, range, parent, users, changed) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET users = excluded.users, changed = excluded.changed",
                (record.id, str(record.subnet), _text(record.range), record.parent, record.users, record.changed),
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
        case Sandbox():
            database.execute(
                "INSERT INTO sandboxes (id, name, hostname, command, root_filesystem, process, inode, supervisor,"
                " started, hosts, removed_at_end, ended, exit_status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET name = excluded.name, hostname = excluded.hostname,"
                " command = excluded.command, root_filesystem = excluded.root_filesystem, process = excluded.process,"
                " inode = excluded.inode, supervisor = excluded.supervisor, started = excluded.started,"
                " hosts = excluded.hosts, removed_at_end = excluded.removed_at_end, ended = excluded.ended,"
                " exit_status = excluded.exit_status",
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


def _text(value: object | None) -> str | None:
    """Return how a value is written, None for none."""
    return None if value is None else str(value)


def _drop(database: sqlite3.Connection, change: Drop) -> None:
    match change.record:
        case Parent(name=name):
            database.execute("DELETE FROM parents WHERE name = ?", (name,))
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
        case Cursor(owner=owner, subnet=subnet):
            database.execute("DELETE FROM cursors WHERE owner = ? AND subnet = ?", (owner, str(subnet)))
