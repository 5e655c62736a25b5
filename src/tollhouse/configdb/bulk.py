"""Very many changed rows of one table: recorded as one row of the audit, where one for each would take minutes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Table

BULK: Final = 50_000
"""From so many changed rows of a table on, the audit says how many they were, and not each of them."""


@contextmanager
def recorded_at_once(connection: Connection, table: Table, plan: str, added: int, removed: int) -> Iterator[None]:
    """The table's triggers rest meanwhile; then one audit row, at the revision that the rows would have come to.

    Readers see by the count that rows are missing from the audit, and read everything anew. All of it is part of the
    open transaction, which no other connection can write in.
    """
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
    triggers = [(str(name), str(sql)) for name, sql in connection.exec_driver_sql(query, (table.name,))]
    for name, _ in triggers:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    yield
    for _, sql in triggers:
        connection.exec_driver_sql(sql)
    connection.exec_driver_sql("UPDATE revision SET number = number + ?", (max(added + removed, 2),))
    connection.exec_driver_sql(
        "INSERT INTO audit (revision, at, who, table_name, row, before, after)"
        " SELECT number, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), who, ?, ?,"
        " json_object('plan', ?, 'rows', ?), json_object('plan', ?, 'rows', ?) FROM revision",
        (table.name, plan, plan, removed, plan, added),
    )
