"""Amounts as text and back, exactly; units that do not add."""

from __future__ import annotations

import pytest

from tollhouse.values.money import (
    INT64_MAX,
    INT64_MIN,
    Amount,
    AmountError,
    UnitMismatchError,
    fits,
    format_amount,
    parse_amount,
)


@pytest.mark.parametrize(
    ("text", "decimals", "value"),
    [
        ("0", 6, 0),
        ("10.00", 6, 10_000_000),
        ("0.6417", 6, 641_700),
        ("-0.000001", 6, -1),
        ("+1", 0, 1),
        ("1.000", 0, 1),
        ("9223372036854.775807", 6, INT64_MAX),
        ("-9223372036854.775808", 6, INT64_MIN),
    ],
)
def test_text_to_steps(text: str, decimals: int, value: int) -> None:
    assert parse_amount(text, decimals) == value


@pytest.mark.parametrize(
    ("text", "decimals"),
    [
        ("0.0000001", 6),
        ("1.5", 0),
        ("9223372036854.775808", 6),
        ("-9223372036854.775809", 6),
        ("1" * 26, 0),
        ("", 6),
        (".5", 6),
        ("1.", 6),
        ("1e3", 6),
        ("NaN", 6),
        ("Infinity", 6),
        ("1,5", 6),
        (" 1", 6),
        ("1\n", 6),
        ("0x10", 6),
        ("1_000", 6),
        ("\u0661", 6),  # ARABIC-INDIC DIGIT ONE
    ],
)
def test_no_amount(text: str, decimals: int) -> None:
    with pytest.raises(AmountError):
        parse_amount(text, decimals)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (641_700, 6, "0.6417"),
        (10_000_000, 6, "10"),
        (-1, 6, "-0.000001"),
        (0, 6, "0"),
        (-500_000, 6, "-0.5"),
        (85, 0, "85"),
        (INT64_MIN, 6, "-9223372036854.775808"),
    ],
)
def test_steps_to_text(value: int, decimals: int, text: str) -> None:
    assert format_amount(value, decimals) == text
    assert parse_amount(text, decimals) == value


def test_amounts_of_one_unit_add_and_of_two_do_not() -> None:
    assert Amount(5, "EUR") + Amount(7, "EUR") == Amount(12, "EUR")
    assert Amount(5, "EUR") - Amount(7, "EUR") == Amount(-2, "EUR")
    for put_together in (Amount.__add__, Amount.__sub__):
        with pytest.raises(UnitMismatchError):
            put_together(Amount(5, "EUR"), Amount(5, "USD"))


@pytest.mark.parametrize(
    ("value", "inside"), [(INT64_MAX, True), (INT64_MAX + 1, False), (INT64_MIN, True), (INT64_MIN - 1, False)]
)
def test_int64(value: int, inside: bool) -> None:
    assert fits(value) is inside
