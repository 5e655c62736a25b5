"""Value into and out of buckets, and from one wallet into another. Source: requirement oracle_vws 5.6 and 9.

A transfer is a linked pair: both wallets move or neither does. Money keeps its dates, its weight and its use on the
way, so that a transfer never makes anything last longer or pay for more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from tollhouse.snapshot.accounts import BalanceType, Category, LimitType, MaximumPolicy
from tollhouse.snapshot.rules import RechargeRules, WalletRules
from tollhouse.values.instants import Instant
from tollhouse.values.refusals import Refusal
from tollhouse.values.uses import Use
from tollhouse.wallet.funds import turn
from tollhouse.wallet.state import (
    ACTIVE,
    DORMANT,
    MAIN_BUCKET,
    PREUSE,
    QUARANTINED,
    TERMINATED,
    Bucket,
    Posting,
    Wallet,
)

TRANSFER: Final = "transfer"
"""The counter-account of both sides of a transfer: over all wallets it is zero."""


class Stopped(msgspec.Struct, frozen=True, gc=False):
    """Why nothing was done. `line`: the first culprit, counted from 1; 0: it is the wallet.

    Of a transfer, 1 is the wallet that gives and 2 the one that gets.
    """

    line: int
    refusal: Refusal
    detail: str


class Transferred(msgspec.Struct, frozen=True, gc=False):
    """Both sides of a transfer: `taken` belongs to the source's record, `given` to the target's; they sum to zero.

    Old and new values are the balances', held money included. `activates`: the target is PreUse, and its activation is
    to follow in the same transaction.
    """

    source: Wallet
    target: Wallet
    taken: tuple[Posting, ...]
    given: tuple[Posting, ...]
    source_old: int
    source_new: int
    target_old: int
    target_new: int
    activates: bool = False


def transfer(
    source: Wallet, target: Wallet, kind: BalanceType, amount: int, rules: RechargeRules, now: Instant
) -> Transferred | Stopped:
    """Move `amount` > 0 of a balance type: free money of usable buckets, first to pay first; no credit, nothing held.

    Both have been caught up (`life.caught_up`), and the source must be active or dormant; `rules` are the target's.
    Refused, too: more than the target's maximum (also where it would cap, for nothing may be lost on the way), less
    than the source's minimum, types that pay nothing or only once.
    """
    wrong = _unfit(source, target, kind, amount) or _barred(source, target, rules)
    if wrong is not None:
        return wrong
    drawn, rest = _draw(source, kind, amount, now)
    source_old, target_old = worth(source, kind.name), worth(target, kind.name)
    if rest:
        return Stopped(1, Refusal.INSUFFICIENT_FUNDS, f"less than that is free in {kind.name}")
    if kind.minimum and source_old - amount < kind.minimum:
        return Stopped(1, Refusal.INSUFFICIENT_FUNDS, f"{kind.name} would have less than {kind.minimum}")
    if above_maximum(kind, target_old, amount):
        return Stopped(2, Refusal.AMOUNT_OUT_OF_RANGE, f"{kind.name} would have more than {kind.maximum}")
    taken = tuple(Posting(bucket.id, -part, TRANSFER) for bucket, part in drawn)
    given: list[Posting] = []
    for bucket, part in drawn:
        target, place = place_like(target, kind, bucket, now)
        given.append(Posting(place, part, TRANSFER))
    after, got = posted(source, taken), posted(target, given)
    if not got.in_range():
        return Stopped(2, Refusal.AMOUNT_OUT_OF_RANGE, "the wallet would hold more than can be counted")
    values = (source_old, source_old - amount, target_old, target_old + amount)
    return Transferred(after, got, taken, tuple(given), *values, target.state == PREUSE)


def worth(wallet: Wallet, balance_type: str) -> int:
    """The balance: the sum of the type's buckets, held money included."""
    return sum(bucket.value for bucket in wallet.buckets if bucket.balance_type == balance_type)


def posted(wallet: Wallet, postings: Sequence[Posting]) -> Wallet:
    """The wallet with these postings in its buckets' values."""
    moved: dict[int, int] = {}
    for one in postings:
        moved[one.bucket] = moved.get(one.bucket, 0) + one.amount
    buckets = tuple(
        msgspec.structs.replace(bucket, value=bucket.value + moved[bucket.id]) if bucket.id in moved else bucket
        for bucket in wallet.buckets
    )
    return msgspec.structs.replace(wallet, buckets=buckets)


def counts_as(bucket: Bucket, kind: BalanceType, now: Instant) -> bool:
    """Whether steps of the type may be added: the bucket counts what the type counts, and its date is not past."""
    counted = (bucket.unit, bucket.service, bucket.step if bucket.service else kind.step, bucket.idle)
    idle = kind.category is not Category.GENERAL
    same = (kind.unit if kind.service or idle else "", kind.service, kind.step, idle)
    return bucket.balance_type == kind.name and counted == same and lasts(bucket, now)


def with_bucket(
    wallet: Wallet,
    kind: BalanceType,
    start: Instant = 0,
    expiry: Instant = 0,
    weight: int = 0,
    use: Use | None = None,
) -> Wallet:
    """The wallet with one more bucket, empty; its id is the former `next_bucket`."""
    idle = kind.category is not Category.GENERAL
    made = Bucket(
        id=wallet.next_bucket,
        balance_type=kind.name,
        value=0,
        start=start,
        expiry=expiry,
        weight=weight,
        order=kind.order,
        unit=kind.unit if kind.service or idle else "",
        service=kind.service,
        step=kind.step,
        use=use,
        idle=idle,
    )
    buckets = tuple(sorted((*wallet.buckets, made), key=turn))
    return msgspec.structs.replace(wallet, buckets=buckets, next_bucket=wallet.next_bucket + 1)


