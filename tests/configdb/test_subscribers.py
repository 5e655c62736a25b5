"""Files of subscribers: every mistake at once with its place, and what comes of a file without one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.configdb.support import NOW, TENANT, open_tenant, plain_sql, sell

from tollhouse.configdb.bulk import BULK
from tollhouse.configdb.changes import NewAccount
from tollhouse.configdb.database import ConfigDatabase
from tollhouse.configdb.rows import TenantRow, UnitRow
from tollhouse.configdb.subscriber_files import Flaw
from tollhouse.configdb.subscribers import Arrival, Balance, add_accounts, read_arrival
from tollhouse.values.instants import parse_instant
from tollhouse.values.recharges import ExpiryPolicy, Line, Validity

MAY = "2027-05-01T00:00:00Z"
DATED = Validity(ExpiryPolicy.ABSOLUTE, date=parse_instant(MAY))


@pytest.fixture
def database(tmp_path: Path) -> ConfigDatabase:
    made = open_tenant(tmp_path)
    with made.change("test") as change:
        sell(change)
    return made


def read(database: ConfigDatabase, text: str, totals: str | None = None, name: str = "bring") -> Arrival:
    folder = database.path.parent
    (folder / "subs.csv").write_text(text)
    if totals is not None:
        (folder / "totals.csv").write_text(totals)
    return read_arrival(database, folder / "subs.csv", None if totals is None else folder / "totals.csv", name, NOW)


def places(arrival: Arrival) -> list[tuple[int, str, str]]:
    return [(flaw.line, flaw.column, flaw.value) for flaw in arrival.flaws]


def test_a_wallet_has_a_line_for_each_bucket_in_any_order_of_columns(database: ConfigDatabase) -> None:
    """Two of the four lines of anna's are one bucket: 1.25 + 0.75 = 2 euros of bonus until May."""
    found = read(
        database,
        "amount,wallet,balance_type,expiry,account,ani,password,product,batch,credit_limit,wallet_expiry\n"
        f"10.50,anna,cash,,anna,4930111,word,prepaid,2026-11,20,{MAY}\n"
        f"1.25,anna,bonus,{MAY},,,,,,,\n"
        f"0.75,anna,bonus,{MAY},anna-2,4930112,,,,,\n"
        "600,anna,minutes,,,,,,,,\n"
        "\n"
        ",bert,,,,,,,,,\n",
    )
    assert (found.flaws, found.lines) == ((), 5)
    anna, bert = (one.command for one in found.wallets)
    assert (anna.wallet, anna.tenant, anna.unit, anna.state) == ("anna", TENANT, "EUR", "active")
    assert (anna.product, anna.batch, anna.credit_limit) == ("prepaid", "2026-11", 20_000_000)
    assert anna.expiry == parse_instant(MAY)
    assert anna.lines == (Line("cash", 10_500_000), Line("bonus", 2_000_000, DATED), Line("minutes", 600))
    assert (bert.wallet, bert.lines, bert.opening) == ("bert", (), 0)
    assert found.accounts == (
        NewAccount(TENANT, "anna", password="word", ani="4930111", wallet="anna"),
        NewAccount(TENANT, "anna-2", ani="4930112", wallet="anna"),
    )
    assert found.balances == (
        Balance("bonus", "EUR", 6, 2_000_000),
        Balance("cash", "EUR", 6, 10_500_000),
        Balance("minutes", "second", 0, 600),
    )


def test_the_key_is_made_of_import_tenant_and_wallet_alone(database: ConfigDatabase) -> None:
    def key(text: str, name: str = "bring") -> str:
        (wallet,) = read(database, text, name=name).wallets
        return wallet.command.key

    first = key("wallet,balance_type,amount\nanna,cash,1\n")
    assert key("amount,balance_type,wallet,account\n2,bonus,anna,x\n") == first
    assert key(f"wallet,tenant\nanna,{TENANT}\n") == first
    assert key("wallet\nanna\n", "second") != first
    assert key("wallet\nannb\n") != first


