"""The ends of buckets and wallets: what goes, what stays, what leaves a record, what is listed."""

from __future__ import annotations

import msgspec
import pytest

from tollhouse.snapshot.accounts import BalanceType, Category
from tollhouse.snapshot.products import Product
from tollhouse.snapshot.rules import ExpiryRules, Recorded, Rules
from tollhouse.values.instants import DAY, Instant, format_instant, parse_instant
from tollhouse.wallet.changes import Cause, Conditions, Ended, Moved, Removed, Step
from tollhouse.wallet.ending import REMOVED_LIST, TERMINATED_LIST, cause_of, list_line, list_name, list_of, removed
from tollhouse.wallet.life import caught_up, next_due
from tollhouse.wallet.state import ACTIVE, FROZEN, QUARANTINED, SUSPENDED, TERMINATED, Bucket, Posting, Wallet

BEGAN = parse_instant("2026-01-01T00:00:00Z")
PAST, ENDS, FUTURE = BEGAN + 10 * DAY, BEGAN + 20 * DAY, BEGAN + 30 * DAY
KINDS = {
    "cash": BalanceType("cash", "EUR", 10),
    "bonus": BalanceType("bonus", "EUR", 1, deletable=False),
    "trial": BalanceType("trial", "EUR", 2),
    "spent": BalanceType("spent", "EUR", 3, category=Category.EXPENDITURE),
}


def wallet(*others: Bucket, main: int = 0, held: int = 0, state: str = ACTIVE, expiry: Instant = 0) -> Wallet:
    """A wallet that came into its state when the year began."""
    buckets = (*others, Bucket(1, "cash", main, held, order=10))
    return Wallet("w", "t", "EUR", 6, 0, buckets, state=state, expiry=expiry, entered=BEGAN)


def conditions(rules: ExpiryRules, *products: Product) -> Conditions:
    return Conditions(products, Rules(expiry=rules), KINDS.get)


def figures(after: Wallet) -> dict[int, tuple[int, int]]:
    """Bucket -> (value, held)."""
    return {bucket.id: (bucket.value, bucket.held) for bucket in after.buckets}


def recorded(step: Step) -> list[int]:
    """The values of ended buckets that leave a record."""
    return [one.value for one in step.changes if isinstance(one, Ended) and one.recorded]


def test_case_71_only_listed_the_wallet_stays() -> None:
    """Terminated for the product's five days: it is listed once, and answers for ever."""
    under = conditions(ExpiryRules(removal_is_only_listed=True), Product("p", removed=5 * DAY))
    before = wallet(main=7, state=TERMINATED)
    assert next_due(before, under) == BEGAN + 5 * DAY
    assert caught_up(before, under, BEGAN + 5 * DAY - 1) == Step(before)
    step = caught_up(before, under, BEGAN + 6 * DAY)
    assert (step.changes, step.removable) == ((Removed(BEGAN + 5 * DAY, listed=True),), False)
    assert (figures(step.wallet), step.wallet.state) == ({1: (7, 0)}, TERMINATED)
    assert list_of(step.changes[0]) == REMOVED_LIST
    assert caught_up(step.wallet, under, BEGAN + 900 * DAY) == Step(step.wallet)
    assert next_due(step.wallet, under) == 0


def test_a_wallet_that_came_back_and_ended_again_is_listed_again() -> None:
    under = conditions(ExpiryRules(), Product("p", removed=5 * DAY))
    again = msgspec.structs.replace(wallet(state=TERMINATED), removal_listed=BEGAN - DAY)
    assert next_due(again, under) == BEGAN + 5 * DAY


def test_case_71_removed_with_a_record_of_each_bucket() -> None:
    """A bucket of 30, a spent one and the main bucket with a debt of 4: one record each, and nothing is left."""
    under = conditions(ExpiryRules(removal_is_only_listed=False), Product("p", removed=5 * DAY))
    before = wallet(Bucket(2, "bonus", 30), Bucket(3, "trial", 0), main=-4, state=TERMINATED)
    assert not caught_up(before, under, BEGAN + 5 * DAY - 1).removable
    assert caught_up(before, under, BEGAN + 5 * DAY) == Step(before, removable=True)
    step = removed(before, 0, BEGAN + 5 * DAY)
    assert step is not None
    assert recorded(step) == [30, 0, -4]
    assert step.postings == (Posting(2, -30, "expiry"), Posting(1, 4, "adjustment"))
    assert figures(step.wallet) == {2: (0, 0), 3: (0, 0), 1: (0, 0)}
    assert [list_of(one) for one in step.changes] == [REMOVED_LIST, "", "", ""]


