"""Whatever plain SQL gets past the columns' own checks: a compiled row or a named problem, never an exception."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from tests.configdb.support import NOW, TENANT, TUTORIAL, Compiled, compiled, open_tenant, plain_sql, sell

from tollhouse.configdb import schema
from tollhouse.configdb.changes import NewAccount, NewGateway
from tollhouse.configdb.importing import import_folder
from tollhouse.configdb.rows import CarrierRow, NamedEventRow, ProductDiscountRow
from tollhouse.store.errors import FormatError
from tollhouse.store.snapshot import LmdbSnapshot

TEXTS = (
    "",
    "\0",
    "ä",
    "\u0664",
    "-1",
    "9" * 32,
    "1.5",
    "*any",
    ";",
    "/",
    "..",
    "10.0.0.0/99",
    "::/0",
    "x" * 3000,
    "1\0" + "x" * 600,
)
NUMBERS = (0, -1, 13, 2**63 - 1, -(2**63))
TABLES = sorted(set(schema.METADATA.tables) - {"revision", "audit", "tasks", "key_check"})


@pytest.fixture
def snapshot(tmp_path: Path) -> Iterator[Compiled]:
    database = open_tenant(tmp_path)
    import_folder(database, TUTORIAL, pricing="cgrates")
    with database.change("test") as change:
        change.add_account(NewAccount(TENANT, "1001", "shop", "secret", "491001", ("192.0.2.0/25", "2001:db8::/32")))
        change.add_gateway(NewGateway(TENANT, "nas", "198.51.100.0/24", ("radius",), "testing123", "old"))
        change.set_carrier_rates("base", [("44", "0.01")])
        change.add_carrier(CarrierRow("x", "x.invalid", "base", 0, "", 0, 1))
        sell(change)
        change.add_sold(
            NamedEventRow(TENANT, "VAS", "RING", "EUR", "0.30", "prepaid"),
            ProductDiscountRow(TENANT, "prepaid", 1, "12.5", "voice", week_days="6;7"),
        )
    with compiled(database, tmp_path) as one:
        yield one


@pytest.mark.parametrize("table", sorted(set(TABLES) - {"account_addresses", "units"}))
def test_text_that_is_no_utf_8_leaves_the_old_generation_in_force(snapshot: Compiled, table: str) -> None:
    """(The two others' constraints let none in.)"""
    before, tried = snapshot.rows(), 0
    with closing(sqlite3.connect(snapshot.database.path, isolation_level=None)) as connection:
        for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall():
            if kind.startswith(("VARCHAR", "TEXT")):
                try:
                    connection.execute(f"UPDATE {table} SET {name} = CAST(x'ff' || 'geheim' AS TEXT)")
                except sqlite3.IntegrityError:
                    continue
                assert not snapshot.check()
                (fault,) = snapshot.cache.problems
                assert fault.table == "config database"
                assert "geheim" not in fault.text
                tried += 1
                break
    assert snapshot.rows() == before
    assert tried


@pytest.mark.parametrize("table", TABLES)
def test_any_value_in_any_column(snapshot: Compiled, table: str) -> None:
    tried = 0
    before = snapshot.rows()
    with closing(sqlite3.connect(snapshot.database.path, isolation_level=None)) as connection:
        (row, *_) = connection.execute(f"SELECT rowid, * FROM {table}").fetchall()
        names = [column[1] for column in connection.execute(f"PRAGMA table_info({table})")]
        for name, value in zip(names, row[1:], strict=True):
            for hostile in TEXTS if isinstance(value, str) else NUMBERS:
                try:
                    connection.execute(f"UPDATE {table} SET {name} = ? WHERE rowid = ?", (hostile, row[0]))
                except sqlite3.IntegrityError:
                    continue
                place = hostile if name == "id" else row[0]
                snapshot.check()
                assert all(fault.text for fault in snapshot.cache.problems)
                connection.execute(f"UPDATE {table} SET {name} = ? WHERE rowid = ?", (value, place))
                snapshot.check()
                assert snapshot.cache.problems == (), (name, hostile)
                tried += 1
    assert snapshot.rows() == before
    assert tried > 3


def test_a_snapshot_of_another_format_is_made_anew_or_the_start_is_refused(tmp_path: Path) -> None:
    """Another format is compiled over; where the configuration is broken, there is nothing to serve."""
    database = open_tenant(tmp_path)
    first = Compiled(database, tmp_path)
    rows = first.rows()
    first.close()

    def spoil(one: Compiled) -> None:
        with one.file.environment.begin(write=True) as txn:
            txn.put(b"!", msgspec.msgpack.encode((99, 41, ("a", 7))))

    again = Compiled(database, tmp_path)
    spoil(again)
    plain_sql(database, "UPDATE tenants SET zone = 'no'")
    again.cache.check(NOW)
    assert again.problems() == [("tenants", TENANT, "zone")]
    with pytest.raises(FormatError, match="format 99"):
        LmdbSnapshot(again.file)
    plain_sql(database, "UPDATE tenants SET zone = 'Europe/Berlin'")
    again.cache.check(NOW)
    assert again.rows() == rows
    assert LmdbSnapshot(again.file).only_tenant() == TENANT
    again.close()
    database.close()


def test_one_row_of_a_large_tariff_is_one_row_of_the_snapshot(tmp_path: Path) -> None:
    """20,000 prefixes of 500 destinations: a prefix moved, a price changed by plain SQL and by an import."""
    database = open_tenant(tmp_path)
    folder = tmp_path / "large"
    folder.mkdir()

    def write(price: str) -> None:
        files = {
            "Destinations.csv": [f"D{n % 500},{n + 10_000}" for n in range(20_000)],
            "Rates.csv": [f"R{n},0,{price if n == 7 else '0.01'},60s,1s,0s" for n in range(500)],
            "DestinationRates.csv": [f"DR,D{n},R{n},*up,4,0," for n in range(500)],
            "RatingPlans.csv": ["RP,DR,*any,10"],
            "RatingProfiles.csv": [f"{TENANT},call,*any,2014-01-14T00:00:00Z,RP,"],
        }
        for name, lines in files.items():
            (folder / name).write_text("\n".join(lines))

    write("0.02")
    assert import_folder(database, folder).problems == ()
    with compiled(database, tmp_path) as snapshot:
        held = snapshot.rows()
        assert len(held) > 20_500

        def moved() -> int:
            nonlocal held
            snapshot.check()
            before, held = held, snapshot.rows()
            return len(before.items() ^ held.items())

        plain_sql(database, "UPDATE tariff_destinations SET prefix = '999' WHERE prefix = '12345'")
        assert moved() == 2  # one deleted, one put
        plain_sql(database, "UPDATE tariff_rates SET rate = '0.03' WHERE tag = 'R8'")
        assert moved() == 2  # what D8 costs, as it was and as it is
        write("0.04")
        report = import_folder(database, folder)
        assert (report.added, report.removed) == (3, 3)  # R7's price, and what plain SQL changed is as the folder says
        assert moved() == 2 + 2 + 2