def test_every_mistake_is_told_at_once_with_line_column_value_and_what_was_expected(database: ConfigDatabase) -> None:
    found = read(
        database,
        "wallet,tenant,account,ani,product,batch,state,balance_type,amount,expiry,start,weight,credit_limit\n"
        ",,,,,,,,,,,,\n"  # 2
        "a,nobody,,,,,,cash,1,,,,\n"  # 3
        'b,,,,gold,2020-01,gone,cash,"1,5",,,,\n'  # 4
        "c,,,,,,preuse,gold,1,soon,,,-1\n"  # 5
        f"d,,,,,,,cash,1,{MAY},{MAY},heavy,\n"  # 6
        "e,,,4930,,,,cash,0.0000001,,,,\n"  # 7
        "f,,x,1,,,,cash,,,,,\n"  # 8
        "f,,x,2,,,frozen,bonus,-1,,,,\n"  # 9
        "g,,x,,,,,,5,,,,\n"  # 10
        "f,,y,1,,,dormant,,,,,,\n"  # 11
        "h,,,\n",  # 12
    )
    assert places(found) == [
        (2, "wallet", ""),
        (3, "tenant", "nobody"),
        (4, "amount", "1,5"),
        (4, "state", "gone"),
        (4, "product", "gold"),
        (4, "batch", "2020-01"),
        (5, "balance_type", "gold"),
        (5, "expiry", "soon"),
        (5, "credit_limit", "-1"),
        (5, "state", "preuse"),
        (6, "weight", "heavy"),
        (6, "start", MAY),
        (7, "ani", "4930"),
        (7, "amount", "0.0000001"),
        (8, "amount", ""),
        (9, "ani", "2"),
        (9, "amount", "-1"),
        (10, "account", "x"),
        (10, "balance_type", ""),
        (11, "state", "dormant"),
        (11, "ani", "1"),
        (12, "", "4"),
    ]
    said = {(flaw.line, flaw.column): flaw.expected for flaw in found.flaws}
    assert {flaw.file for flaw in found.flaws} == {"subs.csv"}
    assert said[3, "tenant"] == f"one of {TENANT}"
    assert said[4, "amount"] == "a decimal number with at most 6 decimals"
    assert said[9, "ani"] == "the same as in line 8, or nothing"
    assert said[10, "account"] == "one wallet an account: line 8 says f"
    assert said[11, "ani"] == "one account a number: x has this one"
    assert said[12, ""] == "13 cells, as in the heading"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [(1, "wallet", "")]),
        ("account,amount\n", [(1, "wallet", "")]),
        ("wallet,colour,wallet\n", [(1, "colour", "colour"), (1, "wallet", "wallet")]),
        ('wallet\n"anna\n', [(2, "", "")]),
    ],
)
def test_a_heading_is_needed_and_what_is_unknown_is_refused(
    database: ConfigDatabase, text: str, expected: list[tuple[int, str, str]]
) -> None:
    assert places(read(database, text)) == expected


def test_files_that_cannot_be_read(database: ConfigDatabase) -> None:
    folder = database.path.parent
    (folder / "latin.csv").write_bytes(b"wallet\nM\xfcller\n")
    for name, expected in (("nowhere.csv", "a file that can be read"), ("latin.csv", "text in UTF-8")):
        (flaw,) = read_arrival(database, folder / name, None, "bring", NOW).flaws
        assert flaw.line == 0
        assert flaw.expected.startswith(expected)


def test_a_password_is_never_told(database: ConfigDatabase) -> None:
    found = read(database, "wallet,account,password\na,x,open sesame\na,x,another word\nb,,third word\n")
    assert places(found) == [(3, "password", "(not shown)"), (4, "password", "(not shown)")]


def test_a_date_that_is_over_is_told_with_the_wallet_it_concerns(database: ConfigDatabase) -> None:
    """It is no mistake for a wallet that was brought over before that date: whoever asks the engine knows."""
    over = "2026-11-23T09:59:59Z"
    found = read(
        database, f"wallet,balance_type,amount,expiry,wallet_expiry\na,cash,1,{over},{over}\nb,cash,1,{MAY},\n"
    )
    assert found.flaws == ()
    assert [one.past for one in found.wallets] == [
        (
            Flaw("subs.csv", 2, "expiry", over, "a time to come"),
            Flaw("subs.csv", 2, "wallet_expiry", over, "a time to come"),
        ),
        (),
    ]


