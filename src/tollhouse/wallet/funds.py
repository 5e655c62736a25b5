"""Hold, take, give back, top up, expire: functions from wallet to wallet. They decide nothing but amounts.

Invariants (tests/wallet): no function makes money: the postings it returns sum to what the balance moved; what is held
is never more than what the buckets hold plus the credit limit, unless debt was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tollhouse.values.instants import Instant
from tollhouse.wallet.state import (
    EXPIRY,
    ISSUE,
    MAIN_BUCKET,
    REVENUE,
    Bucket,
    Lines,
    Posting,
    Wallet,
)

CREDIT: Final = 0
"""Stands for what is left of the credit limit, where buckets are named by their ids."""
_NEVER: Final = 2**63 - 1


class Taken(msgspec.Struct, frozen=True, gc=False):
    """What a debit did: `lines` are still held, `overdrawn` was taken as debt, `forgone` was not taken."""

    wallet: Wallet
    lines: Lines
    postings: tuple[Posting, ...]
    overdrawn: int = 0
    forgone: int = 0


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


def draw(wallet: Wallet, among: Sequence[int], rest: dict[int, int], amount: int) -> tuple[Lines, int]:
    """Which of the free money `rest` pays the amount, in order, and how much it lacks; `rest` is what then is left.

    `among`: only these buckets; empty: those that pay for everything, in the wallet's order, credit last.
    """
    drawn: dict[int, int] = {}
    for place in among or general(wallet):
        there = rest.get(place, 0)
        if amount and there:
            used = min(there, amount)
            rest[place] = there - used
            bucket = MAIN_BUCKET if place == CREDIT else place
            drawn[bucket] = drawn.get(bucket, 0) + used
            amount -= used
    return tuple(drawn.items()), amount


def money_in(wallet: Wallet, lines: Lines) -> int:
    """How much of the lines is money."""
    units = {bucket.id for bucket in wallet.buckets if bucket.unit}
    return sum(amount for bucket, amount in lines if bucket not in units)


def general(wallet: Wallet) -> list[int]:
    """The buckets of money that pay for everything, in their order, and `CREDIT`."""
    return [*(bucket.id for bucket in wallet.buckets if not bucket.unit and bucket.use is None), CREDIT]


def reserve(wallet: Wallet, lines: Lines) -> Wallet:
    """Hold what is free for a session."""
    if not lines:
        return wallet
    held = dict(lines)
    buckets = tuple(
        msgspec.structs.replace(bucket, held=bucket.held + held[bucket.id]) if bucket.id in held else bucket
        for bucket in wallet.buckets
    )
    return _with(wallet, buckets)


def hold(wallet: Wallet, amount: int, now: Instant) -> tuple[Wallet, Lines] | None:
    """Reserve `amount`: own money in the cascade's order, credit last. None when it is not all there."""
    lines, rest = draw(wallet, (), free(wallet, now), amount) if amount > 0 else ((), 0)
    return None if rest else (reserve(wallet, lines), lines)


def take(wallet: Wallet, lines: Lines, amount: int, now: Instant, debt: bool, among: Sequence[int] = ()) -> Taken:
    """Charge `amount` >= 0: from what is held, then free money and credit, then debt (debt=False: nothing).

    `among`: only from these buckets (empty: from those that pay for everything); a debt is the main bucket's.
    """
    unheld, rest = _unhold(wallet, lines, amount, among or general(wallet))
    left = [(bucket_id, held - unheld.get(bucket_id, 0)) for bucket_id, held in lines]
    left = [line for line in left if line[1]]
    spent = dict(unheld)
    if rest:
        more, rest = draw(wallet, among, free(wallet, now), rest)
        for bucket_id, used in more:
            spent[bucket_id] = spent.get(bucket_id, 0) + used
    overdrawn = rest if debt else 0
    if overdrawn:
        spent[MAIN_BUCKET] = spent.get(MAIN_BUCKET, 0) + overdrawn
    if not spent:
        return Taken(wallet, tuple(left), (), 0, rest)
    buckets = tuple(
        msgspec.structs.replace(
            bucket, value=bucket.value - spent[bucket.id], held=bucket.held - unheld.get(bucket.id, 0)
        )
        if bucket.id in spent
        else bucket
        for bucket in wallet.buckets
    )
    postings = tuple(Posting(bucket_id, -used, REVENUE) for bucket_id, used in spent.items())
    return Taken(_with(wallet, buckets), tuple(left), postings, overdrawn, rest - overdrawn)