def test_what_is_held_open_or_quarantined_is_not_removed() -> None:
    under = conditions(ExpiryRules(removal_is_only_listed=False), Product("p", removed=5 * DAY))
    held = wallet(main=10, held=3, state=TERMINATED)
    assert (next_due(held, under), caught_up(held, under, FUTURE)) == (0, Step(held))
    assert removed(held, 0, FUTURE) is None
    assert removed(wallet(main=10, state=TERMINATED), 1, FUTURE) is None
    assert removed(wallet(main=10, state=QUARANTINED), 0, FUTURE) is None


def test_case_81_removal_waits_for_the_midnight() -> None:
    """The trigger is 2026-05-10T15:00Z: the wallet is there until the midnight after it, or until then."""
    trigger = parse_instant("2026-05-10T15:00:00Z")
    midnight = parse_instant("2026-05-11T00:00:00Z")
    before = msgspec.structs.replace(wallet(state=TERMINATED), entered=trigger - 30 * DAY)
    for zone, due in (("GMT0", midnight), ("", trigger)):
        rules = ExpiryRules(removal_is_only_listed=False, remove_at_midnight_zone=zone)
        under = conditions(rules, Product("p", removed=30 * DAY))
        assert next_due(before, under) == due
        assert not caught_up(before, under, due - 1).removable
        assert caught_up(before, under, due).removable


def test_case_70_the_line_and_the_name_of_its_file() -> None:
    """Terminated at 2026-05-10T15:04:05Z."""
    at = parse_instant("2026-05-10T15:04:05Z")
    step = caught_up(wallet(expiry=at), conditions(ExpiryRules()), at)
    moved = step.changes[0]
    assert isinstance(moved, Moved)
    assert list_name(list_of(moved), at) == "expiredWallet_20260510150405.log"
    line = list_line(format_instant(moved.at), cause_of(moved), step.wallet.tenant, step.wallet.name)
    assert line == "2026-05-10T15:04:05Z|wallet_expired|t|w"
    assert list_name(REMOVED_LIST, at, ".txt") == "removedWallet_20260510150405.txt"


def test_a_name_with_a_line_end_in_it_makes_no_line_of_its_own() -> None:
    cause = cause_of(Removed(BEGAN, listed=True))
    line = list_line("2026-01-01T00:00:00Z", cause, "t", "a\r\nb\\n")
    assert line == "2026-01-01T00:00:00Z|removal|t|a\\r\\nb\\\\n"


@pytest.mark.parametrize("state", [SUSPENDED, FROZEN])
def test_case_72_buckets_expire_in_the_states_that_the_rules_name(state: str) -> None:
    before = wallet(Bucket(2, "bonus", 50, expiry=PAST), state=state)
    assert caught_up(before, conditions(ExpiryRules(wallet_states="AD")), FUTURE) == Step(before)
    assert next_due(before, conditions(ExpiryRules(wallet_states="AD"))) == 0
    step = caught_up(before, conditions(ExpiryRules(wallet_states="ADSF")), FUTURE)
    assert step.postings == (Posting(2, -50, "expiry"),)


@pytest.mark.parametrize(("rule", "values"), [(Recorded.NONZERO, [500]), (Recorded.ALL, [500, 0, -5])])
def test_case_73_which_values_leave_a_record(rule: Recorded, values: list[int]) -> None:
    """500, 0 and -5 expire; all that moved is posted, whatever is recorded."""
    before = wallet(*(Bucket(number, "bonus", value, expiry=PAST) for number, value in ((2, 500), (3, 0), (4, -5))))
    step = caught_up(before, conditions(ExpiryRules(recorded=rule)), PAST)
    assert recorded(step) == values
    assert [one.value for one in step.changes if isinstance(one, Ended)] == [500, 0, -5]
    assert step.postings == (Posting(2, -500, "expiry"), Posting(4, 5, "expiry"))
    assert step.wallet.balance() == 0


