"""A tariff plan as compiled: frozen values that rating reads. Source: CGRateS semantics, restated in integers.

Money here is exact: a fee or price is an integer over 10^`scale` units of the plan's currency.
Ages, units and increments are in the service's own usage: microseconds (voice), octets (data), messages (message).
"""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

import msgspec

from tollhouse.values.instants import Instant
from tollhouse.values.uses import Timing

ANY: Final = "*any"
"""The destination of every number, and the subject of everyone, that nothing names."""
EXACT: Final = -1
"""`Interval.places` of price mode `exact`: nothing is rounded but the whole cost."""


class Rounding(enum.StrEnum):
    """How a cost is rounded, once, to the tariff's decimals."""

    UP = "up"
    DOWN = "down"
    MIDDLE = "middle"
    """Half away from zero for the positive costs there are."""


class Slot(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """From session age `start` on, each begun `increment` costs price x increment / unit. `fee`: slot 0 only."""

    start: int
    fee: int
    price: int
    scale: int
    unit: int
    increment: int


class Interval(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A rate in force at a timing. Higher `weight` (in millionths) wins; slots are sorted by start, the first is 0."""

    timing: Timing
    weight: int
    slots: tuple[Slot, ...]
    rounding: Rounding
    decimals: int
    rate: str
    max_cost: int = 0
    """Over 10^9 units; 0 = none."""
    max_cost_strategy: str = ""
    """`*free` or `*disconnect` or empty."""
    places: int = EXACT
    """Price mode `cgrates`: at how many decimals the price of a span and of an increment are rounded."""


class Activation(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """From `at` on the profile's plan is this one."""

    at: Instant
    plan: str
    fallback: tuple[str, ...] = ()


class Profile(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a rating subject is charged by: activations sorted by time, in the tenant's `unit` and zone (IANA name)."""

    activations: tuple[Activation, ...]
    unit: str
    decimals: int
    zone: str = "UTC"
    subject: str = ""
    """Whose it is: where subjects are matched by prefix, others pay by it too."""


Destinations: TypeAlias = tuple[tuple[str, tuple[Interval, ...]], ...]
"""Destinations by name, each with its intervals."""


class PrefixRates(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The destinations that have a prefix (`""`: the one is `*any`), by name, each with the intervals that a plan holds
    for it; none: the plan does not price it."""

    prefix: str
    destinations: Destinations

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """Those of all the destinations."""
        return tuple([interval for _, intervals in self.destinations for interval in intervals])
