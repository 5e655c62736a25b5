"""Charging what a session has used: of each stretch the difference between what is due and what was posted."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from tollhouse.engine.book import Book
from tollhouse.engine.laying import lay
from tollhouse.engine.paying import known_prices, ways
from tollhouse.engine.policy import Policy
from tollhouse.engine.request_types import MANNERS
from tollhouse.engine.session import Session
from tollhouse.engine.stretches import Due, Prices, Stretch, cut, dues, reached
from tollhouse.engine.terms import Terms
from tollhouse.values.instants import Instant
from tollhouse.values.money import AmountError, fits
from tollhouse.wallet.counting import Used, count
from tollhouse.wallet.funds import Taken, by_bucket, pay_back, take
from tollhouse.wallet.state import ADJUSTMENT, REVENUE, Lines, Posting, Wallet


class Spent(msgspec.Struct, frozen=True, gc=False):
    """The wallet and the session after it; what moved; `overdrawn`, `forgone` of money."""

    wallet: Wallet
    session: Session
    postings: tuple[Posting, ...]
    overdrawn: int = 0
    forgone: int = 0


def spend(
    book: Book, policy: Policy, terms: Terms, session: Session, wallet: Wallet, usage: int, now: Instant, debt: bool
) -> Spent:
    """Post what `usage` comes to; what its stretches do not reach is paid from what is free, then as a debt."""
    stretches, prices = _reaching(book, policy, terms, session, wallet, usage, now)
    owed = dues(stretches, prices, session.began, usage)
    if not fits(sum([due.cost for due in owed])):
        raise AmountError(f"session {session.id} costs more than can be counted")
    till = _Till(wallet, session, now, debt)
    posted = tuple([till.post(stretch, due) for stretch, due in zip(stretches, owed, strict=True)])
    before, moved = session, till.postings()
    session = replace(
        session,
        lines=till.lines,
        stretches=posted,
        used=usage,
        assumed=False,
        posted=sum([one.cost for one in posted]),
        overdrawn=session.overdrawn + till.overdrawn,
        paid=tuple(till.paid),
    )
    wallet, counted = _counted(book, before, session, till.wallet, moved, now)
    return Spent(wallet, session, moved + counted, till.overdrawn, till.forgone)


def _counted(
    book: Book, before: Session, after: Session, wallet: Wallet, moved: Sequence[Posting], now: Instant
) -> tuple[Wallet, tuple[Posting, ...]]:
    """What the wallet's trackers and balances of expenditure count of it: what was not charged before."""
    if not [bucket for bucket in wallet.buckets if bucket.idle]:
        return wallet, ()
    steps = {one.id: one.step for one in wallet.buckets if one.service == after.service and not one.idle}
    paid = -sum(posting.amount * steps.get(posting.bucket, 0) for posting in moved)
    deferred = MANNERS[before.request_type].defers
    counted = reached(before.stretches) if before.assumed or deferred else before.used
    used = Used(after.service, counted, after.used, after.posted - before.posted, paid)
    return count(wallet, used, book.snapshot.balance_type, book.snapshot.rules(wallet.tenant), now)


def _reaching(
    book: Book, policy: Policy, terms: Terms, session: Session, wallet: Wallet, usage: int, now: Instant
) -> tuple[Sequence[Stretch], Prices]:
    """The session's stretches, laid on over what is free to the end of its usage, and the prices that they name; the
    last one may be owed."""
    stretches, prices = session.stretches, known_prices(book, session, terms)
    reach = reached(stretches)
    if usage <= reach:
        return stretches, prices
    kept = cut(stretches, prices, session.began, reach)
    found = ways(book, replace(session, used=usage), terms, wallet, policy.horizon, now)
    laid = lay(found.known(terms.fresh), wallet, kept, usage, now, debt=True)
    if laid.reach >= usage:
        return laid.stretches, found.ways.prices
    tail = Stretch(laid.reach, usage, price=found.ways.steps[-1].stretch.price)
    if laid.stretches and laid.stretches[-1].like(tail):
        return (*laid.stretches[:-1], replace(laid.stretches[-1], until=usage)), found.ways.prices
    return (*laid.stretches, tail), found.ways.prices


class _Till:
    """A session's charging in the making, one stretch after the other. `paid`: which buckets paid in money for what has
    been gone through."""

    def __init__(self, wallet: Wallet, session: Session, now: Instant, debt: bool) -> None:
        self.wallet = wallet
        self.lines = session.lines
        self.paid: list[tuple[int, int]] = []
        self.overdrawn = self.forgone = 0
        self._before = session.paid
        self._now = now
        self._debt = debt
        self._sums: dict[tuple[int, str], int] = {}

    def post(self, stretch: Stretch, due: Due) -> Stretch:
        """The stretch with what is due posted: what it owes is taken, what it took too much goes back."""
        own, self._before = _parted(self._before, stretch.cost)
        units, cost = due.units - stretch.units, due.cost - stretch.cost
        if units > 0:
            units -= self._take(units, (stretch.bucket,), False).forgone
        elif units < 0 and any(bucket.id == stretch.bucket for bucket in self.wallet.buckets):
            self._back(((stretch.bucket, stretch.units),), -units)
        if cost > 0:
            taken = self._take(cost, stretch.money, self._debt)
            own, cost = own + taken.paid, cost - taken.forgone
            self.overdrawn += taken.overdrawn
            self.forgone += taken.forgone
        elif cost < 0:
            own = self._back(own, -cost)
        _append(self.paid, own)
        return replace(stretch, units=stretch.units + units, cost=stretch.cost + cost) if units or cost else stretch

    def postings(self) -> tuple[Posting, ...]:
        """What moved: one for each bucket and counter-account."""
        return tuple([Posting(bucket, moved, counter) for (bucket, counter), moved in self._sums.items() if moved])

    def _take(self, amount: int, among: Sequence[int], debt: bool) -> Taken:
        taken = take(self.wallet, self.lines, amount, self._now, debt, among)
        self.wallet, self.lines = taken.wallet, taken.lines
        for bucket, spent in by_bucket(taken.paid, -1).items():
            self._sums[bucket, REVENUE] = self._sums.get((bucket, REVENUE), 0) + spent
        return taken

    def _back(self, paid: Lines, amount: int) -> Lines:
        """What stays paid when so much of it goes back, what was taken last first."""
        self.wallet, left, back = pay_back(self.wallet, paid, amount)
        for bucket, given in back:
            self._sums[bucket, ADJUSTMENT] = self._sums.get((bucket, ADJUSTMENT), 0) + given
        return left


def _parted(lines: Lines, amount: int) -> tuple[Lines, Lines]:
    """The lines that come to the amount, and those behind them."""
    for place, (bucket, there) in enumerate(lines):
        if there > amount:
            own = ((bucket, amount),) if amount else ()
            return (*lines[:place], *own), ((bucket, there - amount), *lines[place + 1 :])
        amount -= there
    return lines, ()


def _append(lines: list[tuple[int, int]], more: Lines) -> None:
    """Put them behind the others; neighbours of one bucket become one."""
    for bucket, amount in more:
        if lines and lines[-1][0] == bucket:
            amount += lines.pop()[1]
        lines.append((bucket, amount))
