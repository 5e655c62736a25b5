"""Requirement oracle_vws 7.6 through the whole engine: recharges and their dates, wallets made, removed and emptied."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.engine.cases_rig import (
    LIT,
    buckets,
    commit,
    cost,
    dates,
    event,
    filled,
    initial,
    kinds,
    line_of,
    made,
    posted,
    recharge,
    rig_of,
    seconds,
    values,
    world,
)
from tests.engine.rig import Rig, refusal

from tollhouse.snapshot.accounts import BalanceType, MaximumPolicy
from tollhouse.snapshot.products import Product
from tollhouse.snapshot.rules import RechargeRules, Rules, WalletRules
from tollhouse.values.commands import Inspect, Recharge, RemoveWallet
from tollhouse.values.instants import DAY, parse_instant
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Done, Posted
from tollhouse.values.recharges import ExpiryPolicy, Line, Validity
from tollhouse.values.refusals import Refusal

JUNE = "2026-06-01T00:00:00Z"
IN_30_DAYS = Validity(ExpiryPolicy.FROM_TODAY, 30 * DAY)
"""From JUNE: 2026-07-01."""
VOUCHER = BalanceType("voucher", LIT, 3)
SECONDS = BalanceType("free", "second", 0, "voice", 1_000_000)
DOLLARS = BalanceType("dollars", "USD", 4)
FEW = BalanceType("few", LIT, 5, maximum=10, maximum_policy=MaximumPolicy.REFUSE)
TYPES = (VOUCHER, SECONDS, DOLLARS, FEW)


def rig_by(rules: Rules | None = None, **changed: object) -> Rig:
    """A rig in June, its provider's rules of recharging changed."""
    rules = rules or Rules(recharge=replace(RechargeRules(), **changed))
    return rig_of(world(rules, types=TYPES, products=(Product("p", initial=90 * DAY),)), at=JUNE)


def until(day: str) -> Validity:
    """An absolute date, midnight UTC."""
    return Validity(ExpiryPolicy.ABSOLUTE, date=parse_instant(f"{day}T00:00:00Z"))


def again(rig: Rig, bucket: int = 2) -> dict[int, str]:
    """10 more, from today for 30 days; the dates after it."""
    before = values(rig)[bucket]
    filled(rig, 10, "bonus", IN_30_DAYS, bucket=bucket)
    assert values(rig)[bucket] == before + 10
    rig.proved()
    return dates(rig)


@pytest.mark.parametrize(("may_shorten", "after"), [(True, "2026-07-01T00:00:00Z"), (False, "2026-12-31T00:00:00Z")])
def test_case_88_a_later_date(may_shorten: bool, after: str) -> None:
    """2026-12-31, recharged on 2026-06-01 for 30 days from today."""
    rig = rig_by(today_shortens_bucket=may_shorten)
    made(rig)
    filled(rig, 5, "bonus", until("2026-12-31"))
    assert again(rig) == {2: after, 1: ""}


def test_case_88_an_earlier_date_is_moved_whatever_the_flags() -> None:
    """The first row of 5.6 that has a bucket: 2026-06-10 becomes 2026-07-01, and no bucket is named."""
    rig = rig_by()
    made(rig)
    filled(rig, 5, "bonus", until("2026-06-10"))
    filled(rig, 10, "bonus", IN_30_DAYS)
    assert (values(rig), dates(rig)) == ({2: 15, 1: 0}, {2: "2026-07-01T00:00:00Z", 1: ""})
    rig.proved()


@pytest.mark.parametrize(("dates_it", "after"), [(True, "2026-07-01T00:00:00Z"), (False, "")])
def test_case_89_a_bucket_that_never_expires(dates_it: bool, after: str) -> None:
    rig = rig_by(today_dates_undated_bucket=dates_it)
    made(rig)
    filled(rig, 5, "bonus")
    assert again(rig) == {2: after, 1: ""}


@pytest.mark.parametrize("all_of_them", [True, False])
def test_case_90_three_buckets(all_of_them: bool) -> None:
    """With the rules of 88 and 89 on: all three change, or only the one that is recharged. The main bucket has no date
    in any case."""
    rig = rig_by(today_shortens_bucket=True, today_dates_undated_bucket=True, today_concerns_all_buckets=all_of_them)
    made(rig)
    for validity in (until("2026-12-31"), until("2027-12-31"), Validity()):
        filled(rig, 5, "bonus", validity)
    moved, own = "2026-07-01T00:00:00Z", {2: "2026-12-31T00:00:00Z", 3: "2027-12-31T00:00:00Z", 4: "", 1: ""}
    assert dates(rig) == own
    assert again(rig, 3) == ({2: moved, 3: moved, 4: moved, 1: ""} if all_of_them else {**own, 3: moved})


