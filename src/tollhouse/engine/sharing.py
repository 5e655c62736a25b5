"""Shared groups: what other wallets hold in a group is lent to the one that needs it, when it does.

A bucket of a group is open to every wallet that has a bucket of the same group, so where its money lies makes no
difference to them: what a session needs moves into the needing wallet's own bucket first, by a transfer with a record
on both sides, and what it does not use stays there, as open to the others as before. What a session holds is lent to
nobody. The group pays in its bucket's turn, so before what pays later in the wallet, and before credit. Whose money
goes first is the strategy of the wallet that needs it (requirement cgrates 3.6); of what was lent, its own order of
buckets says what pays first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final, TypeAlias

import msgspec

from tollhouse.engine import living
from tollhouse.engine.book import Book
from tollhouse.engine.laying import Laid
from tollhouse.engine.living import Records, Standing
from tollhouse.records.record import enter
from tollhouse.snapshot.accounts import BalanceType
from tollhouse.snapshot.groups import Strategy
from tollhouse.snapshot.lookups import Snapshot
from tollhouse.values.instants import Instant
from tollhouse.wallet.funds import free
from tollhouse.wallet.state import ACTIVE, DORMANT, Bucket, Posting, Wallet
from tollhouse.wallet.transfer import TRANSFER, place_like, posted

_OWN: Final = -1
_Moves: TypeAlias = list[tuple["_Source", int]]
"""What lends, and how much of it."""


class Lent(msgspec.Struct, frozen=True, gc=False):
    """The wallet with what it was lent, those that lent it, and the records of both."""

    wallet: Wallet
    others: tuple[Wallet, ...]
    records: Records


class _Source(msgspec.Struct, frozen=True, gc=False):
    """A bucket of a group of which `amount` is free. `owner`: which member's, `_OWN`: the needing wallet's. `like`: as
    it would stand there, open to no group that is not that wallet's. `group`: which of its groups is meant."""

    owner: int
    name: str
    bucket: int
    like: Bucket
    kind: BalanceType
    amount: int
    group: int


def groups_of(wallet: Wallet) -> tuple[str, ...]:
    """The groups that it shares buckets in."""
    uses = [bucket.use for bucket in wallet.buckets if bucket.use is not None]
    return tuple(dict.fromkeys([group for use in uses for group in use.groups])) if uses else ()


def pays_alone(snapshot: Snapshot, wallet: Wallet, laid: Laid | None) -> bool:
    """Whether nobody need lend: what was laid out lacks nothing, and takes all from the wallet's own buckets of groups,
    which come first."""
    if laid is None or laid.reach < laid.target or _outside(wallet, laid):
        return False
    return all(snapshot.strategy(wallet.tenant, group, wallet.name).own_first for group in groups_of(wallet))


def lend(book: Book, wallet: Wallet, session: str, lays: Callable[[Wallet], Laid | None], now: Instant) -> Lent | None:
    """Move what the session needs from the members of the wallet's groups, as its strategies say; None where nothing is
    needed or to be had. `lays`: what would be laid out in such a wallet; `session` empty: it is done at once."""
    members = _members(book, wallet, now)
    sources = _sources(book, wallet, members, session, now)
    if all(one.owner == _OWN for one in sources):
        return None
    moves = _needed(wallet, sources, lays, now)
    return _moved(wallet, members, moves, now) if moves else None


def together(book: Book, wallet: Wallet, session: str, now: Instant) -> Wallet:
    """The wallet as if all that its groups may lend were there."""
    return _offered(wallet, _sources(book, wallet, _members(book, wallet, now), session, now), now)[0]


def _needed(wallet: Wallet, sources: Sequence[_Source], lays: Callable[[Wallet], Laid | None], now: Instant) -> _Moves:
    """What would be held of the first sources that do as well as all of them: the session gets as far, and takes no
    more from what is the wallet's alone, or its credit. All that come before its own are offered in any case."""
    everything = lays(_offered(wallet, sources, now)[0])
    if everything is None:
        return []
    reach, alone = min(everything.reach, everything.target), _outside(wallet, everything)

    def does(count: int) -> bool:
        found = lays(_offered(wallet, sources[:count], now)[0])
        if found is None or found.reach < reach:
            return False
        return all(amount <= alone.get(place, 0) for place, amount in _outside(wallet, found).items())

    least = max((place for place, one in enumerate(sources, 1) if one.owner == _OWN), default=0)
    count = least + bisect_left(range(least, len(sources)), True, key=does)
    rich, places = _offered(wallet, sources[:count], now)
    laid = lays(rich)
    needed = dict(laid.lines) if laid is not None else {}
    moves: _Moves = []
    for source, place in zip(sources, places, strict=False):
        part = min(source.amount, needed.get(place, 0))
        needed[place] = needed.get(place, 0) - part
        if part and source.owner != _OWN:
            moves.append((source, part))
    return moves


