"""Charging what a session has used: of each stretch the difference between what is due and what was posted."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from tollhouse.engine.book import Book
from tollhouse.engine.laying import lay
from tollhouse.engine.paying import known_prices, ways
from tollhouse.engine.policy import Policy
from tollhouse.engine.session import Session
from tollhouse.engine.stretches import Stretch, dues
from tollhouse.engine.terms import Terms
from tollhouse.values.instants import Instant
from tollhouse.values.money import INT64_MAX, AmountError, fits
from tollhouse.wallet.counting import Used, count
from tollhouse.wallet.funds import pay_back, take
from tollhouse.wallet.state import ADJUSTMENT, Lines, Posting, Wallet


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
    stretches = _reaching(book, policy, terms, session, wallet, usage, now)
    prices = known_prices(book, replace(session, stretches=tuple(stretches)), terms)
    owed = list(dues(stretches, prices, session.began, usage))
    if not fits(sum(due.cost for due in owed)):
        raise AmountError(f"session {session.id} costs more than can be counted")
    spent = Spent(wallet, session, ())
    posted: list[Stretch] = []
    back = 0
    for stretch, due in zip(stretches, owed, strict=True):
        spent, units = _move(spent, (stretch.bucket,), due.units - stretch.units, now, False)
        cost = due.cost - stretch.cost
        if cost < 0:
            back -= cost
        else:
            spent, cost = _move(spent, stretch.money, cost, now, debt)
        posted.append(replace(stretch, units=stretch.units + units, cost=stretch.cost + cost))
    spent = _give_back(spent, _money(spent, stretches), back)
    moved = spent.postings
    before, wallet = session, spent.wallet
    session = replace(
        spent.session,
        stretches=tuple(posted),
        used=usage,
        assumed=False,
        posted=sum(one.cost for one in posted),
        overdrawn=session.overdrawn + spent.overdrawn,
        paid=_paid(session.paid, moved),
    )
    counted = _counted(book, before, session, wallet, moved, now)
    if counted is None:
        return replace(spent, session=session, postings=_merged(moved))
    return replace(spent, wallet=counted[0], session=session, postings=(*_merged(moved), *counted[1]))


def _counted(
    book: Book, before: Session, after: Session, wallet: Wallet, moved: Sequence[Posting], now: Instant
) -> tuple[Wallet, tuple[Posting, ...]] | None:
    """What the wallet's trackers and balances of expenditure count of it; None: it has none."""
    if not any(bucket.idle for bucket in wallet.buckets):
        return None
    steps = {one.id: one.step for one in wallet.buckets if one.service == after.service and not one.idle}
    paid = -sum(posting.amount * steps.get(posting.bucket, 0) for posting in moved)
    used = Used(after.service, before.used, after.used, after.posted - before.posted, paid)
    return count(wallet, used, book.snapshot.balance_type, book.snapshot.rules(wallet.tenant), now)


def _reaching(
    book: Book, policy: Policy, terms: Terms, session: Session, wallet: Wallet, usage: int, now: Instant
) -> Sequence[Stretch]:
    """The session's stretches, laid on over what is free to the end of its usage; the last one may be owed."""
    reach = session.stretches[-1].until if session.stretches else 0
    if usage <= reach:
        return session.stretches
    found = ways(book, replace(session, used=usage), terms, wallet, policy.horizon, now)
    laid = lay(found.known(terms.fresh), wallet, session.stretches, usage, now, debt=True)
    if laid.reach >= usage:
        return laid.stretches
    tail = Stretch(laid.reach, INT64_MAX, price=session.price)
    if laid.stretches and laid.stretches[-1].like(tail):
        return (*laid.stretches[:-1], replace(laid.stretches[-1], until=INT64_MAX))
    return (*laid.stretches, tail)


def _move(spent: Spent, among: Sequence[int], owed: int, now: Instant, debt: bool) -> tuple[Spent, int]:
    """Take what is owed from these buckets, or give back units that were taken too much; and how much that was."""
    if owed > 0:
        taken = take(spent.wallet, spent.session.lines, owed, now, debt, among)
        moved = Spent(
            taken.wallet,
            replace(spent.session, lines=taken.lines),
            (*spent.postings, *taken.postings),
            spent.overdrawn + taken.overdrawn,
            spent.forgone + taken.forgone,
        )
        return moved, owed - taken.forgone
    if owed < 0:
        there = {bucket.id for bucket in spent.wallet.buckets}
        paid = tuple([line for line in spent.session.paid if line[0] in among and line[0] in there])
        return _give_back(spent, paid, -owed if paid else 0), owed
    return spent, 0


def _give_back(spent: Spent, paid: Lines, amount: int) -> Spent:
    """Put so much of what was paid back, what was taken last first."""
    if not amount:
        return spent
    wallet, postings = pay_back(spent.wallet, paid, amount, ADJUSTMENT)
    return replace(spent, wallet=wallet, postings=(*spent.postings, *postings))


def _money(spent: Spent, stretches: Sequence[Stretch]) -> Lines:
    """What the session has paid in money, the latest last."""
    units = {stretch.bucket for stretch in stretches}
    return tuple([line for line in _paid(spent.session.paid, spent.postings) if line[0] not in units])


def _merged(postings: Sequence[Posting]) -> tuple[Posting, ...]:
    """One posting for each bucket and counter-account."""
    sums: dict[tuple[int, str], int] = {}
    for posting in postings:
        key = posting.bucket, posting.counter
        sums[key] = sums.get(key, 0) + posting.amount
    return tuple([Posting(bucket, amount, counter) for (bucket, counter), amount in sums.items() if amount])


def _paid(before: Lines, postings: Sequence[Posting]) -> Lines:
    """What each bucket has paid for the session, this included; one that pays again goes last."""
    paid = dict(before)
    for posting in postings:
        paid[posting.bucket] = paid.pop(posting.bucket, 0) - posting.amount
    return tuple((bucket, amount) for bucket, amount in paid.items() if amount > 0)