@pytest.mark.parametrize(("all_of_them", "values"), [(False, [11]), (True, [11, 22, 33])])
def test_case_74_which_buckets_of_an_expired_wallet_leave_a_record(all_of_them: bool, values: list[int]) -> None:
    """Buckets dated past, future and never. That the first one's date is past is seen with the wallet's own, because
    buckets of its state do not expire by themselves here."""
    rules = ExpiryRules(records_buckets_of_expired_wallet=all_of_them, wallet_states="")
    buckets = (Bucket(2, "bonus", 11, expiry=PAST), Bucket(3, "bonus", 22, expiry=FUTURE), Bucket(4, "bonus", 33))
    step = caught_up(wallet(*buckets, expiry=ENDS), conditions(rules), ENDS)
    assert step.wallet.state == TERMINATED
    assert recorded(step) == values
    assert sum(one.amount for one in step.postings) == -66
    assert step.wallet.balance() == 0


def test_case_74_the_same_where_the_bucket_expired_before() -> None:
    rules = ExpiryRules(records_buckets_of_expired_wallet=False)
    buckets = (Bucket(2, "bonus", 11, expiry=PAST), Bucket(3, "bonus", 22, expiry=FUTURE), Bucket(4, "bonus", 33))
    step = caught_up(wallet(*buckets, expiry=ENDS), conditions(rules), FUTURE)
    assert recorded(step) == [11]
    assert [(one.at, one.value) for one in step.changes if isinstance(one, Ended)] == [
        (PAST, 11),
        (ENDS, 22),
        (ENDS, 33),
        (ENDS, 0),  # the main bucket
    ]


def test_case_75_what_was_spent_stays_negative_unless_the_rules_say_otherwise() -> None:
    before = wallet(Bucket(2, "spent", -40, expiry=PAST))
    stays = conditions(ExpiryRules(negative_expenditure_expires=False))
    assert (caught_up(before, stays, FUTURE), next_due(before, stays)) == (Step(before), 0)
    goes = conditions(ExpiryRules(negative_expenditure_expires=True))
    assert next_due(before, goes) == PAST
    assert caught_up(before, goes, FUTURE).postings == (Posting(2, 40, "expiry"),)
    positive = caught_up(wallet(Bucket(2, "spent", 40, expiry=PAST)), stays, FUTURE)
    assert positive.postings == (Posting(2, -40, "expiry"),)


@pytest.mark.parametrize(
    ("rule", "balance_type", "there"),
    [(True, "trial", False), (True, "bonus", True), (False, "trial", True), (True, "unheard-of", True)],
)
def test_case_76_a_balance_without_buckets(rule: bool, balance_type: str, there: bool) -> None:
    """What stays of it is one empty bucket with no time left, which is not due again."""
    before = wallet(Bucket(2, balance_type, 5, expiry=PAST), Bucket(3, balance_type, 6, expiry=PAST + 1))
    under = conditions(ExpiryRules(delete_empty_balances=rule))
    step = caught_up(before, under, FUTURE)
    assert figures(step.wallet) == ({3: (0, 0), 1: (0, 0)} if there else {1: (0, 0)})
    assert not any(one.usable(now) for one in step.wallet.buckets[:-1] for now in (PAST, PAST + 1, FUTURE))
    assert (next_due(step.wallet, under), caught_up(step.wallet, under, 2 * FUTURE)) == (0, Step(step.wallet))


def test_a_spent_bucket_goes_while_the_balance_has_others() -> None:
    """With 5 in bucket 3 nothing has to stand for the balance, neither bucket 2 nor what stood for it before."""
    old = Bucket(4, "bonus", 0, start=BEGAN, expiry=BEGAN)
    before = wallet(Bucket(2, "bonus", 5, expiry=PAST), Bucket(3, "bonus", 5), old)
    assert figures(caught_up(before, conditions(ExpiryRules()), PAST).wallet) == {3: (5, 0), 1: (0, 0)}


def test_what_ended_last_stands_for_the_balance() -> None:
    old = Bucket(4, "bonus", 0, start=BEGAN, expiry=BEGAN)
    step = caught_up(wallet(old, Bucket(2, "bonus", 5, expiry=PAST)), conditions(ExpiryRules()), PAST)
    assert figures(step.wallet) == {2: (0, 0), 1: (0, 0)}


