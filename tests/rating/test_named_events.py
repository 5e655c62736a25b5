"""Named events: rounded once a request, paid by the provider's cascade, reserved to the millisecond."""

from __future__ import annotations

import pytest

from tollhouse.rating.cost import cost
from tollhouse.rating.discounts import discount, discounted_price
from tollhouse.rating.named_events import event_cascade, event_price, event_reservation_end
from tollhouse.rating.price import Price
from tollhouse.rating.unpriced import is_unpriced
from tollhouse.snapshot.products import EventPrice, NamedEvent
from tollhouse.snapshot.rules import EventRules, RoundingRule
from tollhouse.values.instants import SECOND, parse_instant
from tollhouse.values.money import Unit


@pytest.mark.parametrize(
    ("made", "until"),
    [(33 * SECOND, True), (33 * SECOND + 599_999, True), (33 * SECOND + 600_000, False), (34 * SECOND, False)],
)
def test_case_56_a_reservation_of_3600_ms_and_30_s(made: int, until: bool) -> None:
    """Confirmed at +33 s, timed out at +34 s: it ends at +33.6 s."""
    reserved = parse_instant("2026-05-10T12:00:00Z")
    rules = EventRules(reservation_milliseconds=3600, reservation_tolerance_seconds=30)
    assert (reserved + made < event_reservation_end(reserved, rules)) is until


def test_case_56_without_a_tolerance_it_is_the_period_alone() -> None:
    assert event_reservation_end(0, EventRules(reservation_milliseconds=3600)) == 3_600_000


@pytest.mark.parametrize(
    ("customer", "promotional", "cascade"),
    [
        ("12", False, "Cascade1"),
        ("32", False, "Cascade2"),
        ("99", False, "EventCascade"),
        ("99", True, "EventPromoCascade"),
        ("12", True, "EventPromoCascade"),
    ],
)
def test_case_57_the_customers_cascade(customer: str, promotional: bool, cascade: str) -> None:
    """A customer is a tenant; one that sets nothing has the defaults."""
    rules = {"12": EventRules(cascade="Cascade1"), "32": EventRules(cascade="Cascade2")}
    assert event_cascade(rules.get(customer, EventRules()), promotional) == cascade


def priced(rules: EventRules, product: str = "", *prices: EventPrice) -> Price:
    """9.5 each in a unit without decimals, or what these prices say."""
    event = NamedEvent("VAS", "RING", prices or (EventPrice("", "LIT", 9_500_000_000),))
    return event_price(event, product, Unit("LIT", 0), rules)


def test_case_58_three_events_are_rounded_once() -> None:
    """3 x 9.5 = 28.5, half up 29; one by one they would be 30."""
    assert cost(priced(EventRules()), 0, 3) == 29
    assert cost(priced(EventRules()), 0, 1) == 10


@pytest.mark.parametrize(
    ("rule", "charged"), [(RoundingRule.BANKERS, 26), (RoundingRule.CEILING, 26), (RoundingRule.FLOOR, 25)]
)
def test_case_58_a_discount_is_taken_before_it_is_rounded(rule: RoundingRule, charged: int) -> None:
    """28.5 less 10 % = 25.65; of 29, rounded before it, 10 % would leave 26.1 and so 27 by the ceiling."""
    price = discounted_price(priced(EventRules(rounding=rule)), discount("s*w*r", 1000, 0, 0))
    assert cost(price, 0, 3) == charged


def test_no_event_costs_nothing() -> None:
    assert cost(priced(EventRules(rounding=RoundingRule.CEILING)), 0, 0) == 0


def test_a_product_s_own_price_stands_before_that_of_all() -> None:
    """In each unit by itself: 7 of its own in money, and the points of all."""
    prices = (
        EventPrice("", "LIT", 9 * 10**9),
        EventPrice("gold", "LIT", 7 * 10**9),
        EventPrice("", "point", 3, money=False),
        EventPrice("silver", "point", 2, money=False),
    )
    assert [cost(priced(EventRules(), product, *prices), 0, 1) for product in ("", "gold", "silver")] == [9, 7, 9]
    assert [priced(EventRules(), product, *prices).units for product in ("", "gold", "silver")] == [
        *((("point", 3),), (("point", 3),), (("point", 2),)),
    ]


def test_without_a_price_in_the_wallet_s_money_units_alone_pay() -> None:
    price = priced(EventRules(), "", EventPrice("", "point", 3, money=False), EventPrice("", "EUR", 10**9))
    assert is_unpriced(price)
    assert price.units == (("point", 3),)
