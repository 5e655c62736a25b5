"""Subscribers brought over on an engine: judged before anything is made, made once, also across crashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.configdb.support import TENANT, open_tenant, plain_sql, sell
from tests.engine.rig import BEGIN, EUR, Rig, refusal
from twisted.internet.defer import maybeDeferred

from tollhouse.cachemanager.watch import CacheManager
from tollhouse.configdb.database import ConfigDatabase
from tollhouse.console.desk import BringWish
from tollhouse.engine.tally import Tally
from tollhouse.main.bringing import ABREAST, SLICE, SubscriberDesk
from tollhouse.store.snapshot import LmdbSnapshot, SnapshotFile, SnapshotWriter
from tollhouse.values.commands import Adjust, Caller, Charge, CreateWallet, Recharge
from tollhouse.values.instants import DAY, format_instant
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Posted
from tollhouse.values.refusals import Refusal

LATER = format_instant(BEGIN + DAY)
FILE = (
    "wallet,account,product,balance_type,amount,expiry,state,credit_limit\n"
    f"anna,anna,prepaid,cash,10.50,,,\nanna,,,bonus,2,{LATER},,\nanna,,,minutes,600,,,\n"
    "bert,bert,,cash,-3,,suspended,20\n"
    "cleo,cleo,prepaid,cash,1,,preuse,\n"
)
TOTALS = [("bonus", "2", "2", "0"), ("cash", "8.5", "8.5", "0"), ("minutes", "600", "600", "0")]
"""10.50 - 3 + 1 = 8.50 euros."""


class House:
    """An engine on what is compiled of a database, and the desk; `run` lets the reactor turn, at most so often."""

    def __init__(self, directory: Path, database: ConfigDatabase) -> None:
        self.directory = directory
        self.database = database
        file = SnapshotFile(directory / "config.lmdb")
        self.cache = CacheManager(database, SnapshotWriter(file), Tally())
        self.cache.check(BEGIN)
        assert not self.cache.problems
        self.snapshot = LmdbSnapshot(file)
        self.rig = Rig(snapshot=self.snapshot)  # type: ignore[arg-type]

    def refresh(self) -> None:
        self.cache.check(BEGIN)
        self.snapshot.refresh()

    def begin(self, text: str = FILE, totals: str = "", dry_run: bool = False, name: str = "bring") -> list[Any]:
        """The list gets the report."""
        path = self.directory / "subs.csv"
        path.write_text(text)
        if totals:
            (self.directory / "totals.csv").write_text(totals)
        said: list[Any] = []
        desk = SubscriberDesk(self.rig.engine, self.database, self.cache, maybeDeferred, self.rig.soon.append)
        desk.load(
            BringWish(str(path), dry_run, str(self.directory / "totals.csv") if totals else "", name), said.append
        )
        return said

    def run(self, turns: int = 10**9) -> None:
        while self.rig.soon and turns:
            self.rig.soon.pop(0)()
            turns -= 1

    def bring(self, text: str = FILE, **wish: Any) -> Any:
        said = self.begin(text, **wish)
        self.run()
        (report,) = said
        return report


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path) as made:
        yield made


@contextmanager
def opened(directory: Path) -> Iterator[House]:
    database = open_tenant(directory)
    with database.change("test") as change:
        sell(change)
    plain_sql(database, "UPDATE balance_types SET limit_type = 'credit' WHERE name = 'cash'")
    made = House(directory, database)
    yield made
    made.cache.close()
    database.close()


def totals(report: Any) -> list[tuple[str, ...]]:
    return [tuple(one[key] for key in ("balance_type", "before", "after", "difference")) for one in report["totals"]]


def text_of(report: Any) -> list[tuple[int, str, str]]:
    return [(one["line"], one["value"], one["expected"]) for one in report["problems"]]


def test_wallets_come_with_all_they_have_in_one_record(house: House) -> None:
    report = house.bring()
    assert (report["loaded"], report["balanced"], report["in_force"], report["problems"]) == (True, True, True, [])
    assert (report["wallets_new"], report["wallets_known"], report["accounts_new"]) == (3, 0, 3)
    assert totals(report) == TOTALS
    anna = house.rig.wallet("anna")
    assert (anna.state, anna.product, anna.activated) == ("active", "prepaid", BEGIN)
    assert sorted((one.balance_type, one.value, one.expiry) for one in anna.buckets) == [
        ("bonus", 2 * EUR, BEGIN + DAY),
        ("cash", 10_500_000, 0),
        ("minutes", 600, 0),
    ]
    assert [record.kind for record in house.rig.records("anna")] == ["open"]
    bert, cleo = house.rig.wallet("bert"), house.rig.wallet("cleo")
    assert (bert.state, bert.balance, bert.credit_limit) == ("suspended", -3 * EUR, 20 * EUR)
    assert (cleo.state, cleo.balance) == ("preuse", EUR)
    house.refresh()
    assert house.snapshot.account_by_name("bert").wallet == "bert"  # type: ignore[union-attr]
    house.rig.proved()


def test_again_makes_nothing_twice_also_after_money_has_moved(house: House) -> None:
    """The totals are those of the cut-over."""
    house.bring()
    assert isinstance(house.rig.ask(Recharge("api", "anna", "r", Amount(EUR, "EUR"))), Posted)
    house.rig.restart()
    report = house.bring()
    assert (report["loaded"], report["balanced"]) == (True, True)
    assert (report["wallets_new"], report["wallets_known"], report["accounts_known"]) == (0, 3, 3)
    assert totals(report) == TOTALS
    assert len(house.rig.records("anna")) == 2
    house.rig.proved()


def test_also_when_dates_are_over_that_were_to_come(house: House) -> None:
    house.bring()
    house.rig.sweep(2 * DAY // 10**6)
    report = house.bring()
    assert (report["problems"], report["wallets_known"], report["balanced"]) == ([], 3, True)


def test_the_same_lines_in_another_order_are_the_same(house: House) -> None:
    house.bring("wallet,balance_type,amount\na,cash,1\nb,cash,2\n")
    report = house.bring("amount,balance_type,wallet\n2,cash,b\n1,cash,a\n")
    assert (report["wallets_new"], report["wallets_known"], report["balanced"]) == (0, 2, True)


def test_another_amount_for_a_wallet_that_is_there_is_a_problem_and_loads_nothing(house: House) -> None:
    house.bring("wallet,balance_type,amount\na,cash,1\n")
    report = house.bring("wallet,balance_type,amount\nb,cash,1\na,cash,2\n")
    assert not report["loaded"]
    ((line, value, expected),) = text_of(report)
    assert (line, value) == (3, "a")
    assert expected.startswith("the same as when it was brought over")
    assert house.rig.engine.book.wallet("b") is None


def test_a_wallet_that_others_made_is_a_problem_also_under_another_name(house: House) -> None:
    house.rig.ask(CreateWallet("api", "mine", "k", "EUR"))
    house.bring("wallet\na\n")
    for name, wallet in (("bring", "mine"), ("second", "a")):
        ((line, value, expected),) = text_of(house.bring(f"wallet\n{wallet}\n", name=name))
        assert (line, value) == (2, wallet)
        assert expected.startswith("a new wallet")


def test_a_dry_run_changes_nothing_and_tells_the_same(house: House) -> None:
    before = house.database.revision(), house.rig.store.batches
    report = house.bring(dry_run=True)
    assert (report["loaded"], report["dry_run"], report["balanced"]) == (False, True, True)
    assert (report["wallets_new"], report["accounts_new"]) == (3, 3)
    assert totals(report) == TOTALS
    assert (house.database.revision(), house.rig.store.batches) == before


@pytest.mark.parametrize("dry_run", [False, True])
def test_with_any_problem_nothing_is_loaded(house: House, dry_run: bool) -> None:
    """One in the file, a date that is over, and one that only the engine sees: a debt of 3 beyond a limit of 2."""
    before = house.database.revision(), house.rig.store.batches
    over = format_instant(BEGIN)
    wrong = house.bring(f"wallet,balance_type,amount,expiry\na,cash,x,\nb,bonus,1,{over}\nc,cash,1,\n", dry_run=dry_run)
    assert [one[:2] for one in text_of(wrong)] == [(2, "x"), (3, over)]
    report = house.bring("wallet,balance_type,amount,credit_limit\na,cash,1,\nb,cash,-3,2\n", dry_run=dry_run)
    assert (report["loaded"], report["balanced"], report["totals"]) == (False, False, [])
    ((line, value, expected),) = text_of(report)
    assert (line, value) == (3, "b")
    assert "insufficient_funds" in expected
    assert (house.database.revision(), house.rig.store.batches) == before


def test_what_a_maximum_would_cap_is_a_problem(house: House) -> None:
    """Else the totals would differ when it is too late."""
    plain_sql(house.database, "UPDATE balance_types SET maximum = '5', maximum_policy = 'cap' WHERE name = 'bonus'")
    house.refresh()
    report = house.bring("wallet,balance_type,amount\na,bonus,5\nb,bonus,5.01\n")
    assert text_of(report) == [(3, "b", "amounts that its balance types take whole")]
    assert house.rig.engine.book.wallet("a") is None


def test_totals_that_hidden_types_are_in(house: House) -> None:
    with house.database.change("test") as change:
        change.set_parameter(TENANT, "wallet.hidden_balance_types", "bonus")
    house.refresh()
    report = house.bring()
    assert totals(report) == TOTALS
    assert "bonus" not in [bucket.balance_type for bucket in house.rig.wallet("anna").buckets]


def test_the_old_platform_s_totals(house: House) -> None:
    wrong = house.bring(totals="balance_type,amount\ncash,8.51\nbonus,2\nminutes,600\n")
    assert not wrong["loaded"]
    assert text_of(wrong) == [(0, "8.51", "8.5 of cash, which the subscribers' file comes to")]
    assert house.rig.engine.book.wallet("anna") is None
    right = house.bring(totals="balance_type,amount\ncash,8.50\nbonus,2\nminutes,600\n")
    assert totals(right) == TOTALS


@pytest.mark.parametrize("turns", range(14))
def test_cut_short_at_any_turn_it_is_cured_by_running_it_again(tmp_path: Path, turns: int) -> None:
    """500 wallets of one euro, judged in slices of 64 and made 128 at a time: what was begun is gone on with."""
    text = "wallet,account,balance_type,amount\n" + "".join(f"w{n},w{n},cash,1\n" for n in range(500))
    with opened(tmp_path) as house:
        said = house.begin(text)
        house.run(turns)
        made = sum(house.rig.engine.book.wallet(f"w{n}") is not None for n in range(500))
        assert not said
        house.rig.restart()
        report = house.bring(text)
        assert (report["wallets_known"], report["wallets_new"]) == (made, 500 - made)
        assert totals(report) == [("cash", "500", "500", "0")]
        assert all(house.rig.wallet(f"w{n}").records == 1 for n in range(500))
        house.rig.proved()


def test_those_turns_cut_it_at_the_judging_and_in_the_middle_of_the_making(house: House) -> None:
    """500 / 64: 8 slices; so of 14 turns the last ones are among the four times that wallets are asked for."""
    assert (SLICE, ABREAST) == (64, 128)
    house.begin("wallet\n" + "".join(f"w{n}\n" for n in range(500)))
    house.run(13)
    made = sum(house.rig.engine.book.wallet(f"w{n}") is not None for n in range(500))
    assert 0 < made < 500


def test_one_at_a_time(house: House) -> None:
    waiting: list[Callable[[], None]] = []
    desk = SubscriberDesk(house.rig.engine, house.database, house.cache, maybeDeferred, waiting.append)
    (house.directory / "subs.csv").write_text(FILE)
    said: list[Any] = []
    for _ in range(2):
        desk.load(BringWish(str(house.directory / "subs.csv"), dry_run=True), said.append)
    assert [one["problems"][0]["expected"] for one in said] == ["another import of subscribers is running"]
    while waiting:
        waiting.pop(0)()
    desk.load(BringWish(str(house.directory / "subs.csv"), dry_run=True), said.append)
    while waiting:
        waiting.pop(0)()
    assert [one["balanced"] for one in said] == [False, True, True]


BATCH = "wallet,batch,state,balance_type,amount\numa,2026-11,preuse,cash,1\nvera,2026-11,active,cash,2\n"


def test_those_of_a_batch_are_sold_as_it_is_and_an_inactive_one_refuses_the_first_use(house: House) -> None:
    """Case 66 for subscribers that were brought over: 1 euro waits for the batch, 2 euros have been in use."""
    plain_sql(house.database, "UPDATE account_batches SET active = 0")
    house.refresh()
    report = house.bring(BATCH)
    assert (report["problems"], report["wallets_new"], report["balanced"]) == ([], 2, True)
    uma, vera = house.rig.wallet("uma"), house.rig.wallet("vera")
    assert [(one.state, one.product, one.batch) for one in (uma, vera)] == [
        ("preuse", "prepaid", "2026-11"),
        ("active", "prepaid", "2026-11"),
    ]
    charge = Charge(Caller("api", wallet="uma"), "first", Amount(EUR, "EUR"))
    assert refusal(house.rig.ask(charge)) is Refusal.WALLET_SUSPENDED
    assert house.rig.wallet("uma").state == "preuse"
    assert isinstance(house.rig.ask(Charge(Caller("api", wallet="vera"), "next", Amount(EUR, "EUR"))), Posted)
    plain_sql(house.database, "UPDATE account_batches SET active = 1")
    house.refresh()
    assert isinstance(house.rig.ask(charge), Posted)
    again = house.bring(BATCH)
    assert (again["wallets_known"], again["balanced"]) == (2, True)
    house.rig.proved()


def test_again_is_the_same_also_when_the_batch_is_sold_as_something_else(house: House) -> None:
    house.bring(BATCH)
    plain_sql(
        house.database,
        f"INSERT INTO products (tenant, name) VALUES ('{TENANT}', 'gold')",
        "UPDATE account_batches SET product = 'gold'",
    )
    house.refresh()
    again = house.bring(BATCH + "wera,2026-11,preuse,cash,1\n")
    assert (again["problems"], again["wallets_new"], again["wallets_known"]) == ([], 1, 2)
    assert [house.rig.wallet(name).product for name in ("uma", "wera")] == ["prepaid", "gold"]


def test_an_expired_batch_is_a_problem_for_new_ones_that_were_not_used_yet(house: House) -> None:
    house.bring(BATCH)
    plain_sql(house.database, f"UPDATE account_batches SET expiry = '{format_instant(BEGIN)}'")
    house.refresh()
    report = house.bring(BATCH + "wera,2026-11,preuse,cash,1\nxena,2026-11,,cash,1\n")
    assert text_of(report) == [(4, "2026-11", "a batch that has not expired: what is not used by then is terminated")]
    house.rig.later(1)
    known = house.bring(BATCH + "xena,2026-11,,cash,1\n")
    assert (known["problems"], known["wallets_known"], known["wallets_new"]) == ([], 2, 1)


def test_a_file_that_is_none_is_a_problem(house: House) -> None:
    said: list[Any] = []
    desk = SubscriberDesk(house.rig.engine, house.database, house.cache, maybeDeferred, house.rig.soon.append)
    desk.load(BringWish(str(house.directory)), said.append)
    ((line, value, _),) = text_of(said[0])
    assert (line, value) == (0, str(house.directory))


def test_what_was_brought_over_is_corrected_by_hand(house: House) -> None:
    house.bring()
    house.rig.ask(Adjust("api", "anna", "a1", Amount(-EUR, "EUR"), "anna", "counted wrongly there"))
    assert house.rig.wallet("anna").balance == 11_500_000  # 10.50 + 2 of bonus - 1
    assert house.bring()["balanced"]
    house.rig.proved()
