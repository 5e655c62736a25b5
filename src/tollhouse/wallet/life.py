"""The states of a wallet's life, and what moves it from one to the other (requirement oracle_vws 4.1, cases 55-69).

`caught_up` does whatever is due, before any access to the wallet. Each thing is dated by when it was due and done in
the order of those dates, so how late or how often it is called changes no result.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Final

import msgspec

from tollhouse.snapshot.accounts import BalanceType, Category
from tollhouse.snapshot.products import Batch, Product
from tollhouse.snapshot.rules import ActivationRules
from tollhouse.values.instants import Duration, Instant
from tollhouse.wallet.changes import Cause, Change, Conditions, Dated, Moved, Promoted, Removed, Step
from tollhouse.wallet.ending import buckets_ended, next_end, wallet_ended
from tollhouse.wallet.midnights import expiry_of, removal_of
from tollhouse.wallet.state import (
    ACTIVE,
    DORMANT,
    FROZEN,
    ISSUE,
    MAIN_BUCKET,
    PREUSE,
    QUARANTINED,
    SUSPENDED,
    TERMINATED,
    Posting,
    Wallet,
)
from tollhouse.wallet.transfer import counts_as, dated, posted, with_bucket

OPERATORS_MOVES: Final = {
    FROZEN: (ACTIVE, DORMANT, SUSPENDED),
    SUSPENDED: (ACTIVE, DORMANT),
    ACTIVE: (DORMANT, FROZEN, SUSPENDED),
    TERMINATED: (PREUSE, ACTIVE, DORMANT, FROZEN, SUSPENDED),
}
"""Where an operator may take a wallet, each with where from. PreUse becomes active by activation only, and what is
terminated by a recharge only; a quarantine ends by its release."""


class Bar(enum.StrEnum):
    """Why a wallet may not be used."""

    QUARANTINED = "quarantined"
    BATCH_INACTIVE = "batch_inactive"
    PREUSE = "preuse"
    """Not used yet, and what is asked for may not be its first use."""
    FROZEN = "frozen"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"


class _Deed(enum.IntEnum):
    """What may be due; of several at one instant the first comes first (requirement oracle_vws 1.4)."""

    BATCH = 0
    WALLET = 1
    BUCKETS = 2
    DISUSE = 3
    REMOVAL = 4


def caught_up(wallet: Wallet, conditions: Conditions, now: Instant) -> Step:
    """Do all that was due until now, this instant included. A quarantined wallet stands still."""
    postings: list[Posting] = []
    changes: list[Change] = []
    removable = False
    while (due := _next(wallet, conditions)) is not None and due[0] <= now:
        at, deed = due
        removable = deed is _Deed.REMOVAL and not conditions.rules.expiry.removal_is_only_listed
        if removable:
            break
        step = _done(wallet, conditions, at, deed)
        wallet = step.wallet
        postings.extend(step.postings)
        changes.extend(step.changes)
    return Step(wallet, tuple(postings), tuple(changes), removable)


def next_due(wallet: Wallet, conditions: Conditions) -> Instant:
    """The earliest instant at which `caught_up` has something to do or says `removable`; 0: never.

    It may be past; it moves when the wallet or the conditions change.
    """
    due = _next(wallet, conditions)
    return 0 if due is None else due[0]


def barred(wallet: Wallet, batch: Batch | None, activates: bool) -> Bar | None:
    """What keeps a wallet that is caught up from being used (5.1). `activates`: the use may be its first one."""
    if wallet.state == PREUSE:
        if batch is not None and not batch.active:
            return Bar.BATCH_INACTIVE
        return None if activates else Bar.PREUSE
    return None if wallet.state in (ACTIVE, DORMANT) else Bar(wallet.state)


def used(wallet: Wallet, now: Instant) -> Step:
    """The wallet's last use is now; a dormant one wakes."""
    if wallet.state != DORMANT:
        return Step(msgspec.structs.replace(wallet, used=max(now, wallet.used)))
    return _moved(wallet, ACTIVE, Cause.USE, now)


