"""Who pays which part of a session: stretches of its usage, one behind the other, each paid from the same place.

A session that money alone pays has one. Where minutes pay first there is one for each bucket of them, then one for the
money, which goes on in the slot of the tariff that the session's age has reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

from tollhouse.rating.cost import NOTHING, Sum, summed
from tollhouse.rating.price import Price
from tollhouse.values.instants import Instant

Prices: TypeAlias = Mapping[bytes, Price]
"""By their hashes, as stretches name them."""


class Stretch(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """From age `since` up to `until` the same pays at the same price; an increment that has begun by then, whole.

    `bucket`: whose units pay, `over` of them for `per` of usage (0: nobody's). `increment` > 0: whole increments of so
    much usage for nothing else; 0: at the price of hash `price`, whose money comes from the buckets `money` in this
    order (empty: from any that may pay for everything, then as credit). `units`, `cost`: what was posted so far.
    """

    since: int
    until: int
    bucket: int = 0
    per: int = 1
    increment: int = 0
    price: bytes = b""
    money: tuple[int, ...] = ()
    units: int = 0
    cost: int = 0
    over: int = 1

    def like(self, other: Stretch) -> bool:
        """Whether one could be the other's continuation."""
        return (self.bucket, self.per, self.over, self.increment, self.price, self.money) == (
            *(other.bucket, other.per, other.over, other.increment, other.price, other.money),
        )

    def units_for(self, usage: int) -> int:
        """How many units pay for it: a begun one counts whole."""
        return -(-usage * self.over // self.per)

    def usage_of(self, units: int) -> int:
        """How much usage they pay for."""
        return units * self.per // self.over


class Due(msgspec.Struct, frozen=True, gc=False):
    """What a stretch has to have posted by now, and the sum of the session's money up to its end."""

    units: int
    cost: int
    sum: Sum


def dues(stretches: Sequence[Stretch], prices: Prices, began: Instant, used: int) -> list[Due]:
    """Of each stretch what is due after so much usage. Money is rounded once for the whole session: what a stretch
    owes is by how much the rounded sum grows."""
    found: list[Due] = []
    so_far = NOTHING
    for stretch in stretches:
        one = due(stretch, prices, began, used, so_far)
        so_far = one.sum
        found.append(one)
    return found


def due(stretch: Stretch, prices: Prices, began: Instant, used: int, before: Sum) -> Due:
    """The same of one stretch, behind others that came to the sum `before`."""
    end = min(used, stretch.until)
    if end <= stretch.since:
        return Due(0, 0, before)
    if stretch.increment:
        count = -((stretch.since - end) // stretch.increment)
        return Due(stretch.units_for(count * stretch.increment), 0, before)
    price = prices[stretch.price]
    after = summed(price, began, stretch.since, end, before)
    units = stretch.units_for(after.reach - stretch.since) if stretch.bucket else 0
    return Due(units, after.steps(price.decimals) - before.steps(price.decimals), after)


def reached(stretches: Sequence[Stretch]) -> int:
    """The age of the session that they reach."""
    return stretches[-1].until if stretches else 0


def upto(stretches: Sequence[Stretch], used: int) -> tuple[Stretch, ...]:
    """The stretches as far as they are used: what lies beyond that nothing is held for."""
    kept = [stretch for stretch in stretches if stretch.since < used]
    if kept and kept[-1].until > used:
        kept[-1] = msgspec.structs.replace(kept[-1], until=used)
    return tuple(kept)


def cut(stretches: Sequence[Stretch], prices: Prices, began: Instant, used: int) -> tuple[Stretch, ...]:
    """The same, to go on behind it: the last one ends with the last increment that was begun."""
    kept = upto(stretches, used)
    if not kept:
        return ()
    last = kept[-1]
    if last.increment:
        until = last.since - (last.since - last.until) // last.increment * last.increment
    else:
        until = summed(prices[last.price], began, last.since, last.until).reach
    return (*kept[:-1], msgspec.structs.replace(last, until=until))
