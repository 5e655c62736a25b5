"""The ways in which a wallet may pay for a session: its buckets in their order, each with the price of its subject."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from tollhouse.engine.book import Book, StoredPrice
from tollhouse.engine.laying import Step, Ways
from tollhouse.engine.session import Session
from tollhouse.engine.stretches import Stretch
from tollhouse.engine.terms import Terms
from tollhouse.rating.cost import Exact
from tollhouse.rating.price import Price, resolve
from tollhouse.snapshot.tariff import EXACT
from tollhouse.values.commands import Service
from tollhouse.values.instants import HOUR, MINUTE, SECOND, Duration, Instant
from tollhouse.values.money import INT64_MAX
from tollhouse.values.outcomes import Refused
from tollhouse.wallet.funds import CREDIT
from tollhouse.wallet.payers import Asked, payers
from tollhouse.wallet.state import MAIN_BUCKET, Bucket, Wallet

_ZERO: Final = re.compile(r"\*zero([0-9]+)(ns|us|ms|s|m|h)?")
_TIMES: Final = {"us": 1, "ms": 1000, "s": SECOND, "m": MINUTE, "h": HOUR}


class Found(msgspec.Struct, frozen=True, gc=False):
    """The ways, and the images of the prices among them that nobody has stored yet."""

    ways: Ways
    fresh: tuple[StoredPrice, ...] = ()

    def known(self) -> Ways:
        """The ways whose prices are stored."""
        unknown = {one.hash for one in self.fresh}
        if not unknown:
            return self.ways
        steps = tuple([step for step in self.ways.steps if step.stretch.price not in unknown])
        return msgspec.structs.replace(self.ways, steps=steps)


def plain(wallet: Wallet) -> bool:
    """Whether every bucket is money that pays for everything."""
    return all(not bucket.service and bucket.use is None for bucket in wallet.buckets)


def ways(
    book: Book,
    session: Session,
    terms: Terms,
    wallet: Wallet,
    horizon: Duration,
    now: Instant,
    worst: Instant = 0,
    ceiling: Exact | None = None,
) -> Found:
    """How the wallet may pay for the session from now on.

    `worst`: the latest end of a call that is being opened; 0: it goes on.
    """
    price = terms.price
    prices = known_prices(book, session, terms)
    cascade = _cascade(book, wallet, session.service)
    own = Step(Stretch(0, 0, price=session.price))
    if not cascade and not worst and plain(wallet) and not _alone(price, wallet, now):
        return Found(Ways((own,), prices, session.began, price.zone, ceiling))
    asked = Asked(session.service, session.category, book.snapshot.destinations(price.plan, session.called), worst)
    steps: list[Step] = []
    fresh: tuple[StoredPrice, ...] = ()
    for bucket in payers(wallet, asked, cascade, now):
        subject = bucket.use.subject if bucket.use is not None else ""
        increment = zero_increment(subject, session.service) if bucket.service else 0
        named = session.price
        if subject and not increment:
            other = _price_of(book, session, subject, horizon)
            if other is None or other.unit != price.unit:
                continue
            named, new = book.hash_of(other)
            prices[named] = other
            fresh += new
        _add(steps, bucket, session, increment, named, price)
    return Found(Ways(tuple(steps), prices, session.began, price.zone, ceiling), fresh)


def _cascade(book: Book, wallet: Wallet, service: Service) -> Sequence[str]:
    """The balance types that pay for the service in the wallet's product; empty: all, each in its own place."""
    product = book.snapshot.product(wallet.tenant, wallet.product) if wallet.product else None
    name = dict(product.cascades).get(service, "") if product is not None else ""
    found = book.snapshot.cascade(wallet.tenant, name) if name else None
    return found.balance_types if found is not None else ()


def _alone(price: Price, wallet: Wallet, now: Instant) -> bool:
    """Whether each increment has to be paid from one bucket, and there are several to pay from."""
    if price.parts[0].intervals[0].places == EXACT:
        return False
    return sum(bucket.value > bucket.held and bucket.usable(now) for bucket in wallet.buckets) > 1


def _price_of(book: Book, session: Session, subject: str, horizon: Duration) -> Price | None:
    found = resolve(
        book.snapshot,
        session.tenant,
        session.category,
        session.service,
        subject,
        session.called,
        session.began,
        horizon,
    )
    return None if isinstance(found, Refused) else found


def _add(steps: list[Step], bucket: Bucket, session: Session, increment: int, named: bytes, price: Price) -> None:
    """Put the bucket behind the others; money that pays for everything may share one way with its neighbours."""
    use = bucket.use
    blocker, timings = (use.blocker, use.timings) if use is not None else (False, ())
    if bucket.service:
        per = dict(use.factors).get(session.service, bucket.step) if use is not None else bucket.step
        steps.append(Step(Stretch(0, 0, bucket.id, per, increment, b"" if increment else named), blocker, timings))
        return
    places = (bucket.id, CREDIT) if bucket.id == MAIN_BUCKET else (bucket.id,)
    last = steps[-1] if steps else None
    together = use is None and price.parts[0].intervals[0].places == EXACT
    if together and last is not None and _shared(last, named):
        steps[-1] = Step(msgspec.structs.replace(last.stretch, money=(*last.stretch.money, *places)))
    else:
        steps.append(Step(Stretch(0, 0, price=named, money=places), blocker, timings))


def _shared(step: Step, named: bytes) -> bool:
    """Whether another bucket of money may join this way."""
    return bool(step.stretch.money) and step.stretch.price == named and not (step.blocker or step.timings)


def zero_increment(subject: str, service: Service) -> int:
    """The usage of one increment of units that a subject gives for nothing: `*zero1m`, `*zero1024` (CGRateS's
    nanoseconds of time, units of anything else); without a subject a second, or one unit. 0: it is no such subject.

    Time finer than a microsecond is a microsecond.
    """
    if not subject:
        return SECOND if service is Service.VOICE else 1
    found = _ZERO.fullmatch(subject)
    if found is None:
        return 0
    number, unit = int(found[1]), found[2] or "ns"
    if service is not Service.VOICE:
        number = number if unit == "ns" else number * _TIMES[unit] * 1000
    else:
        number = -(-number // 1000) if unit == "ns" else number * _TIMES[unit]
    return min(max(number, 1), INT64_MAX)


def known_prices(book: Book, session: Session, terms: Terms) -> dict[bytes, Price]:
    """The prices that the session and its stretches name."""
    prices = {session.price: terms.price}
    for stretch in session.stretches:
        if stretch.price and stretch.price not in prices:
            prices[stretch.price] = terms.fresh.get(stretch.price) or book.price(stretch.price)
    return prices