def moved(wallet: Wallet, state: str, cause: Cause, now: Instant) -> Step | None:
    """An operator's move, or dishonesty's, of a wallet that is caught up; None where there is no such way."""
    if wallet.state == state != QUARANTINED:
        return Step(wallet)
    return _moved(wallet, state, cause, now) if wallet.state in OPERATORS_MOVES.get(state, ()) else None


def activated(wallet: Wallet, product: Product, conditions: Conditions, cause: Cause, now: Instant) -> Step:
    """A PreUse wallet's first use, which nothing bars: dates by the product and the rules, and its promotions.

    `product`: that of the account by which it is used. The main bucket gets no date. Promotions put what they say into
    the bucket of their type that expires when they do, else into a new one (cases 60-64).
    """
    if wallet.state != PREUSE:
        return Step(wallet)
    rules = conditions.rules
    expiry = wallet.expiry
    if product.initial:
        lives, keeps = rules.activation, expiry_of(now + product.initial, rules.expiry)
        expiry = _date(expiry, keeps, lives.overwrites_wallet_expiry, lives.dates_undated_wallet)
    begun = Moved(now, PREUSE, ACTIVE, cause, wallet.expiry, expiry)
    wallet = msgspec.structs.replace(wallet, state=ACTIVE, entered=now, activated=now, used=now, expiry=expiry)
    wallet, dates = _with_dates(wallet, product, conditions, now)
    wallet, postings, gifts = _with_promotions(wallet, product, conditions, now)
    return Step(wallet, postings, (begun, *dates, *gifts))


def _next(wallet: Wallet, conditions: Conditions) -> tuple[Instant, _Deed] | None:
    return None if wallet.state == QUARANTINED else min(_dues(wallet, conditions), default=None)


def _dues(wallet: Wallet, conditions: Conditions) -> Iterator[tuple[Instant, _Deed]]:
    """Whatever is to come, or to be done, in the wallet's present state."""
    batch = conditions.batch
    if wallet.state == PREUSE and batch is not None:
        if batch.expiry:
            yield max(batch.expiry, wallet.entered), _Deed.BATCH
        if not batch.active:
            return
    if wallet.state in (ACTIVE, DORMANT) and wallet.expiry:
        yield max(wallet.expiry, wallet.entered), _Deed.WALLET
    if ends := next_end(wallet, conditions):
        yield ends, _Deed.BUCKETS
    since = max(wallet.entered, wallet.used) if wallet.state == ACTIVE else wallet.entered
    if not (since and (period := _period(wallet.state, conditions))):
        return
    if wallet.state != TERMINATED:
        yield since + period, _Deed.DISUSE
    elif not _listed(wallet, conditions) and not any(bucket.held for bucket in wallet.buckets):
        yield removal_of(since + period, conditions.rules.expiry), _Deed.REMOVAL


def _listed(wallet: Wallet, conditions: Conditions) -> bool:
    """Whether all is done for its removal that is ours to do."""
    return conditions.rules.expiry.removal_is_only_listed and wallet.removal_listed >= wallet.entered


def _done(wallet: Wallet, conditions: Conditions, at: Instant, deed: _Deed) -> Step:
    if deed is _Deed.BATCH:
        return wallet_ended(wallet, conditions, at, Cause.BATCH)
    if deed is _Deed.WALLET:
        return wallet_ended(wallet, conditions, at, Cause.WALLET)
    if deed is _Deed.BUCKETS:
        return buckets_ended(wallet, conditions, at)
    if deed is _Deed.REMOVAL:
        return Step(msgspec.structs.replace(wallet, removal_listed=at), (), (Removed(at, listed=True),))
    if wallet.state == PREUSE:
        return wallet_ended(wallet, conditions, at, Cause.DISUSE)
    return _moved(wallet, DORMANT if wallet.state == ACTIVE else TERMINATED, Cause.DISUSE, at)


