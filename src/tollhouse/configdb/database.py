"""The config database: opened, brought up to date, read as rows. SQLite in WAL mode; every read is one moment's."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, Select, Table, create_engine, event, exists, func, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tollhouse.configdb import schema
from tollhouse.configdb.changes import Change
from tollhouse.configdb.rows import (
    AccountRow,
    BalanceTypeRow,
    CarrierRateRow,
    CarrierRow,
    DestinationRateRow,
    DestinationRow,
    GatewayRow,
    LostAddressRow,
    Parties,
    Plans,
    RateRow,
    RatingPlanRow,
    RatingProfileRow,
    Rows,
    TenantRow,
    TimingRow,
    UnitRow,
)
from tollhouse.configdb.secrets import SecretBox, SecretError

FEW: Final = 5_000
"""Up to so many changed rows are read one by one; beyond, their whole table is."""
_PARTIES: Final = frozenset({"units", "tenants", "balance_types", "clients", "gateways"})
_PLANS: Final = frozenset(
    ("units", "tenants", "tariff_timings", "tariff_rates", "tariff_destination_rates", "tariff_rating_plans")
) | {"tariff_rating_profiles"}

T = TypeVar("T", bound=msgspec.Struct)


class ConfigError(Exception):
    """The database can't be opened, or refuses a change; the text says why, and holds no secret."""


class ConfigDatabase:
    """One SQLite file and its key file, made when missing. Changes go through `change`; readers may be many."""

    def __init__(self, path: Path, key_file: Path) -> None:
        self.path = path
        self.secrets = SecretBox(key_file)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self.engine = _open(path)
            upgrade(self.engine)
            self._check_key()
        except (OSError, SQLAlchemyError, CommandError) as trouble:
            raise ConfigError(f"config database {path}: {trouble}") from trouble

    def close(self) -> None:
        self.engine.dispose()

    def _check_key(self) -> None:
        """SecretError where the secrets in the database were sealed with another key file."""
        table = schema.KEY_CHECK
        with self.engine.connect().execution_options(write=True) as connection, connection.begin():
            sealed = connection.execute(select(table.c.sealed)).scalar()
            if sealed is None:
                connection.execute(table.insert(), {"id": 1, "sealed": self.secrets.seal(str(self.path.name))})
                return
        try:
            self.secrets.open(sealed)
        except SecretError:
            wrong = f"key file {self.secrets.key_file}: {self.path} was sealed with another one"
            raise SecretError(wrong) from None

    @contextmanager
    def change(self, who: str) -> Iterator[Change]:
        """One transaction of changes by `who` (for the audit): all of them or, on any exception, none.

        ConfigError where the database refuses (a row that is there, another writer for 10 s): without SQL's values.
        """
        try:
            with self.engine.connect().execution_options(write=True) as connection, connection.begin():
                connection.execute(schema.REVISION.update().values(who=who))
                yield Change(connection, self.secrets)
                connection.execute(schema.REVISION.update().values(who="sql"))
        except DBAPIError as trouble:
            raise ConfigError(f"config database {self.path}: {trouble.orig}") from None

    def revision(self) -> int:
        """The number of the last change."""
        with self.engine.connect() as connection:
            return int(connection.execute(select(schema.REVISION.c.number)).scalar_one())

    def parties(self) -> Parties:
        """Tenants and the other small tables. ConfigError where the database can't be read."""
        try:
            with self.engine.connect() as connection, connection.begin():
                return _Reading(connection).parties()
        except SQLAlchemyError as trouble:
            raise ConfigError(f"config database {self.path}: {trouble}") from None

    def rows(self) -> Rows:
        """The whole configuration."""
        return self.rows_since("", -1)

    def rows_since(self, database: str, revision: int) -> Rows:
        """What changed after that revision of that database; everything where it is another's or never was.

        ConfigError where the database can't be read.
        """
        try:
            with self.engine.connect() as connection, connection.begin():
                return _Reading(connection).rows_since(database, revision)
        except SQLAlchemyError as trouble:
            raise ConfigError(f"config database {self.path}: {trouble}") from None


class DataVersion:
    """Whether any other connection, of any process, has committed to the SQLite file: a few microseconds a look."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def read(self) -> int:
        """A number that is another after each such commit. ConfigError where it can't be read."""
        try:
            row: tuple[int] = self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error as trouble:
            raise ConfigError(f"config database: {trouble}") from None
        return row[0]

    def close(self) -> None:
        self._connection.close()