def _unhold(wallet: Wallet, lines: Lines, amount: int, among: Sequence[int]) -> tuple[dict[int, int], int]:
    """What of the held lines pays the amount, in the order of the buckets, and how much it lacks. What is held of the
    main bucket's credit pays last."""
    held = dict(lines)
    if MAIN_BUCKET in held and (MAIN_BUCKET in among or CREDIT in among):
        main = next(bucket for bucket in wallet.buckets if bucket.id == MAIN_BUCKET)
        mine = held[MAIN_BUCKET]
        held[MAIN_BUCKET] = min(mine, max(main.value - (main.held - mine), 0))
        held[CREDIT] = mine - held[MAIN_BUCKET]
        among = [*(place for place in among if place != CREDIT), CREDIT]
    unheld: dict[int, int] = {}
    for place in among:
        used = min(held.get(place, 0), amount)
        if used:
            bucket = MAIN_BUCKET if place == CREDIT else place
            unheld[bucket] = unheld.get(bucket, 0) + used
            amount -= used
    return unheld, amount


def give_back(wallet: Wallet, lines: Lines) -> Wallet:
    """Release what a session held."""
    if not lines:
        return wallet
    back = dict(lines)
    buckets = tuple(
        msgspec.structs.replace(bucket, held=bucket.held - back[bucket.id]) if bucket.id in back else bucket
        for bucket in wallet.buckets
    )
    return _with(wallet, buckets)


def credit(wallet: Wallet, amount: int, counter: str) -> tuple[Wallet, tuple[Posting, ...]]:
    """Put `amount` into the main bucket against `counter` (refunds, corrections)."""
    buckets = tuple(
        msgspec.structs.replace(bucket, value=bucket.value + amount) if bucket.id == MAIN_BUCKET else bucket
        for bucket in wallet.buckets
    )
    return _with(wallet, buckets), (Posting(MAIN_BUCKET, amount, counter),)


def pay_back(wallet: Wallet, paid: Lines, amount: int, counter: str) -> tuple[Wallet, tuple[Posting, ...]]:
    """Put `amount` back where it was taken from, what was taken last first; into the main bucket what has no place.

    Units of a bucket that is gone have none.
    """
    back: dict[int, int] = {}
    there = {bucket.id for bucket in wallet.buckets}
    rest = amount
    for bucket_id, taken in reversed(paid):
        used = min(taken, rest) if bucket_id in there else 0
        if used:
            back[bucket_id] = used
            rest -= used
    if rest:
        back[MAIN_BUCKET] = back.get(MAIN_BUCKET, 0) + rest
    buckets = tuple(
        msgspec.structs.replace(bucket, value=bucket.value + back[bucket.id]) if bucket.id in back else bucket
        for bucket in wallet.buckets
    )
    return _with(wallet, buckets), tuple(Posting(bucket_id, value, counter) for bucket_id, value in back.items())


def top_up(
    wallet: Wallet, amount: int, balance_type: str, order: int, start: Instant, expiry: Instant, weight: int
) -> tuple[Wallet, tuple[Posting, ...]]:
    """Put money into the bucket of this type, start, expiry and weight; make it where there is none."""
    wanted = (balance_type, start, expiry, weight)
    for bucket in wallet.buckets:
        if (bucket.balance_type, bucket.start, bucket.expiry, bucket.weight) == wanted:
            grown = msgspec.structs.replace(bucket, value=bucket.value + amount)
            buckets = tuple(grown if one is bucket else one for one in wallet.buckets)
            return _with(wallet, buckets), (Posting(bucket.id, amount, ISSUE),)
    made = Bucket(wallet.next_bucket, balance_type, amount, 0, start, expiry, weight, order)
    buckets = tuple(sorted((*wallet.buckets, made), key=turn))
    grown_wallet = msgspec.structs.replace(wallet, buckets=buckets, next_bucket=wallet.next_bucket + 1)
    return grown_wallet, (Posting(made.id, amount, ISSUE),)


def empty_type(wallet: Wallet, balance_type: str) -> tuple[Wallet, tuple[Posting, ...]]:
    """Expire what is free in every bucket of the balance type (the reset of `*topup_reset`); held money stays held."""
    return _drop(wallet, [b for b in wallet.buckets if b.balance_type == balance_type and b.value > b.held])


def expire(wallet: Wallet, now: Instant) -> tuple[Wallet, tuple[Posting, ...]]:
    """Take free money out of buckets whose expiry has come; spent buckets vanish. Held money stays."""
    if not any(bucket.expiry and bucket.expiry <= now for bucket in wallet.buckets):
        return wallet, ()
    over = [b for b in wallet.buckets if b.expiry and b.expiry <= now and b.value > b.held]
    wallet, postings = _drop(wallet, over)
    kept = tuple(b for b in wallet.buckets if not (b.expiry and b.expiry <= now and b.value == 0 and b.held == 0))
    return _with(wallet, kept), postings


def next_expiry(wallet: Wallet) -> Instant:
    """The earliest instant at which `expire` has something to do; 0 = never. Wholly held buckets do not count."""
    times = [b.expiry for b in wallet.buckets if b.expiry and (b.value > b.held or (b.value == 0 and b.held == 0))]
    return min(times, default=0)


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


def _with(wallet: Wallet, buckets: tuple[Bucket, ...]) -> Wallet:
    return msgspec.structs.replace(wallet, buckets=buckets)
