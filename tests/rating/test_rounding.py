"""Whole steps: the accountant's table, sums that are rounded once, and how many increments some funds last."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from tollhouse.rating.discounts import discount, discounted
from tollhouse.rating.rounding import longest, owed, rounded
from tollhouse.snapshot.rules import EventRules, RoundingRule

BANKERS, CEILING, FLOOR = RoundingRule.BANKERS, RoundingRule.CEILING, RoundingRule.FLOOR


@pytest.mark.parametrize(("thousandths", "whole"), [(499, 0), (500, 1), (1500, 2), (2500, 3)])
def test_case_1_bankers_is_half_up(thousandths: int, whole: int) -> None:
    """Not half to even: 2.5 is 3."""
    assert rounded((thousandths, 1000), BANKERS) == whole


@pytest.mark.parametrize(("amount", "whole"), [((30001, 10000), 4), ((3, 1), 3), ((9, 3), 3)])
def test_case_2_ceiling(amount: tuple[int, int], whole: int) -> None:
    assert rounded(amount, CEILING) == whole


def test_case_3_floor() -> None:
    assert rounded((3999, 1000), FLOOR) == 3


@pytest.mark.parametrize(
    ("thousandths", "bankers", "ceiling", "floor"),
    [(-499, 0, -1, 0), (-500, -1, -1, 0), (-1500, -2, -2, -1), (-2500, -3, -3, -2), (-3000, -3, -3, -3), (0, 0, 0, 0)],
)
def test_what_is_given_back_is_what_was_charged(thousandths: int, bankers: int, ceiling: int, floor: int) -> None:
    """Ruling R6: the magnitude is rounded."""
    amount = thousandths, 1000
    assert [rounded(amount, rule) for rule in (BANKERS, CEILING, FLOOR)] == [bankers, ceiling, floor]


def test_no_rule_named_is_bankers() -> None:
    assert EventRules().rounding is BANKERS


def test_numbers_beyond_any_float() -> None:
    """10^30 + 1/2: a float would lose the half."""
    assert rounded((2 * 10**30 + 1, 2), BANKERS) == 10**30 + 1


@pytest.mark.parametrize(
    ("rule", "steps"),
    [
        (BANKERS, [0, 1, 0, 1, 0]),  # 0, 1, 1, 2, 2
        (CEILING, [1, 0, 1, 0, 0]),  # 1, 1, 2, 2, 2
        (FLOOR, [0, 0, 1, 0, 1]),  # 0, 0, 1, 1, 2
    ],
)
def test_increments_of_two_fifths_are_posted_as_their_sum(rule: RoundingRule, steps: list[int]) -> None:
    """0.4, 0.8, 1.2, 1.6, 2.0: each is posted as what the sum so far has grown by."""
    posted: list[int] = []
    for count in range(1, 6):
        posted.append(owed((2 * count, 5), sum(posted), rule))
    assert posted == steps


def test_a_sum_that_fell_is_given_back() -> None:
    assert owed((5, 2), 7, BANKERS) == -4


def test_the_worked_session_of_5_7() -> None:
    """2/s less 10 % is 1.8/s. 278 s = 500.4, rounds to 500; 279 s = 502.2. After 60 s of free time, 250 s in all leave
    190 x 1.8 = 342."""
    each = discounted((2, 1), discount("s*w*r", 1000, 0, 0))
    assert longest(500, (0, 1), each, BANKERS, 3600) == 278
    assert owed((each[0] * 140, each[1]), 0, BANKERS) == 252
    assert owed((each[0] * 190, each[1]), 252, BANKERS) == 90


@pytest.mark.parametrize(("rule", "count"), [(BANKERS, 14), (CEILING, 14), (FLOOR, 15)])
def test_funds_last_until_the_rounded_sum_exceeds_them(rule: RoundingRule, count: int) -> None:
    """10 at 0.7 each: 14 = 9.8 is 10 or less by any rule, 15 = 10.5 by floor only, 16 = 11.2 by none."""
    assert longest(10, (0, 1), (7, 10), rule, 100) == count


def test_what_was_spent_before_is_part_of_the_sum() -> None:
    """1/3 spent, 1/3 each, funds 1, half up: 1/3 + 3/3 = 4/3 is 1; 5/3 is 2."""
    assert longest(1, (1, 3), (1, 3), BANKERS, 100) == 3


def test_free_lasts_whatever_the_funds_and_debt_is_as_good_as_nothing() -> None:
    assert longest(-5, (0, 1), (0, 1), BANKERS, 3600) == 3600
    assert longest(-5, (0, 1), (1, 1), CEILING, 3600) == 0
    assert longest(-5, (0, 1), (2, 5), BANKERS, 3600) == 1  # 0.4 is nothing, 0.8 is 1
    assert longest(5, (9, 1), (1, 1), FLOOR, 3600) == 0
    assert longest(10**6, (0, 1), (1, 1), BANKERS, 3600) == 3600


@pytest.mark.parametrize("rule", RoundingRule)
@pytest.mark.parametrize("seed", range(10))
def test_one_increment_more_is_never_paid(rule: RoundingRule, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(200):
        funds, most = dice.randrange(50), 300
        spent = Fraction(dice.randrange(30), dice.randrange(1, 9))
        each = Fraction(dice.randrange(1, 30), dice.randrange(1, 40))
        count = longest(funds, spent.as_integer_ratio(), each.as_integer_ratio(), rule, most)
        if count:
            assert rounded((spent + count * each).as_integer_ratio(), rule) <= funds
        if count < most:
            assert rounded((spent + (count + 1) * each).as_integer_ratio(), rule) > funds


@pytest.mark.parametrize("rule", RoundingRule)
@pytest.mark.parametrize("seed", range(10))
def test_rounding_keeps_within_a_step_of_the_amount(rule: RoundingRule, seed: int) -> None:
    """Half a step for bankers; towards or away from zero, less than a whole one, for the others."""
    dice = random.Random(seed)
    for _ in range(200):
        exact = Fraction(dice.randrange(-(10**9), 10**9), dice.randrange(1, 10**4))
        beyond = abs(rounded(exact.as_integer_ratio(), rule)) - abs(exact)
        low, high = {BANKERS: (-1, 1), CEILING: (0, 2), FLOOR: (-2, 0)}[rule]
        assert low <= 2 * beyond <= high
        assert 2 * beyond not in {CEILING: (2,), FLOOR: (-2,), BANKERS: (-1,)}[rule]
