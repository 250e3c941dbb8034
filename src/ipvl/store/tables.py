"""Rows of the tables in schema/ as mappings from column to value; a column is called like the record's field."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from typing import Any


def rows(database: sqlite3.Connection, table: str, order: str = "rowid") -> Iterator[dict[str, Any]]:
    """Yield every row of a table, in the order in which they were inserted unless told another."""
    found = database.execute(f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608 - names are ipvl's own here
    columns = [column for column, *_ in found.description]
    for row in found:
        yield dict(zip(columns, row, strict=True))


def row_of(record: Any) -> dict[str, object]:
    """Return a record's fields by their names."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def put_row(
    database: sqlite3.Connection, table: str, row: Mapping[str, object], key: Collection[str] = ("id",)
) -> None:
    """Insert a row, or replace what the one with its key has in all other columns; addresses are written as text."""
    columns, replaced = ", ".join(row), ", ".join(f"{one} = excluded.{one}" for one in row if one not in key)
    marks, conflict = ", ".join("?" * len(row)), ", ".join(key)
    database.execute(
        f"INSERT INTO {table} ({columns}) VALUES ({marks}) ON CONFLICT ({conflict}) DO UPDATE SET {replaced}",  # noqa: S608
        tuple(value if value is None or isinstance(value, str | float) else _plain(value) for value in row.values()),
    )


def delete_rows(database: sqlite3.Connection, table: str, **where: object) -> None:
    """Delete the rows that have these values in these columns."""
    condition = " AND ".join(f"{column} = ?" for column in where)
    database.execute(f"DELETE FROM {table} WHERE {condition}", tuple(map(_plain, where.values())))  # noqa: S608


def _plain(value: object) -> object:
    return value if isinstance(value, str | int) else str(value)
