"""What wallets are sold as, from plain SQL to the snapshot: values, faults, and one change edits only its rows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.configdb.support import TENANT, TUTORIAL, Compiled, compiled, open_tenant, plain_sql, sell

from tollhouse.cachemanager.compile import compile_rows
from tollhouse.cachemanager.products import period, step_of
from tollhouse.configdb.importing import import_folder
from tollhouse.configdb.rows import UnitRow
from tollhouse.snapshot.accounts import BalanceType, Category, LimitType, MaximumPolicy
from tollhouse.snapshot.products import Batch, Cascade, Product, Promotion
from tollhouse.snapshot.rules import EventRules, ExpiryRules, ReservationRules, RoundingRule, Rules
from tollhouse.store import snapshot as tables
from tollhouse.store.snapshot import SnapshotWriter
from tollhouse.values.instants import DAY, HOUR, MINUTE, SECOND, parse_instant

Place = tuple[str, str, str]


@pytest.fixture
def snapshot(tmp_path: Path) -> Iterator[Compiled]:
    """The tutorial's tariff, and the product of `sell`, in force."""
    database = open_tenant(tmp_path)
    import_folder(database, TUTORIAL)
    with database.change("test") as change:
        sell(change)
    with compiled(database, tmp_path) as one:
        assert one.cache.problems == ()
        yield one


SET = {
    "session.on_silence": "granted",
    "session.on_overrun": "cap",
    "session.setup_seconds": "15",
    "session.validity_seconds": "600",
    "session.on_silence_of_clients": "nas=granted,pgw=nothing",
    "session.tolerance_seconds_of_clients": "nas=7",
    "wallet.clears_empty_buckets": "true",
}


def test_what_is_sold_is_looked_up_by_tenant_and_name(snapshot: Compiled) -> None:
    """Periods in microseconds, amounts in the unit's smallest step (euros have six decimals, seconds none)."""
    reader = snapshot.reader
    assert reader.product(TENANT, "prepaid") == Product(
        name="prepaid",
        initial=90 * DAY,
        preuse=30 * DAY,
        dormant=60 * DAY,
        terminated=12 * HOUR,
        removed=0,
        max_sessions=2,
        promotions=(Promotion("bonus", 5_500_000, 30 * DAY), Promotion("minutes", 600, 0)),
        bucket_lasts=(("cash", 365 * DAY),),
        cascades=(("voice", "calls"),),
    )
    assert reader.batch(TENANT, "2026-11") == Batch("2026-11", "prepaid", True, parse_instant("2027-11-23T10:00:00Z"))
    assert reader.cascade(TENANT, "calls") == Cascade("calls", ("minutes", "bonus", "cash"))
    assert reader.rules(TENANT) == Rules(
        reservation=ReservationRules(longest_seconds=1800),
        expiry=ExpiryRules(expire_at_midnight_zone="Asia/Vladivostok"),
    )
    for tenant, name in ((TENANT, "none"), ("none", "prepaid"), ("none", "calls"), ("none", "2026-11")):
        assert (reader.product(tenant, name), reader.batch(tenant, name), reader.cascade(tenant, name)) == (None,) * 3
    assert reader.rules("none") == Rules()


def test_another_tenant_has_its_own(snapshot: Compiled) -> None:
    snapshot.sql(
        "INSERT INTO tenants (name, unit) VALUES ('two', 'EUR')",
        "INSERT INTO products (tenant, name) VALUES ('two', 'prepaid')",
        "INSERT INTO cascades (tenant, name, position, balance_type) VALUES ('two', 'calls', 1, 'cash')",
    )
    assert snapshot.reader.product("two", "prepaid") == Product("prepaid")
    assert snapshot.reader.cascade("two", "calls") == Cascade("calls", ("cash",))
    assert snapshot.reader.rules("two") == Rules()


