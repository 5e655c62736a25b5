"""Balances that only count: trackers, and what was spent, by period and zone."""

from __future__ import annotations

from tollhouse.snapshot.accounts import BalanceType, Category, Period
from tollhouse.snapshot.rules import ExpiryRules, RecordRules, Rules
from tollhouse.values.commands import Service
from tollhouse.values.instants import SECOND, parse_instant
from tollhouse.wallet.counting import Used, count
from tollhouse.wallet.state import Bucket, Posting, Wallet

NOON = parse_instant("2026-05-10T12:00:00Z")
SPENT = BalanceType("spent", "EUR", 20, category=Category.EXPENDITURE, period=Period.DAILY)
TALKED = BalanceType("talked", "S", 21, "voice", SECOND, Category.EXPENDITURE)
MINUTES = BalanceType("minutes", "MIN", 22, "voice", 60 * SECOND, Category.TRACKER)
KINDS = {kind.name: kind for kind in (SPENT, TALKED, MINUTES)}


def wallet(*kinds: BalanceType) -> Wallet:
    """Provisioned with an empty bucket of each."""
    idle = [
        Bucket(n, one.name, 0, order=one.order, unit=one.unit, service=one.service, step=one.step, idle=True)
        for n, one in enumerate(kinds, 2)
    ]
    return Wallet("w", "t", "EUR", 2, 0, (Bucket(1, "cash", 1000), *idle), next_bucket=len(kinds) + 2)


def test_case_54_time_expenditure_by_what_units_paid_or_by_the_whole_call() -> None:
    """120 s, of which 60 s from a time balance."""
    used = Used(Service.VOICE, 0, 120 * SECOND, 500, 60 * SECOND)
    for whole, grows in ((False, 60), (True, 120)):
        rules = Rules(record=RecordRules(call_duration_in_time_expenditure=whole))
        _, postings = count(wallet(TALKED), used, KINDS.get, rules, NOON)
        assert postings == (Posting(2, grows, "counting"),)


def test_case_82_the_day_of_expenditure_ends_at_a_zone_s_midnight() -> None:
    """16:00Z is 01:00 of 11 May in Tokyo (UTC+9); that day ends at 15:00Z of 11 May, in UTC at its midnight."""
    at = parse_instant("2026-05-10T16:00:00Z")
    for zone, ends in (("Asia/Tokyo", "2026-05-11T15:00:00Z"), ("", "2026-05-11T00:00:00Z")):
        rules = Rules(expiry=ExpiryRules(expenditure_midnight_zone=zone))
        after, postings = count(wallet(SPENT), Used(Service.VOICE, 0, SECOND, 150, 0), KINDS.get, rules, at)
        (made,) = [bucket for bucket in after.buckets if bucket.value == 150]
        assert (made.expiry, postings) == (parse_instant(ends), (Posting(made.id, 150, "counting"),))


def test_the_same_day_goes_into_the_same_bucket_the_next_into_another() -> None:
    one, _ = count(wallet(SPENT), Used(Service.VOICE, 0, 1, 150, 0), KINDS.get, Rules(), NOON)
    two, _ = count(one, Used(Service.VOICE, 1, 2, -50, 0), KINDS.get, Rules(), NOON + SECOND)
    three, _ = count(two, Used(Service.VOICE, 2, 3, 7, 0), KINDS.get, Rules(), parse_instant("2026-05-11T00:00:00Z"))
    assert sorted(bucket.value for bucket in three.buckets if bucket.idle) == [0, 7, 100]


def test_a_tracker_counts_whole_minutes_of_the_session_so_far() -> None:
    """59 s, then up to 61 s, then 119 s: 0, 1 and 0 minutes; data is not its business."""
    state, moved = wallet(MINUTES), []
    for before, after in ((0, 59), (59, 61), (61, 119)):
        state, postings = count(
            state, Used(Service.VOICE, before * SECOND, after * SECOND, 1, 0), KINDS.get, Rules(), NOON
        )
        moved.append([posting.amount for posting in postings])
    assert moved == [[], [1], []]
    assert count(state, Used(Service.DATA, 0, 10**9, 1, 0), KINDS.get, Rules(), NOON) == (state, ())


def test_a_wallet_that_counts_nothing_stays_as_it_is() -> None:
    plain = wallet()
    assert count(plain, Used(Service.VOICE, 0, SECOND, 1, 0), KINDS.get, Rules(), NOON) == (plain, ())
