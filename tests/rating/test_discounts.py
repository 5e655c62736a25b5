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
    Granted,
    check_rule,
    contributions,
    counts_wallet,
    discount,
    discounted,
    grant,
    lasts,
    spread,
    time_expenditure,
    unit_discount,
    used_up,
)
from tollhouse.rating.rounding import rounded
from tollhouse.snapshot.accounts import BalanceType, Category
from tollhouse.snapshot.rules import DISCOUNT_RULES, RecordRules, ReservationRules, RoundingRule
from tollhouse.values.instants import SECOND
from tollhouse.values.money import INT64_MAX

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


@pytest.mark.parametrize(
    ("applied", "always", "left"),
    [
        pytest.param(False, True, 510, id="case 23"),
        pytest.param(False, False, 600, id="case 23, D"),
        pytest.param(True, False, 510, id="w applied"),
        pytest.param(True, True, 510, id="w applied, always"),
    ],
)
def test_case_23_cross_balance_time(applied: bool, always: bool, left: int) -> None:
    """600 s, a call of 90 s: 510, in full and not at 50 %."""
    made = grant(TIME, 600, "voice")
    assert made is not None
    pieces = spread([made], 90 * SECOND)
    debits = contributions(pieces, applied, ReservationRules(discount_time_always_debited=always))
    assert 600 - sum(usage for _, usage in debits) // SECOND == left


def test_the_largest_grant_counts_and_the_next_one_when_it_is_used_up() -> None:
    """100 s at 50 %, then 30 % without end; the balance that is not used up is not debited."""
    friends, club, weak = Grant("friends", 5000, 100), Grant("club", 3000), Grant("weak", 1000, 500)
    pieces = spread([weak, club, friends], 250)
    assert pieces == (Granted(100, friends), Granted(150, club))
    assert contributions(pieces, True, ReservationRules()) == (("friends", 100),)


def test_usage_beyond_what_grants_last_has_none() -> None:
    """900 s at 1/s, 50 % on the first 600: 300 + 300 = 600."""
    pieces = spread([Grant("friends", 5000, 600)], 900)
    assert [(piece.usage, piece.grant and piece.grant.share) for piece in pieces] == [(600, 5000), (300, None)]
    shares = [(piece.usage, piece.grant.share if piece.grant else 0) for piece in pieces]
    costs = [Fraction(*discounted((usage, 1), discount("s*w*r", 0, 0, w))) for usage, w in shares]
    assert costs == [300, 300]


def test_of_equal_grants_the_first_given_counts() -> None:
    one, other = Grant("one", 5000, 10), Grant("other", 5000, 10)
    assert spread([one, other], 15) == (Granted(10, one), Granted(5, other))
    assert spread([other, one], 5) == (Granted(5, other),)


def test_no_usage_has_no_piece() -> None:
    assert spread([Grant("one", 5000)], 0) == spread([], 0) == ()
    assert spread([], 7) == (Granted(7),)


@pytest.mark.parametrize(("by_duration", "grown"), [(True, 120), (False, 60)])
def test_case_54_time_expenditure(by_duration: bool, grown: int) -> None:
    """A call of 120 s, 60 s of them from a balance of time."""
    assert time_expenditure(120, 60, RecordRules(call_duration_in_time_expenditure=by_duration)) == grown