def test_what_was_looked_up_is_looked_up_anew_in_the_next_generation(snapshot: Compiled) -> None:
    reader = snapshot.reader
    assert reader.rules(TENANT) is reader.rules(TENANT)
    assert reader.product(TENANT, "postpaid") is None
    snapshot.sql(
        f"INSERT INTO products (tenant, name) VALUES ('{TENANT}', 'postpaid')",
        "DELETE FROM parameters",
        "UPDATE cascades SET position = 9 WHERE balance_type = 'minutes'",
        "UPDATE account_batches SET active = 0, expiry = ''",
    )
    assert reader.product(TENANT, "postpaid") == Product("postpaid")
    assert reader.rules(TENANT) == Rules()
    assert reader.cascade(TENANT, "calls") == Cascade("calls", ("bonus", "cash", "minutes"))
    assert reader.batch(TENANT, "2026-11") == Batch("2026-11", "prepaid", False)


def test_a_balance_type_counts_what_its_unit_does(snapshot: Compiled) -> None:
    """A tenth of a second is 100,000 microseconds; octets and messages are counted one by one."""
    assert snapshot.reader.balance_type("cash") == BalanceType("cash", "EUR", 10)
    assert snapshot.reader.balance_type("minutes") == BalanceType("minutes", "second", 1, "voice", SECOND)
    snapshot.sql(
        "INSERT INTO units VALUES ('octet', 0, 'data'), ('piece', 0, 'count')",
        "UPDATE units SET decimals = 1 WHERE name = 'second'",
        "INSERT INTO balance_types (name, unit, cascade_order, service) VALUES"
        " ('volume', 'octet', 1, ''), ('sms', 'piece', 1, 'message'), ('any', 'piece', 2, '')",
        "UPDATE balance_types SET category = 'discount', limit_type = 'single_use', minimum = '-12.5', maximum = '100',"
        " maximum_policy = 'cap', deletable = 0, discount = 25 WHERE name = 'bonus'",
    )
    found = {name: snapshot.reader.balance_type(name) for name in ("minutes", "volume", "sms", "any", "bonus")}
    assert found == {
        "minutes": BalanceType("minutes", "second", 1, "voice", 100_000),
        "volume": BalanceType("volume", "octet", 1, "data", 1),
        "sms": BalanceType("sms", "piece", 1, "message", 1),
        "any": BalanceType("any", "piece", 2, "generic", 1),
        "bonus": BalanceType(
            "bonus",
            "EUR",
            5,
            category=Category.DISCOUNT,
            limit_type=LimitType.SINGLE_USE,
            minimum=-12_500_000,
            maximum=100_000_000,
            maximum_policy=MaximumPolicy.CAP,
            deletable=False,
            discount=25,
        ),
    }


def test_steps() -> None:
    """Microseconds of time: a second has 10^6, a microsecond one. Money has no usage."""
    found = [step_of(UnitRow("u", decimals, "time")) for decimals in (0, 3, 6)]
    assert found == [1_000_000, 1000, 1]
    assert [step_of(UnitRow("u", decimals)) for decimals in (0, 6, 12)] == [1, 1, 1]
    for unit in (UnitRow("u", 7, "time"), UnitRow("u", 1, "data"), UnitRow("u", 2, "count"), UnitRow("u", 0, "no")):
        with pytest.raises(ValueError):
            step_of(unit)


def test_periods() -> None:
    assert [period(text) for text in ("0", "90d", "12h", "30m", "45s", "0d")] == [
        *(0, 90 * DAY, 12 * HOUR, 30 * MINUTE, 45 * SECOND, 0),
    ]
    for text in ("", "90", "d", "-1d", "1.5d", "1d12h", "1w", "36526d", "9" * 30 + "d", "\u0663d", " 1d"):
        with pytest.raises(ValueError, match="is no period"):
            period(text)


def parameter(name: str, value: str, tenant: str = TENANT) -> str:
    return f"INSERT INTO parameters (tenant, name, value) VALUES ('{tenant}', '{name}', '{value}')"


