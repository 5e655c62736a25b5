"""A change by plain SQL or an import is in force at the watcher's next look, with just the rows concerned; a broken one
leaves the old generation in force and is named whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from tests.configdb.support import NOW, TENANT, TUTORIAL, Compiled, compiled, edit, open_tenant, plain_sql, tutorial

from tollhouse.cachemanager.compile import compile_rows
from tollhouse.configdb.changes import NewAccount, NewGateway
from tollhouse.configdb.importing import import_folder
from tollhouse.configdb.rows import CarrierRow
from tollhouse.main.appliance import WATCH
from tollhouse.snapshot.accounts import Account
from tollhouse.snapshot.tariff import EXACT
from tollhouse.store.snapshot import Origin, SnapshotWriter


@pytest.fixture
def snapshot(tmp_path: Path) -> Iterator[Compiled]:
    """The tutorial's tariff, three accounts, a gateway and two carriers, in force."""
    database = open_tenant(tmp_path)
    import_folder(database, TUTORIAL)
    with database.change("test") as change:
        change.add_account(
            NewAccount(TENANT, "1001", password="open sesame", ani="491001", addresses=("192.0.2.0/25",))
        )
        change.add_account(NewAccount(TENANT, "1002", addresses=("192.0.2.128/25", "2001:db8::/32")))
        change.add_account(NewAccount(TENANT, "1003", client="shop", ani="491003"))
        change.add_gateway(NewGateway(TENANT, "nas", "198.51.100.0/24", ("radius", "sip"), "testing123"))
        change.set_carrier_rates("base", [("", "0.09"), ("44", "0.01"), ("447", "0.02")])
        change.add_carrier(CarrierRow("x", "x.invalid:5060", "base", 0, "", 0, 1))
        change.add_carrier(CarrierRow("y", "[2001:db8::1]", "base", 2, "00", 1, 1))
    with compiled(database, tmp_path) as one:
        assert one.cache.problems == ()
        yield one


def changed(before: dict[bytes, bytes], after: dict[bytes, bytes]) -> tuple[int, int]:
    """How many rows were put, how many deleted."""
    return len(after.items() - before.items()), len(before.keys() - after.keys())


def name_of(account: Account | None) -> str:
    return account.name if account else ""


def test_the_watcher_looks_at_least_twice_a_second() -> None:
    assert 0 < WATCH <= 0.5


