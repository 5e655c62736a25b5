"""Recharges by their table (requirement oracle_vws 5.6), case by case, and invariants over random wallets and lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import msgspec
import pytest

from tollhouse.snapshot.accounts import BalanceType, Category, LimitType, MaximumPolicy
from tollhouse.snapshot.rules import ExpiryRules, RechargeRules, Rules, WalletRules
from tollhouse.values.instants import DAY, LAST, Instant, parse_instant
from tollhouse.values.money import Unit
from tollhouse.values.refusals import Refusal
from tollhouse.values.uses import Use
from tollhouse.wallet import funds
from tollhouse.wallet.changes import Cause, Conditions, Dated, Ended, Moved, Removed, Step
from tollhouse.wallet.life import caught_up
from tollhouse.wallet.recharge import (
    Column,
    Event,
    ExpiryPolicy,
    Line,
    NewWallet,
    Recharged,
    Skipped,
    Validity,
    count_bad_pin,
    create,
    delete,
    recharge,
    shown,
    staged,
)
from tollhouse.wallet.state import Bucket, Posting, Wallet
from tollhouse.wallet.transfer import Stopped

NOW = parse_instant("2026-06-01T00:00:00Z")
JULY = parse_instant("2026-07-01T00:00:00Z")
"""30 days from now."""
AUTUMN = parse_instant("2026-10-01T00:00:00Z")
YEAR_END = parse_instant("2026-12-31T00:00:00Z")
TODAY_30 = Validity(ExpiryPolicy.FROM_TODAY, 30 * DAY)
NO_EXTENSION = Validity()
BONUS = BalanceType("bonus", "EUR", 1)
SECONDS = BalanceType("seconds", "S", 2, "voice", 1_000_000)
KINDS = {"bonus": BONUS, "cash": BalanceType("cash", "EUR", 10), "seconds": SECONDS}
DEFAULTS = RechargeRules()


def wallet(*buckets: Bucket, main: int = 0, state: str = "active", expiry: Instant = 0, credit: int = 0) -> Wallet:
    """A wallet of these buckets and a main one, which pays last."""
    cash = Bucket(1, "cash", main, order=10)
    return Wallet("w", "t", "EUR", 6, credit, (*buckets, cash), state, expiry, next_bucket=len(buckets) + 2)


def bonus(number: int, value: int, expiry: Instant = 0, held: int = 0) -> Bucket:
    return Bucket(number, "bonus", value, held, expiry=expiry, order=1)


def attempt(
    before: Wallet,
    lines: Sequence[Line],
    rules: RechargeRules = DEFAULTS,
    kinds: Mapping[str, BalanceType] = KINDS,
    extension: Validity = NO_EXTENSION,
) -> Recharged | Stopped:
    return recharge(before, lines, extension, kinds.get, Rules(recharge=rules), NOW)


def done(before: Wallet, *lines: Line, **more: Any) -> Recharged:
    result = attempt(before, lines, **more)
    assert isinstance(result, Recharged), result
    return result


def stopped(before: Wallet, *lines: Line, **more: Any) -> tuple[int, Refusal]:
    result = attempt(before, lines, **more)
    assert isinstance(result, Stopped), result
    return result.line, result.refusal


def values(after: Wallet) -> dict[int, tuple[int, Instant]]:
    """Bucket -> (value, expiry)."""
    return {bucket.id: (bucket.value, bucket.expiry) for bucket in after.buckets}


@pytest.mark.parametrize(("shortens", "expiry"), [(True, JULY), (False, YEAR_END)])
def test_case_88_from_today_shortens_only_where_it_may(shortens: bool, expiry: Instant) -> None:
    rules = RechargeRules(today_shortens_bucket=shortens)
    result = done(wallet(bonus(2, 20, YEAR_END)), Line("bonus", 5, TODAY_30), rules=rules)
    assert values(result.wallet) == {2: (25, expiry), 1: (0, 0)}
    assert (result.lines[0].old_expiry, result.lines[0].new_expiry) == (YEAR_END, expiry)
    assert result.postings == (Posting(2, 5, "issue"),)


@pytest.mark.parametrize(("dates", "expiry"), [(True, JULY), (False, 0)])
def test_case_89_from_today_dates_the_undated_only_where_it_may(dates: bool, expiry: Instant) -> None:
    rules = RechargeRules(today_dates_undated_bucket=dates)
    assert values(done(wallet(bonus(2, 20)), Line("bonus", 5, TODAY_30), rules=rules).wallet)[2] == (25, expiry)


@pytest.mark.parametrize("every", [True, False])
@pytest.mark.parametrize(("shortens", "old"), [(True, AUTUMN), (False, 0)], ids=["with 88 on", "with 89 on"])
def test_case_90_three_buckets_change_or_only_the_recharged_one(every: bool, shortens: bool, old: Instant) -> None:
    rules = RechargeRules(
        today_shortens_bucket=shortens, today_dates_undated_bucket=not shortens, today_concerns_all_buckets=every
    )
    before = wallet(bonus(2, 20, old), bonus(3, 1, old), bonus(4, 1, old))
    result = done(before, Line("bonus", 5, TODAY_30), rules=rules)
    others = JULY if every else old
    assert values(result.wallet) == {2: (25, JULY), 3: (1, others), 4: (1, others), 1: (0, 0)}
    moved = (2, 3, 4) if every else (2,)
    assert result.lines[0].redated == tuple(Dated(NOW, bucket, "bonus", old, JULY) for bucket in moved)


def test_case_90_concerns_neither_other_types_nor_what_expires_sooner_or_begins_later() -> None:
    sooner, later = NOW + DAY, Bucket(4, "bonus", 1, start=JULY, expiry=AUTUMN, order=1)
    before = wallet(bonus(2, 20, AUTUMN), bonus(3, 1, sooner), later, Bucket(5, "seconds", 1, expiry=AUTUMN))
    rules = RechargeRules(today_shortens_bucket=True, today_concerns_all_buckets=True)
    after = values(done(before, Line("bonus", 5, TODAY_30, bucket=2), rules=rules).wallet)
    assert after == {3: (1, sooner), 2: (25, JULY), 4: (1, AUTUMN), 5: (1, AUTUMN), 1: (0, 0)}


def test_a_date_before_now_and_the_period_becomes_that_whatever_the_rules_say() -> None:
    assert values(done(wallet(bonus(2, 20, NOW + 1)), Line("bonus", 5, TODAY_30)).wallet)[2] == (25, JULY)


@pytest.mark.parametrize("policy", [ExpiryPolicy.NONE, ExpiryPolicy.KEEP])
def test_case_91_a_new_bucket_without_expiry_detail(policy: ExpiryPolicy) -> None:
    line = Line("bonus", 5, Validity(policy))
    made = done(wallet(), line)
    assert (values(made.wallet), made.lines[0].made) == ({2: (5, 0), 1: (0, 0)}, True)
    skipped = done(wallet(), line, rules=RechargeRules(undated_buckets_are_made=False))
    assert (skipped.wallet, skipped.postings) == (wallet(), ())
    one = skipped.lines[0]
    assert (one.bucket, one.skipped, one.why) == (0, 5, Skipped.UNDATED)
    assert skipped.events == (Event("recharge", (Column("bonus", 0, 0, 0, 0),), ()),)


def test_case_92_preuse() -> None:
    credited = done(wallet(state="preuse"), Line("cash", 5))
    assert (values(credited.wallet), credited.activates) == ({1: (5, 0)}, True)
    refused = stopped(wallet(state="preuse"), Line("cash", 5), rules=RechargeRules(activates_preuse=False))
    assert refused == (0, Refusal.WALLET_SUSPENDED)
    assert not done(wallet(), Line("cash", 5)).activates


@pytest.mark.parametrize("policy", [ExpiryPolicy.FROM_TODAY, ExpiryPolicy.EXTEND_FROM_EXPIRY, ExpiryPolicy.LATER_OF])
def test_case_93_terminated(policy: ExpiryPolicy) -> None:
    """Without an extension all is done in one transaction: credited, and forfeited with the end of the wallet."""
    ended, extension = wallet(state="terminated", expiry=NOW - 90 * DAY), Validity(policy, 30 * DAY)
    revives = RechargeRules(revives_terminated=True)
    conditions = Conditions((), Rules(recharge=revives), KINDS.get)
    revived = done(ended, Line("cash", 5), rules=revives, extension=extension)
    after = revived.wallet
    assert (after.state, after.expiry, after.entered, after.balance()) == ("active", JULY, NOW, 5)
    assert revived.moved == Moved(NOW, "terminated", "active", Cause.RECHARGE, NOW - 90 * DAY, JULY)
    assert not revived.ends
    assert caught_up(after, conditions, NOW).wallet == after
    at_once = done(ended, Line("cash", 5), rules=revives)
    assert (at_once.ends, at_once.wallet.expiry, at_once.wallet.balance()) == (True, NOW, 5)
    over = caught_up(at_once.wallet, conditions, NOW)
    assert (over.wallet.state, over.postings) == ("terminated", (Posting(1, -5, "expiry"),))
    assert stopped(ended, Line("cash", 5), extension=extension) == (0, Refusal.WALLET_EXPIRED)


def test_case_94_replace_leaves_an_expiry_record_or_not() -> None:
    before, line = wallet(bonus(2, 20)), Line("bonus", 50, replace=True)
    forfeited, credited = Posting(2, -20, "expiry"), Posting(2, 50, "issue")
    two = done(before, line, rules=RechargeRules(replace_leaves_expiry_record=True))
    assert two.events == (
        Event("expiry", (Column("bonus", 20, 0, 0, 0),), (forfeited,)),
        Event("recharge", (Column("bonus", 0, 50, 0, 0),), (credited,)),
    )
    assert [values(stage)[2][0] for stage in staged(two.wallet, two.events)] == [0, 50]
    one = done(before, line)
    assert one.events == (Event("recharge", (Column("bonus", 20, 50, 0, 0),), (forfeited, credited)),)
    assert one.wallet == two.wallet


def test_replace_takes_all_of_the_balance_but_what_is_held_and_no_debt() -> None:
    """20 of which 5 are held, and 7: 15 + 7 are forfeited, 5 + 50 are there. A debt of 30 stays one."""
    result = done(wallet(bonus(2, 20, held=5), bonus(3, 7, YEAR_END)), Line("bonus", 50, replace=True))
    assert values(result.wallet) == {2: (55, 0), 3: (0, YEAR_END), 1: (0, 0)}
    assert (result.lines[0].old_value, result.lines[0].new_value) == (27, 55)
    assert done(wallet(main=-30), Line("cash", 50, replace=True)).wallet.balance() == 20
    on_credit = Wallet("w", "t", "EUR", 6, 90, (Bucket(1, "cash", 10, 40, order=10),))
    assert done(on_credit, Line("cash", 50, replace=True)).postings == (Posting(1, 50, "issue"),)
    named = done(wallet(bonus(2, 20), bonus(3, 7)), Line("bonus", 50, bucket=3, replace=True)).wallet
    assert values(named) == {2: (20, 0), 3: (50, 0), 1: (0, 0)}


def test_case_95_a_record_for_each_balance_or_one_for_all() -> None:
    lines = (Line("bonus", 1), Line("cash", 2), Line("seconds", 3), Line("bonus", 4))
    each = done(wallet(), *lines, rules=RechargeRules(record_per_balance=True))
    assert [[(one.balance_type, one.after) for one in event.columns] for event in each.events] == [
        [("bonus", 1), ("bonus", 5)],
        [("cash", 2)],
        [("seconds", 3)],
    ]
    assert len(done(wallet(), *lines).events) == 1
    assert [stage.balance() for stage in staged(each.wallet, each.events)] == [5, 7, 7]


def test_case_97_a_bad_pin_counts_only_where_there_is_a_counter() -> None:
    counted, postings = count_bad_pin(wallet(Bucket(2, "daily_bad_pin", 1)), ("daily_bad_pin", "weekly_bad_pin"))
    assert (values(counted), postings) == ({2: (2, 0), 1: (0, 0)}, (Posting(2, 1, "adjustment"),))
    assert count_bad_pin(wallet(), ("daily_bad_pin",)) == (wallet(), ())


def test_case_98_a_wallet_is_removed_unless_a_reservation_is_open() -> None:
    step = delete(wallet(bonus(2, 20, YEAR_END), main=-5), 0, NOW)
    assert isinstance(step, Step)
    assert step.postings == (Posting(2, -20, "expiry"), Posting(1, 5, "adjustment"))
    assert step.changes == (
        Removed(NOW, listed=False),
        Ended(NOW, 2, "bonus", 20, YEAR_END, Cause.REMOVAL, True),
        Ended(NOW, 1, "cash", -5, 0, Cause.REMOVAL, True),
    )
    assert isinstance(delete(wallet(), 1, NOW), Stopped)  # a free call holds nothing
    assert isinstance(delete(wallet(bonus(2, 20, held=1)), 0, NOW), Stopped)
    assert isinstance(delete(wallet(state="quarantined"), 0, NOW), Stopped)


@pytest.mark.parametrize(("makes", "more"), [(True, 3), (False, 0)])
def test_case_99_empty_buckets_of_provisioned_types(makes: bool, more: int) -> None:
    kinds = {name: BalanceType(name, "EUR", order) for order, name in enumerate(("cash", "a", "b", "c"))}
    rules = Rules(wallet=WalletRules(makes_empty_buckets=makes))
    new = NewWallet("w", "t", Unit("EUR", 6), product="basic", max_sessions=2, balance_types=("cash", "a", "b", "c"))
    result = create(new, kinds.get, rules, NOW)
    assert isinstance(result, Recharged)
    made = result.wallet
    assert (len(made.buckets), made.balance()) == (1 + more, 0)
    assert (made.state, made.entered, made.product, made.max_sessions) == ("preuse", NOW, "basic", 2)
    assert result.events == (Event("open", (), ()),)


def test_a_wallet_is_made_with_an_opening_balance_that_empty_buckets_do_not_undate() -> None:
    lines = (Line("cash", 100), Line("bonus", 5, TODAY_30))
    new = NewWallet("w", "t", Unit("EUR", 6), balance_types=("bonus",), lines=lines)
    result = create(new, KINDS.get, Rules(), NOW)
    assert isinstance(result, Recharged)
    assert (values(result.wallet), result.activates) == ({2: (5, JULY), 1: (100, 0)}, False)
    for wrong in ({"lines": (Line("cash", -1),)}, {"credit_limit": -1}, {"balance_types": ("x",)}):
        assert isinstance(create(msgspec.structs.replace(new, **wrong), KINDS.get, Rules(), NOW), Stopped)


def test_case_102_hidden_types_are_not_shown_and_kept() -> None:
    before = wallet(Bucket(2, "201", 5))
    assert [bucket.id for bucket in shown(before, WalletRules(hidden_balance_types=("201",)))] == [1]
    assert [bucket.id for bucket in shown(before, WalletRules())] == [2, 1]


@pytest.mark.parametrize(
    ("third", "why"),
    [
        (Line("gold", 1), Refusal.INVALID),
        (Line("cash", -1), Refusal.INVALID),
        (Line("cash", -11, adjust=True), Refusal.INSUFFICIENT_FUNDS),
        (Line("bonus", -1, Validity(ExpiryPolicy.ABSOLUTE, 0, YEAR_END), adjust=True), Refusal.INSUFFICIENT_FUNDS),
        (Line("cash", -1, replace=True, adjust=True), Refusal.INVALID),
        (Line("cash", 1, Validity(ExpiryPolicy.FROM_TODAY)), Refusal.INVALID),
        (Line("bonus", 1, Validity(ExpiryPolicy.LATER_OF, LAST), weight=1), Refusal.INVALID),
        (Line("cash", 1, Validity(ExpiryPolicy.ABSOLUTE, 0, NOW)), Refusal.INVALID),
        (Line("cash", 1, Validity(ExpiryPolicy.ABSOLUTE, 0, JULY), bucket=1), Refusal.INVALID),
        (Line("bonus", 1, TODAY_30, start=JULY), Refusal.INVALID),
        (Line("bonus", 1, bucket=1), Refusal.INVALID),
        (Line("bonus", 1, bucket=9), Refusal.INVALID),
        (Line("bonus", 1, replace=True), Refusal.INVALID),
        (Line("cash", 2**63), Refusal.AMOUNT_OUT_OF_RANGE),
        (Line("cash", 2**63 - 10), Refusal.AMOUNT_OUT_OF_RANGE),
        (Line("pounds", 1), Refusal.UNIT_MISMATCH),
        (Line("capped", 8), Refusal.AMOUNT_OUT_OF_RANGE),
    ],
)
def test_case_142_the_third_of_three_lines_fails_and_none_is_done(third: Line, why: Refusal) -> None:
    refused = BalanceType("capped", "EUR", 1, maximum=7, maximum_policy=MaximumPolicy.REFUSE)
    kinds = {**KINDS, "pounds": BalanceType("pounds", "GBP", 1), "capped": refused}
    before = wallet(main=9)
    lines = (Line("bonus", 5), Line("cash", 1), third)
    assert stopped(before, *lines, kinds=kinds) == (3, why)
    assert done(before, *lines[:2], kinds=kinds).wallet.balance() == 15


@pytest.mark.parametrize(
    ("extension", "old", "new"),
    [
        (NO_EXTENSION, AUTUMN, AUTUMN),
        (Validity(ExpiryPolicy.KEEP), AUTUMN, AUTUMN),
        (TODAY_30, NOW + DAY, JULY),
        (TODAY_30, AUTUMN, AUTUMN),
        (TODAY_30, 0, 0),
        (Validity(ExpiryPolicy.LATER_OF, 30 * DAY), NOW + DAY, JULY),
        (Validity(ExpiryPolicy.LATER_OF, 30 * DAY), AUTUMN, AUTUMN),
        (Validity(ExpiryPolicy.EXTEND_FROM_EXPIRY, 30 * DAY), NOW + DAY, JULY + DAY),
        (Validity(ExpiryPolicy.EXTEND_FROM_EXPIRY, 30 * DAY), 0, 0),
        (Validity(ExpiryPolicy.ABSOLUTE, 0, JULY), AUTUMN, JULY),
        (Validity(ExpiryPolicy.ABSOLUTE, 0, JULY), 0, JULY),
    ],
)
def test_the_wallet_and_a_bucket_are_extended_by_the_same_names_independently(
    extension: Validity, old: Instant, new: Instant
) -> None:
    about_buckets = RechargeRules(today_dates_undated_bucket=True, today_shortens_bucket=True)
    result = done(wallet(expiry=old), Line("cash", 5), extension=extension, rules=about_buckets)
    assert (result.wallet.expiry, result.old_expiry, values(result.wallet)) == (new, old, {1: (5, 0)})
    if extension.policy is not ExpiryPolicy.NONE:
        named = done(wallet(bonus(2, 20, old)), Line("bonus", 5, extension, bucket=2))
        assert values(named.wallet)[2] == (25, new)


def test_the_wallet_alone_is_extended_and_nothing_is_nothing() -> None:
    assert done(wallet(expiry=NOW + DAY), extension=TODAY_30).wallet.expiry == JULY
    assert stopped(wallet()) == (0, Refusal.INVALID)
    assert stopped(wallet(), extension=Validity(ExpiryPolicy.FROM_TODAY)) == (0, Refusal.INVALID)
    far = wallet(expiry=LAST)
    assert stopped(far, extension=Validity(ExpiryPolicy.EXTEND_FROM_EXPIRY, 1)) == (0, Refusal.INVALID)
    assert stopped(wallet(main=-9), Line("cash", 2**63)) == (1, Refusal.AMOUNT_OUT_OF_RANGE)
    assert stopped(wallet(state="quarantined"), Line("cash", 1)) == (0, Refusal.WALLET_QUARANTINED)
    for state in ("dormant", "frozen", "suspended"):
        assert done(wallet(state=state), Line("cash", 1)).wallet.state == state


def test_which_bucket_is_recharged() -> None:
    """The one that is dated so already, else the first to pay; an absolute date and no date have their own."""
    before = wallet(bonus(2, 1, NOW + DAY), bonus(3, 1, JULY), bonus(4, 1))
    until = Validity(ExpiryPolicy.ABSOLUTE, 0, JULY)
    for validity, bucket in ((TODAY_30, 3), (Validity(ExpiryPolicy.LATER_OF, DAY), 2), (until, 3), (Validity(), 4)):
        assert done(before, Line("bonus", 5, validity)).lines[0].bucket == bucket
    later = Validity(ExpiryPolicy.ABSOLUTE, 0, AUTUMN)
    for line in (
        Line("bonus", 5, later),
        Line("bonus", 5, TODAY_30, weight=1),
        Line("bonus", 5, TODAY_30, start=NOW),
        Line("bonus", 5, TODAY_30, use=Use(destinations=("DE",))),
    ):
        made = done(before, line)
        assert (made.lines[0].bucket, made.lines[0].made, made.wallet.next_bucket) == (5, True, 6)


def test_what_is_past_its_date_is_not_brought_back() -> None:
    """A suspended wallet's buckets may be kept past their date: the old 500 stay lost."""
    before = wallet(bonus(2, 500, NOW), state="suspended")
    assert values(done(before, Line("bonus", 5, TODAY_30)).wallet) == {2: (500, NOW), 3: (5, JULY), 1: (0, 0)}
    assert stopped(before, Line("bonus", 5, TODAY_30, bucket=2)) == (1, Refusal.INVALID)


