"""Costs that the suites of CGRateS assert (requirement cgrates, cases rate-*), where exact arithmetic agrees."""

from __future__ import annotations

import pytest
from tests.snapshot_dict import interval

from tollhouse.rating.cost import cost
from tollhouse.rating.price import Part, Price
from tollhouse.snapshot.tariff import Interval, Rounding, Slot
from tollhouse.values.commands import Service
from tollhouse.values.instants import HOUR, MINUTE, SECOND, parse_instant
from tollhouse.values.money import parse_amount
from tollhouse.values.uses import Timing

WORKDAYS = Timing(week_days=(1, 2, 3, 4, 5))
EVENINGS = Timing(week_days=(1, 2, 3, 4, 5), start=18 * 3600)
WEEKENDS = Timing(week_days=(6, 7))


def middle(*slots: Slot, timing: Timing | None = None) -> Interval:
    return interval(*slots, timing=timing, rounding=Rounding.MIDDLE)


HALF_A_SECOND = Slot(0, 0, 5, 1, SECOND, SECOND)
BUSINESS = (
    middle(Slot(0, 1, 1, 0, SECOND, SECOND), timing=WORKDAYS),
    middle(HALF_A_SECOND, timing=EVENINGS),
    middle(HALF_A_SECOND, timing=WEEKENDS),
)
MINUTE_THEN_SECONDS = (
    middle(Slot(0, 0, 1, 0, SECOND, MINUTE), Slot(MINUTE, 0, 1, 0, SECOND, SECOND), timing=WORKDAYS),
)
FEE_AND_CENTS = (interval(Slot(0, 15, 5, 2, MINUTE, SECOND), decimals=2),)
OFF_PEAK = Slot(0, 2, 1, 1, MINUTE, MINUTE), Slot(MINUTE, 0, 5, 2, MINUTE, SECOND)
PEAK = (
    interval(
        Slot(0, 8, 4, 1, MINUTE, 30 * SECOND),
        Slot(MINUTE, 0, 2, 1, MINUTE, 10 * SECOND),
        timing=Timing(week_days=(1, 2, 3, 4, 5), start=8 * 3600),
    ),
    interval(*OFF_PEAK, timing=WORKDAYS),
    interval(*OFF_PEAK, timing=Timing(week_days=(1, 2, 3, 4, 5), start=19 * 3600)),
    interval(*OFF_PEAK, timing=WEEKENDS),
)
CENT = Slot(0, 0, 1, 2, SECOND, SECOND)


@pytest.mark.parametrize(
    ("case", "intervals", "start", "usage", "expected"),
    [
        ("rate-001", BUSINESS, "2012-02-02T17:30:00Z", HOUR, "2701"),
        ("rate-006", BUSINESS, "2012-02-08T17:30:00Z", HOUR, "2701"),
        ("rate-007", BUSINESS, "2012-02-07T23:50:00Z", 40 * MINUTE, "2100"),
        ("rate-009", BUSINESS, "2012-02-08T22:50:00Z", 3621 * SECOND, "1810.5"),
        ("rate-010", BUSINESS, "2012-02-08T22:50:00Z", 110 * SECOND, "55"),
        ("rate-013", MINUTE_THEN_SECONDS, "2013-10-07T14:50:00Z", 132 * SECOND, "132"),
        ("rate-019", FEE_AND_CENTS, "2015-10-26T13:29:27Z", 24 * SECOND, "0.17"),
        ("rate-020", FEE_AND_CENTS, "2015-10-26T13:29:27Z", 0, "0"),
        (
            "rate-036",
            (interval(CENT, max_cost=parse_amount("0.12", 9), strategy="*disconnect"),),
            "2019-01-01T00:00:00Z",
            HOUR,
            "36",
        ),
        (
            "rate-038",
            (interval(Slot(0, 2, 12, 1, MINUTE, MINUTE), Slot(MINUTE, 0, 12, 1, MINUTE, SECOND), decimals=5),),
            "2019-03-11T09:00:00Z",
            45 * SECOND,
            "1.4",
        ),
        (
            "rate-046",
            (interval(Slot(0, 15, 0, 2, SECOND, SECOND), decimals=5),),
            "2019-03-11T09:00:00Z",
            5 * MINUTE,
            "0.15",
        ),
        ("rate-049", PEAK, "2014-08-04T13:00:00Z", 20 * SECOND, "1"),
        ("rate-050", PEAK, "2014-08-04T13:00:00Z", 85 * SECOND, "1.3"),
        ("rate-056", (interval(CENT),), "2014-08-04T13:00:00Z", 70 * SECOND, "0.7"),
        ("rate-061", (interval(*OFF_PEAK),), "2019-01-01T00:00:00Z", MINUTE, "0.3"),
        (
            "rate-062",
            (interval(Slot(0, 0, 10, 0, MINUTE, SECOND)),),
            "2016-02-24T00:00:00Z",
            10 * SECOND,
            "1.6667",
        ),
    ],
)
def test_voice(case: str, intervals: tuple[Interval, ...], start: str, usage: int, expected: str) -> None:
    price = Price(Service.VOICE, "EUR", 6, "UTC", (Part(0, "RP", "1", intervals),))
    assert cost(price, parse_instant(start), usage) == parse_amount(expected, 6), case


@pytest.mark.parametrize(
    ("case", "slots", "usage", "expected"),
    [
        ("rate-023", (Slot(0, 0, 1, 0, 1, 60), Slot(60, 0, 1, 0, 1, 1)), 1, "60"),
        ("rate-024", (Slot(0, 0, 1, 0, 1, 60), Slot(60, 0, 1, 0, 1, 1)), 65, "65"),
        ("rate-029", (Slot(0, 0, 2, 3, 10, 10),), 20, "0.004"),
        ("rate-043", (Slot(0, 0, 1, 1, 1024, 1024),), 2048, "0.2"),
        ("rate-044", (Slot(0, 0, 5, 2, 1, 1),), 1, "0.05"),
        ("rate-063", (Slot(0, 0, 2, 3, 10, 10),), 640_113, "128.024"),
    ],
)
def test_other_services(case: str, slots: tuple[Slot, ...], usage: int, expected: str) -> None:
    price = Price(Service.DATA, "EUR", 6, "UTC", (Part(0, "RP", "", (interval(*slots),)),))
    assert cost(price, 0, usage) == parse_amount(expected, 6), case