CHANGES: list[tuple[str, list[str], tuple[int, int]]] = [
    # What, the statements, how many rows of the snapshot they put and delete. A price is a row of each plan, for each
    # sheet that it is in: RT_20CNT for two plans in that of DST_1002 (with RT_40CNT) and that of DST_UK.
    ("a price", ["UPDATE tariff_rates SET rate = '0.06' WHERE tag = 'RT_SMS'"], (1, 0)),
    ("a rate of two", ["UPDATE tariff_rates SET connect_fee = '0.5' WHERE connect_fee = '0.4'"], (2 * 2, 0)),
    # A destination that is priced otherwise: a sheet of its own for both plans, and its prefixes' two rows.
    (
        "a rounding",
        ["UPDATE tariff_destination_rates SET decimals = 3 WHERE tag = 'DR_LOW' AND destination = 'DST_UK'"],
        (2 + 2, 2),
    ),
    # Destination *any, of data and of messages: its row, and a sheet for both plans instead of the one before.
    ("*any otherwise", ["UPDATE tariff_destination_rates SET decimals = 3 WHERE tag = 'DR_SMS'"], (1 + 2, 2)),
    (
        "*any no more, but DST_1003, by the same sheet",
        ["UPDATE tariff_destination_rates SET destination = 'DST_1003' WHERE destination = '*any'"],
        (1, 1),
    ),
    ("a prefix more", ["INSERT INTO tariff_destinations VALUES (NULL, 'tutorial', 'DST_UK', '4420')"], (1, 0)),
    ("a prefix moved", ["UPDATE tariff_destinations SET prefix = '1004' WHERE prefix = '1003'"], (1, 1)),
    ("a prefix less", ["DELETE FROM tariff_destinations WHERE prefix = '1003'"], (0, 1)),
    # ... but not its plan, which can be compared with others all the same: as one of no service it has five names.
    ("a profile gone", ["DELETE FROM tariff_rating_profiles WHERE subject = '1003'"], (4, 1)),
    ("a password gone", ["UPDATE accounts SET password = '' WHERE name = '1001'"], (1, 0)),
    ("an account shut out", ["UPDATE accounts SET enabled = 0 WHERE name = '1001'"], (1, 0)),
    ("an account that pays later", ["UPDATE accounts SET request_type = 'postpaid' WHERE name = '1001'"], (1, 0)),
    ("an account renamed", ["UPDATE accounts SET name = '1009' WHERE name = '1001'"], (2, 1)),
    ("an account gone, addresses and all", ["DELETE FROM accounts WHERE name = '1002'"], (0, 4)),
    ("a calling number moved", ["UPDATE accounts SET ani = '49' WHERE name = '1003'"], (2, 1)),
    ("an address more", ["INSERT INTO account_addresses VALUES (NULL, 1, '203.0.113.0/24')"], (2, 0)),
    ("an address less", ["DELETE FROM account_addresses WHERE cidr = '2001:db8::/32'"], (1, 1)),
    ("a gateway gone", ["DELETE FROM gateways"], (0, 2)),
    ("a gateway's block", ["UPDATE gateways SET cidr = '198.51.100.0/25'"], (2, 2)),
    ("a carrier's price", ["UPDATE carrier_rates SET price = '0.03' WHERE prefix = '44'"], (1, 0)),
    ("a carrier's prefix gone", ["DELETE FROM carrier_rates WHERE prefix = '447'"], (0, 1)),
    ("a carrier off", ["UPDATE carriers SET enabled = 0 WHERE name = 'x'"], (3, 0)),
    ("all carriers off", ["UPDATE carriers SET enabled = 0"], (0, 3)),
    ("a unit", ["INSERT INTO units (name, decimals) VALUES ('USD', 2)"], (1, 0)),
    ("a balance type gone", ["DELETE FROM balance_types WHERE name = 'bonus'"], (0, 1)),
    ("a tenant", ["INSERT INTO tenants (name, unit) VALUES ('two', 'EUR')"], (1, 0)),
    ("a zone, which the tenant's four profiles carry", ["UPDATE tenants SET zone = 'UTC'"], (4, 0)),
    (
        "the whole tariff",
        [f"DELETE FROM tariff_{table}" for table in ("rating_profiles", "rating_plans")],
        (0, 4 + 4 + 2 * 3 + 1 + 1),
    ),
]


@pytest.mark.parametrize(("statements", "rows"), [one[1:] for one in CHANGES], ids=[one[0] for one in CHANGES])
def test_a_change_by_plain_sql_is_in_force_at_the_next_look(
    snapshot: Compiled, statements: list[str], rows: tuple[int, int]
) -> None:
    before, generation = snapshot.rows(), snapshot.reader.generation
    assert snapshot.sql(*statements)
    assert changed(before, snapshot.rows()) == rows
    assert snapshot.reader.generation == generation + 1
    assert snapshot.cache.problems == ()


@pytest.mark.parametrize(("statements", "rows"), [one[1:] for one in CHANGES], ids=[one[0] for one in CHANGES])
def test_step_by_step_comes_to_the_same_as_all_at_once(
    snapshot: Compiled, tmp_path: Path, statements: list[str], rows: tuple[int, int]
) -> None:
    snapshot.sql(*statements)
    (tmp_path / "fresh").mkdir()
    fresh = Compiled(snapshot.database, tmp_path / "fresh")
    assert fresh.rows() == snapshot.rows()
    fresh.close()


def test_only_the_rows_concerned_are_compiled(snapshot: Compiled) -> None:
    """Not just written: an edit of one account or prefix has no other in it."""
    database = snapshot.database
    origin = SnapshotWriter(snapshot.file).origin()
    plain_sql(
        database,
        "UPDATE accounts SET enabled = 0 WHERE name = '1001'",
        "UPDATE carrier_rates SET price = '0.03' WHERE prefix = '44'",
    )
    rows = database.rows_since(origin.database, origin.revision)
    edits = compile_rows(rows, database.secrets.open, SnapshotWriter(snapshot.file).account_entry).edits
    assert not [edit for edit in edits if edit.whole]
    # The account's own row and the three ways to it; the carriers at 44.
    assert sum(len(edit.rows) for edit in edits) == 4 + 1


