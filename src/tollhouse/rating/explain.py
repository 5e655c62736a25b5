"""The sum behind a cost, a line for each thing that is added, by the functions that `cost` itself is made of."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from math import gcd

import msgspec

from tollhouse.rating.cost import Exact, add, charge, connect_fee, rounded
from tollhouse.rating.price import Price
from tollhouse.rating.spans import part_at, spans
from tollhouse.snapshot.tariff import Interval, Slot
from tollhouse.values.instants import Instant


class Item(enum.StrEnum):
    """What a line of the sum is."""

    FEE = "fee"
    USAGE = "usage"
    CAP = "cap"
    """What a maximum cost of strategy `*free` takes off again; below zero."""


class Line(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`cost` in exact units of money; `count` increments of `slot` from usage `age` on (0 but for USAGE); `interval` is
    one of the `destination`'s."""

    item: Item
    age: int
    count: int
    interval: Interval
    slot: Slot
    cost: Exact
    destination: str


class Sum(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The lines, what they come to exactly, the interval whose method rounds that (None: nothing was charged), the
    cost in smallest steps, and whose the interval is."""

    lines: tuple[Line, ...]
    total: Exact
    rule: Interval | None
    cost: int
    destination: str


def arithmetic(price: Price, start: Instant, usage: int) -> Sum:
    """How `cost` of the same arguments comes about; the lines add up to `total`, exactly."""
    lines: list[Line] = []
    total: Exact = (0, 1)
    rule: Interval | None = None
    whose = ""
    for age, count, interval, slot in spans(price, start, usage) if usage > 0 else ():
        destination = price.parts[part_at(price, start + age)].destination
        before = total
        if rule is None:
            before = total = connect_fee(interval)
            first = interval.slots[0]
            fee = Line(Item.FEE, 0, 0, interval, first, (first.fee, 10**first.scale), destination)
            lines += _with_cap(fee, (0, 1), total)
        if rule is None or interval.decimals > rule.decimals:
            rule, whose = interval, destination
        total = add(total, count, interval, slot)
        line = Line(Item.USAGE, age, count, interval, slot, charge(count, interval, slot), destination)
        lines += _with_cap(line, before, total)
    whole = 0 if rule is None else rounded(total, rule, price.decimals)
    return Sum(tuple(lines), reduced(total), rule, whole, whose)


def added(amounts: Iterable[Exact]) -> Exact:
    """The exact sum, reduced."""
    total: Exact = (0, 1)
    for numerator, denominator in amounts:
        total = reduced((total[0] * denominator + numerator * total[1], total[1] * denominator))
    return total


def reduced(amount: Exact) -> Exact:
    """The same amount without a common factor."""
    common = gcd(*amount)
    return amount[0] // common, amount[1] // common


def _with_cap(line: Line, before: Exact, after: Exact) -> list[Line]:
    """The line, and what the cap took off where the total grew by less than its cost. No fee is no line."""
    off = added((after, (-before[0], before[1]), (-line.cost[0], line.cost[1])))
    kept = [line] if line.cost[0] or line.item is Item.USAGE else []
    if not off[0]:
        return kept
    return [*kept, Line(Item.CAP, line.age, 0, line.interval, line.slot, off, line.destination)]
