"""Named events: rounded once a request, paid by the provider's cascade, reserved to the millisecond."""

from __future__ import annotations

import pytest

from tollhouse.rating.discounts import NONE, discount
from tollhouse.rating.named_events import event_cascade, event_cost, event_reservation_end
from tollhouse.snapshot.rules import EventRules, RoundingRule
from tollhouse.values.instants import SECOND, parse_instant


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


def test_case_58_three_events_are_rounded_once() -> None:
    """3 x 9.5 = 28.5, half up 29; one by one they would be 30."""
    assert event_cost((19, 2), 3, NONE, EventRules()) == 29
    assert event_cost((19, 2), 1, NONE, EventRules()) == 10


@pytest.mark.parametrize(
    ("rule", "cost"), [(RoundingRule.BANKERS, 26), (RoundingRule.CEILING, 26), (RoundingRule.FLOOR, 25)]
)
def test_case_58_a_discount_is_taken_before_it_is_rounded(rule: RoundingRule, cost: int) -> None:
    """28.5 less 10 % = 25.65; of 29, rounded before it, 10 % would leave 26.1 and so 27 by the ceiling."""
    assert event_cost((19, 2), 3, discount("s*w*r", 1000, 0, 0), EventRules(rounding=rule)) == cost


def test_no_event_costs_nothing() -> None:
    assert event_cost((19, 2), 0, NONE, EventRules(rounding=RoundingRule.CEILING)) == 0