def test_a_date_passes_the_main_bucket_by() -> None:
    dating = RechargeRules(today_dates_undated_bucket=True)
    assert values(done(wallet(main=-9), Line("cash", 5, TODAY_30), rules=dating).wallet) == {2: (5, JULY), 1: (-9, 0)}
    assert values(done(wallet(main=-9), Line("cash", 5, TODAY_30)).wallet) == {1: (-4, 0)}


def test_units_get_a_bucket_that_counts_as_their_type_does() -> None:
    made = done(wallet(), Line("seconds", 60))
    assert made.wallet.buckets[0] == Bucket(2, "seconds", 60, order=2, unit="S", service="voice", step=1_000_000)
    minutes = {**KINDS, "seconds": msgspec.structs.replace(SECONDS, step=60_000_000)}
    assert values(done(made.wallet, Line("seconds", 1), kinds=minutes).wallet) == {2: (60, 0), 3: (1, 0), 1: (0, 0)}
    assert made.wallet.balance() == 0


def test_single_use_buckets_are_not_poured_together() -> None:
    kinds = {**KINDS, "bonus": msgspec.structs.replace(BONUS, limit_type=LimitType.SINGLE_USE)}
    result = done(wallet(bonus(2, 20)), Line("bonus", 5), Line("bonus", 7), kinds=kinds)
    assert [one.bucket for one in result.lines] == [3, 4]