def test_parameters_of_every_type(snapshot: Compiled) -> None:
    snapshot.sql(
        "DELETE FROM parameters",
        parameter("reservation.discount_rule", "override"),
        parameter("reservation.discount_time", "true"),
        parameter("event.rounding", "floor"),
        parameter("event.cascade", "calls"),
        parameter("wallet.hidden_balance_types", "bonus,minutes"),
        parameter("wallet.utc_offset_hours", "-3"),
        parameter("expiry.wallet_states", "ADS"),
    )
    assert snapshot.cache.problems == ()
    rules = snapshot.reader.rules(TENANT)
    assert rules.reservation == ReservationRules(discount_rule="override", discount_time=True)
    assert rules.event == EventRules(cascade="calls", rounding=RoundingRule.FLOOR)
    assert rules.wallet.hidden_balance_types == ("bonus", "minutes")
    assert (rules.wallet.utc_offset_hours, rules.expiry.wallet_states) == (-3, "ADS")


def test_every_parameter_of_sessions_may_be_set(snapshot: Compiled) -> None:
    for name, value in SET.items():
        statement = f"INSERT INTO parameters (tenant, name, value) VALUES ('{TENANT}', '{name}', '{value}')"
        assert snapshot.sql(statement), (name, snapshot.problems())
    session = snapshot.reader.rules(TENANT).session
    assert session.on_silence_of_clients == ("nas=granted", "pgw=nothing")
    assert session.tolerance_seconds_of_clients == ("nas=7",)


def test_case_57_each_provider_has_its_cascades_of_events(snapshot: Compiled) -> None:
    """Customer 12 has Cascade1, customer 99 the defaults: EventCascade and EventPromoCascade."""
    snapshot.sql(
        "INSERT INTO tenants (name, unit) VALUES ('12', 'EUR'), ('99', 'EUR')",
        "INSERT INTO cascades (tenant, name, position, balance_type) VALUES ('12', 'Cascade1', 1, 'cash')",
        parameter("event.cascade", "Cascade1", "12"),
    )
    found = [snapshot.reader.rules(tenant).event for tenant in ("12", "99")]
    assert [(event.cascade, event.promotional_cascade) for event in found] == [
        ("Cascade1", "EventPromoCascade"),
        ("EventCascade", "EventPromoCascade"),
    ]


@pytest.mark.parametrize("rule", ["s*w*r", "s*r*w", "s+r+w", "s+r*w", "s*r+w", "s+w*r", "s*w+r", "r+w*s", "r*w+s"])
def test_case_18_a_discount_rule_of_the_list(snapshot: Compiled, rule: str) -> None:
    snapshot.sql(parameter("reservation.discount_rule", rule))
    assert snapshot.cache.problems == ()
    assert snapshot.reader.rules(TENANT).reservation.discount_rule == rule


def refused(snapshot: Compiled, name: str, value: str, column: str = "value") -> str:
    """What is said of the parameter; all of it stays as it was."""
    before = snapshot.rows()
    assert not snapshot.sql(parameter(name, value))
    assert snapshot.problems() == [("parameters", f"{TENANT} {name}", column)]
    assert snapshot.rows() == before
    return snapshot.cache.problems[0].text


def test_case_18_another_discount_rule_is_refused_at_load(snapshot: Compiled) -> None:
    assert "'s-r-w' is not one of s*w*r, " in refused(snapshot, "reservation.discount_rule", "s-r-w")


def test_case_30_no_session_at_all_is_refused_at_load(snapshot: Compiled) -> None:
    """Not set, it overrides nothing; 50 overrides every wallet's own."""
    assert snapshot.reader.rules(TENANT).reservation.max_sessions == 0
    assert "between 1 and" in refused(snapshot, "reservation.max_sessions", "0")
    assert snapshot.sql("UPDATE parameters SET value = '50' WHERE name = 'reservation.max_sessions'")
    assert snapshot.reader.rules(TENANT).reservation.max_sessions == 50


