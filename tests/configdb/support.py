"""A config database of one tenant, plain SQL on it, tariff folders to damage, and what was compiled of them."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from tollhouse.cachemanager.watch import CacheManager
from tollhouse.configdb.changes import Change
from tollhouse.configdb.database import ConfigDatabase
from tollhouse.configdb.rows import (
    BalanceTypeRow,
    BatchRow,
    BucketPeriodRow,
    ParameterRow,
    ProductCascadeRow,
    ProductRow,
    PromotionRow,
    SharedGroupRow,
    TenantRow,
    UnitRow,
)
from tollhouse.engine.tally import Tally
from tollhouse.store.snapshot import DESTINATION, DIGEST_SIZE, RATES, LmdbSnapshot, SnapshotFile, SnapshotWriter
from tollhouse.values.instants import parse_instant

TUTORIAL = Path(__file__).parents[1] / "vectors" / "tutorial"
TENANT = "example.org"
NOW = parse_instant("2026-11-23T10:00:00Z")


PRODUCT = ProductRow(
    TENANT, "prepaid", initial="90d", preuse="30d", dormant="60d", terminated="12h", removed="0", max_sessions=2
)


def sell(change: Change) -> None:
    """Seconds beside the euros; a product of them with all its parts, a batch of it, two parameters, a shared group."""
    change.add_unit(UnitRow("second", 0, "time"))
    change.add_balance_type(BalanceTypeRow("minutes", "second", 1))
    change.set_cascade(TENANT, "calls", ["minutes", "bonus", "cash"])
    change.add_sold(
        PRODUCT,
        PromotionRow(TENANT, "prepaid", "bonus", "5.50", "30d"),
        PromotionRow(TENANT, "prepaid", "minutes", "600"),
        BucketPeriodRow(TENANT, "prepaid", "cash", "365d"),
        ProductCascadeRow(TENANT, "prepaid", "voice", "calls"),
        BatchRow(TENANT, "2026-11", "prepaid", 1, "2027-11-23T10:00:00Z"),
        ParameterRow(TENANT, "reservation.longest_seconds", "1800"),
        ParameterRow(TENANT, "expiry.expire_at_midnight_zone", "Asia/Vladivostok"),
        SharedGroupRow("", TENANT, "family", "*any", "*lowest"),
    )


def open_database(directory: Path) -> ConfigDatabase:
    """An empty one, or what is there."""
    return ConfigDatabase(directory / "config.sqlite", directory / "key")


def open_tenant(directory: Path) -> ConfigDatabase:
    """A new one with the tenant example.org, in euros with six decimals, and two balance types."""
    database = open_database(directory)
    with database.change("test") as change:
        change.add_unit(UnitRow("EUR", 6))
        change.add_tenant(TenantRow(TENANT, "EUR", "Europe/Berlin"))
        change.add_balance_type(BalanceTypeRow("cash", "EUR", 10))
        change.add_balance_type(BalanceTypeRow("bonus", "EUR", 5))
        change.add_client(TENANT, "shop")
    return database


def plain_sql(database: ConfigDatabase, *statements: str) -> list[tuple[object, ...]]:
    """By a connection that knows nothing of us, as the sqlite3 shell is: one transaction; the last one's rows."""
    with closing(sqlite3.connect(database.path)) as connection, connection:
        rows: list[tuple[object, ...]] = []
        for statement in statements:
            rows = connection.execute(statement).fetchall()
    return rows


def dump(database: ConfigDatabase) -> list[str]:
    """Everything that is in the file, schema and all, as SQL."""
    with closing(sqlite3.connect(database.path)) as connection:
        return list(connection.iterdump())


def tutorial(directory: Path, name: str = "tutorial") -> Path:
    """A copy of the tutorial's folder, to be changed."""
    return Path(shutil.copytree(TUTORIAL, directory / name))


def edit(folder: Path, file: str, change: Callable[[bytes], bytes]) -> None:
    """Change one file's bytes; that they do change is checked."""
    before = (folder / file).read_bytes()
    after = change(before)
    assert after != before, f"{file}: the damage is none"
    (folder / file).write_bytes(after)


class Compiled:
    """The database's cache manager with a tally, the snapshot that it writes, and a reader of it."""

    def __init__(self, database: ConfigDatabase, directory: Path) -> None:
        self.database = database
        self.file = SnapshotFile(directory / "config.lmdb")
        self.tally = Tally()
        self.cache = CacheManager(database, SnapshotWriter(self.file), self.tally)
        self.cache.check(NOW)
        self.reader = LmdbSnapshot(self.file)

    def sql(self, *statements: str) -> bool:
        """Plain SQL, then one look of the watcher: whether it published."""
        plain_sql(self.database, *statements)
        return self.check()

    def check(self) -> bool:
        published = self.cache.check(NOW)
        self.reader.refresh()
        return published

    def rows(self) -> dict[bytes, bytes]:
        """All rows of the snapshot, its own first one aside, and sheets that no prefix names any more."""
        with self.file.environment.begin() as txn:
            rows = {
                bytes(key): bytes(value)
                for tree in (None, *self.file.trees.values())
                for key, value in txn.cursor(tree)
                if not bytes(key).startswith(b"!")
            }
        named = {
            sheet
            for key, value in rows.items()
            if key.startswith(DESTINATION)
            for _, sheet in msgspec.msgpack.decode(value)
        }
        return {key: value for key, value in rows.items() if not key.startswith(RATES) or key[-DIGEST_SIZE:] in named}

    def problems(self) -> list[tuple[str, str, str]]:
        """Where the problems are: table, row, column."""
        return [(fault.table, fault.row, fault.column) for fault in self.cache.problems]

    def close(self) -> None:
        self.reader.close()
        self.cache.close()
        self.file.close()


@contextmanager
def compiled(database: ConfigDatabase, directory: Path) -> Iterator[Compiled]:
    """Closed at the end, and the database too."""
    one = Compiled(database, directory)
    try:
        yield one
    finally:
        one.close()
        database.close()