@pytest.mark.parametrize(
    ("policy", "old", "amount", "replace", "value", "skipped"),
    [
        (MaximumPolicy.CAP, 20, 40, False, 60, 0),
        (MaximumPolicy.CAP, 20, 41, False, 60, 1),
        (MaximumPolicy.CAP, 20, 61, True, 60, 1),
        (MaximumPolicy.CAP, 70, 5, False, 70, 5),  # beyond it before: gets nothing, loses nothing, lasts longer
        (MaximumPolicy.ALLOW, 20, 41, False, 61, 0),
        (MaximumPolicy.REFUSE, 20, 40, False, 60, 0),
    ],
)
def test_a_maximum_of_60(policy: MaximumPolicy, old: int, amount: int, replace: bool, value: int, skipped: int) -> None:
    kinds = {**KINDS, "bonus": msgspec.structs.replace(BONUS, maximum=60, maximum_policy=policy)}
    result = done(wallet(bonus(2, old, NOW + DAY)), Line("bonus", amount, TODAY_30, replace=replace), kinds=kinds)
    one = result.lines[0]
    assert (values(result.wallet)[2], one.new_value, one.skipped) == ((value, JULY), value, skipped)
    assert one.why == (Skipped.CAPPED if skipped else Skipped.NOTHING)