def test_a_bucket_is_usable_to_the_last_microsecond() -> None:
    midnight = parse_instant("2026-05-11T00:00:00Z")
    before = wallet(Bucket(2, "bonus", 50, expiry=midnight))
    assert before.buckets[0].usable(parse_instant("2026-05-10T23:59:59.999999Z"))
    assert caught_up(before, conditions(ExpiryRules()), parse_instant("2026-05-10T23:59:59.999999Z")) == Step(before)
    step = caught_up(before, conditions(ExpiryRules()), midnight)
    assert step.changes == (Ended(midnight, 2, "bonus", 50, midnight, Cause.BUCKET, True),)


def test_held_money_outlasts_its_bucket_until_it_is_given_back() -> None:
    """50, of which 20 are held: 30 go, 20 stay; once 5 of them come back, those go, and the rest when it was paid."""
    under = conditions(ExpiryRules())
    step = caught_up(wallet(Bucket(2, "bonus", 50, 20, expiry=PAST)), under, FUTURE)
    assert (step.postings, figures(step.wallet)) == ((Posting(2, -30, "expiry"),), {2: (20, 20), 1: (0, 0)})
    assert next_due(step.wallet, under) == 0
    some_back = wallet(Bucket(2, "bonus", 20, 15, expiry=PAST))
    assert next_due(some_back, under) == PAST
    step = caught_up(some_back, under, FUTURE)
    assert (step.postings, figures(step.wallet)) == ((Posting(2, -5, "expiry"),), {2: (15, 15), 1: (0, 0)})
    assert figures(caught_up(wallet(Bucket(2, "cash", 0, 0, expiry=PAST)), under, FUTURE).wallet) == {1: (0, 0)}


def test_held_money_outlasts_its_wallet_until_it_is_given_back() -> None:
    under = conditions(ExpiryRules())
    step = caught_up(wallet(Bucket(2, "bonus", 50, 20), main=9, held=2, expiry=ENDS), under, FUTURE)
    assert figures(step.wallet) == {2: (20, 20), 1: (2, 2)}
    buckets = tuple(msgspec.structs.replace(one, held=0) for one in step.wallet.buckets)
    back = msgspec.structs.replace(step.wallet, buckets=buckets)
    assert next_due(back, under) == ENDS
    step = caught_up(back, under, FUTURE)
    assert step.postings == (Posting(2, -20, "expiry"), Posting(1, -2, "expiry"))
    assert (next_due(step.wallet, under), caught_up(step.wallet, under, FUTURE)) == (0, Step(step.wallet))


def test_a_debt_outlasts_the_wallets_expiry() -> None:
    step = caught_up(wallet(Bucket(2, "bonus", 50), main=-30, expiry=ENDS), conditions(ExpiryRules()), ENDS)
    assert (step.postings, figures(step.wallet)[1]) == ((Posting(2, -50, "expiry"),), (-30, 0))


def test_the_main_bucket_has_no_date() -> None:
    before = wallet()
    dated = msgspec.structs.replace(before, buckets=(Bucket(1, "cash", 8, expiry=PAST),))
    assert caught_up(dated, conditions(ExpiryRules()), FUTURE) == Step(dated)


def test_a_terminated_wallet_whose_buckets_may_expire_comes_to_rest() -> None:
    """By the state's letter and by the wallet's end the same bucket is concerned: it ends, and then nothing is due."""
    under = conditions(ExpiryRules(wallet_states="ADT"))
    buckets = (Bucket(2, "bonus", 11, 4, expiry=PAST), Bucket(3, "bonus", 0, expiry=FUTURE), Bucket(4, "trial", -2))
    step = caught_up(wallet(*buckets, expiry=ENDS), under, 2 * FUTURE)
    assert figures(step.wallet) == {2: (4, 4), 4: (-2, 0), 1: (0, 0)}
    assert next_due(step.wallet, under) == 0


def test_lists_know_their_changes() -> None:
    assert list_of(Moved(0, ACTIVE, TERMINATED, Cause.DISUSE, 0, 0)) == TERMINATED_LIST
    assert list_of(Moved(0, ACTIVE, SUSPENDED, Cause.OPERATOR, 0, 0)) == ""
    assert list_of(Ended(0, 2, "bonus", 5, 0, Cause.BUCKET, True)) == ""
