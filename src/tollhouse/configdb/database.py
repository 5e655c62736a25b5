"""The config database: opened, brought up to date, read as rows. SQLite in WAL mode; every read is one moment's."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tollhouse.configdb import schema
from tollhouse.configdb.changes import Change
from tollhouse.configdb.reading import Reading
from tollhouse.configdb.rows import Parties, Rows
from tollhouse.configdb.secrets import SecretBox, SecretError
from tollhouse.configdb.tariff_reading import told


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
                return Reading(connection).parties()
        except (SQLAlchemyError, sqlite3.Error) as trouble:
            raise ConfigError(f"config database {self.path}: {told(trouble)}") from None

    def rows(self) -> Rows:
        """The whole configuration."""
        return self.rows_since("", -1)

    def rows_since(self, database: str, revision: int) -> Rows:
        """What changed after that revision of that database; everything where it is another's or never was.

        ConfigError where the database can't be read.
        """
        try:
            with self.engine.connect() as connection, connection.begin():
                return Reading(connection).rows_since(database, revision)
        except (SQLAlchemyError, sqlite3.Error) as trouble:
            raise ConfigError(f"config database {self.path}: {told(trouble)}") from None


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
