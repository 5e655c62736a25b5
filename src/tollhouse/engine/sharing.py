"""Shared groups: what other wallets hold in a group is lent to the one that needs it, when it does.

A bucket of a group is open to every wallet that has a bucket of the same group, so where its money lies makes no
difference to them: what a session needs moves into the needing wallet's own bucket first, by a transfer with a record
on both sides, and what it does not use stays there, as open to the others as before. What a session holds is lent to
nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from tollhouse.engine import living
from tollhouse.engine.book import Book
from tollhouse.engine.living import Records, Standing
from tollhouse.records.record import enter
from tollhouse.snapshot.accounts import BalanceType
from tollhouse.values.instants import Instant
from tollhouse.wallet.funds import free
from tollhouse.wallet.state import ACTIVE, DORMANT, Bucket, Lines, Posting, Wallet
from tollhouse.wallet.transfer import TRANSFER, place_like, posted

_Offer: TypeAlias = tuple[int, Bucket, BalanceType, int]
"""(which member, its bucket, what that is, how much of it is free)."""


class Lent(msgspec.Struct, frozen=True, gc=False):
    """The wallet with what it was lent, those that lent it, and the records of both."""

    wallet: Wallet
    others: tuple[Wallet, ...]
    records: Records


def groups_of(wallet: Wallet) -> tuple[str, ...]:
    """The groups that it shares buckets in."""
    return tuple(
        dict.fromkeys(group for bucket in wallet.buckets if bucket.use is not None for group in bucket.use.groups)
    )


def lend(book: Book, wallet: Wallet, needs: Callable[[Wallet], Lines], now: Instant) -> Lent | None:
    """Move what the wallet `needs` beyond its own from the members of its groups, in the order of their names; None
    where nothing is needed or to be had. `needs`: which lines would be held if all that is offered were there."""
    members = _members(book, wallet, now)
    offers = [offer for place, one in enumerate(members) for offer in _offers(book, place, one.wallet, wallet, now)]
    rich = wallet
    places: list[int] = []
    for _, bucket, kind, amount in offers:
        rich, place = place_like(rich, kind, bucket, now)
        rich = posted(rich, (Posting(place, amount, TRANSFER),))
        places.append(place)
    own = free(wallet, now)
    short = {place: amount - own.get(place, 0) for place, amount in (needs(rich) if offers else ()) if place in places}
    moves: list[tuple[_Offer, int]] = []
    for offer, place in zip(offers, places, strict=True):
        part = min(offer[3], max(short.get(place, 0), 0))
        if part:
            short[place] -= part
            moves.append((offer, part))
    return _moved(wallet, members, moves, now) if moves else None


def _moved(wallet: Wallet, members: list[Standing], moves: list[tuple[_Offer, int]], now: Instant) -> Lent:
    given: list[Posting] = []
    for (_, bucket, kind, _), part in moves:
        wallet, place = place_like(wallet, kind, bucket, now)
        given.append(Posting(place, part, TRANSFER))
    others: list[Wallet] = []
    records: Records = ()
    for place, member in enumerate(members):
        taken = tuple([Posting(bucket.id, -part, TRANSFER) for (which, bucket, _, _), part in moves if which == place])
        if taken:
            note = f"lent to {wallet.name}"
            one, record, body = enter(posted(member.wallet, taken), now, "transfer", "", "", taken, note)
            others.append(one)
            records = (*records, *member.records, (record, body))
    note = f"lent by {', '.join(one.name for one in others)}"[:1000]
    wallet, record, body = enter(posted(wallet, given), now, "transfer", "", "", tuple(given), note)
    return Lent(wallet, tuple(others), (*records, (record, body)))


def _members(book: Book, wallet: Wallet, now: Instant) -> list[Standing]:
    """The other wallets of its groups that may lend."""
    names = {name for group in groups_of(wallet) for name in book.members(wallet.tenant, group)}
    found: list[Standing] = []
    for name in sorted(names - {wallet.name}):
        one = living.stands(book, name, now)
        if one is not None and one.wallet.state in (ACTIVE, DORMANT) and one.wallet.unit == wallet.unit:
            found.append(one)
    return found


def _offers(book: Book, place: int, member: Wallet, wallet: Wallet, now: Instant) -> list[_Offer]:
    shared = set(groups_of(wallet))
    rest = free(member, now)
    found: list[_Offer] = []
    for bucket in member.buckets:
        kind = book.snapshot.balance_type(bucket.balance_type)
        use = bucket.use
        if kind is None or use is None or use.disabled or bucket.idle or not shared.intersection(use.groups):
            continue
        if rest.get(bucket.id, 0) > 0:
            found.append((place, bucket, kind, rest[bucket.id]))
    return found
