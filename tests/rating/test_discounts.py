"""Discounts: the table of oracle_vws 5.5, what they do to money, time and data, and what wallets grant."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from tollhouse.rating.discounts import (
    NONE,
    WHOLE,
    DiscountRuleError,
    Grant,
    check_rule,
    counts_wallet,
    discount,
    discounted,
    grant,
    lasts,
    rating_share,
    unit_discount,
    used_up,
)
from tollhouse.rating.rounding import rounded
from tollhouse.snapshot.accounts import BalanceType, Category
from tollhouse.snapshot.products import RatingDiscount
from tollhouse.snapshot.rules import DISCOUNT_RULES, ReservationRules, RoundingRule
from tollhouse.values.instants import SECOND, parse_instant
from tollhouse.values.money import INT64_MAX
from tollhouse.values.uses import Timing

S, R, W = 1000, 2000, 5000
"""10 %, 20 %, 50 %."""
LIST = (1000, 1)
HALF = (1, 2)


@pytest.mark.parametrize(
    ("rule", "share", "cost"),
    [
        pytest.param("s*r*w", 64, 360, id="case 9"),
        pytest.param("s+r+w", 80, 200, id="case 10"),
        pytest.param("s+r*w", 65, 350, id="case 11"),
        pytest.param("s*r+w", 78, 220, id="case 12"),
        pytest.param("s+w*r", 68, 320, id="case 13"),
        pytest.param("s*w+r", 75, 250, id="case 14"),
        pytest.param("r+w*s", 73, 270, id="case 15"),
        pytest.param("r*w+s", 70, 300, id="case 16"),
        pytest.param("override", 10, 900, id="case 17"),
        pytest.param("s*w*r", 64, 360, id="case 18"),
    ],
)
def test_cases_9_to_18_three_discounts_become_one(rule: str, share: int, cost: int) -> None:
    made = discount(rule, S, R, W)
    assert Fraction(*made) == Fraction(share, 100)
    assert discounted(LIST, made) == (cost, 1)


def test_case_17_without_one_of_the_request_the_others_count() -> None:
    """1000 x .8 x .5 = 400. A request that carries none and one that carries 0 % are two things."""
    assert discounted(LIST, discount("override", None, R, W)) == (400, 1)
    assert discounted(LIST, discount("override", 0, R, W)) == (1000, 1)
    assert not counts_wallet("override", 0)
    assert counts_wallet("override", None)
    assert counts_wallet("s*w*r", S)


def test_case_18_no_rule_named_is_compound() -> None:
    assert discounted(LIST, discount(ReservationRules().discount_rule, S, R, W)) == (360, 1)


@pytest.mark.parametrize("rule", ["s-r-w", "", "s*w", "S*W*R", "s*w*r ", "ServiceOverride"])
def test_case_18_an_unknown_rule_is_refused_by_its_name(rule: str) -> None:
    with pytest.raises(DiscountRuleError, match=f"{rule!r}".replace("*", r"\*")):
        discount(rule, S, R, W)


def test_every_rule_of_the_list_is_taken() -> None:
    assert [check_rule(rule) for rule in DISCOUNT_RULES] == list(DISCOUNT_RULES)
    assert len(DISCOUNT_RULES) == 9 + 1  # s*w*r and the other eight formulas, and the override


def test_case_19_never_a_credit() -> None:
    """40 % + 40 % + 50 % = 130 %."""
    made = discount("s+r+w", 4000, 4000, 5000)
    assert made == (1, 1)
    assert discounted(LIST, made) == (0, 1)


@pytest.mark.parametrize(
    ("rule", "s", "r", "w", "percent"),
    [
        ("s+r*w", 7000, 6000, 5000, 100),  # 130 % is all: nothing is left for w to halve
        ("s*r+w", 5000, 5000, 5000, 100),  # 75 % + 50 %
        ("s+r+w", -1000, 2000, 0, 20),  # a surcharge is none
        ("s*r*w", 15000, 0, 0, 100),
        ("s*r*w", None, None, None, 0),
    ],
)
def test_shares_beyond_all_are_all_and_below_nothing_none(
    rule: str, s: int | None, r: int | None, w: int | None, percent: int
) -> None:
    assert Fraction(*discount(rule, s, r or 0, w or 0)) == Fraction(percent, 100)


def test_a_third_of_a_third_stays_exact() -> None:
    """33.33 % three times leaves .6667^3 = .296340...: not a digit of it is lost, whatever the cost."""
    made = discount("s*r*w", 3333, 3333, 3333)
    assert Fraction(*made) == 1 - Fraction(6667, 10000) ** 3
    assert Fraction(*discounted((10**25 + 1, 7), made)) == Fraction(10**25 + 1, 7) * Fraction(6667, 10000) ** 3


@pytest.mark.parametrize("seed", range(10))
def test_any_shares_by_any_rule_come_to_a_part_of_the_whole(seed: int) -> None:
    """None of the rules gives less than the largest discount that it counts, nor more than their sum."""
    dice = random.Random(seed)
    for _ in range(100):
        s, r, w = (dice.choice((0, 1, 1000, 3333, 9999, WHOLE, dice.randrange(WHOLE))) for _ in range(3))
        for rule in DISCOUNT_RULES:
            made = discount(rule, s, r, w)
            counted = (s,) if rule == "override" else (s, r, w)
            assert Fraction(max(counted), WHOLE) <= Fraction(*made) <= min(Fraction(sum(counted), WHOLE), Fraction(1))
            assert Fraction(*made).as_integer_ratio() == made  # reduced


@pytest.mark.parametrize(("on", "last"), [(True, 80), (False, 40)])
def test_case_20_forty_minutes_of_time_at_50_percent(on: bool, last: int) -> None:
    assert lasts(40, unit_discount("voice", HALF, ReservationRules(discount_time=on))) == last


@pytest.mark.parametrize(("on", "last"), [(True, 80), (False, 40)])
def test_case_21_forty_units_of_data_at_50_percent(on: bool, last: int) -> None:
    assert lasts(40, unit_discount("data", HALF, ReservationRules(discount_data=on))) == last


def test_cases_20_and_21_time_is_not_discounted_by_default_and_data_is() -> None:
    rules = ReservationRules()
    found = {one: unit_discount(one, HALF, rules) for one in ("voice", "data", "message", "mms", "generic")}
    assert found == {"voice": NONE, "data": HALF, "message": NONE, "mms": NONE, "generic": NONE}


def test_case_22_half_of_a_half_hour() -> None:
    """30 minutes at 50 %: 15 minutes of the balance. In microseconds: 1,800 s take 900 s."""
    made = unit_discount("voice", HALF, ReservationRules(discount_time=True))
    assert used_up(30, made) == (15, 1)
    assert rounded(used_up(1800 * SECOND, made), RoundingRule.BANKERS) == 900 * SECOND


def test_a_balance_that_usage_does_not_touch_lasts_for_ever() -> None:
    assert lasts(40, (1, 1)) == lasts(0, (1, 1)) == INT64_MAX
    assert used_up(10**9, (1, 1)) == (0, 1)
    assert lasts(INT64_MAX, HALF) == INT64_MAX
    assert lasts(-3, HALF) == lasts(0, HALF) == 0


@pytest.mark.parametrize("seed", range(10))
def test_lasts_is_the_inverse_of_used_up(seed: int) -> None:
    """Units pay for the usage that they last and not for one more; usage that takes whole units lasts just so long."""
    dice = random.Random(seed)
    for _ in range(300):
        whole = dice.choice((2, 3, 10, WHOLE, WHOLE**3))
        of_it = dice.randrange(whole), whole
        units = dice.choice((0, 1, 7, 40, dice.randrange(10**6)))
        longest = lasts(units, of_it)
        assert Fraction(*used_up(longest, of_it)) <= units < Fraction(*used_up(longest + 1, of_it))
        taken = used_up(dice.randrange(10**6) * whole, of_it)
        assert taken[1] == 1
        assert Fraction(*used_up(lasts(taken[0], of_it), of_it)) == taken[0]


TIME = BalanceType("friends", "second", 5, "voice", SECOND, Category.DISCOUNT, discount=50)
CLUB = BalanceType("club", "point", 6, category=Category.DISCOUNT, discount=30)
CASH = BalanceType("cash", "EUR", 10, discount=90)


def test_to_have_some_of_a_discount_balance_grants_it() -> None:
    """A balance of time grants the calls that use it up; presence is enough elsewhere. Money grants nothing."""
    assert grant(TIME, 600, "voice") == Grant("friends", 5000, 600 * SECOND)
    assert grant(TIME, 600, "data") == Grant("friends", 5000, None)
    assert grant(CLUB, 1, "voice") == Grant("club", 3000, None)
    assert [grant(TIME, 0, "voice"), grant(CLUB, -1, "voice"), grant(CASH, 100, "voice")] == [None, None, None]


CHRISTMAS = RatingDiscount(Timing(months=(12,), month_days=(25,)), 5000)
WEEKEND = RatingDiscount(Timing(week_days=(6, 7)), 2000)
EVENING = RatingDiscount(Timing(start=18 * 3600), 1000, 22 * 3600, "voice")


@pytest.mark.parametrize(
    ("at", "service", "share"),
    [
        pytest.param("2026-12-25T19:00:00Z", "voice", 5000, id="a holiday comes before the evening of it"),
        pytest.param("2026-12-26T12:00:00Z", "data", 2000, id="a Saturday"),
        pytest.param("2026-12-28T17:59:59Z", "voice", 0, id="a Monday, before six"),
        pytest.param("2026-12-28T18:00:00Z", "voice", 1000, id="from six on"),
        pytest.param("2026-12-28T18:00:00Z", "data", 0, id="not of data"),
        pytest.param("2026-12-28T21:59:59.999999Z", "voice", 1000, id="up to ten"),
        pytest.param("2026-12-28T22:00:00Z", "voice", 0, id="from ten on none"),
    ],
)
def test_the_first_discount_that_holds_is_the_rating_s(at: str, service: str, share: int) -> None:
    assert rating_share((CHRISTMAS, WEEKEND, EVENING), "UTC", service, parse_instant(at)) == share


def test_days_and_hours_are_those_of_the_zone() -> None:
    """Saturday begins in Tokyo at 15:00Z; on the last Sunday of October 2026 Berlin's has 25 hours."""
    friday = parse_instant("2026-12-25T15:00:00Z")
    assert rating_share((WEEKEND,), "Asia/Tokyo", "voice", friday) == 2000
    assert rating_share((WEEKEND,), "Asia/Tokyo", "voice", friday - 1) == 0
    sunday_ends = parse_instant("2026-10-25T23:00:00Z")
    assert rating_share((WEEKEND,), "Europe/Berlin", "voice", sunday_ends - 1) == 2000
    assert rating_share((WEEKEND,), "Europe/Berlin", "voice", sunday_ends) == 0
