"""How long money lasts. Funds in euros, usage in seconds unless said otherwise."""

from __future__ import annotations

import pytest
from tests.snapshot_dict import CENT_A_SECOND, DATA, MESSAGE, TUTORIAL, interval

from tollhouse.rating.cost import cost
from tollhouse.rating.inverse import affordable, shortest
from tollhouse.rating.price import Part, Price
from tollhouse.snapshot.tariff import Interval, Rounding, Slot
from tollhouse.values.commands import Service
from tollhouse.values.instants import DAY, HOUR, MINUTE, SECOND, parse_instant
from tollhouse.values.money import parse_amount
from tollhouse.values.uses import Timing

TEN = parse_instant("2026-11-23T10:00:00Z")
TEN_CENTS = Slot(0, 0, 1, 1, SECOND, SECOND)


def priced(*intervals: Interval, service: Service = Service.VOICE, ends: int = 0) -> Price:
    return Price(service, "EUR", 6, "UTC", (Part(0, "RP", "44", intervals),), ends)


def lasts(price: Price, funds: str, most: int = 365 * DAY, start: int = TEN) -> int:
    return affordable(price, start, parse_amount(funds, 6), most)


@pytest.mark.parametrize(
    ("funds", "seconds"),
    [
        ("10", 5700),  # 0.4 + 0.2 + 5640 x 0.1/60 = 10 exactly
        ("9.9999", 5699),  # 5699 s cost 0.6 + 9.39833... = 9.9984 rounded up, 5700 s cost 10
        ("9.9984", 5699),
        ("9.9983", 5698),  # 9.996666..., up: 9.9967
        ("0.6", 60),
        ("0.599999", 0),  # fee 0.4 and the first minute 0.2, or nothing
        ("0.6016", 60),
        ("0.6017", 61),
        ("0", 0),
        ("-5", 0),
        ("4320.5", 30 * 86_400),  # a month: 0.6 + 2,591,940/600
    ],
)
def test_the_tutorial_tariff(funds: str, seconds: int) -> None:
    assert lasts(priced(TUTORIAL), funds) == seconds * SECOND


def test_no_more_than_is_asked_for() -> None:
    price = priced(TUTORIAL)
    assert lasts(price, "10", 7200 * SECOND) == 5700 * SECOND
    assert lasts(price, "10", 30 * SECOND) == 30 * SECOND  # within the paid minute
    assert lasts(price, "0.5", 30 * SECOND) == 0
    assert lasts(price, "10", 0) == 0


@pytest.mark.parametrize(("funds", "seconds"), [("0.2", 20), ("0.0099", 0), ("0.01", 1), ("0.019999", 1), ("72", 7200)])
def test_a_cent_a_second(funds: str, seconds: int) -> None:
    assert lasts(priced(CENT_A_SECOND), funds) == seconds * SECOND


def test_free_usage_lasts_as_long_as_is_asked_for() -> None:
    assert lasts(priced(interval(Slot(0, 0, 0, 0, SECOND, SECOND))), "0", HOUR) == HOUR
    # A fee of 0.4, then free.
    only_fee = priced(interval(Slot(0, 4, 0, 1, SECOND, SECOND)))
    assert lasts(only_fee, "0.4", HOUR) == HOUR
    assert lasts(only_fee, "0.3999", HOUR) == 0


def test_across_a_change_of_price() -> None:
    # 0.10 a second until 18:00, 0.20 from then on: 17:59:50 with 3.00 is 10 x 0.1 + 10 x 0.2.
    price = priced(interval(TEN_CENTS), interval(Slot(0, 0, 2, 1, SECOND, SECOND), timing=Timing(start=18 * 3600)))
    start = parse_instant("2026-11-23T17:59:50Z")
    assert lasts(price, "3", start=start) == 20 * SECOND
    assert lasts(price, "3.19", start=start) == 20 * SECOND
    assert lasts(price, "3.2", start=start) == 21 * SECOND


@pytest.mark.parametrize(
    ("method", "funds", "seconds"),
    [
        # 0.4 cent a second, whole cents: 1 s 0.004, 2 s 0.008, 3 s 0.012, 4 s 0.016, 5 s 0.020.
        (Rounding.UP, "0.01", 2),
        (Rounding.DOWN, "0.01", 4),
        (Rounding.MIDDLE, "0.01", 3),
        (Rounding.MIDDLE, "0", 1),
        (Rounding.DOWN, "0.019999", 4),
        (Rounding.DOWN, "0.02", 7),
    ],
)
def test_rounding_decides_the_last_second(method: Rounding, funds: str, seconds: int) -> None:
    price = priced(interval(Slot(0, 0, 4, 3, SECOND, SECOND), rounding=method, decimals=2))
    assert lasts(price, funds) == seconds * SECOND
    assert cost(price, TEN, seconds * SECOND) <= parse_amount(funds, 6) < cost(price, TEN, (seconds + 1) * SECOND)


def test_half_a_cent_is_over_the_middle() -> None:
    # 0.005 a second: the first is rounded to 0.01.
    assert lasts(priced(interval(Slot(0, 0, 5, 3, SECOND, SECOND), rounding=Rounding.MIDDLE, decimals=2)), "0") == 0


def test_a_free_cap_makes_the_rest_last() -> None:
    price = priced(interval(TEN_CENTS, max_cost=parse_amount("1", 9), strategy="*free"))
    assert lasts(price, "0.99", HOUR) == 9 * SECOND
    assert lasts(price, "1", HOUR) == HOUR


def test_a_disconnect_cap_ends_what_money_could_pay() -> None:
    price = priced(interval(TEN_CENTS, max_cost=parse_amount("1.05", 9), strategy="*disconnect"))
    assert lasts(price, "100", HOUR) == 10 * SECOND
    assert lasts(price, "0.55", HOUR) == 5 * SECOND


def test_nothing_is_granted_beyond_the_end_of_the_price() -> None:
    price = priced(interval(TEN_CENTS), ends=TEN + 90 * SECOND)
    assert lasts(price, "100", HOUR) == 90 * SECOND
    assert lasts(price, "100", HOUR, start=TEN + 2 * MINUTE) == 0


def test_data_and_messages() -> None:
    # 0.01 a MiB in KiB steps: 0.05 pays 5 MiB; of 0.050009 another 0.9216 KiB, so none. Rounded up at 6 decimals.
    data = priced(DATA, service=Service.DATA)
    assert lasts(data, "0.05", 1 << 40) == 5 << 20
    assert lasts(data, "0.050009", 1 << 40) == 5 << 20
    assert lasts(data, "0.05001", 1 << 40) == (5 << 20) + 1024
    assert lasts(priced(MESSAGE, service=Service.MESSAGE), "0.16", 100) == 3


def test_the_shortest_charge() -> None:
    assert shortest(priced(TUTORIAL), TEN) == MINUTE
    assert shortest(priced(CENT_A_SECOND), TEN) == SECOND
    assert shortest(priced(DATA, service=Service.DATA), TEN) == 1024
    evening = interval(Slot(0, 0, 1, 1, SECOND, 30 * SECOND), timing=Timing(start=18 * 3600))
    assert shortest(priced(TUTORIAL, evening), parse_instant("2026-11-23T18:00:00Z")) == 30 * SECOND
