"""What a wallet can offer a session: its ways to pay laid out to what is asked for, with what its groups lend it."""

from __future__ import annotations

import msgspec

from tollhouse.engine.book import Book, Image
from tollhouse.engine.laying import Laid
from tollhouse.engine.limits import Share, shared_out
from tollhouse.engine.living import Records
from tollhouse.engine.paying import Found, ways
from tollhouse.engine.policy import Policy
from tollhouse.engine.session import Session
from tollhouse.engine.sharing import groups_of, lend
from tollhouse.engine.stretches import Prices
from tollhouse.engine.terms import Terms
from tollhouse.rating.cost import Exact
from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import Refused
from tollhouse.wallet.state import Lines, Wallet


class Asking(msgspec.Struct, frozen=True, gc=False):
    """What a session asks its wallet for: usage up to age `ask`, of which `gone` has run. `worst`: the latest end of a
    call that is being opened. `ceiling`: dearer usage is not paid."""

    session: Session
    terms: Terms
    part: Share
    gone: int
    ask: int
    worst: Instant = 0
    ceiling: Exact | None = None


class Offer(msgspec.Struct, frozen=True, gc=False):
    """What was laid out, the wallet that has it free, and what else that changed: wallets that lent to it, prices that
    nobody had stored, and their records."""

    wallet: Wallet
    laid: Laid
    prices: Prices
    images: tuple[Image, ...] = ()
    records: Records = ()


def offer(book: Book, policy: Policy, asking: Asking, wallet: Wallet, now: Instant) -> Offer | Refused:
    """Lay out what the wallet pays; where that is less than is asked for, its groups lend it what they can."""
    found = _ways(book, policy, asking, wallet, now)
    laid = _laid(asking, found, wallet, now)
    if isinstance(laid, Laid) and (laid.reach >= laid.target or not groups_of(wallet)):
        return Offer(wallet, laid, found.ways.prices, found.fresh)

    def needs(rich: Wallet) -> Lines:
        would = _laid(asking, _ways(book, policy, asking, rich, now), rich, now)
        return would.lines if isinstance(would, Laid) else ()

    lent = lend(book, wallet, needs, now) if groups_of(wallet) else None
    if lent is None:
        return laid if isinstance(laid, Refused) else Offer(wallet, laid, found.ways.prices, found.fresh)
    found = _ways(book, policy, asking, lent.wallet, now)
    laid = _laid(asking, found, lent.wallet, now)
    if isinstance(laid, Refused):
        return laid
    return Offer(lent.wallet, laid, found.ways.prices, (*lent.others, *found.fresh), lent.records)


def _ways(book: Book, policy: Policy, asking: Asking, wallet: Wallet, now: Instant) -> Found:
    return ways(book, asking.session, asking.terms, wallet, policy.horizon, now, asking.worst, asking.ceiling)


def _laid(asking: Asking, found: Found, wallet: Wallet, now: Instant) -> Laid | Refused:
    return shared_out(found.ways, wallet, asking.session, asking.part, asking.gone, asking.ask, now)
