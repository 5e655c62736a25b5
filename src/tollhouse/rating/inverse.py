"""How long money lasts: the inverse of `cost`, by algebra inside each run of increments."""

from __future__ import annotations

from typing import Final, TypeAlias

from tollhouse.rating.cost import MAX_COST_SCALE, NOTHING, Exact, Sum, add, connect_fee, plus
from tollhouse.rating.price import Price
from tollhouse.rating.spans import interval_at, spans
from tollhouse.snapshot.tariff import EXACT, Interval, Rounding, Slot
from tollhouse.values.instants import Instant
from tollhouse.values.money import INT64_MAX

UNLIMITED: Final = INT64_MAX
Limit: TypeAlias = tuple[Exact, bool]
"""What a total may come to, and whether it has to stay below."""


def affordable(
    price: Price,
    start: Instant,
    funds: int,
    most: int,
    ceiling: Exact | None = None,
    since: int = 0,
    before: Sum = NOTHING,
) -> int:
    """The longest usage, `most` at most, up to which any usage costs `funds` (smallest steps) or less.

    Where money is the limit it is a whole number of increments, and one more would cost more than `funds`; 0: not even
    the first increment with the connect fee can be paid. A cap of strategy `*disconnect` ends it too, before the
    increment that would lift the unrounded cost over the cap; so does the end of the price, and usage dearer than
    `ceiling` (units of money per unit of usage; CGRateS's MaxRate). Debts (funds below zero) are as good as nothing:
    what is free lasts all the same. `since`: the usage before this age is paid otherwise, and cost `before`, which is
    part of the sum that is rounded and not of what the funds are for.
    """
    if price.ends:
        most = min(most, price.ends - start)
    return max(min(most, lasting(price, start, funds, most, ceiling, since, before).reach), since)


def lasting(
    price: Price,
    start: Instant,
    funds: int,
    most: int,
    ceiling: Exact | None = None,
    since: int = 0,
    before: Sum = NOTHING,
) -> Sum:
    """What that usage comes to, its last increment whole, with `before`."""
    if price.ends:
        most = min(most, price.ends - start)
    decimals, owed = price.decimals, before.steps(price.decimals)
    funds = max(funds, 0) + owed
    total, rule, reach = before.total, before.rule, since
    limit: Limit | None = None
    for age, count, interval, slot in spans(price, start, most, since):
        if ceiling is not None and slot.price * ceiling[1] > ceiling[0] * 10**slot.scale * slot.unit:
            break
        begun = total if age else plus(total, connect_fee(interval))
        ruled = interval if rule is None or interval.decimals > rule.decimals else rule
        if limit is None or ruled is not rule:
            limit = _limit(ruled, funds, decimals)
        payable = _payable(begun, interval, slot, limit)
        if payable > 0:
            rule, payable = ruled, min(payable, count)
            total, reach = add(begun, payable, interval, slot), age + payable * slot.increment
        if payable < count:
            break
    return Sum(total, rule, reach, owed)


def shortest(price: Price, start: Instant) -> int:
    """The usage of the shortest charge there is: one increment of the first slot."""
    return interval_at(price, start)[0].slots[0].increment


def _limit(rule: Interval, funds: int, decimals: int) -> Limit:
    """Up to which total its rounded value does not exceed the funds."""
    places = min(rule.decimals, decimals)
    quanta = funds // 10 ** (decimals - places)
    if rule.rounding is Rounding.UP:
        return (quanta, 10**places), False
    if rule.rounding is Rounding.DOWN:
        return (quanta + 1, 10**places), True
    return (2 * quanta + 1, 2 * 10**places), True


def _payable(total: Exact, interval: Interval, slot: Slot, within: Limit) -> int:
    """How many increments of the slot may follow the total until it exceeds the limit."""
    limit, strict = within
    if not interval.max_cost:
        return _increments(total, interval, slot, limit, strict)
    cap: Exact = (interval.max_cost, MAX_COST_SCALE)
    if interval.max_cost_strategy == "*disconnect":
        return min(_increments(total, interval, slot, limit, strict), _increments(total, interval, slot, cap, False))
    if interval.max_cost_strategy == "*free":
        end = cap if total[0] * cap[1] <= cap[0] * total[1] else total
        if _within(end, limit, strict):
            return UNLIMITED
    return _increments(total, interval, slot, limit, strict)


def _increments(total: Exact, interval: Interval, slot: Slot, limit: Exact, strict: bool) -> int:
    """How many increments, and any fewer of them, keep the total within the limit."""
    if not _within(total, limit, strict):
        return 0
    each, over = slot.price * slot.increment, 10**slot.scale * slot.unit
    if interval.places == EXACT:
        return _times(total, (each, over), limit, strict)
    one = 10**interval.places
    low, rest = divmod(each * one, over)
    if 2 * rest >= over:
        return _times(total, (low + 1, one), limit, strict)
    # An increment's price is rounded down, but for runs of 2, 4, .. up to `last`: of those the run's own rounding up
    # makes half an increment's last digit (n x rest/over + 1/2 reaches n/2 where n <= over/(over - 2 rest)).
    last = over // (2 * over - 4 * rest) * 2
    first_dear = (_times(total, (low + 1, one), limit, strict) + 2) // 2 * 2
    cheap = _times(total, (low, one), limit, strict)
    return min(cheap, first_dear - 1) if first_dear <= last else cheap


def _times(total: Exact, each: Exact, limit: Exact, strict: bool) -> int:
    """The largest n of total + n x each <= (strict: <) limit, where n = 0 is within it."""
    if not each[0]:
        return UNLIMITED
    room = (limit[0] * total[1] - total[0] * limit[1]) * each[1] - strict
    return int(room // (each[0] * total[1] * limit[1]))


def _within(total: Exact, limit: Exact, strict: bool) -> bool:
    room = limit[0] * total[1] - total[0] * limit[1]
    return room > 0 if strict else room >= 0