def test_below_zero_is_for_cash_with_a_limit_of_credit(database: ConfigDatabase) -> None:
    debt = "wallet,balance_type,amount,credit_limit\npost,cash,-12.50,50\n"
    assert places(read(database, debt)) == [(2, "amount", "-12.50")]
    plain_sql(database, "UPDATE balance_types SET limit_type = 'credit' WHERE name = 'cash'")
    (wallet,) = read(database, debt).wallets
    assert wallet.command.lines == (Line("cash", -12_500_000, adjust=True),)


def test_of_several_tenants_one_is_to_be_named_and_money_is_in_its_unit(database: ConfigDatabase) -> None:
    with database.change("test") as change:
        change.add_unit(UnitRow("USD", 2))
        change.add_tenant(TenantRow("other", "USD"))
    found = read(database, "wallet,tenant,balance_type,amount\na,,cash,1\nb,other,cash,1\nc,other,minutes,60\n")
    assert places(found) == [(2, "tenant", ""), (3, "balance_type", "cash")]
    assert found.flaws[1].expected == "money in USD, the tenant's unit; this is in EUR"


def test_totals_are_the_old_platform_s_word(database: ConfigDatabase) -> None:
    subscribers = "wallet,balance_type,amount\na,cash,1.5\nb,cash,2\nb,minutes,60\n"
    assert read(database, subscribers, "balance_type,amount\nminutes,60\ncash,3.50\n").flaws == ()
    wrong = read(database, subscribers, "amount,balance_type\n3.49,cash\n1,bonus\n")
    assert [(flaw.file, flaw.value, flaw.expected) for flaw in wrong.flaws] == [
        ("totals.csv", "1", "0 of bonus, which the subscribers' file comes to"),
        ("totals.csv", "3.49", "3.5 of cash, which the subscribers' file comes to"),
        ("totals.csv", "", "60 of minutes, which the subscribers' file comes to"),
    ]
    broken = read(database, subscribers, "balance_type,amount\ngold,1\ncash,x\ncash,2\n")
    assert places(broken) == [(2, "balance_type", "gold"), (3, "amount", "x"), (4, "balance_type", "cash")]


def test_accounts_that_are_there_stay_and_are_no_one_else_s(database: ConfigDatabase) -> None:
    heading = "wallet,account,ani\n"
    first = read(database, f"{heading}a,a,49301\nb,b,49302\n")
    add_accounts(database, first.accounts, "bring", "test")
    again = read(database, f"{heading}a,a,49301\nb,b,\nc,c,49303\n")
    assert (again.flaws, again.accounts_known) == ((), 2)
    assert [account.name for account in again.accounts] == ["c"]
    taken = read(database, f"{heading}x,a,\nb,b,49309\nc,c,49301\n")
    assert [(flaw.line, flaw.column, flaw.expected) for flaw in taken.flaws] == [
        (2, "account", f"a new one: it is wallet a's, of tenant {TENANT}"),
        (3, "ani", "49302, as the account that is there has it"),
        (4, "ani", "a free number: account a has it"),
    ]


def test_many_accounts_are_one_row_of_the_audit(database: ConfigDatabase) -> None:
    many = [NewAccount(TENANT, f"s{number}") for number in range(BULK)]
    add_accounts(database, many, "bring", "wallet import")
    rows = plain_sql(database, "SELECT who, after FROM audit WHERE table_name = 'accounts'")
    assert rows == [("wallet import", f'{{"plan":"bring","rows":{BULK}}}')]
    assert plain_sql(database, "SELECT count(*) FROM accounts") == [(BULK,)]


def test_what_waits_for_its_first_use_needs_a_product_or_a_batch_that_has_not_expired(database: ConfigDatabase) -> None:
    """The batch 2026-11 expires a year later than NOW."""
    text = "wallet,batch,product,state\na,2026-11,,preuse\nb,,prepaid,preuse\nc,,,preuse\nd,2026-11,,\n"
    found = read(database, text)
    assert places(found) == [(4, "state", "preuse")]
    assert [(one.command.product, one.command.batch) for one in found.wallets[:2]] == [("", "2026-11"), ("prepaid", "")]
    plain_sql(database, "UPDATE account_batches SET expiry = '2026-11-23T10:00:00Z'")
    assert [[(flaw.line, flaw.column) for flaw in one.past] for one in read(database, text).wallets] == [
        [(2, "batch")],
        [],
        [],
        [],
    ]
    plain_sql(database, "UPDATE account_batches SET expiry = 'soon'")
    assert [one.past for one in read(database, text).wallets] == [(), (), (), ()]
