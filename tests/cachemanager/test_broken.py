"""A change that does not compile: every problem with table, row and column; the old generation in force until it is
mended, and the metric and the operator's status say so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.configdb.support import TENANT, TUTORIAL, Compiled, compiled, open_tenant, plain_sql

from tollhouse.configdb.changes import NewAccount, NewGateway
from tollhouse.configdb.importing import import_folder
from tollhouse.configdb.rows import CarrierRow
from tollhouse.console.metrics import registry
from tollhouse.store.snapshot import SnapshotWriter

Place = tuple[str, str, str]


@pytest.fixture
def snapshot(tmp_path: Path) -> Iterator[Compiled]:
    database = open_tenant(tmp_path)
    import_folder(database, TUTORIAL)
    with database.change("test") as change:
        change.add_account(NewAccount(TENANT, "1001", password="open sesame", client="shop"))
        change.add_account(NewAccount(TENANT, "1002", addresses=("192.0.2.0/25",)))
        change.add_gateway(NewGateway(TENANT, "nas", "198.51.100.0/24", ("radius",), "testing123"))
        change.set_carrier_rates("base", [("44", "0.01")])
        change.add_carrier(CarrierRow("x", "x.invalid", "base", 0, "", 0, 1))
    with compiled(database, tmp_path) as one:
        assert one.cache.problems == ()
        yield one


GATEWAY = f"INSERT INTO gateways (tenant, name, cidr, protocols) VALUES ('{TENANT}', 'g', "
RATE = "tutorial RT_SMS"

BROKEN: list[tuple[str, str, Place, str]] = [
    # what, the statement, where the problem is, a part of its text
    ("a tenant's unit", "UPDATE tenants SET unit = 'XYZ'", ("tenants", TENANT, "unit"), "no unit XYZ"),
    (
        "a tenant's zone",
        "UPDATE tenants SET zone = 'Mars/Base'",
        ("tenants", TENANT, "zone"),
        "no time zone 'Mars/Base'",
    ),
    ("a zone out of its folder", "UPDATE tenants SET zone = '../UTC'", ("tenants", TENANT, "zone"), "no time zone"),
    ("a zone that is a folder", "UPDATE tenants SET zone = 'Europe'", ("tenants", TENANT, "zone"), "no time zone"),
    (
        "a balance type's unit",
        "INSERT INTO balance_types (name, unit, cascade_order) VALUES ('b', 'XYZ', 1)",
        ("balance_types", "b", "unit"),
        "XYZ",
    ),
    (
        "an account's tenant",
        "UPDATE accounts SET tenant = 'no' WHERE id = 2",
        ("accounts", "1002", "tenant"),
        "tenant no",
    ),
    (
        "an account's client",
        "UPDATE accounts SET client = 'no' WHERE id = 1",
        ("accounts", "1001", "client"),
        "client no",
    ),
    ("a client gone", "DELETE FROM clients", ("accounts", "1001", "client"), "there is no client shop"),
    (
        "a password in clear",
        "UPDATE accounts SET password = 'hush' WHERE id = 1",
        ("accounts", "1001", "password"),
        "seal",
    ),
    (
        "a block of no account",
        "INSERT INTO account_addresses (account, cidr) VALUES (99, '203.0.113.0/24')",
        ("account_addresses", "203.0.113.0/24", "account"),
        "no account with the id 99",
    ),
    (
        "a block of an account below zero",
        "INSERT INTO account_addresses (account, cidr) VALUES (-1, '203.0.113.0/24')",
        ("account_addresses", "203.0.113.0/24", "account"),
        "no account with the id -1",
    ),
    (
        "a block of two accounts, spelt otherwise",
        "INSERT INTO account_addresses (account, cidr) VALUES (2, '192.0.2.0/255.255.255.128')",
        ("account_addresses", "1002", "cidr"),
        "is to be written 192.0.2.0/25",
    ),
    (
        "no block",
        "UPDATE account_addresses SET cidr = '300.0.0.0/8'",
        ("account_addresses", "1002", "cidr"),
        "300.0.0.0/8",
    ),
    (
        "host bits",
        "UPDATE account_addresses SET cidr = '192.0.2.1/25'",
        ("account_addresses", "1002", "cidr"),
        "host bits",
    ),
    ("an empty block", "UPDATE account_addresses SET cidr = ''", ("account_addresses", "1002", "cidr"), "''"),
    ("a gateway's block", GATEWAY + "'10.0.0.1/8', 'sip')", ("gateways", "g", "cidr"), "host bits"),
    ("a gateway's tenant", "UPDATE gateways SET tenant = 'no'", ("gateways", "nas", "tenant"), "no tenant no"),
    ("a gateway's protocol", GATEWAY + "'10.0.0.0/8', 'sip,telnet')", ("gateways", "g", "protocols"), "'telnet'"),
    ("a gateway's secret", "UPDATE gateways SET secret = 'hush'", ("gateways", "nas", "secret"), "not sealed"),
    (
        "two gateways of one block",
        "INSERT INTO gateways (tenant, name, cidr, secret, protocols)"
        " SELECT tenant, 'twin', cidr, secret, 'sip,radius' FROM gateways",
        ("gateways", "twin", "cidr"),
        "198.51.100.0/24 is nas's already for radius",
    ),
    ("a carrier's plan", "UPDATE carriers SET plan = 'no'", ("carriers", "x", "plan"), "no carrier plan no"),
    ("a carrier's host", "UPDATE carriers SET host = 'a b'", ("carriers", "x", "host"), "'a b' is no host"),
    (
        "a header in a carrier's host",
        "UPDATE carriers SET host = 'x.invalid>' || char(13, 10) || 'Via: y'",
        ("carriers", "x", "host"),
        "is no host",
    ),
    ("what a carrier adds", "UPDATE carriers SET add_prefix = 'a@'", ("carriers", "x", "add_prefix"), "no prefix"),
    (
        "a carrier rate's plan",
        "INSERT INTO carrier_rates VALUES (NULL, 'no', '49', '1')",
        ("carrier_rates", "no 49", "plan"),
        "no carrier plan no",
    ),
    (
        "a carrier rate's prefix",
        "UPDATE carrier_rates SET prefix = '4x'",
        ("carrier_rates", "base 4x", "prefix"),
        "'4x' is no prefix",
    ),
    (
        "a carrier's price out of range",
        "UPDATE carrier_rates SET price = '99999999999'",
        ("carrier_rates", "base 44", "price"),
        "too large",
    ),
    (
        "a carrier's price too fine",
        "UPDATE carrier_rates SET price = '0.0000000001'",
        ("carrier_rates", "base 44", "price"),
        "more than 9 decimals",
    ),
    (
        "a price out of range",
        "UPDATE tariff_rates SET rate = '9223372036854775808' WHERE tag = 'RT_SMS'",
        ("tariff_rates", RATE, "rate"),
        "not a decimal number",
    ),
    (
        "a price out of range at its scale",
        "UPDATE tariff_rates SET rate = '999999999999999999.01' WHERE tag = 'RT_SMS'",
        ("tariff_rates", RATE, "rate"),
        "too large",
    ),
    (
        "a step",
        "UPDATE tariff_rates SET rate_unit = '1x' WHERE tag = 'RT_SMS'",
        ("tariff_rates", RATE, "rate_unit"),
        "'1x'",
    ),
    (
        "a slot",
        "INSERT INTO tariff_rates VALUES (NULL, 'tutorial', 'RT_SMS', '0', '0.05', '1', '1', '0s')",
        ("tariff_rates", RATE, "slot_start"),
        "two slots of this rate start at the same age",
    ),
    (
        "a prefix",
        "UPDATE tariff_destinations SET prefix = '44x' WHERE prefix = '447'",
        ("tariff_destinations", "tutorial DST_UK_MOBILE", "prefix"),
        "'44x' is no prefix",
    ),
    (
        "a timing",
        "UPDATE tariff_timings SET week_days = '8' WHERE tag = 'DAY'",
        ("tariff_timings", "tutorial DAY", "week_days"),
        "not between 0 and 7",
    ),
    (
        "a timing gone",
        "DELETE FROM tariff_timings WHERE tag = 'DAY'",
        ("tariff_rating_plans", "tutorial RP_RETAIL", "timing"),
        "no timing DAY",
    ),
    (
        "timings that meet",
        "UPDATE tariff_rating_plans SET timing = 'WEEKEND' WHERE timing = 'DAY'",
        ("tariff_rating_plans", "tutorial RP_RETAIL", "timing"),
        "for DST_1002, and whatever is priced like it, another price has the same weight and start",
    ),
    (
        "a destination gone",
        "DELETE FROM tariff_destinations WHERE tag = 'DST_UK_MOBILE'",
        ("tariff_destination_rates", "tutorial DR_LOW", "destination"),
        "no destination DST_UK_MOBILE",
    ),
    (
        "a rate gone",
        "DELETE FROM tariff_rates WHERE tag = 'RT_SMS'",
        ("tariff_destination_rates", "tutorial DR_SMS", "rate"),
        "no rate RT_SMS",
    ),
    (
        "destination rates gone",
        "DELETE FROM tariff_destination_rates WHERE tag = 'DR_SMS'",
        ("tariff_rating_plans", "tutorial RP_SMS", "destination_rate"),
        "no destination rates DR_SMS",
    ),
    (
        "a rating plan gone",
        "DELETE FROM tariff_rating_plans WHERE tag = 'RP_SMS'",
        ("tariff_rating_profiles", f"tutorial {TENANT} sms *any", "rating_plan"),
        "no rating plan RP_SMS",
    ),
    (
        "an activation",
        "UPDATE tariff_rating_profiles SET activation = 'soon' WHERE category = 'sms'",
        ("tariff_rating_profiles", f"{TENANT} sms *any", "activation"),
        "'soon' is no point in time",
    ),
    (
        "an activation twice",
        "INSERT INTO tariff_rating_profiles SELECT NULL, plan, tenant, category, subject, '1389657600', rating_plan, ''"
        " FROM tariff_rating_profiles WHERE category = 'sms'",
        ("tariff_rating_profiles", f"{TENANT} sms *any", "activation"),
        "two activations at",
    ),
]


@pytest.mark.parametrize(("statement", "place", "text"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_change_leaves_the_old_generation_in_force(
    snapshot: Compiled, statement: str, place: Place, text: str
) -> None:
    before, generation = snapshot.rows(), snapshot.reader.generation
    plain_sql(snapshot.database, statement)
    assert not snapshot.check()
    assert place in snapshot.problems()
    fault = next(one for one in snapshot.cache.problems if (one.table, one.row, one.column) == place)
    assert text in str(fault)
    assert "hush" not in str(fault)
    assert snapshot.rows() == before
    assert snapshot.reader.generation == generation
    assert snapshot.tally.counts["config_compile_failed", "problems"] == 1


def test_all_of_it_is_named_at_once_and_again_until_it_is_mended(snapshot: Compiled) -> None:
    before = snapshot.rows()
    wrong = [
        row for row in BROKEN if row[0] in ("a tenant's zone", "no block", "a carrier's host", "a prefix", "a slot")
    ]
    snapshot.sql(*(statement for _, statement, _, _ in wrong), "UPDATE accounts SET wallet = 'w' WHERE id = 1")
    places = {place for _, _, place, _ in wrong}
    assert set(snapshot.problems()) == places
    assert not snapshot.check()
    assert set(snapshot.problems()) == places
    # Mended one by one, the rest is still named, and nothing of it is in force.
    snapshot.sql("UPDATE tenants SET zone = 'UTC'", "UPDATE account_addresses SET cidr = '192.0.2.0/25'")
    assert {place[0] for place in snapshot.problems()} == {"carriers", "tariff_destinations", "tariff_rates"}
    assert snapshot.rows() == before
    assert snapshot.sql(
        "UPDATE carriers SET host = 'y.invalid'",
        "UPDATE tariff_destinations SET prefix = '447' WHERE prefix = '44x'",
        "DELETE FROM tariff_rates WHERE slot_start = '0s' AND tag = 'RT_SMS'",
    )
    assert snapshot.cache.problems == ()
    account = snapshot.reader.account_by_name("1001")
    assert account is not None
    assert account.wallet == "w"
    assert [rate.host for rate in snapshot.reader.carriers("4420")] == ["y.invalid"]


def test_a_broken_change_is_compiled_once_and_not_at_every_look(snapshot: Compiled) -> None:
    snapshot.sql("UPDATE tenants SET zone = 'no'")
    for _ in range(10):
        plain_sql(snapshot.database, "UPDATE tasks SET done_at = 'now'")  # moves the file and no revision
        assert not snapshot.check()
    assert snapshot.tally.counts["config_compile_failed", "problems"] == 1
    assert snapshot.problems() == [("tenants", TENANT, "zone")]


def test_a_database_that_cannot_be_read_is_a_problem_and_is_read_again(snapshot: Compiled) -> None:
    before = snapshot.rows()
    snapshot.sql("UPDATE tenants SET zone = 'no'")
    plain_sql(snapshot.database, "UPDATE clients SET name = CAST(x'ff' AS TEXT)")  # text that is no UTF-8
    assert not snapshot.check()
    assert [fault.table for fault in snapshot.cache.problems] == ["config database"]
    assert snapshot.tally.counts["config_compile_failed", "unreadable"] == 1
    plain_sql(snapshot.database, "UPDATE clients SET name = 'shop'")
    assert not snapshot.check()
    assert snapshot.problems() == [("tenants", TENANT, "zone")]
    assert snapshot.sql("UPDATE tenants SET zone = 'UTC'")
    assert snapshot.rows() != before


def test_names_too_long_for_a_key_together(snapshot: Compiled) -> None:
    """64 + 128 letters of four octets each are 768, more than a key's 500."""
    snapshot.sql(
        f"UPDATE tariff_rating_profiles SET category = '{chr(0x1F600) * 64}', subject = '{chr(0x1F600) * 128}'"
        " WHERE subject = '1003'"
    )
    (fault,) = snapshot.cache.problems
    assert (fault.table, fault.text) == ("snapshot", "the names together are too long")


def test_the_metrics_say_so(snapshot: Compiled) -> None:
    from prometheus_client import generate_latest

    snapshot.sql("UPDATE tenants SET zone = 'no'")
    text = generate_latest(registry(snapshot.tally, [])).decode()
    assert 'tollhouse_config_compile_failed_total{reason="problems"} 1.0' in text
    assert "tollhouse_config_published_total 1.0" in text


def test_a_start_over_a_broken_configuration_serves_the_last_one_that_was_in_force(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    with database.change("test") as change:
        change.add_account(NewAccount(TENANT, "1001"))
    first = Compiled(database, tmp_path)
    before, revision = first.rows(), database.revision()
    first.close()
    plain_sql(database, "UPDATE tenants SET zone = 'no'", "UPDATE accounts SET enabled = 0")
    with compiled(database, tmp_path) as again:
        assert again.rows() == before
        assert again.problems() == [("tenants", TENANT, "zone")]
        account = again.reader.account_by_name("1001")
        assert account is not None
        assert account.enabled
        assert SnapshotWriter(again.file).origin().revision == revision