@pytest.mark.parametrize(
    ("limit", "credit", "held", "most"),
    [(LimitType.DEBIT, 50, 0, 100), (LimitType.DEBIT, 0, 30, 70), (LimitType.CREDIT, 50, 30, 120)],
)
def test_corrections_leave_what_is_held_and_the_floor(limit: LimitType, credit: int, held: int, most: int) -> None:
    """Of 100: all, but what is held, and down to the credit limit where the type has one."""
    kinds = {"cash": BalanceType("cash", "EUR", 10, limit_type=limit)}
    before = Wallet("w", "t", "EUR", 6, credit, (Bucket(1, "cash", 100, held, order=10),))
    result = done(before, Line("cash", -most, adjust=True), kinds=kinds)
    assert (result.wallet.balance(), result.postings) == (100 - most, (Posting(1, -most, "adjustment"),))
    assert stopped(before, Line("cash", -most - 1, adjust=True), kinds=kinds) == (1, Refusal.INSUFFICIENT_FUNDS)


def test_corrections_leave_the_minimum_and_may_take_expenditure_below_zero() -> None:
    kinds = {**KINDS, "bonus": msgspec.structs.replace(BONUS, minimum=10)}
    before = wallet(bonus(2, 20))
    assert values(done(before, Line("bonus", -10, adjust=True), kinds=kinds).wallet)[2][0] == 10
    assert stopped(before, Line("bonus", -11, adjust=True), kinds=kinds) == (1, Refusal.INSUFFICIENT_FUNDS)
    assert values(done(wallet(bonus(2, 3)), Line("bonus", 1), kinds=kinds).wallet)[2][0] == 4
    spent = {**KINDS, "bonus": msgspec.structs.replace(BONUS, category=Category.EXPENDITURE)}
    counted = wallet(msgspec.structs.replace(bonus(2, 20), unit="EUR", idle=True))
    assert values(done(counted, Line("bonus", -60, adjust=True), kinds=spent).wallet)[2][0] == -40


