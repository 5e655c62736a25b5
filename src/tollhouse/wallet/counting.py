"""Balances that only count: trackers of usage, and what was spent in a period.

A wallet counts what it was provisioned with: each balance type of these categories that it has a bucket of. The bucket
ends with its period (requirement oracle_vws 3 and 5.8, cases 54 and 82), and the next one begins with the next use.
"""

from __future__ import annotations

from typing import Final

import msgspec

from tollhouse.snapshot.accounts import BalanceType, Category, Period
from tollhouse.snapshot.rules import Rules
from tollhouse.values.commands import Service
from tollhouse.values.instants import Instant
from tollhouse.wallet.changes import Kinds
from tollhouse.wallet.midnights import period_end
from tollhouse.wallet.state import Posting, Wallet
from tollhouse.wallet.transfer import counts_as, posted, with_bucket

COUNTING: Final = "counting"
"""The counter-account of what only counts."""


class Used(msgspec.Struct, frozen=True, gc=False):
    """What a commit added: a session's usage from `before` to `after`, `spent` of money, `paid`: for how much
    of the usage units did."""

    service: Service
    before: int
    after: int
    spent: int
    paid: int


def count(wallet: Wallet, used: Used, kinds: Kinds, rules: Rules, now: Instant) -> tuple[Wallet, tuple[Posting, ...]]:
    """The wallet with all that it counts of this commit."""
    postings: list[Posting] = []
    for name in dict.fromkeys(bucket.balance_type for bucket in wallet.buckets if bucket.idle):
        kind = kinds(name)
        amount = 0 if kind is None else _amount(kind, wallet, used, rules)
        if kind is not None and amount:
            wallet, place = _place(wallet, kind, rules, now)
            posting = Posting(place, amount, COUNTING)
            wallet = posted(wallet, (posting,))
            postings.append(posting)
    return wallet, tuple(postings)


def _amount(kind: BalanceType, wallet: Wallet, used: Used, rules: Rules) -> int:
    """In steps of the type's unit. Usage is counted in whole steps of the session's so far, so that parts add up."""
    whole = used.after // kind.step - used.before // kind.step
    if kind.category is Category.TRACKER:
        return whole if kind.service == used.service else 0
    if kind.category is not Category.EXPENDITURE:
        return 0
    if kind.service:
        by_duration = rules.record.call_duration_in_time_expenditure
        return (whole if by_duration else used.paid // kind.step) if kind.service == used.service else 0
    return used.spent if kind.unit == wallet.unit else 0


def _place(wallet: Wallet, kind: BalanceType, rules: Rules, now: Instant) -> tuple[Wallet, int]:
    """The bucket of the period that it is now, made where there is none."""
    ends = period_end(kind.period, now, rules.expiry) if kind.period is not Period.EVER else 0
    for bucket in wallet.buckets:
        if counts_as(bucket, kind, now) and bucket.usable(now) and bucket.expiry == ends:
            return wallet, bucket.id
    return with_bucket(wallet, kind, expiry=ends), wallet.next_bucket
