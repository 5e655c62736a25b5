"""What a wallet can offer a session: its ways to pay laid out to what is asked for, with what its groups lend it."""

from __future__ import annotations

import msgspec

from tollhouse.engine.book import Book, Image
from tollhouse.engine.laying import Laid
from tollhouse.engine.limits import Share, alone, shared_out
from tollhouse.engine.living import Records
from tollhouse.engine.paying import Found, ways
from tollhouse.engine.policy import Policy
from tollhouse.engine.session import Session
from tollhouse.engine.sharing import groups_of, lend, pays_alone, together
from tollhouse.engine.stretches import Prices
from tollhouse.engine.terms import Terms
from tollhouse.rating.cost import Exact
from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import Refused
from tollhouse.wallet.state import Wallet


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
    """Lay out what the wallet pays, and what its groups lend it (`sharing`)."""
    shares = bool(groups_of(wallet))
    if shares and asking.part.sessions > 1:
        parted = _parted(book, policy, asking, wallet, now)
        if isinstance(parted, Refused):
            return parted
        asking = parted
    found = _ways(book, policy, asking, wallet, now)
    laid = _laid(asking, found, wallet, now)
    own = laid if isinstance(laid, Laid) else None
    if own is not None and (not shares or pays_alone(book.snapshot, wallet, own)):
        return Offer(wallet, own, found.ways.prices, found.fresh)

    def lays(rich: Wallet) -> Laid | None:
        would = _laid(asking, _ways(book, policy, asking, rich, now), rich, now)
        return would if isinstance(would, Laid) else None

    lent = lend(book, wallet, asking.session.id, lays, now) if shares else None
    if lent is None:
        return laid if isinstance(laid, Refused) else Offer(wallet, laid, found.ways.prices, found.fresh)
    found = _ways(book, policy, asking, lent.wallet, now)
    laid = _laid(asking, found, lent.wallet, now)
    if isinstance(laid, Refused):
        return laid
    return Offer(lent.wallet, laid, found.ways.prices, (*lent.others, *found.fresh), lent.records)


def _parted(book: Book, policy: Policy, asking: Asking, wallet: Wallet, now: Instant) -> Asking | Refused:
    """The same for the session's part of what the wallet and its groups have, which is shared out once."""
    rich = together(book, wallet, asking.session.id, now)
    laid = _laid(asking, _ways(book, policy, asking, rich, now), rich, now)
    if isinstance(laid, Refused):
        return laid
    return msgspec.structs.replace(asking, part=alone(asking.part.longest), ask=laid.target)


def _ways(book: Book, policy: Policy, asking: Asking, wallet: Wallet, now: Instant) -> Found:
    return ways(book, asking.session, asking.terms, wallet, policy.horizon, now, asking.worst, asking.ceiling)


def _laid(asking: Asking, found: Found, wallet: Wallet, now: Instant) -> Laid | Refused:
    return shared_out(found.ways, wallet, asking.session, asking.part, asking.gone, asking.ask, now)
