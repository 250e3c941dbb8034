"""State of every released schema, brought up to date, and state of a newer one, refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib import resources
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from ipvl.errors import Kind
from ipvl.model.endpoints import Endpoint, Sandbox
from ipvl.model.networks import Addressing, Flag, Mode, Network, Parent, ParentKind, Phase
from ipvl.model.pools import Cursor
from ipvl.records.changes import Record
from ipvl.store.migrations import _migrations, newest_schema
from ipvl.store.state_file import open_store
from tests.unit.builders import (
    ENDPOINT_ID,
    ID,
    NOW,
    OTHER_ENDPOINT_ID,
    OTHER_ID,
    SANDBOX,
    endpoint,
    lease,
    network,
    pool,
    subnet,
    vlan_parent,
)
from tests.unit.refusals import refusal

TESTFILES = Path(__file__).parent / "testfiles"
RELEASED = [1, 2, 3, 4]
"""Schemas that state files out there have; each has its dump in testfiles/, made when it was the newest."""


def parents() -> list[Parent]:
    return [
        vlan_parent("eth0.20", "eth0", 20),
        Parent("di-bbbbbbbbbbbb", ParentKind.DUMMY, made=True, mtu=9000),
    ]


def networks(version: int) -> list[Network]:
    ranged = subnet("192.168.20.0/24", "192.168.20.254", "192.168.20.0/25", ("192.168.20.99",))
    plain = subnet("192.168.20.0/24", "192.168.20.254")
    return [
        network(
            ID,
            name="web",
            parent="eth0.20",
            flag=Flag.PRIVATE,
            mtu=1400,
            subnets=(ranged if version >= 2 else plain, "2001:db8:20::/64"),
        ),
        network(
            OTHER_ID,
            door="embedded" if version >= 3 else "docker",
            isolated=True,
            mode=Mode.L3,
            mtu=9000,
            interface_prefix="net",
            subnets=("10.7.0.0/16",),
            labels=(("owner", "ops"),) if version >= 3 else (),
        ),
    ]


def endpoints(version: int) -> list[Endpoint]:
    of_docker = endpoint(
        ENDPOINT_ID,
        addresses=("192.168.20.10/24", "2001:db8:20::10/64"),
        port="ipvleeeeeeeeeee",
        name="one",
        sandbox=SANDBOX,
    )
    placed = endpoint(
        OTHER_ENDPOINT_ID,
        network_id=OTHER_ID,
        addresses=("10.7.0.2/16",),
        port="ipvlfffffffffff",
        interface_prefix="net",
        name="two",
        sandbox="/proc/200/ns/net",
        inode=4026532000,
        interface="net0",
        aliases=("api",),
        hosts="/run/ipvl/two/hosts",
        phase=Phase.REMOVING if version >= 4 else Phase.READY,
    )
    return [of_docker, placed] if version >= 3 else [of_docker]


def remembered(version: int) -> list[Record]:
    """Return what is in the dump of a schema, in the order of the store."""
    found: list[Record] = [*parents(), *networks(version), *endpoints(version)]
    if version >= 2:
        one = pool(parent="eth0.20", users=2)
        found += [
            one,
            lease(one, "192.168.20.254", gateway=True, users=2),
            lease(one, "192.168.20.10", owner="one"),
            Cursor(one.id, ip_network("192.168.20.0/24"), ip_address("192.168.20.10")),
        ]
    if version >= 3:
        found.append(
            Sandbox("c" * 64, "two", "two", ("sh",), "alpine", 200, 4026532000, 199, NOW, hosts="/run/ipvl/two/hosts")
        )
    return found


@pytest.fixture
def state(tmp_path):
    """Call it with a schema to get a state file as the ipvl of that schema left it."""

    def make(version: int) -> Path:
        path = tmp_path / "state.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.executescript((TESTFILES / f"schema-{version:03}.sql").read_text())
        return path

    return make


@pytest.mark.parametrize("version", RELEASED)
def test_state_of_every_released_schema_is_brought_up_to_date(state, version):
    """All that an older ipvl remembered is there, and what it did not know has a value that means the same."""
    path = state(version)

    with closing(open_store(path)) as store:
        assert remembered(version) == list(store.load())
        assert (newest_schema(),) == store._connection.execute("PRAGMA user_version").fetchone()
    with closing(open_store(path)) as store:
        assert remembered(version) == list(store.load()), "and the next start reads the same"


def test_a_network_without_subnets_gives_no_addresses(state):
    """It was made before there was a word for that, and nobody could join it."""
    path = state(RELEASED[-1])
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("DELETE FROM subnets WHERE network_id = ?", (OTHER_ID,))

    with closing(open_store(path)) as store:
        found = {one.id: one.addressing for one in store.load() if isinstance(one, Network)}
        assert {ID: Addressing.POOL, OTHER_ID: Addressing.NONE} == found


@pytest.mark.parametrize("version", RELEASED)
def test_a_released_script_never_changes(state, version):
    """Each schema is made by the same statements as when it was released: no two files of one version differ."""
    with closing(sqlite3.connect(state(version))) as released, closing(sqlite3.connect(":memory:")) as made:
        for script in _migrations()[:version]:
            made.executescript(script)

        assert tables(released) == tables(made)


@pytest.mark.parametrize("version", RELEASED)
def test_an_interrupted_upgrade_is_as_if_it_had_not_begun(state, version):
    """The disk is full in the middle: the file is as it was, and the next start brings it up to date."""
    path = state(version)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        before = tables(database)
        for number, script in enumerate(_migrations()[version:], version + 1):
            database.execute(f"PRAGMA max_page_count = {pages}")
            filler = "CREATE TABLE filler AS SELECT randomblob(1000000) AS data;"
            with pytest.raises(sqlite3.OperationalError, match="full"):
                database.executescript(
                    f"BEGIN IMMEDIATE;\n{script}\n{filler}\nPRAGMA user_version = {number};\nCOMMIT;"
                )
            break
        database.execute("ROLLBACK") if database.in_transaction else None
        assert before == tables(database)

    with closing(open_store(path)) as store:
        assert remembered(version) == list(store.load())


def test_an_older_ipvl_refuses_newer_state_and_says_so(state):
    """It names the file and both versions, and touches nothing."""
    path = state(RELEASED[-1])
    newer = newest_schema() + 1
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"PRAGMA user_version = {newer}")
        before = database.execute("SELECT * FROM networks").fetchall()

    expected = (
        f"state file {path} has schema {newer}, written by a newer ipvl (this one knows {newest_schema()});"
        " run the newer ipvl"
    )
    assert expected == refusal(Kind.UNAVAILABLE, open_store, path)
    with closing(sqlite3.connect(path)) as database:
        assert before == database.execute("SELECT * FROM networks").fetchall()
        assert (newer,) == database.execute("PRAGMA user_version").fetchone()


def tables(database: sqlite3.Connection) -> list[tuple[str, ...]]:
    """Return every statement that made a table or an index."""
    return sorted(database.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall())


@pytest.mark.parametrize(("both", "expected"), [(0, frozenset()), (1, frozenset({4, 6}))])
def test_a_network_that_left_its_default_route_to_others_still_does(tmp_path, both, expected):
    """For both families, as it was said before there was a choice (schema 5)."""
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for script in _migrations()[:5]:
            database.executescript(script)
        database.execute("PRAGMA user_version = 5")
        database.execute(
            "INSERT INTO networks (id, door, parent, mode, flag, isolated, interface_prefix, created, phase,"
            f" default_route) VALUES ('{ID}', 'docker', 'eth0', 'l2', 'bridge', 0, 'eth', 1.0, 'ready', {both})"
        )

    with closing(open_store(path)) as store:
        (found,) = store.load()

    assert isinstance(found, Network)
    assert (expected, "") == (found.default_routes, found.unused_parent)


def test_each_version_has_one_file():
    """Numbered as they are applied."""
    files = sorted(
        one.name for one in (resources.files("ipvl.store") / "schema").iterdir() if one.name.endswith(".sql")
    )

    assert [f"{number:03}" for number in range(1, newest_schema() + 1)] == [name[:3] for name in files]
