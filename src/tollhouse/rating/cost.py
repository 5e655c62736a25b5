"""What usage costs: exact sums of integers over a common denominator, rounded once.

A tariff in price mode `cgrates` comes to the same digits as CGRateS: the price of each run of usage, and then that of
each of its increments, is rounded half up before it is summed (requirement cgrates 2.6).
"""

from __future__ import annotations

from math import gcd
from typing import Final, TypeAlias

import msgspec

from tollhouse.rating.price import Price
from tollhouse.rating.spans import spans
from tollhouse.snapshot.tariff import EXACT, Interval, Rounding, Slot
from tollhouse.values.commands import Service
from tollhouse.values.instants import Instant, format_seconds
from tollhouse.values.money import format_amount
from tollhouse.values.outcomes import CostPart

Exact: TypeAlias = tuple[int, int]
"""Units of money as numerator and denominator > 0, not necessarily reduced."""

MAX_COST_SCALE: Final = 10**9
_LONGEST_DECIMAL: Final = 15


class Sum(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What usage so far costs, not rounded yet; `rule`: the interval that says how (None: nothing was used).

    `reach`: the age up to which its increments pay. `owed`: what was due, in steps, when something else began to pay:
    a finer rounding after it takes nothing of that back.
    """

    total: Exact = (0, 1)
    rule: Interval | None = None
    reach: int = 0
    owed: int = 0

    def steps(self, decimals: int) -> int:
        """The sum in steps of 10^-decimals, rounded once, by the method and decimals of the interval with most
        decimals among those that charged something (the earliest of them), and never finer than the steps."""
        return self.owed if self.rule is None else max(self.owed, rounded(self.total, self.rule, decimals))


NOTHING: Final = Sum()


def cost(price: Price, start: Instant, usage: int) -> int:
    """The whole session's cost in the smallest steps of `price.unit`, connect fee included; nothing for no usage.

    Rounded once (`Sum.steps`). Exact whatever the usage; `usage` in the service's own unit (microseconds, octets,
    messages).
    """
    return summed(price, start, 0, usage).steps(price.decimals) if usage > 0 else 0


def summed(price: Price, start: Instant, since: int, until: int, before: Sum = NOTHING) -> Sum:
    """The sum after usage from age `since` up to `until` (its last increment whole); the connect fee is that of a
    session's very beginning."""
    total, rule = before.total, before.rule
    fee, reach = not since, since
    for age, count, interval, slot in spans(price, start, until, since):
        if fee:
            fee, total = False, plus(total, connect_fee(interval))
        if rule is None or interval.decimals > rule.decimals:
            rule = interval
        total = add(total, count, interval, slot)
        reach = age + count * slot.increment
    return Sum(total, rule, reach, before.steps(price.decimals))


def whole(price: Price, start: Instant, since: int, until: int) -> int:
    """The last age, `until` at most, at which an increment begun from age `since` on ends."""
    age = since
    for begun, count, _, slot in spans(price, start, until, since):
        age = begun + min(count, (until - begun) // slot.increment) * slot.increment
    return age


def breakdown(price: Price, start: Instant, usage: int) -> tuple[int, tuple[CostPart, ...]]:
    """The connect fee, rounded to steps like a cost, and what each run of usage costs, exactly, as text."""
    total: Exact = (0, 1)
    fee = 0
    parts: list[CostPart] = []
    for age, count, interval, slot in spans(price, start, usage):
        if not parts:
            total = connect_fee(interval)
            fee = rounded(total, interval, price.decimals)
        before, total = total, add(total, count, interval, slot)
        units = count * slot.increment
        grown = (total[0] * before[1] - before[0] * total[1], total[1] * before[1])
        parts.append(CostPart(age, units, price_text(slot, price.service), exact_text(grown)))
    return fee, tuple(parts)


def connect_fee(interval: Interval) -> Exact:
    """The fee of the interval in force at the session's start, within its cap."""
    slot = interval.slots[0]
    fee = slot.fee, 10**slot.scale
    return fee if interval.max_cost_strategy != "*free" else _capped(fee, (0, 1), interval.max_cost)


def add(total: Exact, count: int, interval: Interval, slot: Slot) -> Exact:
    """The total after so many more increments; once a `*free` cap is reached they cost nothing more."""
    sum_ = plus(total, charge(count, interval, slot))
    return sum_ if interval.max_cost_strategy != "*free" else _capped(sum_, total, interval.max_cost)


def plus(one: Exact, other: Exact) -> Exact:
    """The exact sum."""
    numerator, denominator = one
    more, over = other
    if over == denominator:
        return numerator + more, denominator
    common = gcd(denominator, over)
    return numerator * (over // common) + more * (denominator // common), denominator // common * over


def charge(count: int, interval: Interval, slot: Slot) -> Exact:
    """What a run of so many increments costs, by the interval's price mode."""
    numerator, denominator = count * slot.price * slot.increment, 10**slot.scale * slot.unit
    if interval.places == EXACT:
        return numerator, denominator
    one = 10**interval.places
    return count * _half_up(_half_up(numerator * one, denominator), count), one


def rounded(total: Exact, rule: Interval, decimals: int) -> int:
    """The exact amount in steps of 10^-decimals, rounded as the interval says."""
    places = min(rule.decimals, decimals)
    numerator, denominator = total
    numerator *= 10**places
    if rule.rounding is Rounding.UP:
        quanta = -(-numerator // denominator)
    elif rule.rounding is Rounding.DOWN:
        quanta = numerator // denominator
    else:
        quanta = _half_up(numerator, denominator)
    return int(quanta * 10 ** (decimals - places))


def exact_text(amount: Exact) -> str:
    """A decimal where one of at most 15 places is exact, else a reduced fraction: `0.6`, `1/24`."""
    common = gcd(*amount)
    numerator, denominator = amount[0] // common, amount[1] // common
    if 10**_LONGEST_DECIMAL % denominator:
        return f"{numerator}/{denominator}"
    return format_amount(numerator * (10**_LONGEST_DECIMAL // denominator), _LONGEST_DECIMAL)


def _half_up(numerator: int, denominator: int) -> int:
    """The nearest whole number of a quotient that is not negative; a half goes up."""
    return (2 * numerator + denominator) // (2 * denominator)


def _capped(total: Exact, before: Exact, max_cost: int) -> Exact:
    """The total, but not beyond the cap where it was not beyond it before. A cap of 0 is none."""
    if not max_cost or total[0] * MAX_COST_SCALE <= max_cost * total[1]:
        return total
    return before if before[0] * MAX_COST_SCALE >= max_cost * before[1] else (max_cost, MAX_COST_SCALE)


def price_text(slot: Slot, service: Service) -> str:
    """`0.2/60s`, `0.01/1048576B` (octets), `0.05/1` (messages)."""
    amount = exact_text((slot.price, 10**slot.scale))
    if service is Service.VOICE:
        return f"{amount}/{format_seconds(slot.unit)}s"
    return f"{amount}/{slot.unit}B" if service is Service.DATA else f"{amount}/{slot.unit}"
