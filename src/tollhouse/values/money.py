"""Amounts: integers in the smallest step of their unit. No float comes near them."""

from __future__ import annotations

import re
from typing import Final

import msgspec

INT64_MAX: Final = 2**63 - 1
INT64_MIN: Final = -(2**63)
DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,25}(?:\.[0-9]{1,25})?")


class AmountError(ValueError):
    """A text that is no amount of the unit, or an amount outside int64."""


class UnitMismatchError(TypeError):
    """Amounts of different units were put together."""


class Unit(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What amounts are counted in: `EUR` with 6 decimals counts millionths of a euro."""

    name: str
    decimals: int


class Amount(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`value` smallest steps of the unit named `unit`."""

    value: int
    unit: str

    def __add__(self, other: Amount) -> Amount:
        if self.unit != other.unit:
            raise UnitMismatchError(f"{self.unit} and {other.unit} do not add")
        return Amount(self.value + other.value, self.unit)

    def __sub__(self, other: Amount) -> Amount:
        if self.unit != other.unit:
            raise UnitMismatchError(f"{self.unit} and {other.unit} do not add")
        return Amount(self.value - other.value, self.unit)


def fits(value: int) -> bool:
    """Whether the value may be installed (int64)."""
    return INT64_MIN <= value <= INT64_MAX


def parse_amount(text: str, decimals: int) -> int:
    """A decimal string to smallest steps, exactly; more decimals than the unit has are refused.

    `parse_amount("10.00", 6) == 10_000_000`. Raises AmountError.
    """
    if not DECIMAL.fullmatch(text):
        raise AmountError(f"{text[:40]!r} is not a decimal number")
    whole, _, fraction = text.lstrip("+-").partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) > decimals:
        raise AmountError(f"{text!r} has more than {decimals} decimals")
    value = int(whole + fraction.ljust(decimals, "0"))
    if text.startswith("-"):
        value = -value
    if not fits(value):
        raise AmountError(f"{text!r} is out of range")
    return value


def format_amount(value: int, decimals: int) -> str:
    """Smallest steps to a decimal string without trailing zeros: 641_700 of 6 decimals is `0.6417`."""
    whole, rest = divmod(abs(value), 10**decimals)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}" if not rest else f"{sign}{whole}.{rest:0{decimals}d}".rstrip("0")
