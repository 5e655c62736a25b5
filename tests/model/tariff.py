"""The demo tariff by counting: one increment after the other, in fractions. Knows nothing of the product's rating."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from fractions import Fraction
from math import ceil

SECOND = 1_000_000
MICRO = 1_000_000
"""Steps of a euro."""


class Steps:
    """`ends[i]` = usage up to which `costs[i]` (steps of a euro, rounded up at the tariff's decimals) is charged."""

    def __init__(self, decimals: int) -> None:
        self.ends: list[int] = []
        self.costs: list[int] = []
        self._sum = Fraction(0)
        self._quantum = 10**decimals

    def more(self, increment: int, price: Fraction) -> None:
        """One more increment of usage at this price."""
        self._sum += price
        self.ends.append((self.ends[-1] if self.ends else 0) + increment)
        self.costs.append(ceil(self._sum * self._quantum) * (MICRO // self._quantum))

    def fee(self, amount: Fraction) -> None:
        """What the first increment costs beside its price."""
        self._sum += amount

    def cost(self, usage: int) -> int:
        """What so much usage costs: every begun increment in full, nothing for none."""
        return self.costs[bisect_left(self.ends, usage)] if usage > 0 else 0

    def longest(self, funds: int, most: int) -> int:
        """The most usage, in whole increments or `most`, that costs no more than the funds."""
        paid = bisect_right(self.costs, funds)
        return min(self.ends[paid - 1], most) if paid else 0

    def shortest(self) -> int:
        """The shortest usage that is charged."""
        return self.ends[0]


def tutorial() -> Steps:
    """0.4 to connect, 0.2 for the first minute at once, then 0.1 a minute by the second; up at 4 decimals."""
    steps = Steps(4)
    steps.fee(Fraction("0.4"))
    steps.more(60 * SECOND, Fraction("0.2"))
    for _ in range(3 * 3600):
        steps.more(SECOND, Fraction("0.1") / 60)
    return steps


def cent_a_second() -> Steps:
    """0.01 each second; up at 4 decimals."""
    steps = Steps(4)
    for _ in range(3 * 3600):
        steps.more(SECOND, Fraction("0.01"))
    return steps


def data() -> Steps:
    """0.01 a MiB by the KiB; up at 6 decimals."""
    steps = Steps(6)
    for _ in range(220 * 1024):
        steps.more(1024, Fraction("0.01") / 1024)
    return steps


def messages() -> Steps:
    """0.05 each; up at 4 decimals."""
    steps = Steps(4)
    for _ in range(64):
        steps.more(1, Fraction("0.05"))
    return steps
