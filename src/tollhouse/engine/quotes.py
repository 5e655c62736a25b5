"""What usage would cost, why, and how long money would last. Nothing here moves anything."""

from __future__ import annotations

from typing import Final

from tollhouse.engine.book import Book
from tollhouse.engine.decision import Decision, refuse
from tollhouse.engine.terms import longest_limit, longest_quote
from tollhouse.rating.cost import breakdown, cost, exact_text
from tollhouse.rating.explain import arithmetic
from tollhouse.rating.explain_search import search
from tollhouse.rating.explain_words import line_text, look_text, rounding_text
from tollhouse.rating.inverse import affordable
from tollhouse.rating.price import ANYONE, Price, resolve, resolve_plan
from tollhouse.values.commands import Explain, Limit, PlanQuote, Quote, Service
from tollhouse.values.instants import LAST, Instant, format_instant
from tollhouse.values.money import AmountError, fits, parse_amount
from tollhouse.values.outcomes import Explained, Limited, Priced, Refused
from tollhouse.values.refusals import Refusal

_ENDINGS: Final = frozenset(service.value for service in Service)
_ANY_FUNDS: Final = 10**60
"""More than any usage costs."""


def quote(book: Book, command: Quote, now: Instant) -> Decision:
    """The answer to a Quote or to one of its kin."""
    at = command.at or now
    if command.usage < 0 or not 0 <= at <= LAST:
        return refuse(Refusal.INVALID, "usage is not negative, and a time lies before the year 9998")
    if command.usage > longest_quote(command.service) and not isinstance(command, Limit):
        return refuse(Refusal.AMOUNT_OUT_OF_RANGE, "more usage than is computed at once")
    match command:
        case Explain():
            return _explained(book, command, at)
        case Limit():
            return _limited(book, command, at)
        case PlanQuote():
            return _priced(_by_plan(book, command, at), command, at)
    return _priced(_whole(_price(book, command, at, command.usage), at, command.usage), command, at)


def _whole(price: Price | Refused, at: Instant, usage: int) -> Price | Refused:
    """The price where it covers all of the usage (requirement cgrates 2.1 5); a session is granted what it covers."""
    if isinstance(price, Price) and price.ends and at + usage > price.ends:
        return Refused(Refusal.NO_RATE, f"nothing prices the usage from {format_instant(price.ends)} on")
    return price


def _tenant(book: Book, command: Quote) -> str:
    return command.tenant or book.snapshot.only_tenant()


def _price(book: Book, command: Quote, at: Instant, longest: int) -> Price | Refused:
    tenant = _tenant(book, command)
    return resolve(
        book.snapshot, tenant, command.category, command.service, command.subject, command.called, at, longest
    )


def _by_plan(book: Book, command: PlanQuote, at: Instant) -> Price | Refused:
    """A plan's name is that of voice; of other services it has the service behind it, as prices name it."""
    tenant = _tenant(book, command)
    terms = book.snapshot.profile(tenant, command.category, command.service, command.subject)
    terms = terms or book.snapshot.profile(tenant, command.category, command.service, ANYONE)
    if terms is None:
        return Refused(Refusal.INVALID, f"no {command.service} profile of {command.subject!r} says unit and zone")
    head, _, last = command.plan.rpartition(":")
    if head and last in _ENDINGS and last != command.service:
        return Refused(Refusal.INVALID, f"{command.plan} prices {last}")
    ending = "" if command.service is Service.VOICE else f":{command.service}"
    plan = command.plan if command.plan.endswith(ending) else command.plan + ending
    names = (command.plan, *(f"{command.plan}:{other}" for other in _ENDINGS))
    if not any(book.snapshot.has_plan(name) for name in names):
        return Refused(Refusal.INVALID, f"there is no rating plan {command.plan!r}")
    return _whole(
        resolve_plan(book.snapshot, plan, command.service, command.called, at, command.usage, terms), at, command.usage
    )


def _priced(price: Price | Refused, command: Quote, at: Instant) -> Decision:
    """The cost of the usage, and its parts."""
    if isinstance(price, Refused):
        return Decision(price)
    fee, parts = breakdown(price, at, command.usage)
    whole = cost(price, at, command.usage)
    if not fits(whole):
        return refuse(Refusal.AMOUNT_OUT_OF_RANGE)
    return Decision(Priced(price.unit, price.decimals, whole, fee, command.usage, price.prefix, price.plan, parts))


def _explained(book: Book, command: Explain, at: Instant) -> Decision:
    price = _whole(_price(book, command, at, command.usage), at, command.usage)
    tenant = _tenant(book, command)
    _, looks = search(
        book.snapshot, tenant, command.category, command.service, command.subject, command.called, at, command.usage
    )
    looked = tuple(look_text(look) for look in looks)
    if isinstance(price, Refused):
        return Decision(
            Explained("", 0, 0, command.usage, "", "", looked, refusal=price.refusal.value, detail=price.detail)
        )
    found = arithmetic(price, at, command.usage)
    if not fits(found.cost):
        return refuse(Refusal.AMOUNT_OUT_OF_RANGE)
    lines = tuple((line_text(line, command.service), exact_text(line.cost)) for line in found.lines)
    ruling = rounding_text(found, price)
    whole = found.cost
    return Decision(
        Explained(price.unit, price.decimals, whole, command.usage, price.prefix, price.plan, looked, lines, ruling)
    )


def _limited(book: Book, command: Limit, at: Instant) -> Decision:
    """As far as money, caps, the highest rate and the tariff allow, and which of them ends it."""
    longest = longest_limit(command.service)
    most = min(command.usage or longest, longest)
    price = _price(book, command, at, most)
    if isinstance(price, Refused):
        return Decision(price)
    try:
        funds = parse_amount(command.money, price.decimals)
    except AmountError as error:
        return refuse(Refusal.INVALID, f"money: {error}")
    usage = affordable(price, at, funds, most, command.ceiling)
    spent, more = cost(price, at, usage), cost(price, at, usage + 1)
    if not fits(more):
        return refuse(Refusal.AMOUNT_OUT_OF_RANGE)
    ended = _ended(price, at, funds, command, usage, most)
    return Decision(Limited(price.unit, price.decimals, usage, spent, more, ended, price.prefix, price.plan))


def _ended(price: Price, at: Instant, funds: int, command: Limit, usage: int, most: int) -> str:
    if usage >= most:
        return "usage" if most == command.usage else "longest"
    if price.ends and usage >= price.ends - at:
        return "end_of_tariff"
    if affordable(price, at, funds, most) > usage:
        return "max_rate"
    return "money" if affordable(price, at, _ANY_FUNDS, most, command.ceiling) > usage else "max_cost"