@pytest.mark.parametrize("name", ["remove_at_midnight_zone", "expenditure_midnight_zone"])
def test_case_83_a_zone_that_is_none_is_refused_at_load_by_its_key(snapshot: Compiled, name: str) -> None:
    assert refused(snapshot, f"expiry.{name}", "Brazil/DeNoranha") == "there is no time zone 'Brazil/DeNoranha'"
    assert snapshot.sql("UPDATE parameters SET value = 'Brazil/DeNoronha' WHERE value = 'Brazil/DeNoranha'")
    assert getattr(snapshot.reader.rules(TENANT).expiry, name) == "Brazil/DeNoronha"


@pytest.mark.parametrize(
    ("name", "value", "column"),
    [
        ("reservation.longest", "60", "name"),
        ("reservation", "60", "name"),
        ("nothing.at_all", "60", "name"),
        ("reservation.tolerance_seconds", "-1", "value"),
        ("reservation.tolerance_seconds", "1.5", "value"),
        ("reservation.tolerance_seconds", "", "value"),
        ("reservation.greedy_below_seconds", "99999999", "value"),
        ("reservation.skip_zero_balances", "yes", "value"),
        ("reservation.skip_zero_balances", "1", "value"),
        ("event.rounding", "half-even", "value"),
        ("event.cascade", "none", "value"),
        ("event.reservation_milliseconds", "0", "value"),
        ("expiry.wallet_states", "AX", "value"),
        ("expiry.wallet_states", "ad", "value"),
        ("expiry.wallet_states", "", "value"),
        ("expiry.recorded", "some", "value"),
        ("expiry.expire_midnight_edge", "middle", "value"),
        ("wallet.utc_offset_hours", "15", "value"),
        ("wallet.hidden_balance_types", "bonus,none", "value"),
        ("wallet.reservations_per_page", "0", "value"),
    ],
)
def test_a_parameter_that_is_none(snapshot: Compiled, name: str, value: str, column: str) -> None:
    refused(snapshot, name, value, column)