PARTS: list[tuple[str, list[str]]] = [
    ("a destination's price gone", ["DELETE FROM tariff_destination_rates WHERE destination = 'DST_UK'"]),
    ("another rate", ["UPDATE tariff_destination_rates SET rate = 'RT_40CNT' WHERE destination = 'DST_UK'"]),
    (
        "another destination",
        ["UPDATE tariff_destination_rates SET destination = 'DST_1003' WHERE destination = 'DST_UK'"],
    ),
    (
        "a price for a destination of none",
        [
            "INSERT INTO tariff_destination_rates VALUES "
            "(NULL, 'tutorial', 'DR_LOW', 'DST_1003', 'RT_20CNT', '*up', 4, '0', '')"
        ],
    ),
    (
        "a rate under another name",
        [
            "UPDATE tariff_rates SET tag = 'RT_NEW' WHERE tag = 'RT_SMS'",
            "UPDATE tariff_destination_rates SET rate = 'RT_NEW' WHERE rate = 'RT_SMS'",
        ],
    ),
    (
        "a destination under another name",
        [
            "UPDATE tariff_destinations SET tag = 'DST_NEW' WHERE tag = 'DST_UK'",
            "UPDATE tariff_destination_rates SET destination = 'DST_NEW' WHERE destination = 'DST_UK'",
        ],
    ),
    ("a slot less", ["DELETE FROM tariff_rates WHERE tag = 'RT_40CNT' AND slot_start = '60s'"]),
    ("a prefix of two destinations", ["INSERT INTO tariff_destinations VALUES (NULL, 'tutorial', 'DST_1003', '447')"]),
]


@pytest.mark.parametrize("statements", [one[1] for one in PARTS], ids=[one[0] for one in PARTS])
def test_a_part_of_a_tariff_is_compiled_alone_and_to_the_same(
    snapshot: Compiled, tmp_path: Path, statements: list[str]
) -> None:
    origin = SnapshotWriter(snapshot.file).origin()
    plain_sql(snapshot.database, *statements)
    plans = snapshot.database.rows_since(origin.database, origin.revision).plans
    assert plans is not None
    assert plans.only is not None
    assert len(plans.destination_rates) < 6  # of six
    before = snapshot.rows()
    assert snapshot.check()
    assert snapshot.cache.problems == ()
    assert snapshot.rows() != before
    (tmp_path / "fresh").mkdir()
    fresh = Compiled(snapshot.database, tmp_path / "fresh")
    assert fresh.rows() == snapshot.rows()
    fresh.close()


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("DELETE FROM tariff_destinations WHERE tag = 'DST_1002'", ("tariff_destination_rates", "destination")),
        ("DELETE FROM tariff_rates WHERE tag = 'RT_SMS'", ("tariff_destination_rates", "rate")),
        ("DELETE FROM tariff_destination_rates WHERE tag = 'DR_SMS'", ("tariff_rating_plans", "destination_rate")),
        (
            "UPDATE tariff_destination_rates SET max_cost = '1.0000000001' WHERE rate = 'RT_SMS'",
            ("tariff_destination_rates", "max_cost"),
        ),
    ],
)
def test_what_a_part_lacks_is_named(snapshot: Compiled, statement: str, place: tuple[str, str]) -> None:
    before = snapshot.rows()
    assert not snapshot.sql(statement)
    assert {(table, column) for table, _, column in snapshot.problems()} == {place}
    assert snapshot.rows() == before


def test_a_tariff_in_price_mode_cgrates_says_so_in_each_interval(snapshot: Compiled, tmp_path: Path) -> None:
    def places() -> set[int]:
        found = snapshot.reader.rates("tutorial/RP_RETAIL", "4479")
        return {interval.places for rates in found for interval in rates.intervals}

    assert places() == {EXACT}
    import_folder(snapshot.database, TUTORIAL, pricing="cgrates", price_decimals=6)
    assert snapshot.check()
    assert places() == {6}
    import_folder(snapshot.database, TUTORIAL, pricing="exact")
    assert snapshot.check()
    assert places() == {EXACT}