def random_wallet(dice: Random) -> Wallet:
    """Up to six buckets, some past their date, some partly held; a main bucket that may be in debt."""
    made = []
    for number in range(2, dice.randrange(2, 8)):
        value, expiry = dice.randrange(60), dice.choice((0, NOW + dice.randrange(-2, 90) * DAY))
        made.append(bonus(number, value, expiry, held=dice.choice((0, 0, value, dice.randint(0, value)))))
    return wallet(*sorted(made, key=lambda b: (b.expiry == 0, b.expiry, b.id)), main=dice.randrange(-30, 60))


def random_line(dice: Random) -> Line:
    validity = Validity(dice.choice(list(ExpiryPolicy)), dice.randrange(1, 60) * DAY, NOW + dice.randrange(1, 60) * DAY)
    amount, adjust = dice.randrange(-20, 60), dice.random() < 0.5
    replace, bucket = dice.random() < 0.2, dice.choice((0, 0, 0, dice.randrange(1, 7)))
    amount = amount if adjust and not replace else abs(amount)
    return Line(dice.choice(("bonus", "cash")), amount, validity, bucket, replace=replace, adjust=adjust)


@pytest.mark.parametrize("seed", range(20))
def test_random_recharges_keep_the_books_the_holds_and_the_dates(seed: int) -> None:
    """Postings are what the buckets moved; no hold is touched; a date comes sooner only where a rule says so."""
    dice, outcomes = Random(seed), set()
    for _ in range(300):
        rules = RechargeRules(*(dice.random() < 0.5 for _ in range(8)))
        limits = {"maximum": dice.choice((0, 80)), "maximum_policy": dice.choice(list(MaximumPolicy))}
        kinds = {**KINDS, "bonus": msgspec.structs.replace(BONUS, **limits)}
        before, lines = random_wallet(dice), [random_line(dice) for _ in range(dice.randrange(1, 4))]
        result = attempt(before, lines, rules, kinds)
        outcomes.add(type(result))
        if isinstance(result, Stopped):
            rest = attempt(before, lines[: result.line - 1], rules, kinds)
            assert isinstance(rest, Recharged) or result.line == 1
            continue
        there = {b.id: b for b in before.buckets}
        moved = dict.fromkeys((b.id for b in result.wallet.buckets), 0)
        for one in result.postings:
            moved[one.bucket] += one.amount
        today = any(a.validity.policy is ExpiryPolicy.FROM_TODAY for a in lines)
        named = [a.bucket for a in lines if a.validity.policy is ExpiryPolicy.ABSOLUTE]
        for after in result.wallet.buckets:
            old = there.pop(after.id, msgspec.structs.replace(after, value=0, held=0))
            assert (after.value - old.value, after.held) == (moved[after.id], old.held)
            assert after.value >= after.held or after.id == 1
            if after.id not in named and after.expiry != old.expiry:
                rule = rules.today_shortens_bucket if old.expiry else rules.today_dates_undated_bucket
                assert after.expiry > old.expiry > NOW or (today and rule)
            assert after.expiry == old.expiry or (after.expiry > NOW and after.id != 1)
        assert not there
        assert all(one.amount for one in result.postings)
        assert {p for event in result.events for p in event.postings} == set(result.postings)
        first = staged(result.wallet, result.events)[0].balance() - sum(a.amount for a in result.events[0].postings)
        assert first == before.balance()
        assert list(result.wallet.buckets) == sorted(result.wallet.buckets, key=funds.turn)
        for a, b in zip(lines, result.lines, strict=True):
            assert a.amount == sum(one.amount for one in b.credited) + b.skipped
            assert b.skipped == 0 or b.why is not Skipped.NOTHING
    assert outcomes == {Recharged, Stopped}