BROKEN: list[tuple[str, Place, str]] = [
    # the statement, where the problem is, a part of its text
    ("UPDATE units SET decimals = 7 WHERE name = 'second'", ("units", "second", "kind"), "at most 6 decimals"),
    ("UPDATE units SET kind = 'data', decimals = 2 WHERE name = 'second'", ("units", "second", "kind"), "0 decimals"),
    ("UPDATE units SET kind = 'count' WHERE name = 'EUR'", ("tenants", TENANT, "unit"), "EUR is no money"),
    ("UPDATE balance_types SET unit = 'x' WHERE name = 'cash'", ("balance_types", "cash", "unit"), "no unit x"),
    (
        "UPDATE balance_types SET service = 'data' WHERE name = 'minutes'",
        ("balance_types", "minutes", "service"),
        "time do not count data",
    ),
    (
        "UPDATE balance_types SET service = 'voice' WHERE name = 'cash'",
        ("balance_types", "cash", "service"),
        "money do not count voice",
    ),
    (
        "UPDATE balance_types SET maximum = '0.0000001' WHERE name = 'cash'",
        ("balance_types", "cash", "maximum"),
        "more than 6 decimals",
    ),
    (
        "UPDATE balance_types SET minimum = '10', maximum = '10' WHERE name = 'cash'",
        ("balance_types", "cash", "maximum"),
        "10 is not above the minimum, 10",
    ),
    (
        "UPDATE balance_types SET minimum = '9999999999999999' WHERE name = 'cash'",
        ("balance_types", "cash", "minimum"),
        "out of range",
    ),
    (
        "UPDATE balance_types SET discount = 10 WHERE name = 'bonus'",
        ("balance_types", "bonus", "discount"),
        "category discount only",
    ),
    ("UPDATE products SET tenant = 'no'", ("products", "no prepaid", "tenant"), "no tenant no"),
    ("UPDATE products SET dormant = '90'", ("products", f"{TENANT} prepaid", "dormant"), "'90' is no period"),
    ("UPDATE products SET initial = '-1d'", ("products", f"{TENANT} prepaid", "initial"), "'-1d' is no period"),
    (
        "UPDATE product_promotions SET amount = '0' WHERE balance_type = 'bonus'",
        ("product_promotions", f"{TENANT} prepaid bonus", "amount"),
        "not above zero",
    ),
    (
        "UPDATE product_promotions SET amount = '1.5' WHERE balance_type = 'minutes'",
        ("product_promotions", f"{TENANT} prepaid minutes", "amount"),
        "more than 0 decimals",
    ),
    (
        "UPDATE product_promotions SET lasts = 'ever' WHERE balance_type = 'minutes'",
        ("product_promotions", f"{TENANT} prepaid minutes", "lasts"),
        "'ever' is no period",
    ),
    (
        "UPDATE product_promotions SET balance_type = 'no' WHERE balance_type = 'minutes'",
        ("product_promotions", f"{TENANT} prepaid no", "balance_type"),
        "no balance type no",
    ),
    (
        "UPDATE product_bucket_periods SET product = 'no'",
        ("product_bucket_periods", f"{TENANT} no cash", "product"),
        f"{TENANT} has no product no",
    ),
    (
        "UPDATE product_bucket_periods SET lasts = '1y'",
        ("product_bucket_periods", f"{TENANT} prepaid cash", "lasts"),
        "'1y' is no period",
    ),
    (
        "UPDATE product_cascades SET cascade = 'no'",
        ("product_cascades", f"{TENANT} prepaid voice", "cascade"),
        f"{TENANT} has no cascade no",
    ),
    ("DELETE FROM cascades", ("product_cascades", f"{TENANT} prepaid voice", "cascade"), "no cascade calls"),
    (
        "UPDATE cascades SET balance_type = 'no' WHERE position = 1",
        ("cascades", f"{TENANT} calls", "balance_type"),
        "no balance type no",
    ),
    ("DELETE FROM balance_types WHERE name = 'bonus'", ("cascades", f"{TENANT} calls", "balance_type"), "bonus"),
    (
        "UPDATE account_batches SET product = 'no'",
        ("account_batches", f"{TENANT} 2026-11", "product"),
        f"{TENANT} has no product no",
    ),
    ("DELETE FROM products", ("account_batches", f"{TENANT} 2026-11", "product"), "no product prepaid"),
    (
        "UPDATE account_batches SET expiry = 'soon'",
        ("account_batches", f"{TENANT} 2026-11", "expiry"),
        "'soon' is no point in time",
    ),
    (
        "UPDATE account_batches SET expiry = '1970-01-01T00:00:00Z'",
        ("account_batches", f"{TENANT} 2026-11", "expiry"),
        "not after 1970",
    ),
    (
        "UPDATE parameters SET tenant = 'no' WHERE name LIKE 'r%'",
        ("parameters", "no reservation.longest_seconds", "tenant"),
        "no tenant no",
    ),
]


@pytest.mark.parametrize(("statement", "place", "text"), BROKEN, ids=[row[0] for row in BROKEN])
def test_what_is_broken_is_named_and_the_old_generation_stays(
    snapshot: Compiled, statement: str, place: Place, text: str
) -> None:
    before = snapshot.rows()
    assert not snapshot.sql(statement)
    assert place in snapshot.problems()
    assert text in next(one.text for one in snapshot.cache.problems if (one.table, one.row, one.column) == place)
    assert snapshot.rows() == before


