"""How far a wallet pays for a session: the ways to pay, one after the other, laid out as stretches of its usage.

Each way pays as many whole increments as it can; then the first one that can go on does, for a bucket may become useful
in the middle of a call (its timings begin). A blocker that was used up ends it (requirement cgrates 3.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tollhouse.engine.stretches import Prices, Stretch, due, dues
from tollhouse.rating.calendar import instant_of, local_day, matches
from tollhouse.rating.cost import NOTHING, Exact, Sum, whole
from tollhouse.rating.inverse import lasting
from tollhouse.values.instants import Instant
from tollhouse.values.money import INT64_MAX
from tollhouse.values.uses import Timing
from tollhouse.wallet.funds import draw, free, general
from tollhouse.wallet.state import Lines, Wallet

_ANYTHING: Final = INT64_MAX


class Step(msgspec.Struct, frozen=True, gc=False):
    """One way to pay: a stretch that is still to be laid, and when it may."""

    stretch: Stretch
    blocker: bool = False
    timings: tuple[Timing, ...] = ()


class Ways(msgspec.Struct, frozen=True, gc=False):
    """The ways to pay for a session in their order, and the prices that they and its stretches so far name.

    `zone` tells the days of timings. `ceiling`: dearer usage is not paid (units of money per unit of usage, exactly).
    `skips`: a way of which something is left, but less than an increment costs, is passed over; else it ends here
    (requirement oracle_vws 5.5, case 34).
    """

    steps: tuple[Step, ...]
    prices: Prices
    began: Instant
    zone: str = "UTC"
    ceiling: Exact | None = None
    skips: bool = True


class Laid(msgspec.Struct, frozen=True, gc=False):
    """The stretches, what of the wallet's free funds they need beyond what was posted, and how far they reach of the
    `target`: less where funds ended."""

    stretches: tuple[Stretch, ...]
    lines: Lines
    reach: int
    target: int


def lay(ways: Ways, wallet: Wallet, kept: Sequence[Stretch], target: int, now: Instant, debt: bool = False) -> Laid:
    """Go on behind the stretches that are `kept` until age `target`, or as far as the wallet's free funds last.

    `debt`: the usage has taken place, so what units cost beside themselves may be owed.
    """
    layer = _Layer(ways, wallet, kept, free(wallet, now), debt)
    while layer.at < target and layer.step(target):
        pass
    return Laid(tuple(layer.stretches), tuple(layer.drawn.items()), layer.at, target)


class _Layer:
    """The layout in the making. `sums`: what the money came to before each stretch."""

    def __init__(self, ways: Ways, wallet: Wallet, kept: Sequence[Stretch], rest: dict[int, int], debt: bool) -> None:
        self._ways = ways
        self._rest = rest
        self._debt = debt
        self._general = general(wallet)
        self.stretches = list(kept)
        self.drawn: dict[int, int] = {}
        self._sums = [NOTHING]
        if kept:
            self._sums += [one.sum for one in dues(kept, ways.prices, ways.began, kept[-1].until)]
        self.at = kept[-1].until if kept else 0

    def step(self, target: int) -> bool:
        """Whether one of the ways went on, and another may follow."""
        for step in self._ways.steps:
            if step.timings and not self._active(step.timings):
                continue
            moved = self._go_on(step.stretch, target)
            if step.blocker or not (moved or self._ways.skips or self._is_empty(step.stretch)):
                return False
            if moved:
                return True
        return False

    def _active(self, timings: Sequence[Timing]) -> bool:
        at = self._ways.began + self.at
        day, _ = local_day(self._ways.zone, at)
        return any(matches(one, day) and instant_of(self._ways.zone, day, one.start) <= at for one in timings)

    def _go_on(self, way: Stretch, target: int) -> bool:
        last = self.stretches[-1] if self.stretches else None
        again = last is not None and last.like(way)
        if last is not None and again:
            stretch, before = last, self._sums[-2]
            laid = due(stretch, self._ways.prices, self._ways.began, self.at, before)
            units, cost = laid.units, laid.cost
        else:
            stretch = msgspec.structs.replace(way, since=self.at) if self.at else way
            before, units, cost = self._sums[-1], 0, 0
        there = self._rest.get(stretch.bucket, 0) + units if stretch.bucket else 0
        if stretch.increment:
            until, after = _whole_increments(stretch, there, target), before
        else:
            after = self._priced(stretch, there, cost, before, target)
            until = after.reach
        if until <= self.at:
            return False
        if stretch.bucket:
            self._draw((stretch.bucket,), stretch.units_for(until - stretch.since) - units)
        if not stretch.increment:
            decimals = self._ways.prices[stretch.price].decimals
            self._draw(stretch.money or self._general, after.steps(decimals) - before.steps(decimals) - cost)
        if again:
            self.stretches.pop()
            self._sums.pop()
        self.stretches.append(msgspec.structs.replace(stretch, until=until))
        self._sums.append(after)
        self.at = until
        return True

    def _priced(self, stretch: Stretch, units: int, cost: int, before: Sum, target: int) -> Sum:
        """What the session's money comes to up to where units and money pay."""
        price, began, since = self._ways.prices[stretch.price], self._ways.began, stretch.since
        most = min(target, whole(price, began, since, since + stretch.usage_of(units))) if stretch.bucket else target
        funds = _ANYTHING if self._debt and stretch.bucket else self._funds(stretch.money) + cost
        return lasting(price, began, funds, most, self._ways.ceiling, since, before)

    def _is_empty(self, way: Stretch) -> bool:
        """Whether nothing is left of it at all."""
        return not (self._rest.get(way.bucket, 0) if way.bucket else self._funds(way.money))

    def _funds(self, among: Sequence[int]) -> int:
        return sum([self._rest.get(place, 0) for place in among or self._general])

    def _draw(self, among: Sequence[int], amount: int) -> None:
        lines, _ = draw(among, self._rest, amount)
        for bucket, drawn in lines:
            self.drawn[bucket] = self.drawn.get(bucket, 0) + drawn


def _whole_increments(stretch: Stretch, units: int, target: int) -> int:
    """Where the last increment ends that the units pay whole and the target needs."""
    wanted = -((stretch.since - target) // stretch.increment)
    return stretch.since + min(wanted, stretch.usage_of(units) // stretch.increment) * stretch.increment
