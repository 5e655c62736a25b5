"""How an exact amount becomes whole steps: once, on what a request or a session comes to, never an increment's.

Source: requirement oracle_vws 5.7 (its note) and ruling R6, cases 1-3. A magnitude is rounded and the sign put back, so
that what is given back for a charge is the charge. Amounts are in steps of the balance type's unit.
"""

from __future__ import annotations

from typing import Final

from tollhouse.rating.cost import Exact
from tollhouse.snapshot.rules import RoundingRule

_HIGHEST: Final = {
    RoundingRule.BANKERS: (1, 2, True),
    RoundingRule.CEILING: (0, 1, False),
    RoundingRule.FLOOR: (1, 1, True),
}
"""How much more than a whole number still becomes that number: numerator, denominator, whether it must be less."""


def rounded(amount: Exact, rule: RoundingRule) -> int:
    """The whole number of the amount: `bankers` the nearest, a half away from zero; `ceiling` away from zero; `floor`
    towards it."""
    numerator, denominator = amount
    magnitude = abs(numerator)
    if rule is RoundingRule.BANKERS:
        whole = (2 * magnitude + denominator) // (2 * denominator)
    elif rule is RoundingRule.CEILING:
        whole = -(-magnitude // denominator)
    else:
        whole = magnitude // denominator
    return -whole if numerator < 0 else whole


def owed(cumulative: Exact, posted: int, rule: RoundingRule) -> int:
    """What is still to be posted where all so far comes to `cumulative` and `posted` of it is: less than 0 is given
    back. However often it is asked, all that is posted is the cumulative amount, rounded once."""
    return rounded(cumulative, rule) - posted


def longest(funds: int, spent: Exact, each: Exact, rule: RoundingRule, most: int) -> int:
    """The largest number, `most` at most, of increments at `each` >= 0 that can follow what was `spent` >= 0 until the
    rounded sum exceeds the funds (requirement oracle_vws 5.7). What is free lasts all the same."""
    if not each[0]:
        return most
    more, over, strict = _HIGHEST[rule]
    limit = max(funds, 0) * over + more
    room = (limit * spent[1] - spent[0] * over) * each[1] - strict
    return max(min(room // (each[0] * spent[1] * over), most), 0)
