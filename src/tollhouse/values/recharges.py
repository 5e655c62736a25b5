"""What a recharge asks for, line by line: plain values that a command carries. Source: requirement oracle_vws 5.6."""

from __future__ import annotations

import enum

import msgspec

from tollhouse.values.instants import Duration, Instant
from tollhouse.values.uses import Use


class ExpiryPolicy(enum.StrEnum):
    """What a recharge makes of the date of the bucket or the wallet that it concerns. Never is later than any date."""

    NONE = "none"
    """No expiry detail: the money goes where nothing expires."""
    FROM_TODAY = "from_today"
    """The end of the period from now; rules say whether that may shorten, or date what never expires."""
    EXTEND_FROM_EXPIRY = "extend_from_expiry"
    """The end of the period from the date, or from now where the date is past."""
    LATER_OF = "later_of"
    """The date, or the end of the period from now."""
    KEEP = "keep"
    ABSOLUTE = "absolute"
    """The date given, whatever it was before."""


class Validity(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An expiry policy with what it needs: a `period` > 0, or for `absolute` a `date` after now."""

    policy: ExpiryPolicy = ExpiryPolicy.NONE
    period: Duration = 0
    date: Instant = 0

    def extends(self) -> bool:
        """Whether it is about a date at all."""
        return self.policy not in (ExpiryPolicy.NONE, ExpiryPolicy.KEEP)


class Line(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One line of a recharge: `amount` >= 0 steps of the balance type's unit; 0 changes only dates.

    `bucket` names where it goes; 0: to the bucket of this type, start, weight and use whose expiry is already what the
    policy says for a new one, else to the first of them to pay (`none`, `absolute` and single-use types: to a new one).
    `replace`: what the balance (or the named bucket) had is forfeited. `adjust`: an operator's correction, may be
    negative.
    """

    balance_type: str
    amount: int
    validity: Validity = Validity()
    bucket: int = 0
    start: Instant = 0
    weight: int = 0
    use: Use | None = None
    replace: bool = False
    adjust: bool = False