def _period(state: str, conditions: Conditions) -> Duration:
    """How long the wallet stays in the state when nothing happens: the longest of its products', never is longer than
    any (case 69), or its own product's. 0: for ever."""
    products = conditions.products if conditions.rules.expiry.best_periods else conditions.products[:1]
    periods = [_period_of(state, product) for product in products]
    return 0 if 0 in periods else max(periods, default=0)


def _period_of(state: str, product: Product) -> Duration:
    if state == ACTIVE:
        return product.dormant
    if state == DORMANT:
        return product.terminated
    if state == TERMINATED:
        return product.removed
    return product.preuse if state == PREUSE else 0


def _moved(wallet: Wallet, state: str, cause: Cause, at: Instant) -> Step:
    """A move that changes nothing but the state; a use counts as the last one."""
    last = max(at, wallet.used) if cause is Cause.USE else wallet.used
    changed = msgspec.structs.replace(wallet, state=state, entered=at, used=last)
    return Step(changed, (), (Moved(at, wallet.state, state, cause, wallet.expiry, wallet.expiry),))


def _date(old: Instant, new: Instant, overwrites: bool, dates_undated: bool) -> Instant:
    """The date that activation leaves (cases 61-63); 0: never."""
    if not old:
        return new if dates_undated else 0
    return new if overwrites else max(old, new)


def _with_dates(
    wallet: Wallet, product: Product, conditions: Conditions, now: Instant
) -> tuple[Wallet, tuple[Dated, ...]]:
    """The wallet with the dates that its product gives the buckets that it was made with."""
    rules = conditions.rules.activation
    lasts = dict(product.bucket_lasts)
    changes: list[Dated] = []
    for one in wallet.buckets:
        period = lasts.get(one.balance_type, 0)
        if period and one.id != MAIN_BUCKET and _touched(conditions.kinds(one.balance_type), rules):
            ends = expiry_of(now + period, conditions.rules.expiry)
            new = _date(one.expiry, ends, rules.overwrites_bucket_expiry, rules.dates_undated_bucket)
            if new != one.expiry:
                changes.append(Dated(now, one.id, one.balance_type, one.expiry, new))
    return dated(wallet, {one.bucket: one.new for one in changes}), tuple(changes)


def _with_promotions(
    wallet: Wallet, product: Product, conditions: Conditions, now: Instant
) -> tuple[Wallet, tuple[Posting, ...], tuple[Promoted, ...]]:
    postings: list[Posting] = []
    gifts: list[Promoted] = []
    for one in product.promotions:
        kind = conditions.kinds(one.balance_type)
        if not _touched(kind, conditions.rules.activation):
            continue
        expiry = expiry_of(now + one.lasts, conditions.rules.expiry) if one.lasts else 0
        if kind is None or (not kind.service and kind.unit != wallet.unit):
            gifts.append(Promoted(now, 0, one.balance_type, one.amount, expiry))
            continue
        wallet, bucket = _with_place(wallet, kind, expiry, now)
        posting = Posting(bucket, one.amount, ISSUE)
        wallet = posted(wallet, (posting,))
        postings.append(posting)
        gifts.append(Promoted(now, bucket, one.balance_type, one.amount, expiry))
    return wallet, tuple(postings), tuple(gifts)


def _with_place(wallet: Wallet, kind: BalanceType, expiry: Instant, now: Instant) -> tuple[Wallet, int]:
    """The bucket into which a promotion goes, made where there is none like it."""
    for one in wallet.buckets:
        if counts_as(one, kind, now) and (one.start, one.expiry, one.weight, one.use) == (0, expiry, 0, None):
            return wallet, one.id
    return with_bucket(wallet, kind, expiry=expiry), wallet.next_bucket


def _touched(kind: BalanceType | None, rules: ActivationRules) -> bool:
    """Whether activation may change balances of the type (case 64)."""
    counted = kind is not None and kind.category in (Category.TRACKER, Category.EXPENDITURE)
    return counted or not rules.tracking_only