def test_two_plans_of_one_name_are_refused(snapshot: Compiled) -> None:
    """`RP_DATA:data` for voice and `RP_DATA` for data would both be tutorial/RP_DATA:data."""
    before = snapshot.rows()
    insert = "INSERT INTO tariff_rating_plans VALUES (NULL, 'tutorial', 'RP_DATA:data', 'DR_LOW', 'ALWAYS', '10')"
    assert not snapshot.sql(insert)
    assert snapshot.problems() == [("tariff_rating_plans", "tutorial RP_DATA:data", "tag")]
    assert snapshot.rows() == before


def test_a_plan_that_charges_nobody_is_there_to_be_compared(snapshot: Compiled) -> None:
    """Voice as voice, what only units can be as units; a rate that is neither is no fault yet."""
    snapshot.sql("DELETE FROM tariff_rating_profiles")

    def rates(plan: str, number: str) -> list[str]:
        return [one.rate for found in snapshot.reader.rates(plan, number) for one in found.intervals]

    assert rates("tutorial/RP_DATA:data", "1") == ["RT_DATA"]
    snapshot.sql("UPDATE tariff_rates SET rate_unit = 'x' WHERE tag = 'RT_DATA'")
    assert snapshot.cache.problems == ()
    assert rates("tutorial/RP_FLAT", "1002") == ["RT_20CNT"]
    assert rates("tutorial/RP_FLAT:data", "1002") == []
    assert (rates("tutorial/RP_SMS", "1"), rates("tutorial/RP_SMS:message", "1")) == ([], ["RT_SMS"])
    assert (rates("tutorial/RP_DATA", "1"), rates("tutorial/RP_DATA:data", "1")) == ([], [])
    assert snapshot.reader.has_plan("tutorial/RP_DATA:data")
    assert not snapshot.reader.has_plan("tutorial/RP_NONE")


def test_a_tenant_may_match_subjects_by_prefix(snapshot: Compiled) -> None:
    """The demo tariff has a profile for 1003: so has 10035 then, but neither 100 nor another tenant's 10035."""

    def own(tenant: str, subject: str) -> bool:
        return snapshot.reader.profile(tenant, "call", "voice", subject) is not None

    assert (own(TENANT, "1003"), own(TENANT, "10035"), own(TENANT, "100")) == (True, False, False)
    snapshot.sql(
        "UPDATE tenants SET subject_prefixes = 1",
        "INSERT INTO tenants (name, unit, subject_prefixes) VALUES ('two', 'EUR', 1)",
    )
    assert (own(TENANT, "1003"), own(TENANT, "10035"), own(TENANT, "100")) == (True, True, False)
    assert (own("two", "10035"), own(TENANT, ""), own(TENANT, "x" * 600), own(TENANT, "1003" + "é" * 300)) == (
        *(False, False, False, True),
    )


def test_nothing_moved_nothing_is_done(snapshot: Compiled) -> None:
    before = snapshot.tally.counts.copy()
    last = snapshot.file.environment.info()["last_txnid"]
    for _ in range(100):
        assert not snapshot.check()
    assert snapshot.sql("UPDATE units SET decimals = decimals") is False
    assert snapshot.sql("UPDATE revision SET who = 'sql'") is False
    assert snapshot.tally.counts == before
    assert snapshot.file.environment.info()["last_txnid"] == last


def test_a_change_that_compiles_to_the_same_moves_no_generation(snapshot: Compiled) -> None:
    generation = snapshot.reader.generation
    assert snapshot.sql("UPDATE tariff_rates SET rate = '0.050' WHERE tag = 'RT_SMS'")
    assert snapshot.reader.generation == generation
    assert SnapshotWriter(snapshot.file).origin().revision == snapshot.database.revision()


def test_an_import_is_in_force_at_the_next_look_row_by_row(snapshot: Compiled, tmp_path: Path) -> None:
    folder = tutorial(tmp_path)
    edit(folder, "Rates.csv", lambda text: text.replace(b"RT_SMS,0,0.05", b"RT_SMS,0,0.06"))
    edit(folder, "Destinations.csv", lambda text: text.replace(b"DST_1003,1003", b"DST_1003,1004"))
    before = snapshot.rows()
    import_folder(snapshot.database, folder)
    assert snapshot.check()
    assert changed(before, snapshot.rows()) == (2, 1)


