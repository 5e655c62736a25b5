"""Hold, take, give back, expire: functions from wallet to wallet. They decide nothing but amounts.

Invariants (tests/wallet): no function makes money: the postings it returns sum to what the balance moved; what is held
is never more than what the buckets hold plus the credit limit, unless debt was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from tollhouse.values.instants import Instant
from tollhouse.wallet.state import (
    EXPIRY,
    MAIN_BUCKET,
    REVENUE,
    Bucket,
    Lines,
    Posting,
    Wallet,
)

CREDIT: Final = 0
"""Stands for the main bucket's credit where buckets are named by their ids: what is left of the limit, what a session
holds of it."""
_NEVER: Final = 2**63 - 1


class Taken(msgspec.Struct, frozen=True, gc=False):
    """What a debit did: `lines` are still held, `paid` says who paid, one after the other; of that `overdrawn` is a
    debt. `forgone` was not taken."""

    wallet: Wallet
    lines: Lines
    paid: Lines
    overdrawn: int = 0
    forgone: int = 0

    @property
    def postings(self) -> tuple[Posting, ...]:
        """What it moved."""
        return tuple([Posting(bucket, amount, REVENUE) for bucket, amount in by_bucket(self.paid, -1).items()])


def available(wallet: Wallet, now: Instant) -> int:
    """What a new session may hold: free money of usable buckets plus what is left of the credit limit.

    Not counted is money that pays for some calls only.
    """
    total = 0
    for bucket in wallet.buckets:
        if bucket.unit or bucket.use is not None:
            continue
        if bucket.start <= now and (bucket.expiry == 0 or now < bucket.expiry):
            free = bucket.value - bucket.held
            if bucket.id == MAIN_BUCKET:
                free += wallet.credit_limit
            if free > 0:
                total += free
    return total


def free(wallet: Wallet, now: Instant) -> dict[int, int]:
    """What no session holds of each bucket that may pay now; under `CREDIT` what is left of the credit limit."""
    found = {one.id: one.value - one.held for one in wallet.buckets if one.value > one.held and one.usable(now)}
    if wallet.credit_limit:
        main = next(bucket for bucket in wallet.buckets if bucket.id == MAIN_BUCKET)
        room = wallet.credit_limit + min(main.value - main.held, 0)
        if room > 0:
            found[CREDIT] = room
    return found


def draw(places: Sequence[int], rest: dict[int, int], amount: int) -> tuple[Lines, int]:
    """Which of the money `rest` pays the amount, in the order of these places, and how much it lacks; `rest` is what
    then is left."""
    drawn: list[tuple[int, int]] = []
    for place in places:
        there = rest.get(place, 0)
        if amount and there:
            used = min(there, amount)
            rest[place] = there - used
            drawn.append((place, used))
            amount -= used
    return tuple(drawn), amount


def by_bucket(lines: Iterable[tuple[int, int]], sign: int = 1) -> dict[int, int]:
    """What the lines come to in each bucket: credit is the main bucket's. `sign` -1: as moved out of it."""
    sums: dict[int, int] = {}
    for place, amount in lines:
        bucket = place or MAIN_BUCKET
        sums[bucket] = sums.get(bucket, 0) + sign * amount
    return sums


def money_in(wallet: Wallet, lines: Lines) -> int:
    """How much of the lines is money."""
    units = {bucket.id for bucket in wallet.buckets if bucket.unit}
    return sum(amount for bucket, amount in lines if bucket not in units)


def general(wallet: Wallet) -> list[int]:
    """The buckets of money that pay for everything, in their order, and `CREDIT`."""
    places = [bucket.id for bucket in wallet.buckets if not bucket.unit and bucket.use is None]
    places.append(CREDIT)
    return places


def reserve(wallet: Wallet, lines: Lines) -> Wallet:
    """Hold what is free for a session."""
    return _moved(wallet, {}, by_bucket(lines)) if lines else wallet


def hold(wallet: Wallet, amount: int, now: Instant) -> tuple[Wallet, Lines] | None:
    """Reserve `amount`: own money in the cascade's order, credit last. None when it is not all there."""
    lines, rest = draw(general(wallet), free(wallet, now), amount) if amount > 0 else ((), 0)
    return None if rest else (reserve(wallet, lines), lines)


