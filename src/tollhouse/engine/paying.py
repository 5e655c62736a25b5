"""The ways in which a wallet may pay for a session: its buckets in their order, each with the price of its subject."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from tollhouse.engine.book import Book, StoredPrice
from tollhouse.engine.laying import Step, Ways
from tollhouse.engine.session import Session
from tollhouse.engine.stretches import Stretch
from tollhouse.engine.terms import Terms
from tollhouse.rating.cost import Exact
from tollhouse.rating.discounts import (
    Grant,
    counts_wallet,
    discount,
    discounted_price,
    grant,
    rating_share,
    unit_discount,
)
from tollhouse.rating.price import Price, resolve
from tollhouse.snapshot.rules import ReservationRules
from tollhouse.snapshot.tariff import EXACT
from tollhouse.values.commands import Service
from tollhouse.values.instants import HOUR, MINUTE, SECOND, Duration, Instant
from tollhouse.values.money import INT64_MAX
from tollhouse.values.outcomes import Refused
from tollhouse.values.uses import Timing
from tollhouse.wallet.funds import CREDIT
from tollhouse.wallet.payers import Asked, payers
from tollhouse.wallet.state import MAIN_BUCKET, Bucket, Wallet

_ZERO: Final = re.compile(r"\*zero([0-9]+)(ns|us|ms|s|m|h)?")
NOBODY: Final = -1
"""Stands for a bucket where there is none: only what is free is paid by it."""
_TIMES: Final = {"us": 1, "ms": 1000, "s": SECOND, "m": MINUTE, "h": HOUR}


class Found(msgspec.Struct, frozen=True, gc=False):
    """The ways, and the images of the prices among them that nobody has stored yet."""

    ways: Ways
    fresh: tuple[StoredPrice, ...] = ()

    def known(self, storing: Collection[bytes]) -> Ways:
        """The ways whose prices are stored, or will be by the same decision."""
        unknown = {one.hash for one in self.fresh}.difference(storing)
        if not unknown:
            return self.ways
        steps = tuple([step for step in self.ways.steps if step.stretch.price not in unknown])
        return msgspec.structs.replace(self.ways, steps=steps)


def plain(wallet: Wallet) -> bool:
    """Whether every bucket is money that pays for everything."""
    return not [bucket for bucket in wallet.buckets if bucket.unit or bucket.use is not None]


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
    price, prices = terms.price, known_prices(book, session, terms)
    cascade = _cascade(book, wallet, session)
    discounted = session.discount or session.rated
    if not (cascade or worst or discounted) and plain(wallet) and not _alone(price, wallet, now):
        own = Step(Stretch(0, 0, price=session.price))
        return Found(Ways((own,), prices, session.began, price.zone, ceiling))
    known = book.snapshot.destinations(price.plan, session.called)
    units = dict(price.units) if session.event is not None else None
    asked = Asked(session.service, session.category, known, worst, _going(session), units)
    rules = book.snapshot.rules(wallet.tenant).reservation
    grants = _grants(book, wallet, session.service, now)
    finder = _Finder(book, session, price, rules, grants, prices, horizon)
    for bucket in payers(wallet, asked, cascade, now):
        finder.add(bucket)
    finder.add_credit(wallet, cascade)
    found = Ways(tuple(finder.steps), prices, session.began, price.zone, ceiling, rules.skip_zero_balances)
    return Found(found, finder.fresh)


def _going(session: Session) -> tuple[int, ...]:
    """The buckets that paid for the last that was used: of a unit that was begun, or an amount rounded up, the rest is
    still theirs to give when they are empty."""
    used = [stretch for stretch in session.stretches if stretch.since < session.used]
    return (used[-1].bucket or NOBODY, *used[-1].money) if used else ()


class _Finder:
    """Puts one bucket behind the other, each with its price; money that pays for everything may share one way."""

    def __init__(
        self,
        book: Book,
        session: Session,
        price: Price,
        rules: ReservationRules,
        grants: Sequence[tuple[Bucket, Grant]],
        prices: dict[bytes, Price],
        horizon: Duration,
    ) -> None:
        self.steps: list[Step] = []
        self.fresh: tuple[StoredPrice, ...] = ()
        self._book = book
        self._session = session
        self._price = price
        self._rules = rules
        self._grants = grants
        self._prices = prices
        self._horizon = horizon
        self._alone: set[tuple[int, ...]] = set()
        """Money that pays for some calls only, and shares no way."""

    def add(self, bucket: Bucket) -> None:
        use = bucket.use
        subject = use.subject if use is not None and self._session.event is None else ""
        increment = zero_increment(subject, self._session.service) if bucket.service else 0
        price = self._price
        if subject and not increment:
            other = self._of_subject(subject)
            if other is None or other.unit != price.unit:
                return
            price = other
        blocker, timings = (use.blocker, use.timings) if use is not None else (False, ())
        if not bucket.service:
            self._add_money(bucket, price, blocker, timings)
            return
        per, over = self._units(bucket)
        name = b"" if increment else self._named(discounted_price(price, self._discount(0)))
        stretch = Stretch(0, 0, bucket.id, per, increment, name, over=over)
        self.steps.append(Step(stretch, blocker, timings))

    def add_credit(self, wallet: Wallet, cascade: Sequence[str]) -> None:
        """The credit limit is the main bucket's, and comes behind all that is there. Without one what is free is free
        all the same."""
        main = next(bucket for bucket in wallet.buckets if bucket.id == MAIN_BUCKET)
        allowed = wallet.credit_limit and main.use is None and (not cascade or main.balance_type in cascade)
        if not self._joined((CREDIT,) if allowed else (), self._price):
            self._add_ways((MAIN_BUCKET, CREDIT) if allowed else (NOBODY,), self._price, False, ())

    def _add_money(self, bucket: Bucket, price: Price, blocker: bool, timings: tuple[Timing, ...]) -> None:
        if bucket.use is not None:
            self._alone.add((bucket.id,))
        elif self._joined((bucket.id,), price):
            return
        self._add_ways((bucket.id,), price, blocker, timings)

    def _joined(self, places: tuple[int, ...], price: Price) -> bool:
        """Whether the money could join that of the last way, as it may where a cost may be split anywhere."""
        last = self.steps[-1] if self.steps else None
        if last is None or last.blocker or last.timings or not last.stretch.money or last.stretch.money in self._alone:
            return False
        own = self._named(discounted_price(price, self._discount(0)))
        if price.parts[0].intervals[0].places != EXACT or last.stretch.price != own:
            return False
        for index, step in enumerate(self.steps):
            if step.stretch.money == last.stretch.money:
                joined = msgspec.structs.replace(step.stretch, money=(*step.stretch.money, *places))
                self.steps[index] = msgspec.structs.replace(step, stretch=joined)
        return True

    def _add_ways(self, places: tuple[int, ...], price: Price, blocker: bool, timings: tuple[Timing, ...]) -> None:
        """Under each discount that the wallet grants, as long as it lasts; then without one."""
        applied = counts_wallet(self._rules.discount_rule, self._session.discount)
        for bucket, given in self._grants if applied or self._rules.discount_time_always_debited else ():
            lower = self._named(discounted_price(price, self._discount(given.share if applied else 0)))
            used = bucket.id if given.lasts is not None else 0
            stretch = Stretch(0, 0, used, bucket.step, 0, lower, places)
            self.steps.append(Step(stretch, False, timings))
        own = self._named(discounted_price(price, self._discount(0)))
        self.steps.append(Step(Stretch(0, 0, price=own, money=places), blocker, timings))

    def _units(self, bucket: Bucket) -> tuple[int, int]:
        """How much usage so many of its units pay for."""
        service, per, over = self._session.service, bucket.step, 1
        if self._session.event is not None:
            service, per, over = Service(bucket.service), 1, dict(self._price.units)[bucket.unit]
        elif bucket.use is not None:
            per = dict(bucket.use.factors).get(service, per)
        left = unit_discount(service, self._discount(0), self._rules)
        return (per * left[1], over * (left[1] - left[0])) if left[0] < left[1] else (INT64_MAX, 1)

    def _discount(self, wallets: int) -> Exact:
        """What the request, the rating and the wallet take off together."""
        return discount(self._rules.discount_rule, self._session.discount, self._session.rated, wallets)

    def _of_subject(self, subject: str) -> Price | None:
        one = self._session
        found = resolve(
            self._book.snapshot, one.tenant, one.category, one.service, subject, one.called, one.began, self._horizon
        )
        return None if isinstance(found, Refused) else found

    def _named(self, price: Price) -> bytes:
        if price is self._price:
            return self._session.price
        name, new = self._book.hash_of(price)
        if name not in self._prices:
            self._prices[name] = price
            self.fresh += new
        return name


def _grants(book: Book, wallet: Wallet, service: Service, now: Instant) -> list[tuple[Bucket, Grant]]:
    """What the wallet's balances of category discount grant, the largest first."""
    found: list[tuple[Bucket, Grant]] = []
    for bucket in wallet.buckets:
        kind = book.snapshot.balance_type(bucket.balance_type) if bucket.idle and bucket.usable(now) else None
        given = grant(kind, bucket.value - bucket.held, service) if kind is not None else None
        if given is not None:
            found.append((bucket, given))
    return sorted(found, key=lambda one: -one[1].share)