CHANGES: list[tuple[str, list[str], tuple[int, int]]] = [
    # what, the statements, how many rows of the snapshot they put and delete
    ("a product", [f"INSERT INTO products (tenant, name) VALUES ('{TENANT}', 'x')"], (1, 0)),
    ("a period", ["UPDATE products SET dormant = '61d'"], (1, 0)),
    ("the same period, otherwise said", ["UPDATE products SET terminated = '720m'"], (0, 0)),
    ("a promotion", ["UPDATE product_promotions SET amount = '6' WHERE balance_type = 'bonus'"], (1, 0)),
    ("promotions gone", ["DELETE FROM product_promotions"], (1, 0)),
    ("a bucket's period", ["UPDATE product_bucket_periods SET lasts = '1d'"], (1, 0)),
    ("no cascade of its own", ["DELETE FROM product_cascades"], (1, 0)),
    ("a cascade's order", ["UPDATE cascades SET position = 9 WHERE position = 1"], (1, 0)),
    ("a cascade gone", ["DELETE FROM product_cascades", "DELETE FROM cascades"], (1, 1)),
    ("a batch", [f"INSERT INTO account_batches (tenant, name, product) VALUES ('{TENANT}', 'x', 'prepaid')"], (1, 0)),
    ("a product and all that is of it gone", ["DELETE FROM account_batches", "DELETE FROM products"], (0, 2)),
    ("a parameter", ["UPDATE parameters SET value = '60' WHERE name LIKE 'r%'"], (1, 0)),
    ("all parameters gone", ["DELETE FROM parameters"], (0, 1)),
    ("a unit's decimals", ["UPDATE units SET decimals = 3 WHERE name = 'second'"], (3, 0)),  # and what is of it
    ("a balance type's maximum", ["UPDATE balance_types SET maximum = '7' WHERE name = 'cash'"], (1, 0)),
    ("a kind of unit", ["INSERT INTO units VALUES ('octet', 0, 'data')"], (1, 0)),
]


@pytest.mark.parametrize(("statements", "rows"), [one[1:] for one in CHANGES], ids=[one[0] for one in CHANGES])
def test_a_change_edits_its_rows_alone_and_comes_to_the_same_as_all_at_once(
    snapshot: Compiled, tmp_path: Path, statements: list[str], rows: tuple[int, int]
) -> None:
    before = snapshot.rows()
    assert snapshot.sql(*statements)
    assert snapshot.cache.problems == ()
    after = snapshot.rows()
    assert (len(after.items() - before.items()), len(before.keys() - after.keys())) == rows
    (tmp_path / "fresh").mkdir()
    fresh = Compiled(snapshot.database, tmp_path / "fresh")
    assert fresh.rows() == after
    fresh.close()


SOLD = {tables.PRODUCT, tables.BATCH, tables.CASCADE, tables.RULES, tables.SHARING, tables.EVENT}


@pytest.mark.parametrize(
    ("statement", "touched"),
    [
        ("UPDATE tariff_rates SET rate = '0.06' WHERE tag = 'RT_SMS'", {tables.RATES}),
        ("UPDATE products SET dormant = '61d'", SOLD),
        ("UPDATE parameters SET value = '60' WHERE name LIKE 'r%'", SOLD),
        (
            f"INSERT INTO gateways (tenant, name, cidr, protocols) VALUES ('{TENANT}', 'g', '192.0.2.0/24', 'sip')",
            {tables.TENANT, tables.UNIT, tables.BALANCE_TYPE, tables.GATEWAY},
        ),
    ],
)
def test_tariffs_do_not_touch_what_is_sold_nor_that_the_tariffs(
    snapshot: Compiled, statement: str, touched: set[bytes]
) -> None:
    writer = SnapshotWriter(snapshot.file)
    origin = writer.origin()
    plain_sql(snapshot.database, statement)
    rows = snapshot.database.rows_since(origin.database, origin.revision)
    edits = compile_rows(rows, snapshot.database.secrets.open, writer.account_entry).edits
    assert {edit.table for edit in edits} == touched