@pytest.mark.parametrize("makes", [True, False])
def test_case_91_a_new_bucket_without_a_date(makes: bool) -> None:
    """Made so that it never expires, or not made: then the line is left out, the others are done."""
    rig = rig_by(undated_buckets_are_made=makes)
    made(rig, 1)
    filled(rig, 10, "bonus")
    posted(rig.ask(recharge(rig, Line("bonus", 5), Line("voucher", 7, IN_30_DAYS))))
    found = {(one.balance_type, one.value, bool(one.expiry)) for one in buckets(rig)}
    undated = {("bonus", 15, False)} if makes else set()
    assert found == {("voucher", 7, True), ("cash", 1, False), *undated}
    rig.proved()


@pytest.mark.parametrize("may", [True, False])
def test_case_92_a_wallet_that_was_not_used_yet(may: bool) -> None:
    """Credited and activated, in one transaction; or refused, and still PreUse."""
    rig = rig_by(activates_preuse=may)
    made(rig, 100, product="p")
    outcome = rig.ask(recharge(rig, Line("cash", 50)))
    shown = rig.wallet()
    if may:
        posted(outcome)
        assert (shown.state, shown.balance, kinds(rig)) == ("active", 150, ["open", "recharge", "activation"])
        assert shown.expiry == parse_instant("2026-08-30T00:00:00Z")  # 90 days from 1 June
    else:
        assert refusal(outcome) is Refusal.WALLET_SUSPENDED
        assert (shown.state, shown.balance, kinds(rig)) == ("preuse", 100, ["open"])
    rig.proved()


def ended(rules: RechargeRules) -> Rig:
    """A wallet that was terminated at its date, on 30 August."""
    rig = rig_by(Rules(recharge=rules))
    made(rig, 100, product="p")
    posted(rig.ask(event(1)))
    rig.clock = parse_instant("2026-09-10T00:00:00Z")
    rig.sweep()
    assert (rig.wallet().state, rig.wallet().balance) == ("terminated", 0)
    return rig


def test_case_93_a_terminated_wallet_is_revived_by_an_extension() -> None:
    """30 days from 10 September: active until 10 October, with the 50."""
    rig = ended(RechargeRules(revives_terminated=True))
    posted(rig.ask(recharge(rig, Line("cash", 50), extension=IN_30_DAYS)))
    assert (rig.wallet().state, rig.wallet().balance) == ("active", 50)
    assert rig.wallet().expiry == parse_instant("2026-10-10T00:00:00Z")
    assert seconds(rig.ask(initial())) == 50
    rig.proved()


def test_case_93_without_an_extension_it_expires_at_once() -> None:
    """Credited and forfeited again in one transaction: both have their records."""
    rig = ended(RechargeRules(revives_terminated=True))
    before = kinds(rig)
    posted(rig.ask(recharge(rig, Line("cash", 50))))
    assert (rig.wallet().state, rig.wallet().balance) == ("terminated", 0)
    assert sorted(kinds(rig)[len(before) :]) == ["expiry", "life", "recharge"]
    assert refusal(rig.ask(initial())) is Refusal.WALLET_EXPIRED
    rig.proved()


@pytest.mark.parametrize("extension", [Validity(), IN_30_DAYS])
def test_case_93_or_it_is_refused(extension: Validity) -> None:
    rig = ended(RechargeRules(revives_terminated=False))
    before = rig.wallet()
    refused = rig.ask(recharge(rig, Line("cash", 50), extension=extension))
    assert refusal(refused) is Refusal.WALLET_EXPIRED
    assert rig.wallet() == before
    rig.proved()


@pytest.mark.parametrize("two_records", [True, False])
def test_case_94_a_balance_is_replaced(two_records: bool) -> None:
    """An expiry of 20 and then a recharge of 50 (types 3 and 8), or one recharge with 20 before and 50 after: what
    expired on the way is told beside it."""
    rig = rig_by(replace_leaves_expiry_record=two_records)
    made(rig)
    filled(rig, 20, "bonus")
    posted(rig.ask(recharge(rig, Line("bonus", 50, replace=True))))
    assert values(rig) == {2: 50, 1: 0}
    lines = [line_of(rig, record) for record in rig.records()[2:]]
    told = [(line["CDR_TYPE"][0], line["BALANCES"][0], line["COSTS"][0]) for line in lines]
    assert told == ([("3", "20", "20"), ("8", "0", "-50")] if two_records else [("8", "20", "-30")])
    assert [line.get("EXPIRED") for line in lines] == ([None, None] if two_records else [("20",)])
    rig.proved()


@pytest.mark.parametrize("each", [True, False])
def test_case_95_three_balances_at_once(each: bool) -> None:
    """One record for each, or one for all of them. (That a voucher brings them waits for vouchers.)"""
    rig = rig_by(record_per_balance=each)
    made(rig)
    posted(rig.ask(recharge(rig, Line("bonus", 1), Line("voucher", 2), Line("cash", 3))))
    assert kinds(rig) == ["open", *["recharge"] * (3 if each else 1)]
    assert rig.wallet().balance == 6
    rig.proved()


