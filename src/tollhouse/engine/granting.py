"""What a session is granted by its request type: what its wallet pays for, held or not, or whatever it asks for."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from tollhouse.engine import wallets
from tollhouse.engine.book import Book, Image, StoredPrice
from tollhouse.engine.laying import Laid
from tollhouse.engine.limits import alone
from tollhouse.engine.living import Records
from tollhouse.engine.offering import Asking, Offer, offer
from tollhouse.engine.paying import ways
from tollhouse.engine.policy import Policy
from tollhouse.engine.request_types import MANNERS
from tollhouse.engine.session import Session
from tollhouse.engine.stretches import reached
from tollhouse.engine.terms import Terms
from tollhouse.rating.inverse import UNLIMITED, affordable
from tollhouse.rating.unpriced import is_unpriced
from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.funds import available
from tollhouse.wallet.state import Wallet


def leave(book: Book, policy: Policy, asking: Asking, wallet: Wallet, now: Instant) -> Offer | Refused:
    """What the session may have. Where nothing is held, the wallet and its groups stay as they are."""
    manner = MANNERS[asking.session.request_type]
    if manner.holds:
        return offer(book, policy, asking, wallet, now)
    if manner.asks or is_unpriced(asking.terms.price):
        offered = offer(book, policy, asking, wallet, now)
        if isinstance(offered, Refused):
            return offered
        return Offer(wallet, Laid((), (), offered.laid.reach, offered.laid.target), {})
    price, began = asking.terms.price, asking.session.began
    reach = affordable(price, began, UNLIMITED, asking.ask, asking.ceiling)
    return Offer(wallet, Laid((), (), reach, asking.ask), {})


def lacking(terms: Terms, session: Session, wallet: Wallet, now: Instant) -> Refused:
    """Why nothing is granted: nothing prices the number and no units pay for it, or the money does not."""
    if is_unpriced(terms.price):
        return Refused(Refusal.NO_RATE, f"no rate for {session.called!r}, and no units pay for it", session.id)
    return wallets.no_money(wallet, available(wallet, now), session.id)


class Gathered(msgspec.Struct, frozen=True, gc=False):
    """What a session is charged from at its end, and by which prices; what else came to be with that."""

    wallet: Wallet
    terms: Terms
    images: tuple[Image, ...] = ()
    records: Records = ()


def gathered(
    book: Book, policy: Policy, terms: Terms, session: Session, wallet: Wallet, usage: int, now: Instant
) -> Gathered:
    """The same as `own`; where nothing was held the groups lend now what the wallet lacks."""
    if not (MANNERS[session.request_type].defers and usage):
        return own(book, policy, terms, session, wallet, usage, now)
    asking = Asking(replace(session, used=usage), terms, alone(usage), 0, usage)
    offered = offer(book, policy, asking, wallet, now)
    if isinstance(offered, Refused):
        return Gathered(wallet, terms)
    fresh = [one for one in offered.images if isinstance(one, StoredPrice)]
    return Gathered(offered.wallet, _with(terms, fresh), offered.images, offered.records)


def own(
    book: Book, policy: Policy, terms: Terms, session: Session, wallet: Wallet, usage: int, now: Instant
) -> Gathered:
    """Every price that usage beyond what was laid out may need is known."""
    if not MANNERS[session.request_type].charges or usage <= reached(session.stretches):
        return Gathered(wallet, terms)
    found = ways(book, replace(session, used=usage), terms, wallet, policy.horizon, now)
    return Gathered(wallet, _with(terms, found.fresh), found.fresh)


def _with(terms: Terms, fresh: list[StoredPrice] | tuple[StoredPrice, ...]) -> Terms:
    """These prices are stored by the decision in hand."""
    return replace(terms, fresh={**terms.fresh, **{one.hash: one.price for one in fresh}})
