"""Plain SQL moves the revision and leaves who, when, before and after, in every table; secrets are masked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.configdb.support import dump, open_tenant, plain_sql, sell

from tollhouse.configdb import schema
from tollhouse.configdb.changes import Change, NewAccount, NewGateway
from tollhouse.configdb.database import ConfigDatabase, ConfigError
from tollhouse.configdb.rows import CarrierRow, UnitRow

ROWS: dict[str, tuple[str, str, str]] = {
    # table: columns and values of a new row, what changes in it, and by what it is found
    "units": ("(name, decimals) VALUES ('USD', 2)", "decimals = 4", "name = 'USD'"),
    "tenants": ("(name, unit) VALUES ('two', 'EUR')", "zone = 'Asia/Tokyo'", "name = 'two'"),
    "balance_types": ("(name, unit, cascade_order) VALUES ('gift', 'EUR', 1)", "cascade_order = 2", "name = 'gift'"),
    "clients": ("(tenant, name) VALUES ('example.org', 'pbx')", "name = 'pbx2'", "name LIKE 'pbx%'"),
    "accounts": (
        "(tenant, name, wallet, subject) VALUES ('example.org', '2001', '2001', '2001')",
        "enabled = 0",
        "name = '2001'",
    ),
    "account_addresses": ("(account, cidr) VALUES (1, '192.0.2.0/24')", "cidr = '192.0.2.0/25'", "account = 1"),
    "gateways": (
        "(tenant, name, cidr, protocols) VALUES ('example.org', 'nas', '192.0.2.1/32', 'sip')",
        "cidr = '192.0.2.2/32'",
        "name = 'nas'",
    ),
    "carrier_plans": ("VALUES ('gold')", "name = 'silver'", "name IN ('gold', 'silver')"),
    "carriers": ("(name, host, plan) VALUES ('x', 'x.invalid', 'base')", "priority = 3", "name = 'x'"),
    "carrier_rates": ("(plan, prefix, price) VALUES ('base', '49', '0.01')", "price = '0.02'", "prefix = '49'"),
    "products": ("(tenant, name) VALUES ('example.org', 'postpaid')", "dormant = '90d'", "name = 'postpaid'"),
    "product_promotions": (
        "VALUES (7, 'example.org', 'prepaid', 'cash', '5', '30d')",
        "amount = '6'",
        "id = 7",
    ),
    "product_bucket_periods": ("VALUES (7, 'example.org', 'prepaid', 'bonus', '30d')", "lasts = '31d'", "id = 7"),
    "product_cascades": ("VALUES (7, 'example.org', 'prepaid', 'data', 'calls')", "cascade = 'other'", "id = 7"),
    "cascades": ("VALUES (7, 'example.org', 'data', 1, 'cash')", "position = 2", "id = 7"),
    "account_batches": (
        "(tenant, name, product) VALUES ('example.org', 'b', 'prepaid')",
        "active = 0",
        "name = 'b'",
    ),
    "parameters": ("VALUES (7, 'example.org', 'event.cascade', 'calls')", "value = 'data'", "id = 7"),
    "shared_groups": (
        "VALUES (7, '', 'example.org', 'friends', '1001', '*lowest', '')",
        "strategy = '*highest'",
        "id = 7",
    ),
    "named_events": ("VALUES (7, 'example.org', 'VAS', 'RING', 'prepaid', 'EUR', '0.30')", "price = '0.25'", "id = 7"),
    "product_discounts": (
        "(id, tenant, product, position, percent) VALUES (7, 'example.org', 'prepaid', 1, '20')",
        "week_days = '6;7'",
        "id = 7",
    ),
    "tariff_imports": ("(plan, pricing) VALUES ('p', 'cgrates')", "price_decimals = 4", "plan = 'p'"),
    "tariff_destinations": ("(plan, tag, prefix) VALUES ('p', 'D', '49')", "prefix = '48'", "tag = 'D'"),
    "tariff_timings": ("(plan, tag, time) VALUES ('p', 'T', '00:00:00')", "week_days = '1'", "tag = 'T'"),
    "tariff_rates": ("VALUES (7, 'p', 'R', '0', '0.1', '60s', '1s', '0s')", "rate = '0.2'", "tag = 'R'"),
    "tariff_destination_rates": ("VALUES (7, 'p', 'DR', 'D', 'R', '*up', 4, '0', '')", "decimals = 2", "tag = 'DR'"),
    "tariff_rating_plans": ("VALUES (7, 'p', 'RP', 'DR', 'T', '10')", "weight = '20'", "tag = 'RP'"),
    "tariff_rating_profiles": (
        "VALUES (7, 'p', 'example.org', 'call', '*any', '2014-01-14T00:00:00Z', 'RP', '')",
        "fallback = 'x'",
        "subject = '*any'",
    ),
}
NAMED_BY_PREFIX = ("carrier_rates", "tariff_destinations")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[ConfigDatabase]:
    one = open_tenant(tmp_path)
    with one.change("test") as change:
        change.add_account(NewAccount("example.org", "1001"))
        change.set_carrier_rates("base", [("44", "0.01")])
        sell(change)
    yield one
    one.close()


def audit(database: ConfigDatabase, after: int) -> list[tuple[object, ...]]:
    query = f"SELECT revision, who, table_name, before, after, at FROM audit WHERE revision > {after} ORDER BY revision"
    return plain_sql(database, query)


def row_of(database: ConfigDatabase, table: str, where: str) -> dict[str, object]:
    names = [str(row[1]) for row in plain_sql(database, f"PRAGMA table_info({table})")]
    (row,) = plain_sql(database, f"SELECT * FROM {table} WHERE {where}")
    return dict(zip(names, row, strict=True))


def test_every_table_but_three_is_under_revision() -> None:
    """Revision and audit themselves, the proof of the key file, and the tasks, which configure nothing."""
    assert set(schema.METADATA.tables) - set(ROWS) == {"revision", "audit", "key_check", "tasks"}


@pytest.mark.parametrize("table", ROWS)
def test_insert_update_delete(database: ConfigDatabase, table: str) -> None:
    values, assignment, where = ROWS[table]
    start = database.revision()
    begun = datetime.now(UTC)
    plain_sql(database, f"INSERT INTO {table} {values}")
    inserted = row_of(database, table, where)
    plain_sql(database, f"UPDATE {table} SET {assignment} WHERE {where}")
    updated = row_of(database, table, where)
    plain_sql(database, f"UPDATE {table} SET {assignment} WHERE {where}")  # the same again is no change
    plain_sql(database, f"DELETE FROM {table} WHERE {where}")
    rows = audit(database, start)
    # A row that is compiled by its prefix, or a name that is a key: recorded under the old and under the new one.
    moved = [(inserted, updated)] * (2 if "prefix = " in assignment or table == "carrier_plans" else 1)
    history = [(None, inserted), *moved, (updated, None)]
    assert [(row[0], row[1], row[2]) for row in rows] == [
        (start + number, "sql", table) for number in range(1, len(history) + 1)
    ]
    assert [tuple([None if text is None else json.loads(str(text)) for text in row[3:5]]) for row in rows] == history
    assert all(begun.replace(microsecond=0) <= datetime.fromisoformat(str(row[5])) <= datetime.now(UTC) for row in rows)
    assert database.revision() == start + len(history)


def test_a_change_of_ours_says_who_and_plain_sql_after_it_is_plain_sql(database: ConfigDatabase) -> None:
    start = database.revision()
    with database.change("console:ann") as change:
        change.add_unit(UnitRow("USD", 2))
    plain_sql(database, "UPDATE units SET decimals = 3 WHERE name = 'USD'")
    assert [row[1] for row in audit(database, start)] == ["console:ann", "sql"]


def test_a_change_that_fails_leaves_nothing(database: ConfigDatabase) -> None:
    before = dump(database)

    def two(change: Change) -> None:
        change.add_unit(UnitRow("USD", 2))
        change.add_unit(UnitRow("EUR", 2))

    with pytest.raises(ConfigError, match="units has this row already"), database.change("test") as change:
        two(change)
    assert dump(database) == before


def test_what_the_database_says_of_a_change_holds_none_of_its_values(database: ConfigDatabase) -> None:
    plain_sql(database, "DROP TABLE gateways")
    with pytest.raises(ConfigError) as trouble, database.change("test") as change:
        change.add_gateway(NewGateway("example.org", "nas", "192.0.2.1/32", ("radius",), "testing123"))
    assert str(trouble.value) == f"config database {database.path}: no such table: gateways"


def test_an_account_takes_its_addresses_along(database: ConfigDatabase) -> None:
    """Foreign keys or not: the next account may get the same number, and must not get what was reached by it."""
    plain_sql(database, "INSERT INTO account_addresses (account, cidr) VALUES (1, '192.0.2.0/24')")
    start = database.revision()
    plain_sql(database, "DELETE FROM accounts WHERE name = '1001'")
    assert plain_sql(database, "SELECT count(*) FROM account_addresses") == [(0,)]
    assert sorted(str(row[2]) for row in audit(database, start)) == ["account_addresses", "accounts"]


@pytest.mark.parametrize("table", ROWS)
@pytest.mark.parametrize("how", ["INSERT OR REPLACE", "REPLACE", "INSERT"])
def test_no_row_goes_unrecorded(database: ConfigDatabase, table: str, how: str) -> None:
    """SQLite fires no delete trigger for a row that REPLACE puts out, so nothing may be put out."""
    values, _, _ = ROWS[table]
    plain_sql(database, f"INSERT INTO {table} {values}")
    before = dump(database)
    with pytest.raises(sqlite3.IntegrityError, match=f"{table} has this row already, UPDATE it"):
        plain_sql(database, f"{how} INTO {table} {values}")
    assert dump(database) == before


def test_no_row_goes_unrecorded_by_an_update(database: ConfigDatabase) -> None:
    plain_sql(database, "INSERT INTO units (name, decimals) VALUES ('USD', 2)")
    with pytest.raises(sqlite3.IntegrityError, match="units has this row already"):
        plain_sql(database, "UPDATE OR REPLACE units SET name = 'EUR' WHERE name = 'USD'")


SECRETS = ("open sesame", "testing123", "second-secret", "Zuckerstange")


def test_secrets_are_sealed_in_rows_masked_in_the_audit_and_nowhere_in_clear(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    with database.change("test") as change:
        change.add_account(NewAccount("example.org", "1001", password=SECRETS[0]))
        change.add_account(NewAccount("example.org", "1002"))
        change.add_gateway(NewGateway("example.org", "nas", "192.0.2.1/32", ("radius",), SECRETS[1], SECRETS[2]))
    sealed = database.secrets.seal(SECRETS[3])
    plain_sql(database, f"UPDATE accounts SET password = '{sealed}' WHERE name = '1001'")
    plain_sql(database, "DELETE FROM gateways")
    rows = [row for row in audit(database, 0) if row[2] in ("accounts", "gateways")]
    images = [json.loads(str(text)) for row in rows for text in row[3:5] if text is not None]
    assert {image["password"] for image in images if "password" in image} == {"***", ""}
    assert {(image["secret"], image["secret2"]) for image in images if "secret" in image} == {("***", "***")}
    assert database.secrets.open(str(plain_sql(database, "SELECT password FROM accounts")[0][0])) == SECRETS[3].encode()
    for path in tmp_path.iterdir():  # the write-ahead log is still there
        content = path.read_bytes()
        assert not [secret for secret in SECRETS if secret.encode() in content], path
    assert {path.name for path in tmp_path.iterdir()} >= {"config.sqlite", "config.sqlite-wal", "key"}
    database.close()
    assert not [secret for secret in SECRETS if secret.encode() in (tmp_path / "config.sqlite").read_bytes()]


def test_equal_secrets_do_not_look_equal(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    assert database.secrets.seal("same") != database.secrets.seal("same")
    database.close()


def test_what_the_columns_can_tell_is_refused_at_once(database: ConfigDatabase) -> None:
    for statement in (
        "INSERT INTO units (name, decimals) VALUES ('X', 13)",
        "INSERT INTO units (name, decimals) VALUES ('', 2)",
        "UPDATE carrier_rates SET price = '-1'",
        "UPDATE carrier_rates SET price = '1e3'",
        "UPDATE carrier_rates SET price = '1.'",
        "UPDATE accounts SET enabled = 2",
        "UPDATE accounts SET id = -1",
        "INSERT INTO gateways (tenant, name, cidr, protocols) VALUES ('example.org', 'r', '192.0.2.1/32', 'radius')",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            plain_sql(database, statement)


def test_kinds_categories_and_percents_are_checked_by_the_columns(database: ConfigDatabase) -> None:
    for column, value in (
        ("category", "'savings'"),
        ("limit_type", "'soft'"),
        ("maximum_policy", "'wrap'"),
        ("service", "'fax'"),
        ("minimum", "'1e3'"),
        ("maximum", "'--1'"),
        ("deletable", "2"),
        ("discount", "101"),
    ):
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            plain_sql(database, f"UPDATE balance_types SET {column} = {value} WHERE name = 'cash'")
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        plain_sql(database, "UPDATE units SET kind = 'goods' WHERE name = 'second'")


def test_a_product_takes_its_parts_along(database: ConfigDatabase) -> None:
    """Foreign keys or not; a batch of it stays, and is refused where it is compiled."""
    start = database.revision()
    plain_sql(database, "DELETE FROM products WHERE name = 'prepaid'")
    for part in ("product_promotions", "product_bucket_periods", "product_cascades"):
        assert plain_sql(database, f"SELECT count(*) FROM {part}") == [(0,)]
    assert sorted(str(row[2]) for row in audit(database, start)) == [
        *("product_bucket_periods", "product_cascades", "product_promotions", "product_promotions", "products"),
    ]
    assert plain_sql(database, "SELECT count(*) FROM account_batches") == [(1,)]


def test_a_name_that_changes_changes_where_it_is_referred_to(database: ConfigDatabase) -> None:
    with database.change("test") as change:
        change.connection.exec_driver_sql("UPDATE tenants SET name = 'example.net'")
        change.connection.exec_driver_sql("UPDATE products SET name = 'gold'")
        change.connection.exec_driver_sql("UPDATE balance_types SET name = 'seconds' WHERE name = 'minutes'")
    for part in ("product_promotions", "product_bucket_periods", "product_cascades", "account_batches"):
        assert set(plain_sql(database, f"SELECT tenant, product FROM {part}")) == {("example.net", "gold")}
    assert set(plain_sql(database, "SELECT tenant FROM cascades")) == {("example.net",)}
    assert set(plain_sql(database, "SELECT tenant FROM parameters")) == {("example.net",)}
    for part in ("product_promotions", "cascades"):
        assert ("seconds",) in plain_sql(database, f"SELECT balance_type FROM {part}")


def test_a_parameter_and_a_cascade_are_set_again_and_taken_back(database: ConfigDatabase) -> None:
    def held() -> list[tuple[object, ...]]:
        return plain_sql(database, "SELECT name, value FROM parameters WHERE name LIKE 'reservation.%'")

    start = database.revision()
    with database.change("test") as change:
        change.set_parameter("example.org", "reservation.longest_seconds", "1800")
    assert database.revision() == start  # as it was
    with database.change("test") as change:
        change.set_parameter("example.org", "reservation.longest_seconds", "60")
        change.set_parameter("example.org", "reservation.max_sessions", "5")
    assert held() == [("reservation.longest_seconds", "60"), ("reservation.max_sessions", "5")]
    with database.change("test") as change:
        change.set_parameter("example.org", "reservation.longest_seconds", None)
        change.set_cascade("example.org", "calls", ["cash", "bonus"])
    assert held() == [("reservation.max_sessions", "5")]
    query = "SELECT balance_type FROM cascades WHERE name = 'calls' ORDER BY position"
    assert plain_sql(database, query) == [("cash",), ("bonus",)]


def test_a_carrier_and_its_rates(database: ConfigDatabase) -> None:
    """Rates given again are these and no others, under a plan that is there already."""
    with database.change("test") as change:
        change.set_carrier_rates("base", [("49", "0.02")])
        change.add_carrier(CarrierRow("x", "x.invalid", "base", 0, "", 0, 1))
    assert plain_sql(database, "SELECT plan, prefix, price FROM carrier_rates") == [("base", "49", "0.02")]
