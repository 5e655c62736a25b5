"""Named events: what a request of some costs, which cascade pays, how long a reservation of them stands.

Source: requirement oracle_vws 1.2 (NamedEvent) and 5.5, cases 56-58.
"""

from __future__ import annotations

from typing import Final

from tollhouse.rating.cost import Exact
from tollhouse.rating.discounts import discounted
from tollhouse.rating.rounding import rounded
from tollhouse.snapshot.rules import EventRules
from tollhouse.values.instants import SECOND, Instant

_MILLISECOND: Final = SECOND // 1000


def event_cost(each: Exact, count: int, of_it: Exact, rules: EventRules) -> int:
    """What `count` events at `each` (exact steps of the unit) cost in whole steps, less the discount; rounded once."""
    return rounded(discounted((each[0] * count, each[1]), of_it), rules.rounding)


def event_cascade(rules: EventRules, promotional: bool) -> str:
    """The name of the cascade that pays for the provider's events, normal or promotional ones (case 57)."""
    return rules.promotional_cascade if promotional else rules.cascade


def event_reservation_end(made: Instant, rules: EventRules) -> Instant:
    """The instant from which a reservation of events can be confirmed no more: its period and the tolerance after it
    was made (case 56)."""
    return made + rules.reservation_milliseconds * _MILLISECOND + rules.reservation_tolerance_seconds * SECOND