def dated(wallet: Wallet, dates: Mapping[int, Instant]) -> Wallet:
    """The wallet with other dates of some buckets, in their order of payment."""
    if not dates:
        return wallet
    others = (msgspec.structs.replace(one, expiry=dates.get(one.id, one.expiry)) for one in wallet.buckets)
    return msgspec.structs.replace(wallet, buckets=tuple(sorted(others, key=turn)))


def with_empty_buckets(wallet: Wallet, kinds: Sequence[BalanceType], rules: WalletRules) -> Wallet:
    """An empty bucket that never expires of each type that has none, where the rules make them (case 99)."""
    if rules.makes_empty_buckets:
        for kind in kinds:
            if all(bucket.balance_type != kind.name for bucket in wallet.buckets):
                wallet = with_bucket(wallet, kind)
    return wallet


def drained(wallet: Wallet, debited: Collection[int]) -> frozenset[int]:
    """Which of the buckets that were debited are empty by now, and may be cleared.

    Where something is held it is not empty. The main bucket stays, and so does what is something else than its value:
    what counts, membership of a group, a blocker; and units, which a session's last word may give back and which
    nothing else could stand for.
    """
    empty = [one for one in wallet.buckets if one.id in debited and one.value == 0 == one.held]
    return frozenset(one.id for one in empty if not (one.service or _is_more(one)))


def cleared(wallet: Wallet, empty: Collection[int], rules: WalletRules, now: Instant) -> Wallet:
    """The wallet without these buckets; or they are dated now so that the next expiry takes them (case 100)."""
    if not empty or not rules.clears_empty_buckets:
        return wallet
    if rules.deletes_cleared_buckets:
        kept = tuple(bucket for bucket in wallet.buckets if bucket.id not in empty)
        return msgspec.structs.replace(wallet, buckets=kept)
    return dated(wallet, {bucket.id: now for bucket in wallet.buckets if bucket.id in empty and lasts(bucket, now)})


def _is_more(bucket: Bucket) -> bool:
    use = bucket.use
    return bucket.id == MAIN_BUCKET or bucket.idle or (use is not None and (use.blocker or bool(use.groups)))


def above_maximum(kind: BalanceType, value: int, amount: int) -> bool:
    """Whether a credit would lift a balance of this value above a maximum that is not only told."""
    bound = kind.maximum and kind.maximum_policy is not MaximumPolicy.ALLOW
    return bool(bound) and amount > 0 and value + amount > kind.maximum


def lasts(bucket: Bucket, now: Instant) -> bool:
    """Whether its date is still to come."""
    return bucket.expiry == 0 or now < bucket.expiry


def _unfit(source: Wallet, target: Wallet, kind: BalanceType, amount: int) -> Stopped | None:
    if (source.tenant, source.name) == (target.tenant, target.name) or amount <= 0:
        return Stopped(0, Refusal.INVALID, "a transfer is of more than zero, into another wallet")
    if kind.category is not Category.GENERAL or kind.limit_type is LimitType.SINGLE_USE:
        return Stopped(0, Refusal.INVALID, f"{kind.name} is not transferred: it pays nothing, or once")
    for side, wallet in enumerate((source, target), 1):
        if not kind.service and kind.unit != wallet.unit:
            return Stopped(side, Refusal.UNIT_MISMATCH, f"{wallet.name} holds {wallet.unit}, {kind.name} {kind.unit}")
    if not kind.service and source.decimals != target.decimals:
        return Stopped(2, Refusal.UNIT_MISMATCH, f"{target.name} counts other steps of {target.unit}")
    return None


def _barred(source: Wallet, target: Wallet, rules: RechargeRules) -> Stopped | None:
    for side, wallet in enumerate((source, target), 1):
        if wallet.state == QUARANTINED:
            return Stopped(side, Refusal.WALLET_QUARANTINED, wallet.name)
        if wallet.state == TERMINATED:
            return Stopped(side, Refusal.WALLET_EXPIRED, wallet.name)
    if source.state not in (ACTIVE, DORMANT):
        return Stopped(1, Refusal.WALLET_SUSPENDED, f"{source.name} is {source.state}")
    if target.state == PREUSE and not rules.activates_preuse:
        return Stopped(2, Refusal.WALLET_SUSPENDED, f"{target.name} is not used yet, and may not be activated so")
    return None


def _draw(wallet: Wallet, kind: BalanceType, amount: int, now: Instant) -> tuple[list[tuple[Bucket, int]], int]:
    """Which free money goes, and what is lacking."""
    drawn: list[tuple[Bucket, int]] = []
    for bucket in wallet.buckets:
        disabled = bucket.use is not None and bucket.use.disabled
        part = min(bucket.value - bucket.held, amount)
        if part > 0 and counts_as(bucket, kind, now) and bucket.usable(now) and not disabled:
            drawn.append((bucket, part))
            amount -= part
    return drawn, amount


def place_like(wallet: Wallet, kind: BalanceType, source: Bucket, now: Instant) -> tuple[Wallet, int]:
    """The bucket that is as the source is, made where there is none."""
    wanted = (source.start, source.expiry, source.weight, source.use)
    for bucket in wallet.buckets:
        if counts_as(bucket, kind, now) and (bucket.start, bucket.expiry, bucket.weight, bucket.use) == wanted:
            return wallet, bucket.id
    return with_bucket(wallet, kind, *wanted), wallet.next_bucket
