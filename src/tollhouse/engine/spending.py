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
    prices = known_prices(book, session, terms)
    spent = Spent(wallet, session, ())
    posted: list[Stretch] = []
    total = 0
    for stretch, due in zip(stretches, dues(stretches, prices, session.began, usage), strict=True):
        total += due.cost
        if not fits(total):
            raise AmountError(f"session {session.id} costs more than can be counted")
        spent, units = _move(spent, (stretch.bucket,), due.units - stretch.units, now, False)
        spent, cost = _move(spent, stretch.money, due.cost - stretch.cost, now, debt)
        posted.append(replace(stretch, units=stretch.units + units, cost=stretch.cost + cost))
    moved = spent.postings
    session = replace(
        spent.session,
        stretches=tuple(posted),
        used=usage,
        assumed=False,
        posted=sum(one.cost for one in posted),
        overdrawn=session.overdrawn + spent.overdrawn,
        paid=_paid(session.paid, moved),
    )
    return replace(spent, session=session, postings=_merged(moved))


def _reaching(
    book: Book, policy: Policy, terms: Terms, session: Session, wallet: Wallet, usage: int, now: Instant
) -> Sequence[Stretch]:
    """The session's stretches, laid on over what is free to the end of its usage; the last one may be owed."""
    reach = session.stretches[-1].until if session.stretches else 0
    if usage <= reach:
        return session.stretches
    found = ways(book, session, terms, wallet, policy.horizon, now)
    laid = lay(found.known(), wallet, session.stretches, usage, now, debt=True)
    if laid.reach >= usage:
        return laid.stretches
    tail = Stretch(laid.reach, INT64_MAX, price=session.price)
    if laid.stretches and laid.stretches[-1].like(tail):
        return (*laid.stretches[:-1], replace(laid.stretches[-1], until=INT64_MAX))
    return (*laid.stretches, tail)


def _move(spent: Spent, among: Sequence[int], owed: int, now: Instant, debt: bool) -> tuple[Spent, int]:
    """Take what is owed from these buckets, or give back what was taken too much; and how much that was."""
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
        wallet, postings = pay_back(spent.wallet, _from(spent, among), -owed, ADJUSTMENT)
        return replace(spent, wallet=wallet, postings=(*spent.postings, *postings)), owed
    return spent, 0


def _from(spent: Spent, among: Sequence[int]) -> Lines:
    """What the session paid from these buckets (none: from money that pays for everything) before now."""
    units = {bucket.id for bucket in spent.wallet.buckets if bucket.service}
    paid = spent.session.paid
    return tuple([line for line in paid if (line[0] in among if among else line[0] not in units)])


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
