"""Three discounts become one, and what that one does to money and to balances of time and data.

Source: requirement oracle_vws 5.5, cases 9-23. A *share* is a discount as it is written: hundredths of a
percent, 10,000 is all of it; what is below 0 counts as none, above 10,000 as all. A *discount* is the exact fraction of
0 to 1 that shares come to, reduced. Nothing is rounded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import Final

import msgspec

from tollhouse.rating.calendar import instant_of, local_day, matches
from tollhouse.rating.cost import Exact
from tollhouse.rating.price import Price
from tollhouse.snapshot.accounts import BalanceType, Category
from tollhouse.snapshot.products import DAY_SECONDS, RatingDiscount
from tollhouse.snapshot.rules import DISCOUNT_RULES, ReservationRules
from tollhouse.snapshot.tariff import Interval, Slot
from tollhouse.values.commands import Service
from tollhouse.values.instants import Instant
from tollhouse.values.money import INT64_MAX

PERCENT: Final = 100
WHOLE: Final = 100 * PERCENT
"""The share that leaves nothing to pay."""
NONE: Final[Exact] = (0, 1)
OVERRIDE: Final = "override"


class DiscountRuleError(ValueError):
    """A text that is no rule of discounts; its message names it."""


class Grant(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a balance of category discount grants: `share` for as much usage as it `lasts` (None: it is not used up)."""

    balance_type: str
    share: int
    lasts: int | None = None


def check_rule(rule: str) -> str:
    """The rule itself, where it is one of DISCOUNT_RULES. Raises DiscountRuleError (case 18)."""
    if rule not in DISCOUNT_RULES:
        raise DiscountRuleError(f"discount rule {rule!r} is none of {', '.join(DISCOUNT_RULES)}")
    return rule


def discount(rule: str, s: int | None, r: int, w: int) -> Exact:
    """What the shares of the request (None: it carries none), the rating and the wallet come to, by the rule.

    Strictly left to right: `*` takes the next share of what is left, `+` takes it of the list price, down to nothing
    left. `override`: the request's alone; without one, `r*w` (ruling R8). Raises DiscountRuleError.
    """
    formula = check_rule(rule)
    if formula == OVERRIDE:
        formula = "r*w" if s is None else "s"
    shares = {"s": s or 0, "r": r, "w": w}
    left = whole = 1
    for operator, name in zip("*" + formula[1::2], formula[::2], strict=True):
        share = min(max(shares[name], 0), WHOLE)
        left = left * (WHOLE - share) if operator == "*" else max(left * WHOLE - share * whole, 0)
        whole *= WHOLE
    return _reduced(whole - left, whole)


def counts_wallet(rule: str, s: int | None) -> bool:
    """Whether the wallet's share has a part in the rule's discount: not where the request's overrides it."""
    return check_rule(rule) != OVERRIDE or s is None


def rating_share(discounts: Sequence[RatingDiscount], zone: str, service: str, at: Instant) -> int:
    """The share of the first of a product's weekly and holiday discounts that holds for the service at the instant, by
    the clock of the zone; 0: none does."""
    if not discounts:
        return 0
    day, midnight = local_day(zone, at)
    for one in discounts:
        if one.service in ("", service) and matches(one.timing, day):
            until = midnight if one.until >= DAY_SECONDS else instant_of(zone, day, one.until)
            if instant_of(zone, day, one.timing.start) <= at < until:
                return one.share
    return 0


def unit_discount(service: str, of_money: Exact, rules: ReservationRules) -> Exact:
    """The discount of a balance that counts the service's usage: of time and of data where the rules say so (cases 20
    and 21); messages and generic units always pay in full."""
    counts = {Service.VOICE.value: rules.discount_time, Service.DATA.value: rules.discount_data}
    return of_money if counts.get(service, False) else NONE


def discounted(cost: Exact, of_it: Exact) -> Exact:
    """What is left to pay of the cost, exactly."""
    return _reduced(cost[0] * (of_it[1] - of_it[0]), cost[1] * of_it[1])


def discounted_price(price: Price, of_it: Exact) -> Price:
    """The price with every fee and rate less by the discount, exactly; caps are of what is left to pay, and stay."""
    if not of_it[0]:
        return price
    places = next(places for places in range(3 * 4 + 1) if not 10**places % of_it[1])
    left = (of_it[1] - of_it[0]) * (10**places // of_it[1])

    def slot(one: Slot) -> Slot:
        return msgspec.structs.replace(one, fee=one.fee * left, price=one.price * left, scale=one.scale + places)

    def interval(one: Interval) -> Interval:
        return msgspec.structs.replace(one, slots=tuple([slot(each) for each in one.slots]))

    parts = [
        msgspec.structs.replace(part, intervals=tuple([interval(one) for one in part.intervals]))
        for part in price.parts
    ]
    return msgspec.structs.replace(price, parts=tuple(parts))


def used_up(usage: int, of_it: Exact) -> Exact:
    """How much of a balance that counts usage goes for it, in the same unit: a second costs 1 - d of one (case 22)."""
    return discounted((usage, 1), of_it)


def lasts(units: int, of_it: Exact) -> int:
    """The inverse of `used_up`: the longest usage for which no more than `units` go, within int64; where usage takes
    nothing, the largest int64. 40 at 50 % last 80 (case 20)."""
    left = of_it[1] - of_it[0]
    return min(max(units, 0) * of_it[1] // left, INT64_MAX) if left else INT64_MAX


def grant(balance_type: BalanceType, amount: int, service: str) -> Grant | None:
    """What `amount` steps of the balance type grant a session of the service: nothing but of category discount and
    above zero. One that counts the session's own usage is used up by it; any other grants as long as it is there."""
    if balance_type.category is not Category.DISCOUNT or amount <= 0:
        return None
    counts = balance_type.service in (service, Service.GENERIC.value)
    return Grant(balance_type.name, balance_type.discount * PERCENT, amount * balance_type.step if counts else None)


def _reduced(numerator: int, denominator: int) -> Exact:
    common = gcd(numerator, denominator)
    return numerator // common, denominator // common
