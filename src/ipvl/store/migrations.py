"""Versions of the state file's schema: one script each, applied in order, never changed once released."""

from __future__ import annotations

import sqlite3
from importlib import resources
from pathlib import Path

from ipvl.errors import unavailable


def newest_schema() -> int:
    """Return the version of the schema that this ipvl reads and writes."""
    return len(_migrations())


def schema_of(connection: sqlite3.Connection) -> int:
    """Return the version of the schema that a state file has, 0 for an empty file."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(path: Path, connection: sqlite3.Connection) -> None:
    """Bring a state file's schema up to date, each version in one transaction.

    Raises:
        IpvlError: a newer ipvl wrote it.
        sqlite3.Error: it cannot be written.
    """
    scripts = _migrations()
    version = schema_of(connection)
    if version > len(scripts):
        raise unavailable(
            f"state file {path} has schema {version}, written by a newer ipvl (this one knows {len(scripts)})",
            "run the newer ipvl",
        )
    for number, script in enumerate(scripts[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")


def _migrations() -> list[str]:
    schema = resources.files(__package__) / "schema"
    scripts = sorted((entry.name, entry.read_text()) for entry in schema.iterdir() if entry.name.endswith(".sql"))
    return [script for _, script in scripts]
