"""Random tariffs against a model that shares nothing with the product: one increment at a time, in fractions."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from zoneinfo import ZoneInfo

import pytest

from tollhouse.rating.cost import breakdown, cost
from tollhouse.rating.inverse import affordable
from tollhouse.rating.price import Part, Price
from tollhouse.snapshot.tariff import Interval, Rounding, Slot
from tollhouse.values.commands import Service
from tollhouse.values.instants import MINUTE, SECOND, from_datetime
from tollhouse.values.uses import Timing

DECIMALS = 3
CASES_A_SEED = 150


class Model:
    """The price read the long way round."""

    def __init__(self, price: Price, start: int) -> None:
        self.price = price
        self.start = start

    def in_force(self, at: int, before: Interval | None) -> Interval:
        part = [part for part in self.price.parts if part.at <= at][-1]
        local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(ZoneInfo(self.price.zone))
        clock = local.hour * 3600 + local.minute * 60 + local.second
        active = []
        for place, interval in enumerate(part.intervals):
            timing = interval.timing
            if timing.start <= clock and local.isoweekday() in (timing.week_days or range(1, 8)):
                active.append((-interval.weight, -timing.start, place))
        if active:
            return part.intervals[min(active)[2]]
        return before if before in part.intervals else min(part.intervals, key=lambda interval: -interval.weight)

    def steps(self, most: int) -> list[tuple[int, Fraction, Interval, Interval]]:
        """For each increment begun before `most`: its end, the total, who rounds, who charged."""
        found: list[tuple[int, Fraction, Interval, Interval]] = []
        age, total = 0, Fraction(0)
        interval: Interval | None = None
        rule: Interval | None = None
        while age < most:
            interval = self.in_force(self.start + age, interval)
            cap = Fraction(interval.max_cost, 10**9) if interval.max_cost_strategy == "*free" else None
            charges = []
            if rule is None:
                rule = interval
                charges.append(Fraction(interval.slots[0].fee, 10 ** interval.slots[0].scale))
            rule = interval if interval.decimals > rule.decimals else rule
            slot = [slot for slot in interval.slots if slot.start <= age][-1]
            charges.append(Fraction(slot.price, 10**slot.scale) * slot.increment / slot.unit)
            for charge in charges:
                total = total + charge if not cap else max(total, min(total + charge, cap))
            age += slot.increment
            found.append((age, total, rule, interval))
        return found

    @staticmethod
    def rounded(total: Fraction, rule: Interval) -> int:
        places = min(rule.decimals, DECIMALS)
        whole = total * 10**places
        by_name: dict[str, int] = {"up": ceil(whole), "down": floor(whole), "middle": floor(whole + Fraction(1, 2))}
        return by_name[rule.rounding.value] * int(10 ** (DECIMALS - places))

    def cost(self, usage: int) -> int:
        steps = self.steps(usage)
        return self.rounded(steps[-1][1], steps[-1][2]) if steps else 0

    def affordable(self, funds: int, most: int) -> int:
        last = 0
        for end, total, rule, interval in self.steps(most):
            over = interval.max_cost_strategy == "*disconnect" and interval.max_cost
            if self.rounded(total, rule) > funds or (over and total > Fraction(interval.max_cost, 10**9)):
                return last
            last = end
        return most


def any_slots(dice: random.Random) -> tuple[Slot, ...]:
    starts = [0, *sorted(dice.sample(range(1, 200), dice.choice((0, 0, 1, 2))))]
    slots = []
    for start in starts:
        scale = dice.choice((0, 1, 2, 4))
        fee = 0 if start else dice.choice((0, 0, 3, 40, 12_345))
        unit = dice.choice((1, 7, 30, 60)) * SECOND
        slots.append(
            Slot(
                start * SECOND,
                fee,
                dice.choice((0, 1, 2, 13, 999)),
                scale,
                unit,
                dice.choice((1, 6, 10, 45, 60)) * SECOND,
            )
        )
    return tuple(slots)


def any_interval(dice: random.Random) -> Interval:
    timing = Timing(
        week_days=dice.choice(((), (), (1, 2, 3, 4, 5), (6, 7), (5,))),
        start=dice.choice((0, 0, 18 * 3600, 18 * 3600 + 30, 18 * 3600 + 77)),
    )
    capped = dice.random() < 0.25
    return Interval(
        timing,
        dice.choice((10, 20)),
        any_slots(dice),
        dice.choice(tuple(Rounding)),
        dice.randrange(5),
        "RT",
        dice.choice((1, 2 * 10**8, 10**9, 3 * 10**10)) if capped else 0,
        dice.choice(("*free", "*disconnect")) if capped else "",
    )


def any_price(dice: random.Random) -> tuple[Price, int]:
    zone = dice.choice(("UTC", "Europe/Rome"))
    # Thursday 2026-11-26 to Sunday, shortly before 18:00 or midnight.
    day = datetime(2026, 11, dice.randrange(26, 30), dice.choice((17, 23)), 58, tzinfo=ZoneInfo(zone))
    start = from_datetime(day.astimezone(UTC)) + dice.randrange(180) * SECOND + dice.choice((0, 0, 250_000))
    parts = [Part(0, "A", "44", tuple(any_interval(dice) for _ in range(dice.choice((1, 1, 2, 3)))))]
    if dice.random() < 0.3:
        at = start + dice.randrange(1, 200) * SECOND
        parts.append(Part(at, "B", "4", tuple(any_interval(dice) for _ in range(dice.choice((1, 2))))))
    return Price(Service.VOICE, "EUR", DECIMALS, zone, tuple(parts)), start


@pytest.mark.parametrize("seed", range(20))
def test_costs_and_grants_agree_with_the_model(seed: int) -> None:
    dice = random.Random(seed)
    for case in range(CASES_A_SEED):
        price, start = any_price(dice)
        model = Model(price, start)
        usage = dice.choice((dice.randrange(300 * SECOND), dice.randrange(300) * SECOND))
        told = f"seed {seed} case {case}: {price} start={start} usage={usage}"
        charged = cost(price, start, usage)
        assert charged == model.cost(usage), told
        most = dice.randrange(1, 5 * MINUTE)
        funds = dice.choice((0, charged, max(charged - 1, 0), dice.randrange(1, 100_000)))
        granted = affordable(price, start, funds, most)
        assert granted == model.affordable(funds, most), f"{told} funds={funds} most={most}"
        assert cost(price, start, granted) <= funds, f"{told} funds={funds} most={most}"


@pytest.mark.parametrize("seed", range(4))
def test_the_parts_of_a_cost_add_up_to_it(seed: int) -> None:
    dice = random.Random(1000 + seed)
    for case in range(CASES_A_SEED):
        price, start = any_price(dice)
        usage = dice.randrange(1, 300 * SECOND)
        total = Model(price, start).steps(usage)[-1][1]
        first = Model(price, start).in_force(start, None)
        fee = Fraction(first.slots[0].fee, 10 ** first.slots[0].scale)
        if first.max_cost_strategy == "*free":
            fee = min(fee, Fraction(first.max_cost, 10**9))
        _, parts = breakdown(price, start, usage)
        assert fee + sum(Fraction(part.cost) for part in parts) == total, f"seed {seed} case {case}: {price}"
        assert parts[0].start == 0
        assert all(one.start + one.units == next_.start for one, next_ in pairwise(parts))
        assert parts[-1].start < usage <= parts[-1].start + parts[-1].units