def _outside(wallet: Wallet, laid: Laid) -> dict[int, int]:
    """What it takes from the wallet's buckets that are in no group, and from its credit."""
    shared = {one.id for one in wallet.buckets if one.use is not None and one.use.groups}
    return {place: amount for place, amount in laid.lines if place < wallet.next_bucket and place not in shared}


def _offered(wallet: Wallet, sources: Sequence[_Source], now: Instant) -> tuple[Wallet, list[int]]:
    """The wallet as if all of it were there, and in which of its buckets each would be."""
    places: list[int] = []
    for source in sources:
        place = source.bucket
        if source.owner != _OWN:
            wallet, place = place_like(wallet, source.kind, source.like, now)
            wallet = posted(wallet, (Posting(place, source.amount, TRANSFER),))
        places.append(place)
    return wallet, places


def _moved(wallet: Wallet, members: list[Standing], moves: _Moves, now: Instant) -> Lent:
    given: list[Posting] = []
    for source, part in moves:
        wallet, place = place_like(wallet, source.kind, source.like, now)
        given.append(Posting(place, part, TRANSFER))
    others: list[Wallet] = []
    records: Records = ()
    for owner, member in enumerate(members):
        taken = tuple([Posting(one.bucket, -part, TRANSFER) for one, part in moves if one.owner == owner])
        if taken:
            note = f"lent to {wallet.name}"
            one, record, body = enter(posted(member.wallet, taken), now, "transfer", "", "", taken, note)
            others.append(one)
            records = (*records, *member.records, (record, body))
    note = f"lent by {', '.join(one.name for one in others)}"[:1000]
    wallet, record, body = enter(posted(wallet, given), now, "transfer", "", "", tuple(given), note)
    return Lent(wallet, tuple(others), (*records, (record, body)))


def _members(book: Book, wallet: Wallet, now: Instant) -> list[Standing]:
    """The other wallets of its groups that may lend, by name."""
    names = {name for group in groups_of(wallet) for name in book.members(wallet.tenant, group)}
    found: list[Standing] = []
    for name in sorted(names - {wallet.name}):
        one = living.stands(book, name, now)
        if one is not None and one.wallet.state in (ACTIVE, DORMANT) and one.wallet.unit == wallet.unit:
            found.append(one)
    return found


def _sources(book: Book, wallet: Wallet, members: list[Standing], session: str, now: Instant) -> list[_Source]:
    """Group by group, in each as its strategy for this wallet says; a bucket of several groups is the first one's."""
    session = session or str(wallet.records)
    groups = groups_of(wallet)
    strategies = [book.snapshot.strategy(wallet.tenant, group, wallet.name) for group in groups]
    found = _free(book, _OWN, wallet, groups, now)
    for owner, member in enumerate(members):
        found += _free(book, owner, member.wallet, groups, now)
    return sorted(found, key=lambda one: _turn(one, strategies[one.group], session))


def _turn(source: _Source, strategy: Strategy, session: str) -> tuple[int, bool, int, str, int]:
    """Its place among the sources: equal ones stand in the order of names."""
    later = strategy.own_first and source.owner != _OWN
    if strategy in (Strategy.LOWEST, Strategy.MINE_LOWEST):
        rank = source.amount
    elif strategy in (Strategy.HIGHEST, Strategy.MINE_HIGHEST):
        rank = -source.amount
    else:
        rank = int.from_bytes(blake2b(f"{session}\0{source.name}".encode(), digest_size=8).digest())
    return source.group, later, rank, source.name, source.bucket


def _free(book: Book, owner: int, member: Wallet, groups: Sequence[str], now: Instant) -> list[_Source]:
    """What of the member's buckets in these groups no session holds."""
    rest = free(member, now)
    found: list[_Source] = []
    for bucket in member.buckets:
        use, amount = bucket.use, rest.get(bucket.id, 0)
        kind = book.snapshot.balance_type(bucket.balance_type)
        if kind is None or use is None or use.disabled or bucket.idle or amount <= 0:
            continue
        common = tuple([group for group in use.groups if group in groups])
        if common:
            like = msgspec.structs.replace(bucket, use=msgspec.structs.replace(use, groups=common))
            first = min(groups.index(group) for group in common)
            found.append(_Source(owner, member.name, bucket.id, like, kind, amount, first))
    return found
