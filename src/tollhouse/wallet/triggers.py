"""Action triggers: which of a wallet's limits have been reached, and what is then to be done, in which order.

Source: requirement cgrates 4. A trigger looks at readings: what a counter, a balance or an expiry has just become; it
fires once, until it is reset, or again and again where it is recurrent.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence

import msgspec

from tollhouse.values.instants import Duration, Instant


class Watched(enum.StrEnum):
    """What a reading is of."""

    EVENTS = "events"
    """A counter of all usage or money that was charged."""
    BUCKET = "bucket"
    """A counter of what one balance paid."""
    BALANCE = "balance"
    """What a balance holds after it changed."""
    EXPIRED = "expired"
    """A balance has expired; its value tells what was lost."""


class Edge(enum.StrEnum):
    """On which side of its threshold a trigger fires; at the threshold itself in either case."""

    MAX = "max"
    MIN = "min"


class Reading(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What something has just become, in steps of its unit."""

    watched: Watched
    balance_type: str
    value: int


class Trigger(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`threshold` in steps of the balance type's unit; an expiry has none. The heavier fires first.

    `sleep`: a recurrent one rests so long after it fired. It works from `start` on; at `expiry` it is deleted (0: no
    bound). `executed`: it has fired since it was made or reset, the last time at `fired`.
    """

    name: str
    watched: Watched
    balance_type: str
    threshold: int = 0
    edge: Edge = Edge.MAX
    weight: int = 0
    recurrent: bool = False
    sleep: Duration = 0
    start: Instant = 0
    expiry: Instant = 0
    executed: bool = False
    fired: Instant = 0


class Looked(msgspec.Struct, frozen=True, gc=False):
    """The triggers after they were asked, and the names of those that fired, in the order of their actions."""

    triggers: tuple[Trigger, ...]
    fired: tuple[str, ...]


def looked(triggers: Iterable[Trigger], readings: Sequence[Reading], now: Instant) -> Looked:
    """Which triggers fire at these readings; those whose expiry has come are gone."""
    kept = [one for one in triggers if not one.expiry or now < one.expiry]
    firing = [one for one in kept if _ready(one, now) and any(_reached(one, reading) for reading in readings)]
    after = [msgspec.structs.replace(one, executed=True, fired=now) if one in firing else one for one in kept]
    return Looked(tuple(after), tuple([one.name for one in sorted(firing, key=lambda one: -one.weight)]))


def reset(triggers: Iterable[Trigger]) -> tuple[Trigger, ...]:
    """All of them may fire again."""
    return tuple([msgspec.structs.replace(one, executed=False) for one in triggers])


def _ready(trigger: Trigger, now: Instant) -> bool:
    if now < trigger.start:
        return False
    if not trigger.recurrent:
        return not trigger.executed
    return not trigger.fired or now - trigger.fired >= trigger.sleep


def _reached(trigger: Trigger, reading: Reading) -> bool:
    if (reading.watched, reading.balance_type) != (trigger.watched, trigger.balance_type):
        return False
    if trigger.watched is Watched.EXPIRED:
        return True
    return reading.value >= trigger.threshold if trigger.edge is Edge.MAX else reading.value <= trigger.threshold