def upgrade(engine: Engine) -> None:
    """Bring the schema to this program's version by the history in the package; ConfigError where it is newer."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "history"))
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        history = ScriptDirectory.from_config(config)
        head = history.get_current_head()
        held = MigrationContext.configure(connection).get_current_revision()
        if held is not None and held not in {script.revision for script in history.walk_revisions()}:
            raise ConfigError(
                f"config database {engine.url.database}: its schema is {held}, this release knows those up to {head}:"
                " it was made by a newer one"
            )
        if held != head:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _open(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 10, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _settings(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


class _Reading:
    """Reads within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows_since(self, database: str, revision: int) -> Rows:
        mark = self._connection.execute(select(schema.REVISION.c.database, schema.REVISION.c.number)).one()
        changed = self._changed_tables(revision)
        whole = database != mark[0] or revision < 0 or sum(changed.values()) != mark[1] - revision
        if whole:
            changed = dict.fromkeys(schema.METADATA.tables, FEW + 1)
        accounts = None if {"tenants", "clients"} & changed.keys() else self._few("accounts", changed, revision)
        blocks = self._few("account_addresses", changed, revision)
        account_ids = None if accounts is None or blocks is None else frozenset(int(row) for row in accounts | blocks)
        others = {"carriers", "carrier_plans"} & changed.keys()
        carrier_prefixes = None if others else self._few("carrier_rates", changed, revision)
        prefixes = self._few("tariff_destinations", changed, revision)
        plans = bool(_PLANS & changed.keys()) or prefixes is None or bool(prefixes)
        return Rows(
            database=mark[0],
            revision=mark[1],
            parties=self.parties(),
            parties_changed=bool(_PARTIES & changed.keys()),
            plans=self._plans() if plans else None,
            accounts=self._accounts(account_ids),
            account_ids=account_ids,
            lost_addresses=self._lost_addresses(account_ids),
            carriers=self._all(schema.CARRIERS, CarrierRow),
            carrier_plans=frozenset(self._connection.execute(select(schema.CARRIER_PLANS.c.name)).scalars()),
            carrier_rates=self._by_prefix(schema.CARRIER_RATES, CarrierRateRow, carrier_prefixes),
            carrier_prefixes=carrier_prefixes,
            destinations=self._by_prefix(schema.DESTINATIONS, DestinationRow, prefixes),
            destination_prefixes=prefixes,
        )

    def _changed_tables(self, revision: int) -> dict[str, int]:
        audit = schema.AUDIT.c
        query = select(audit.table_name, func.count()).where(audit.revision > revision).group_by(audit.table_name)
        return dict(self._connection.execute(query).all())

    def _few(self, table: str, changed: dict[str, int], revision: int) -> frozenset[str] | None:
        """What names the table's changed rows; None where they are many."""
        count = changed.get(table, 0)
        if count > FEW or not count:
            return None if count else frozenset()
        audit = schema.AUDIT.c
        query = select(audit.row).where(audit.revision > revision, audit.table_name == table)
        return frozenset(self._connection.execute(query).scalars())

    def parties(self) -> Parties:
        clients = self._connection.execute(select(schema.CLIENTS.c.tenant, schema.CLIENTS.c.name))
        return Parties(
            units=self._all(schema.UNITS, UnitRow),
            tenants=self._all(schema.TENANTS, TenantRow),
            balance_types=self._all(schema.BALANCE_TYPES, BalanceTypeRow),
            clients=tuple([(tenant, name) for tenant, name in clients]),
            gateways=self._all(schema.GATEWAYS, GatewayRow),
        )

    def _plans(self) -> Plans:
        table, priced = schema.DESTINATIONS, schema.DESTINATION_RATES.c
        there = exists().where(table.c.plan == priced.plan, table.c.tag == priced.destination)
        named = select(priced.plan, priced.destination).where(there).distinct()
        return Plans(
            destinations=frozenset([(plan, tag) for plan, tag in self._connection.execute(named)]),
            timings=self._all(schema.TIMINGS, TimingRow),
            rates=self._all(schema.RATES, RateRow),
            destination_rates=self._all(schema.DESTINATION_RATES, DestinationRateRow),
            rating_plans=self._all(schema.RATING_PLANS, RatingPlanRow),
            rating_profiles=self._all(schema.RATING_PROFILES, RatingProfileRow),
        )

    def _accounts(self, ids: frozenset[int] | None) -> tuple[AccountRow, ...] | None:
        if ids is not None and not ids:
            return None
        table, addresses = schema.ACCOUNTS, schema.ACCOUNT_ADDRESSES
        query = select(*(table.c[field] for field in AccountRow.__struct_fields__ if field != "addresses"))
        blocks = select(addresses.c.account, addresses.c.cidr)
        if ids is not None:
            query = query.where(table.c.id.in_(ids))
            blocks = blocks.where(addresses.c.account.in_(ids))
        held: dict[int, list[str]] = {}
        for account, cidr in self._connection.execute(blocks):
            held.setdefault(account, []).append(cidr)
        rows = self._structs(query, AccountRow)
        return tuple([replace(row, addresses=tuple(held[row.id])) if row.id in held else row for row in rows])

    def _lost_addresses(self, ids: frozenset[int] | None) -> tuple[LostAddressRow, ...]:
        if ids is not None and not ids:
            return ()
        addresses = schema.ACCOUNT_ADDRESSES
        query = _fields(addresses, LostAddressRow).where(addresses.c.account.not_in(select(schema.ACCOUNTS.c.id)))
        return self._structs(query if ids is None else query.where(addresses.c.account.in_(ids)), LostAddressRow)

    def _by_prefix(self, table: Table, kind: type[T], prefixes: frozenset[str] | None) -> tuple[T, ...] | None:
        if prefixes is not None and not prefixes:
            return None
        query = _fields(table, kind)
        return self._structs(query if prefixes is None else query.where(table.c.prefix.in_(prefixes)), kind)

    def _all(self, table: Table, kind: type[T]) -> tuple[T, ...]:
        return self._structs(_fields(table, kind), kind)

    def _structs(self, query: Select[tuple[object, ...]], kind: type[T]) -> tuple[T, ...]:
        return tuple([kind(*row) for row in self._connection.execute(query)])


def _fields(table: Table, kind: type[T]) -> Select[tuple[object, ...]]:
    return select(*(table.c[field] for field in kind.__struct_fields__))
