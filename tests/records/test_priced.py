"""What a price tells of a session's line: cases 48 and 53, and where only money paid."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.snapshot_dict import interval

from tollhouse.rating.price import Part, Price
from tollhouse.rating.unpriced import free
from tollhouse.records.priced import rating_of
from tollhouse.records.record import Call
from tollhouse.records.text import Rating
from tollhouse.snapshot.tariff import Slot
from tollhouse.values.commands import Service
from tollhouse.values.instants import MINUTE, SECOND, parse_instant
from tollhouse.values.money import Unit
from tollhouse.wallet.state import REVENUE, Posting

TEN = parse_instant("2026-11-18T10:00:00Z")
MINUTES_THEN_SECONDS = interval(Slot(0, 4, 2, 1, MINUTE, MINUTE), Slot(MINUTE, 0, 1, 1, MINUTE, SECOND))
"""0.4 at first, a minute of 0.2 whole, then 0.1 a minute by the second."""
BY_SIX = interval(Slot(0, 0, 1, 2, SECOND, 6 * SECOND), max_cost=5 * 10**8)
"""A cent a second in steps of six, half a unit at most."""


def price(*parts: Part, service: Service = Service.VOICE) -> Price:
    return Price(service, "EUR", 6, "UTC", parts)


def call(usage: int, service: str = "voice") -> Call:
    return Call("s", "nas", "acc", service, "1", "44", TEN, usage, 0, 0, b"", "stop")


PAID = (Posting(1, -5, REVENUE),)


def test_a_call_of_85_s_met_two_rates() -> None:
    """60 s of the first, 25 s of the second."""
    rating = rating_of(call(85 * SECOND), price(Part(0, "P", "44", (MINUTES_THEN_SECONDS,))), PAID)
    assert rating == Rating((60 * SECOND, 25 * SECOND), ("0.2/60s", "0.1/60s"), 85 * SECOND)


def test_case_53_the_last_increment_is_whole_where_money_paid() -> None:
    """22.5 s are four steps of six: 24. Units that paid have increments of their own."""
    one = price(Part(0, "P", "44", (BY_SIX,)))
    assert rating_of(call(22_500_000), one, PAID).charged == 24 * SECOND
    units = (Posting(2, -23, REVENUE, "second"),)
    assert rating_of(call(22_500_000), one, units).charged == 0
    counted = (*PAID, Posting(3, 5, "counting", "EUR"))
    assert rating_of(call(22_500_000), one, counted).charged == 24 * SECOND


def test_a_change_of_plan_in_mid_call_is_another_tariff_and_the_same_rate_is_one() -> None:
    """At 10:01 another plan: its rate from the increment on that begins then."""
    change = price(Part(0, "P", "44", (BY_SIX,)), Part(TEN + MINUTE, "Q", "44", (MINUTES_THEN_SECONDS,)))
    told = rating_of(call(100 * SECOND), change, PAID)
    assert (told.lengths, told.rates) == ((60 * SECOND, 40 * SECOND), ("0.01/1s", "0.1/60s"))
    same = price(Part(0, "P", "44", (BY_SIX,)), Part(TEN + MINUTE, "Q", "44", (BY_SIX,)))
    assert rating_of(call(100 * SECOND), same, PAID).lengths == (100 * SECOND,)


@pytest.mark.parametrize(("usage", "of"), [(0, ()), (6 * SECOND, ("12.5",)), (85 * SECOND, ("12.5",))])
def test_cap_cascade_and_the_request_s_discount(usage: int, of: tuple[str, ...]) -> None:
    given = replace(call(usage), cascade="GOLD", discount=1250)
    rating = rating_of(given, price(Part(0, "P", "44", (BY_SIX,))), PAID)
    assert (rating.cascade, rating.discounts, rating.most) == ("GOLD", of, "0.5" if usage else "")


def test_what_no_tariff_priced_has_no_rates() -> None:
    nothing = free(Service.VOICE, Unit("EUR", 6))
    assert rating_of(replace(call(60 * SECOND), cascade="GOLD"), nothing, ()) == Rating((), cascade="GOLD")


def test_data_is_told_in_octets() -> None:
    data = interval(Slot(0, 0, 1, 2, 1024, 1024))
    rating = rating_of(call(1500, "data"), price(Part(0, "P", "", (data,)), service=Service.DATA), PAID)
    assert (rating.lengths, rating.rates, rating.charged) == ((1500,), ("0.01/1024B",), 2048)