def test_case_98_a_wallet_is_removed_but_not_while_a_reservation_is_open() -> None:
    """Refused while a call is open; then wallet and buckets are gone, and a record says what went."""
    rig = rig_by()
    made(rig, 100)
    filled(rig, 20, "bonus")
    remove = RemoveWallet("api", "1001", "remove")
    rig.ask(initial(ask=60))
    assert refusal(rig.ask(remove)) is Refusal.INVALID
    assert (rig.wallet().balance, rig.wallet().held) == (120, 60)
    assert cost(rig.ask(commit(used=30))) == 30
    assert rig.ask(replace(remove, key="now")) == Done(1)
    assert refusal(rig.ask(Inspect("api", wallet="1001"))) is Refusal.UNKNOWN_WALLET
    assert rig.ask(replace(remove, key="now")) == Done(1)  # asked again
    last = rig.records()[-1]
    assert (last.kind, last.balance, [one.amount for one in last.postings]) == ("removal", 0, [-90])
    rig.restart()
    assert refusal(rig.ask(Inspect("api", wallet="1001"))) is Refusal.UNKNOWN_WALLET
    assert refusal(rig.ask(initial("c2"))) is Refusal.UNKNOWN_WALLET


@pytest.mark.parametrize("makes", [True, False])
def test_case_99_three_balance_types_that_a_wallet_is_made_with(makes: bool) -> None:
    """Three buckets of zero, or none; the main bucket of cash is there in any case."""
    rig = rig_by(Rules(wallet=WalletRules(makes_empty_buckets=makes)))
    shown = made(rig, types=("bonus", "voucher", "free"))
    three = [("bonus", 0), ("free", 0), ("voucher", 0)]
    assert sorted((one.balance_type, one.value) for one in shown.buckets if one.id != 1) == three * makes
    rig.proved()


def test_case_142_the_third_line_fails_and_none_is_done() -> None:
    """Its own culprit is named, in whatever way it fails: no such type, another unit, more than its type may hold."""
    rig = rig_by()
    made(rig, 100)
    before = rig.wallet()
    for third, why in (
        (Line("unheard-of", 1), Refusal.INVALID),
        (Line("dollars", 1), Refusal.UNIT_MISMATCH),
        (Line("few", 11), Refusal.AMOUNT_OUT_OF_RANGE),
        (Line("bonus", -1, adjust=True), Refusal.INSUFFICIENT_FUNDS),
    ):
        lines = (Line("cash", 5), Line("voucher", 6, IN_30_DAYS), third)
        outcome = rig.ask(recharge(rig, *lines, key=f"r-{third.balance_type}"))
        assert refusal(outcome) is why
        assert "line 3" in getattr(outcome, "detail", "")
        assert rig.wallet() == before
    assert kinds(rig) == ["open"]
    rig.proved()


def test_case_142_the_commands_own_amount_is_its_first_line() -> None:
    rig = rig_by()
    made(rig, 100)
    lines = (Line("voucher", 6, IN_30_DAYS), Line("dollars", 1))
    outcome = rig.ask(Recharge("api", "1001", "r", Amount(5, LIT), lines=lines))
    assert refusal(outcome) is Refusal.UNIT_MISMATCH
    assert "line 3" in getattr(outcome, "detail", "")
    assert rig.wallet().balance == 100


def test_a_recharge_sent_again_moves_nothing() -> None:
    """Two lines and an extension: once, also after a restart; another body under the id is a conflict."""
    rig = rig_by()
    made(rig, 1)
    asked = recharge(rig, Line("bonus", 5), Line("voucher", 6, IN_30_DAYS), extension=IN_30_DAYS, key="r")
    first = rig.ask(asked)
    after = rig.wallet()
    assert isinstance(first, Posted)
    assert after.balance == 12
    rig.restart()
    assert rig.ask(asked) == first
    assert refusal(rig.ask(replace(asked, extension=Validity()))) is Refusal.CONFLICT
    assert rig.wallet() == after
    rig.proved()


def test_case_102_a_hidden_balance_type_is_not_shown() -> None:
    """The reply omits it; the balance is kept, counts and pays."""
    rig = rig_by(Rules(wallet=WalletRules(hidden_balance_types=("bonus",))))
    made(rig, 5)
    filled(rig, 40, "bonus")
    assert (values(rig), rig.wallet().balance, rig.wallet().available) == ({1: 5}, 45, 45)
    assert seconds(rig.ask(initial())) == 45
    assert cost(rig.ask(commit(used=40))) == 40
    assert (values(rig), rig.wallet().balance) == ({1: 5}, 5)
    rig.proved()