def test_a_deleted_account_is_found_no_more_and_its_number_is_another_s(snapshot: Compiled) -> None:
    reader = snapshot.reader
    assert name_of(reader.account_by_address("192.0.2.200")) == "1002"
    snapshot.sql("DELETE FROM accounts WHERE name = '1002'")
    assert reader.account_by_name("1002") is None
    assert reader.account_by_address("192.0.2.200") is None
    assert reader.account_by_address("2001:db8::1") is None
    snapshot.sql(
        f"INSERT INTO accounts (id, tenant, name, wallet, subject) VALUES (2, '{TENANT}', '2002', '2002', '2002')"
    )
    assert name_of(reader.account_by_name("2002")) == "2002"
    assert reader.account_by_address("192.0.2.200") is None


def test_two_accounts_swap_names_numbers_and_addresses(snapshot: Compiled) -> None:
    assert snapshot.sql(
        "UPDATE accounts SET name = 'x', ani = NULL WHERE id = 1",
        "UPDATE accounts SET name = '1001', ani = '491001' WHERE id = 2",
        "UPDATE accounts SET name = '1002' WHERE id = 1",
        "UPDATE account_addresses SET account = 3 - account",
    )
    reader = snapshot.reader
    by_name, by_ani, by_address = (
        reader.account_by_name("1001"),
        reader.account_by_ani("491001"),
        reader.account_by_address("192.0.2.1"),
    )
    assert by_name == by_ani == by_address
    assert by_name is not None
    assert by_name.wallet == "1002"


def test_a_deleted_tariff_prices_nothing_any_more(snapshot: Compiled) -> None:
    assert [one.prefix for one in snapshot.reader.rates("tutorial/RP_FLAT", "4420")] == ["44"]
    tables = ("rating_profiles", "rating_plans", "destination_rates", "rates", "timings", "destinations")
    assert snapshot.sql(*(f"DELETE FROM tariff_{table}" for table in tables))
    assert list(snapshot.reader.rates("tutorial/RP_FLAT", "4420")) == []
    assert snapshot.reader.profile(TENANT, "call", "voice", "*any") is None
    assert not [key for key in snapshot.rows() if key[:1] in (b"d", b"m", b"r", b"p")]


def test_another_database_in_the_same_place_is_compiled_whole(snapshot: Compiled, tmp_path: Path) -> None:
    """Its revisions are others' numbers: its random id tells."""
    (tmp_path / "other").mkdir()
    other = open_tenant(tmp_path / "other")
    writer = SnapshotWriter(snapshot.file)
    origin = writer.origin()
    rows = other.rows_since(origin.database, origin.revision)
    writer.publish(
        compile_rows(rows, other.secrets.open, writer.account_entry).edits, Origin(rows.database, rows.revision)
    )
    assert sorted({key[:1] for key in snapshot.rows()}) == [b"b", b"t", b"u"]
    other.close()


def test_a_history_cut_short_is_compiled_whole(snapshot: Compiled) -> None:
    """An operator who empties the audit loses who and when, and no change."""
    snapshot.cache.check(NOW)
    plain_sql(snapshot.database, "UPDATE accounts SET enabled = 0 WHERE id = 1", "DELETE FROM audit")
    assert snapshot.check()
    account = snapshot.reader.account_by_name("1001")
    assert account is not None
    assert not account.enabled


def test_looks_from_several_threads_wait_for_each_other(snapshot: Compiled, tmp_path: Path) -> None:
    """The watcher's own and an import's: no change is published twice, and none goes back to an older one."""
    published: list[bool] = []

    def look() -> None:
        published.extend(snapshot.cache.check(NOW) for _ in range(300))

    threads = [Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 41):
        plain_sql(snapshot.database, f"UPDATE tariff_rates SET rate = '0.{number:02d}' WHERE tag = 'RT_SMS'")
    for thread in threads:
        thread.join()
    published.append(snapshot.check())
    generations = snapshot.reader.generation - 1  # the first one was before all changes
    assert published.count(True) == generations <= 40
    (tmp_path / "fresh").mkdir()
    fresh = Compiled(snapshot.database, tmp_path / "fresh")
    assert fresh.rows() == snapshot.rows()
    fresh.close()