def test_periods_end_at_midnight_where_the_rules_say_so() -> None:
    """Tokyo is nine hours ahead: its 1 July begins at 15:00 UTC of 30 June. What would end before now is refused."""
    midnight, rules = (
        parse_instant("2026-06-30T15:00:00Z"),
        Rules(expiry=ExpiryRules(expire_at_midnight_zone="Asia/Tokyo")),
    )
    lines = (Line("bonus", 5, TODAY_30), Line("bonus", 6, Validity(ExpiryPolicy.ABSOLUTE, 0, NOW + 1)))
    result = recharge(wallet(expiry=NOW + DAY), lines, TODAY_30, KINDS.get, rules, NOW)
    assert isinstance(result, Recharged)
    assert values(result.wallet) == {2: (5, midnight), 3: (6, NOW + 1), 1: (0, 0)}
    assert result.wallet.expiry == midnight
    hours = Validity(ExpiryPolicy.FROM_TODAY, DAY // 4)
    early = recharge(wallet(), (Line("bonus", 5, hours),), NO_EXTENSION, KINDS.get, rules, NOW)
    assert early == Stopped(1, Refusal.INVALID, "the bucket would end before it begins, or outlast the calendar")
    early = recharge(wallet(expiry=NOW - DAY), (), hours, KINDS.get, rules, NOW)
    assert early == Stopped(0, Refusal.INVALID, "the wallet would end at once, or outlast the calendar")
