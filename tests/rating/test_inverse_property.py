"""`affordable` is the true inverse of `cost`, in both price modes: every usage up to it costs the money or less, one
increment more costs more. `cost` itself is held against other calculators elsewhere."""

from __future__ import annotations

import random

import pytest
from tests.snapshot_dict import interval

from tollhouse.rating.cost import cost
from tollhouse.rating.inverse import affordable
from tollhouse.rating.price import Part, Price
from tollhouse.snapshot.tariff import EXACT, Interval, Rounding, Slot
from tollhouse.values.commands import Service
from tollhouse.values.instants import SECOND, Instant, parse_instant
from tollhouse.values.uses import Timing

TARIFFS = 60
MOST = 240
EVENING = parse_instant("2026-11-26T17:58:30Z")
"""Thursday. The timings below begin at 18:00."""


def any_interval(dice: random.Random, places: int) -> Interval:
    starts = [0, *sorted(dice.sample(range(20, 200), dice.choice((0, 1, 2))))]
    slots = tuple(
        Slot(
            start * SECOND,
            dice.choice((0, 0, 7)) if not start else 0,
            dice.choice((0, 1, 2, 3, 5, 14, 133)),
            dice.choice((1, 2, 3)),
            dice.choice((1, 3, 10, 60)) * SECOND,
            dice.choice((1, 2, 7, 30)) * SECOND,
        )
        for start in starts
    )
    made = interval(
        *slots,
        timing=Timing(start=dice.choice((0, 0, 18 * 3600))),
        weight=dice.choice((10, 20)),
        rounding=dice.choice(tuple(Rounding)),
        decimals=dice.randrange(4),
        max_cost=dice.choice((0, 0, 0, 4 * 10**8)),
        strategy=dice.choice(("*free", "*disconnect")),
    )
    return Interval(*[getattr(made, name) for name in Interval.__struct_fields__[:-1]], places)


def any_price(dice: random.Random, places: int) -> Price:
    intervals = tuple(any_interval(dice, places) for _ in range(dice.choice((1, 2, 3))))
    return Price(Service.VOICE, "EUR", 3, "UTC", (Part(0, "RP", "44", intervals),))


def stops(price: Price, start: Instant) -> bool:
    """Whether a cap may end the call: then it is not money alone that does."""
    return any(one.max_cost and one.max_cost_strategy == "*disconnect" for one in price.parts[0].intervals)


@pytest.mark.parametrize("places", [EXACT, 0, 1, 2, 4])
@pytest.mark.parametrize("seed", range(4))
def test_the_largest_usage_that_money_pays(seed: int, places: int) -> None:
    dice = random.Random(f"inverse {seed} {places}")
    for case in range(TARIFFS):
        price = any_price(dice, places)
        costs = [cost(price, EVENING, second * SECOND) for second in range(MOST + 1)]
        for funds in (0, *dice.sample(sorted({*costs, max(costs) + 1}), 2), dice.randrange(max(costs) + 2)):
            granted = affordable(price, EVENING, funds, MOST * SECOND)
            told = f"seed {seed} case {case}: {price} funds={funds} granted={granted / SECOND}"
            whole = granted // SECOND
            assert granted % SECOND == 0, told
            assert max(costs[: whole + 1]) <= funds, told
            if whole < MOST and not stops(price, EVENING):
                # Of the next increment, which may be longer than a second, any begun part costs the whole.
                assert costs[whole + 1] > funds, told


def test_two_seconds_may_cost_more_than_three() -> None:
    """0.02 a minute at 3 decimals: 1 s 0.000333 -> 0; 2 s 0.000667 -> 0.001, half of it 0.0005 -> 0.001 each, 0.002;
    3 s 0.001, a third of it 0.000333 -> 0. So with 0.001 a call is cut after one second, though three cost nothing."""
    slot = Slot(0, 0, 2, 2, 60 * SECOND, SECOND)
    cheap = interval(slot, rounding=Rounding.MIDDLE, decimals=3)
    cheap = Interval(*[getattr(cheap, name) for name in Interval.__struct_fields__[:-1]], 3)
    price = Price(Service.VOICE, "EUR", 3, "UTC", (Part(0, "RP", "44", (cheap,)),))
    assert [cost(price, EVENING, seconds * SECOND) for seconds in range(5)] == [0, 0, 2, 0, 0]
    assert affordable(price, EVENING, 1, MOST * SECOND) == SECOND
    assert affordable(price, EVENING, 2, MOST * SECOND) == MOST * SECOND


def test_usage_dearer_than_the_ceiling_is_not_granted() -> None:
    """MaxRate 0.5 a minute: the first minute at 0.4 is within it, 0.6 from 60 s on is not (rule of acct-004)."""
    rising = interval(Slot(0, 0, 4, 1, 60 * SECOND, SECOND), Slot(60 * SECOND, 0, 6, 1, 60 * SECOND, SECOND))
    price = Price(Service.VOICE, "EUR", 6, "UTC", (Part(0, "RP", "44", (rising,)),))
    half_a_minute = (5, 10 * 60 * SECOND)
    assert affordable(price, EVENING, 10**9, 600 * SECOND, half_a_minute) == 60 * SECOND
    assert affordable(price, EVENING, 10**9, 600 * SECOND, (6, 10 * 60 * SECOND)) == 600 * SECOND
    assert affordable(price, EVENING, 10**9, 600 * SECOND, (3, 10 * 60 * SECOND)) == 0
    assert affordable(price, EVENING, 10**9, 600 * SECOND) == 600 * SECOND