def test_destinations_of_a_number_whether_they_are_priced_or_not(snapshot: Compiled) -> None:
    """44 is DST_UK's, 447 DST_UK_MOBILE's; a destination that nothing prices shares 447 with it."""
    reader = snapshot.reader
    assert reader.destinations("tutorial/RP_FLAT", "447911") == [("447", ("DST_UK_MOBILE",)), ("44", ("DST_UK",))]
    assert reader.destinations("tutorial/RP_FLAT", "4420") == [("44", ("DST_UK",))]
    assert reader.destinations("tutorial/RP_SMS:message", "4420") == [("44", ("DST_UK",))]  # the import's, any plan
    assert reader.destinations("tutorial/RP_FLAT", "99") == []
    assert reader.destinations("tutorial/RP_FLAT", "") == []
    assert reader.destinations("tutorial/NONE", "447911") == []
    snapshot.sql("INSERT INTO tariff_destinations (plan, tag, prefix) VALUES ('tutorial', 'FREE', '447')")
    assert reader.destinations("tutorial/RP_FLAT", "447911") == [
        ("447", ("DST_UK_MOBILE", "FREE")),
        ("44", ("DST_UK",)),
    ]


def statement(dice: random.Random) -> str:
    """Something of what is sold more, less or otherwise; nothing that would be broken."""
    name, kind = dice.choice(("prepaid", "a", "b")), dice.choice(("cash", "bonus", "minutes"))
    lasts, row = f"{dice.randrange(1, 99)}d", f"'{TENANT}', '{name}'"
    there = f"WHERE EXISTS (SELECT 1 FROM products WHERE name = '{name}')"
    value = dice.randrange(1, 5)
    return dice.choice(
        (
            f"INSERT INTO products (tenant, name, initial) SELECT {row}, '{lasts}' "
            f"WHERE NOT EXISTS (SELECT 1 FROM products WHERE name = '{name}')",
            f"DELETE FROM products WHERE name = '{name}' AND name <> 'prepaid'",
            f"UPDATE products SET dormant = '{lasts}' WHERE name = '{name}'",
            f"INSERT INTO product_promotions (tenant, product, balance_type, amount, lasts) SELECT {row}, '{kind}',"
            f" '{value}', '{lasts}' {there} AND NOT EXISTS (SELECT 1 FROM product_promotions"
            f" WHERE product = '{name}' AND balance_type = '{kind}' AND lasts = '{lasts}')",
            f"DELETE FROM product_promotions WHERE product = '{name}'",
            f"UPDATE product_bucket_periods SET lasts = '{lasts}'",
            f"DELETE FROM product_cascades WHERE product = '{name}'",
            f"UPDATE cascades SET position = position + 3 WHERE balance_type = '{kind}'"
            " AND NOT EXISTS (SELECT 1 FROM cascades AS other WHERE other.position = cascades.position + 3)",
            "UPDATE account_batches SET active = 1 - active",
            f"UPDATE parameters SET value = '{value}' WHERE name = 'reservation.longest_seconds'",
            f"UPDATE balance_types SET maximum = '{value}' WHERE name = '{kind}'",
            f"UPDATE units SET decimals = {value} WHERE name = 'second'",
        )
    )


@pytest.mark.parametrize("seed", range(3))
def test_along_random_changes_step_by_step_comes_to_the_same_as_at_once(tmp_path: Path, seed: int) -> None:
    database = open_tenant(tmp_path)
    with database.change("test") as change:
        sell(change)
    dice = random.Random(seed)
    moved = 0
    with compiled(database, tmp_path) as steps:
        for step in range(40):
            done = [statement(dice) for _ in range(dice.randint(1, 3))]
            moved += steps.sql(*done)
            assert steps.problems() == [], done
            (tmp_path / str(step)).mkdir()
            whole = Compiled(database, tmp_path / str(step))
            assert steps.rows() == whole.rows(), done
            whole.close()
    assert moved > 20
