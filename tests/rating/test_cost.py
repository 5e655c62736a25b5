"""What usage costs, in tables that can be checked with a pencil. Amounts in euros, times of day local to the zone."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.snapshot_dict import CENT_A_SECOND, DATA, MESSAGE, TUTORIAL, interval

from tollhouse.rating.cost import breakdown, cost
from tollhouse.rating.price import Part, Price
from tollhouse.snapshot.tariff import Interval, Rounding, Slot
from tollhouse.values.commands import Service
from tollhouse.values.instants import DAY, HOUR, MINUTE, SECOND, parse_instant
from tollhouse.values.money import format_amount, parse_amount
from tollhouse.values.outcomes import CostPart
from tollhouse.values.uses import Timing

WORKDAYS, WEEKEND = (1, 2, 3, 4, 5), (6, 7)


def priced(*intervals: Interval, zone: str = "UTC", service: Service = Service.VOICE) -> Price:
    return Price(service, "EUR", 6, zone, (Part(0, "RP", "44", intervals),))


def euros(price: Price, usage: int, start: str = "2026-11-23T10:00:00Z") -> str:
    return format_amount(cost(price, parse_instant(start), usage), 6)


def per_minute(
    cents: int, clock: str = "00:00", days: tuple[int, ...] = (), step: int = SECOND, weight: int = 10, fee: int = 0
) -> Interval:
    """So many hundredths a minute from this time of day on, in steps of `step`, connect fee in hundredths."""
    hour, minute = clock.split(":")
    timing = Timing(week_days=days, start=int(hour) * 3600 + int(minute) * 60)
    return interval(Slot(0, fee, cents, 2, MINUTE, step), timing=timing, weight=weight)


@pytest.mark.parametrize(
    ("microseconds", "expected"),
    [
        (0, "0"),  # nothing used: no fee either (requirement 2.7)
        (1, "0.6"),  # fee 0.4 and the first minute 0.2, begun
        (20 * SECOND, "0.6"),
        (60 * SECOND, "0.6"),
        (60 * SECOND + 1, "0.6017"),  # one second more begun: 0.1/60 = 0.001666..., up at 4 decimals
        (61 * SECOND, "0.6017"),
        (85 * SECOND, "0.6417"),  # 0.6 + 25 x 0.1/60 = 0.641666...
        (120 * SECOND, "0.7"),
        (5700 * SECOND, "10"),  # 0.6 + 5640/600 = 0.6 + 9.4
        (30 * DAY, "4320.5"),  # 0.6 + (2,592,000 - 60)/600 = 0.6 + 4319.9
    ],
)
def test_the_tutorial_tariff(microseconds: int, expected: str) -> None:
    assert euros(priced(TUTORIAL), microseconds) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(1, "0.01"), (20, "0.2"), (85, "0.85"), (7200, "72")])
def test_a_cent_a_second(seconds: int, expected: str) -> None:
    assert euros(priced(CENT_A_SECOND), seconds * SECOND) == expected


@pytest.mark.parametrize(
    ("start", "seconds", "expected"),
    [
        # 0.20 a minute by day, 0.10 from 18:00.
        ("17:59:30", 30, "0.1"),
        ("17:59:30", 60, "0.15"),  # 30 s of 0.20/min + 30 s of 0.10/min
        ("18:00:00", 60, "0.1"),
        ("17:30:00", 3600, "9"),  # 30 min x 0.20 + 30 min x 0.10
        ("23:59:30", 60, "0.15"),  # the evening ends at midnight
        ("17:59:00", 6 * 3600 + 120, "36.4"),  # 1 min day, 360 min evening, 1 min day: 0.2 + 36 + 0.2
    ],
)
def test_a_cheaper_evening(start: str, seconds: int, expected: str) -> None:
    price = priced(per_minute(20), per_minute(10, "18:00"))
    assert euros(price, seconds * SECOND, f"2026-11-23T{start}Z") == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (30, "0.2"),  # the minute begun at 17:59:30 is charged whole, by day
        (60, "0.2"),  # and reaches to 18:00:30
        (61, "0.2017"),  # from there the evening's seconds: 0.1/60 = 0.00166...
        (90, "0.25"),  # 30 of them
    ],
)
def test_an_increment_belongs_to_the_price_at_which_it_begins(seconds: int, expected: str) -> None:
    price = priced(per_minute(20, step=MINUTE), per_minute(10, "18:00"))
    assert euros(price, seconds * SECOND, "2026-11-23T17:59:30Z") == expected


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-11-27T23:59:30Z", "0.15"),  # Friday into Saturday: 30 s of 0.20 + 30 s of 0.10
        ("2026-11-29T23:59:30Z", "0.15"),  # Sunday into Monday
        ("2026-11-28T12:00:00Z", "0.1"),
        ("2026-11-26T23:59:30Z", "0.2"),  # Thursday into Friday
    ],
)
def test_weekends(start: str, expected: str) -> None:
    price = priced(per_minute(20, days=WORKDAYS), per_minute(10, days=WEEKEND))
    assert euros(price, MINUTE, start) == expected


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        # A call from 17:30 to 18:30.
        ((per_minute(20), per_minute(10, "18:00", weight=20)), "9"),  # a heavier one takes over at 18:00
        ((per_minute(20, weight=20), per_minute(10, "18:00")), "12"),  # a lighter one never does
        ((per_minute(20), per_minute(10, "17:45"), per_minute(40, "18:00")), "16.5"),  # 15 x 0.2 + 15 x 0.1 + 30 x 0.4
        ((per_minute(20), per_minute(10)), "12"),  # alike: the one listed first
        ((per_minute(20, "18:00", weight=20), per_minute(10)), "9"),  # listed first or not: 30 x 0.1 + 30 x 0.2
    ],
)
def test_weights_then_starts_then_order(intervals: tuple[Interval, ...], expected: str) -> None:
    assert euros(priced(*intervals), HOUR, "2026-11-23T17:30:00Z") == expected


def test_where_no_interval_is_active_the_one_before_goes_on() -> None:
    # Workdays only, 0.20 by day and 0.10 from 18:00: Friday's evening goes on through Saturday, 120 min x 0.10.
    price = priced(per_minute(20, days=WORKDAYS), per_minute(10, "18:00", days=WORKDAYS))
    assert euros(price, 2 * HOUR, "2026-11-27T23:00:00Z") == "12"


def test_dates_months_and_years() -> None:
    # New Year's Day 2027 costs 0.50, other days 0.20: 30 s + 30 s.
    holiday = Timing(years=(2027,), months=(1,), month_days=(1,))
    price = priced(per_minute(20), interval(Slot(0, 0, 5, 1, MINUTE, SECOND), timing=holiday, weight=20))
    assert euros(price, MINUTE, "2026-12-31T23:59:30Z") == "0.35"
    assert euros(price, MINUTE, "2027-01-01T23:59:30Z") == "0.35"
    assert euros(price, MINUTE, "2028-01-01T10:00:00Z") == "0.2"


@pytest.mark.parametrize(
    ("start", "hours", "expected"),
    [
        # Rome; 0.01 a minute by night, 0.02 from 02:30 on.
        ("2026-10-25T00:00:00Z", 2, "2.1"),  # 02:00 summer time; 02:30 counts the first time: 30 x 0.01 + 90 x 0.02
        ("2026-03-29T00:30:00Z", 2, "1.8"),  # 01:30; 02:30 is skipped, it begins at 03:30 = 01:30Z: 60 and 60 minutes
        ("2026-11-23T01:00:00Z", 1, "0.9"),  # 02:00 winter time: 30 x 0.01 + 30 x 0.02
        ("2026-10-25T22:00:00Z", 2, "1.8"),  # the day of 25 hours ends at 23:00Z: 60 x 0.02 + 60 x 0.01
        ("2026-03-29T21:00:00Z", 2, "1.8"),  # the day of 23 hours ends at 22:00Z
    ],
)
def test_days_on_which_the_clock_changes(start: str, hours: int, expected: str) -> None:
    price = priced(per_minute(1), per_minute(2, "02:30"), zone="Europe/Rome")
    assert euros(price, hours * HOUR, start) == expected


def test_a_day_whose_midnight_is_passed_twice() -> None:
    # St John's, 2010-11-07: at 00:01 the clock went back to 23:01. Saturday 0.01; Sunday, once begun, 0.02.
    price = priced(per_minute(1, days=(6,)), per_minute(2, days=(7,)), zone="America/St_Johns")
    assert euros(price, 10 * MINUTE, "2010-11-07T02:25:00Z") == "0.15"  # 23:55; 5 x 0.01 + 5 x 0.02


def test_a_new_activation_in_the_middle_of_a_call() -> None:
    # 0.20 a minute, from 10:01 on 0.60: 60 s + 30 s. The second plan's connect fee is not due.
    change = parse_instant("2026-11-23T10:01:00Z")
    parts = (Part(0, "OLD", "44", (per_minute(20, fee=5),)), Part(change, "NEW", "44", (per_minute(60, fee=9),)))
    price = Price(Service.VOICE, "EUR", 6, "UTC", parts)
    assert euros(price, 90 * SECOND) == "0.55"
    assert euros(price, 90 * SECOND, "2026-11-23T10:01:00Z") == "0.99"  # 0.09 + 1.5 x 0.60


def test_slots_follow_the_age_of_the_call_across_intervals() -> None:
    # By day the first minute 0.60, then 0.30 a minute; from 18:00 on 0.12, then 0.06 a minute. Seconds.
    day = interval(Slot(0, 0, 60, 2, MINUTE, SECOND), Slot(MINUTE, 0, 30, 2, MINUTE, SECOND))
    evening = interval(
        Slot(0, 0, 12, 2, MINUTE, SECOND), Slot(MINUTE, 0, 6, 2, MINUTE, SECOND), timing=Timing(start=18 * 3600)
    )
    price = priced(day, evening)
    assert euros(price, 2 * MINUTE, "2026-11-23T17:59:30Z") == "0.42"  # 0.30 + 0.06 + 60 s x 0.06
    assert euros(price, 2 * MINUTE, "2026-11-23T17:58:30Z") == "0.78"  # 0.60 + 0.15 + 30 s x 0.06 = 0.03


@pytest.mark.parametrize(
    ("seconds", "expected"),
    # Minutes at 0.20 up to 90 s, then seconds at 0.01: the second minute, begun at 60, reaches to 120.
    [(60, "0.2"), (61, "0.4"), (100, "0.4"), (120, "0.4"), (125, "0.45")],
)
def test_an_increment_eats_into_the_next_slot(seconds: int, expected: str) -> None:
    price = priced(
        interval(Slot(0, 0, 20, 2, MINUTE, MINUTE), Slot(90 * SECOND, 0, 1, 2, SECOND, SECOND)),
    )
    assert euros(price, seconds * SECOND) == expected


def test_a_long_increment_may_pass_over_a_whole_slot() -> None:
    # A slot of 10 s that ends at 15, one that begins at 15 and one at 20: two increments of 10 s reach to 20.
    slots = Slot(0, 0, 1, 0, 10 * SECOND, 10 * SECOND), Slot(15 * SECOND, 0, 9, 0, SECOND, SECOND)
    price = priced(interval(*slots, Slot(20 * SECOND, 0, 2, 0, SECOND, SECOND)))
    assert euros(price, 21 * SECOND) == "4"


@pytest.mark.parametrize(
    ("billionths", "decimals", "up", "down", "middle"),
    [
        (149_000, 4, "0.0002", "0.0001", "0.0001"),
        (150_000, 4, "0.0002", "0.0001", "0.0002"),  # half goes up
        (100_000, 4, "0.0001", "0.0001", "0.0001"),
        (1_500_000_000, 0, "2", "1", "2"),
        (1_234_567_890, 9, "1.234568", "1.234567", "1.234568"),  # never finer than the unit's own six
    ],
)
def test_rounding(billionths: int, decimals: int, up: str, down: str, middle: str) -> None:
    slot = Slot(0, 0, billionths, 9, SECOND, SECOND)
    for method, expected in ((Rounding.UP, up), (Rounding.DOWN, down), (Rounding.MIDDLE, middle)):
        assert euros(priced(interval(slot, rounding=method, decimals=decimals)), SECOND) == expected


def test_a_call_is_rounded_once_by_the_interval_with_most_decimals() -> None:
    # 0.00123 a second: up at 2 decimals by day, down at 4 in the evening.
    slot = Slot(0, 0, 123, 5, SECOND, SECOND)
    evening = Timing(start=18 * 3600)
    price = priced(interval(slot, decimals=2), interval(slot, timing=evening, decimals=4, rounding=Rounding.DOWN))
    assert euros(price, SECOND, "2026-11-23T17:59:59Z") == "0.01"
    assert euros(price, 2 * SECOND, "2026-11-23T17:59:59Z") == "0.0024"  # 0.00246


def test_a_third_of_a_cent_three_times_is_a_cent() -> None:
    assert euros(priced(interval(Slot(0, 0, 1, 2, 3 * SECOND, SECOND), decimals=6)), 3 * SECOND) == "0.01"


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (1, "0.00001"),  # one KiB begun: 0.01/1024 = 0.000009765625, up at 6
        (1 << 20, "0.01"),
        ((1 << 20) + 1, "0.01001"),
        (10 << 30, "102.4"),
        (1 << 40, "10485.76"),
    ],
)
def test_data(octets: int, expected: str) -> None:
    assert euros(priced(DATA, service=Service.DATA), octets) == expected


def test_data_in_tens() -> None:
    # Requirement cgrates 15: 640113 units at 0.002 per 10 are 64012 increments.
    price = priced(interval(Slot(0, 0, 2, 3, 10, 10)), service=Service.DATA)
    assert euros(price, 640_113) == "128.024"


@pytest.mark.parametrize(("count", "expected"), [(0, "0"), (1, "0.05"), (3, "0.15")])
def test_messages(count: int, expected: str) -> None:
    assert euros(priced(MESSAGE, service=Service.MESSAGE), count) == expected


@pytest.mark.parametrize(
    ("fee", "seconds", "expected"),
    # 0.10 a second, capped at 1.00 with the fee.
    [(0, 9, "0.9"), (0, 10, "1"), (0, 3600, "1"), (4, 6, "1"), (4, 5, "0.9"), (4, 60, "1"), (20, 1, "1")],
)
def test_a_free_cap(fee: int, seconds: int, expected: str) -> None:
    slot = Slot(0, fee, 1, 1, SECOND, SECOND)
    price = priced(interval(slot, max_cost=parse_amount("1", 9), strategy="*free"))
    assert euros(price, seconds * SECOND) == expected


def test_a_cap_holds_for_its_own_interval_and_never_lowers_a_cost() -> None:
    # By day 0.10 a second; from 18:00 on the same, free once the call has cost 1.00.
    slot = Slot(0, 0, 1, 1, SECOND, SECOND)
    evening = interval(slot, timing=Timing(start=18 * 3600), max_cost=parse_amount("1", 9), strategy="*free")
    price = priced(interval(slot), evening)
    assert euros(price, 30 * SECOND, "2026-11-23T17:59:55Z") == "1"
    assert euros(price, 60 * SECOND, "2026-11-23T17:59:30Z") == "3"


def test_a_disconnect_cap_is_no_matter_of_cost() -> None:
    # Trap 11.
    price = priced(
        interval(Slot(0, 0, 1, 1, SECOND, SECOND), max_cost=parse_amount("1", 9), strategy="*disconnect"),
    )
    assert euros(price, 30 * SECOND) == "3"


def test_the_parts_of_a_cost() -> None:
    fee, parts = breakdown(priced(TUTORIAL), 0, 85 * SECOND)
    assert fee == 400_000
    assert parts == (
        CostPart(0, MINUTE, "0.2/60s", "0.2"),
        CostPart(MINUTE, 25 * SECOND, "0.1/60s", "1/24"),  # 25/600
    )
    assert breakdown(priced(TUTORIAL), 0, 0) == (0, ())
    assert breakdown(priced(DATA, service=Service.DATA), 0, 1)[1] == (
        CostPart(0, 1024, "0.01/1048576B", "0.000009765625"),
    )
    assert breakdown(priced(MESSAGE, service=Service.MESSAGE), 0, 2)[1] == (CostPart(0, 2, "0.05/1", "0.1"),)


def test_the_parts_of_a_capped_cost() -> None:
    price = priced(interval(Slot(0, 4, 1, 1, SECOND, SECOND), max_cost=parse_amount("1", 9), strategy="*free"))
    assert breakdown(price, 0, 60 * SECOND) == (400_000, (CostPart(0, 60 * SECOND, "0.1/1s", "0.6"),))


def test_midnight_cuts_a_run_in_price_mode_cgrates() -> None:
    """0.015 a minute by the second, at 4 decimals; 2 s around midnight. In one run: 2 x 0.015/60 = 0.0005 -> half of it
    0.00025 -> 0.0003 each, 0.0006. Midnight makes two runs of 1 s: 0.00025 -> 0.0003, and 0.0003. With 3 decimals the
    one run is 0.0005 -> 0.001, half of it 0.0005 -> 0.001 each, 0.002; the two are 0.00025 -> 0, and nothing."""
    slot = Slot(0, 0, 15, 3, MINUTE, SECOND)
    rounded = replace(interval(slot, decimals=6), places=3)
    price = priced(rounded)
    assert euros(price, 2 * SECOND, "2026-11-23T12:00:00Z") == "0.002"
    assert euros(price, 2 * SECOND, "2026-11-23T23:59:59Z") == "0"
    exact = priced(interval(slot, decimals=6))
    assert euros(exact, 2 * SECOND, "2026-11-23T23:59:59Z") == "0.0005"
