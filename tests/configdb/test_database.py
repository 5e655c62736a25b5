"""The database's start: made, brought up to date, or refused with a text that says why."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Integer, create_engine, inspect
from tests.configdb.support import dump, open_database, open_tenant, plain_sql

from tollhouse.configdb import database as database_module
from tollhouse.configdb import schema
from tollhouse.configdb.changes import NewAccount
from tollhouse.configdb.database import ConfigDatabase, ConfigError, DataVersion
from tollhouse.configdb.secrets import SecretBox, SecretError


def head() -> str:
    config = Config()
    config.set_main_option("script_location", str(Path(database_module.__file__).parent / "history"))
    found = ScriptDirectory.from_config(config).get_current_head()
    assert found is not None
    return found


def test_an_empty_database_is_brought_to_the_newest_schema(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    assert plain_sql(database, "SELECT version_num FROM alembic_version") == [(head(),)]
    assert database.revision() == 0
    before = dump(database)
    database.close()
    again = open_database(tmp_path)
    assert dump(again) == before
    again.close()
    assert stat.S_IMODE((tmp_path / "config.sqlite").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_the_schema_of_the_history_is_the_schema_of_the_code(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    found = inspect(database.engine)
    assert set(found.get_table_names()) == {*schema.METADATA.tables, "alembic_version"}
    for name, table in schema.METADATA.tables.items():
        held = {column["name"]: str(column["type"]) for column in found.get_columns(name)}
        said = {
            column.name: "INTEGER" if isinstance(column.type, Integer) else "TEXT" for column in table.columns.values()
        }
        assert held == said, name
    database.close()


def test_a_database_of_the_first_schema_is_brought_up_with_its_rows(tmp_path: Path) -> None:
    """As the first release made it; nothing of the history may be left out for it."""
    from alembic import command

    config = Config()
    config.set_main_option("script_location", str(Path(database_module.__file__).parent / "history"))
    engine = create_engine(f"sqlite:///{tmp_path / 'config.sqlite'}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql("INSERT INTO units VALUES ('EUR', 6)")
    engine.dispose()
    database = open_database(tmp_path)
    assert plain_sql(database, "SELECT * FROM units") == [("EUR", 6, "money")]
    assert plain_sql(database, "SELECT version_num FROM alembic_version") == [(head(),)]
    assert plain_sql(database, "SELECT count(*) FROM key_check") == [(1,)]
    database.close()


def test_accounts_of_before_are_prepaid(tmp_path: Path) -> None:
    """Those of the fifth schema; and a change of their type is in the audit, one to none that is there is refused."""
    from alembic import command

    config = Config()
    config.set_main_option("script_location", str(Path(database_module.__file__).parent / "history"))
    engine = create_engine(f"sqlite:///{tmp_path / 'config.sqlite'}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        connection.exec_driver_sql("INSERT INTO units (name, decimals) VALUES ('EUR', 6)")
        connection.exec_driver_sql("INSERT INTO tenants (name, unit) VALUES ('t', 'EUR')")
        connection.exec_driver_sql("INSERT INTO accounts (tenant, name, wallet, subject) VALUES ('t', 'a', 'a', 'a')")
    engine.dispose()
    database = open_database(tmp_path)
    assert plain_sql(database, "SELECT name, request_type FROM accounts") == [("a", "prepaid")]
    plain_sql(database, "UPDATE accounts SET request_type = 'rated'")
    ((before, after),) = plain_sql(database, "SELECT before, after FROM audit ORDER BY revision DESC LIMIT 1")
    assert [json.loads(row)["request_type"] for row in (before, after)] == ["prepaid", "rated"]
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        plain_sql(database, "UPDATE accounts SET request_type = 'free'")
    database.close()


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    plain_sql(database, "UPDATE alembic_version SET version_num = '9999'")
    before = dump(database)
    with pytest.raises(ConfigError) as refusal:
        open_database(tmp_path)
    assert str(refusal.value) == (
        f"config database {tmp_path / 'config.sqlite'}: its schema is 9999, this release knows those up to {head()}:"
        " it was made by a newer one"
    )
    assert dump(database) == before
    database.close()


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(ConfigError, match=r"config\.sqlite.*not a database"):
        open_database(tmp_path)


def test_a_place_that_is_not_there_is_refused(tmp_path: Path) -> None:
    open_database(tmp_path).close()
    with pytest.raises(ConfigError, match=r"nowhere/config\.sqlite: .*No such file"):
        ConfigDatabase(tmp_path / "nowhere" / "config.sqlite", tmp_path / "key")


def test_another_key_file_is_refused_by_name(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    before = dump(database)
    SecretBox(tmp_path / "other")
    with pytest.raises(SecretError) as refusal:
        ConfigDatabase(tmp_path / "config.sqlite", tmp_path / "other")
    wrong = f"key file {tmp_path / 'other'}: {tmp_path / 'config.sqlite'} was sealed with another one"
    assert str(refusal.value) == wrong
    (tmp_path / "key").unlink()  # lost: a new one is made, and is the wrong one
    with pytest.raises(SecretError, match="was sealed with another one"):
        open_database(tmp_path)
    assert dump(database) == before
    database.close()


def test_the_same_key_elsewhere_is_the_right_one(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    with database.change("test") as change:
        change.add_account(NewAccount("example.org", "1001", password="open sesame"))
    database.close()
    shutil.copy2(tmp_path / "key", tmp_path / "moved")
    again = ConfigDatabase(tmp_path / "config.sqlite", tmp_path / "moved")
    (sealed,) = plain_sql(again, "SELECT password FROM accounts")
    assert again.secrets.open(str(sealed[0])) == b"open sesame"
    again.close()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o601, 0o777])
def test_a_key_file_that_others_reach_is_refused(tmp_path: Path, mode: int) -> None:
    SecretBox(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(SecretError) as refusal:
        open_database(tmp_path)
    assert str(refusal.value) == f"key file {tmp_path / 'key'}: others can read it; chmod 600"


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 44, b"x" * 44])
def test_a_key_file_without_a_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(SecretError, match="holds no key"):
        open_database(tmp_path)


def test_data_version_sees_others_commits_and_no_rollback(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    version = DataVersion(database.path)
    first = version.read()
    assert version.read() == first
    plain_sql(database, "UPDATE units SET decimals = 5")
    second = version.read()
    assert second != first
    with pytest.raises(ZeroDivisionError), database.change("test"):
        raise ZeroDivisionError
    assert version.read() == second
    version.close()
    with pytest.raises(ConfigError):
        version.read()
    database.close()