def cascade_name(book: Book, wallet: Wallet, service: Service) -> str:
    """The cascade of the wallet's product for the service; empty: it has none."""
    product = book.snapshot.product(wallet.tenant, wallet.product) if wallet.product else None
    return dict(product.cascades).get(service, "") if product is not None else ""


def rated(book: Book, wallet: Wallet, service: Service, at: Instant) -> int:
    """The share that the rating takes off at the instant: a discount of the wallet's product (requirement oracle_vws
    5.5, the discount r)."""
    product = book.snapshot.product(wallet.tenant, wallet.product) if wallet.product else None
    return rating_share(product.discounts, product.zone, service, at) if product is not None else 0


def _cascade(book: Book, wallet: Wallet, session: Session) -> Sequence[str]:
    """The balance types that pay for the session; empty: all, each in its own place."""
    name = session.cascade or (cascade_name(book, wallet, session.service) if wallet.product else "")
    found = book.snapshot.cascade(wallet.tenant, name) if name else None
    return found.balance_types if found is not None else ()


def _alone(price: Price, wallet: Wallet, now: Instant) -> bool:
    """Whether each increment has to be paid from one bucket, and there are several to pay from."""
    if price.parts[0].intervals[0].places == EXACT:
        return False
    return sum(bucket.value > bucket.held and bucket.usable(now) for bucket in wallet.buckets) > 1


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