def take(wallet: Wallet, lines: Lines, amount: int, now: Instant, debt: bool, among: Sequence[int] = ()) -> Taken:
    """Charge `amount` >= 0: from what is held, then free money and credit, then debt (debt=False: nothing).

    `among`: only from these buckets (empty: from those that pay for everything); a debt is the main bucket's.
    """
    places = among or general(wallet)
    held = dict(lines)
    unheld, rest = draw(places, held, amount)
    paid = unheld
    if rest:
        more, rest = draw(places, free(wallet, now), rest)
        paid = (*unheld, *more)
    overdrawn = rest if debt else 0
    if overdrawn:
        paid = (*paid, (MAIN_BUCKET, overdrawn))
    if not paid:
        return Taken(wallet, lines, (), 0, rest)
    spent = by_bucket(paid, -1)
    wallet = _moved(wallet, spent, spent if paid is unheld else by_bucket(unheld, -1))
    left = tuple([line for line in held.items() if line[1]])
    return Taken(wallet, left, paid, overdrawn, rest - overdrawn)


def give_back(wallet: Wallet, lines: Lines) -> Wallet:
    """Release what a session held."""
    return _moved(wallet, {}, by_bucket(lines, -1)) if lines else wallet


def credit(wallet: Wallet, amount: int, counter: str) -> tuple[Wallet, tuple[Posting, ...]]:
    """Put `amount` into the main bucket against `counter` (refunds, corrections)."""
    return _moved(wallet, {MAIN_BUCKET: amount}, {}), (Posting(MAIN_BUCKET, amount, counter),)


def pay_back(wallet: Wallet, paid: Lines, amount: int) -> tuple[Wallet, Lines, Lines]:
    """Put `amount` back where it was taken from, what was taken last first; into the main bucket what has no place.

    The wallet, what stays paid, and what went where.
    """
    there = {bucket.id for bucket in wallet.buckets}
    left = list(paid)
    back: dict[int, int] = {}
    while amount and left:
        place, taken = left.pop()
        used = min(taken, amount)
        if taken > used:
            left.append((place, taken - used))
        bucket = place if place in there else MAIN_BUCKET
        back[bucket] = back.get(bucket, 0) + used
        amount -= used
    if amount:
        back[MAIN_BUCKET] = back.get(MAIN_BUCKET, 0) + amount
    return _moved(wallet, back, {}), tuple(left), tuple(back.items())


def expire(wallet: Wallet, now: Instant) -> tuple[Wallet, tuple[Posting, ...]]:
    """Take free money out of buckets whose expiry has come; spent buckets vanish. Held money stays."""
    if not any(bucket.expiry and bucket.expiry <= now for bucket in wallet.buckets):
        return wallet, ()
    over = [b for b in wallet.buckets if b.expiry and b.expiry <= now and b.value > b.held]
    wallet, postings = _drop(wallet, over)
    kept = tuple(b for b in wallet.buckets if not (b.expiry and b.expiry <= now and b.value == 0 and b.held == 0))
    return _with(wallet, kept), postings


def _drop(wallet: Wallet, buckets: list[Bucket]) -> tuple[Wallet, tuple[Posting, ...]]:
    gone = {bucket.id: bucket.value - bucket.held for bucket in buckets}
    if not gone:
        return wallet, ()
    kept = tuple(
        msgspec.structs.replace(bucket, value=bucket.held) if bucket.id in gone else bucket for bucket in wallet.buckets
    )
    return _with(wallet, kept), tuple(Posting(bucket_id, -value, EXPIRY) for bucket_id, value in gone.items())


def turn(bucket: Bucket) -> tuple[int, int, int, int]:
    """The bucket's place among a wallet's: cascade, weight, soonest expiry, id."""
    return (bucket.order, -bucket.weight, bucket.expiry or _NEVER, bucket.id)


def _moved(wallet: Wallet, values: Mapping[int, int], held: Mapping[int, int]) -> Wallet:
    """The wallet with so much more in these buckets, and so much more of these held."""
    buckets = []
    for bucket in wallet.buckets:
        id_ = bucket.id
        if id_ in values or id_ in held:
            value, part = bucket.value + values.get(id_, 0), bucket.held + held.get(id_, 0)
            bucket = msgspec.structs.replace(bucket, value=value, held=part)
        buckets.append(bucket)
    return msgspec.structs.replace(wallet, buckets=tuple(buckets))


def _with(wallet: Wallet, buckets: tuple[Bucket, ...]) -> Wallet:
    return msgspec.structs.replace(wallet, buckets=buckets)
