"""The walk over a session's usage: runs of equal increments, each charged by one slot of one interval.

An increment belongs whole to the slot and interval in force when it begins; what it takes beyond their end is not
charged again (requirement cgrates 2.4). So a run is described by where it begins and how many increments begin in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from tollhouse.rating.calendar import in_force, local_day
from tollhouse.rating.price import Price
from tollhouse.snapshot.tariff import EXACT, Interval, Slot
from tollhouse.values.commands import Service
from tollhouse.values.instants import Instant
from tollhouse.values.money import INT64_MAX

Span: TypeAlias = tuple[int, int, Interval, Slot]
"""Age at which the run begins, number of increments (at least one), what charges them."""


def spans(price: Price, start: Instant, usage: int, since: int = 0) -> Iterable[Span]:
    """The runs that pay for usage from age `since` up to `usage`; the last increment may reach beyond it.

    A run never spans a change of interval or slot, nor, in price mode `cgrates`, which rounds a run's price, a midnight
    (requirement cgrates 2.2 b).
    """
    parts = price.parts
    if len(parts) == 1 and len(parts[0].intervals) == 1 and not _days_count(price, parts[0].intervals[0]):
        return _by_slot(parts[0].intervals[0], since, usage)
    return _by_time(price, start, usage, since)


def interval_at(price: Price, at: Instant, before: Interval | None = None) -> tuple[Interval, Instant]:
    """The interval that charges an increment begun at the instant, and until when it does.

    Where the plan leaves a time without an interval, its one `before` goes on; where there was none the heaviest one
    stands in: usage that was allowed is never free by omission.
    """
    parts = price.parts
    index = part_at(price, at)
    intervals = parts[index].intervals
    change = parts[index + 1].at if index + 1 < len(parts) else INT64_MAX
    if len(intervals) == 1:
        return intervals[0], min(change, local_day(price.zone, at)[1]) if _days_count(price, intervals[0]) else change
    now, until = in_force(intervals, price.zone, at)
    if now is None:
        now = before if before in intervals else max(intervals, key=lambda interval: interval.weight)
    return now, min(until, change)


def part_at(price: Price, at: Instant) -> int:
    """The place of the part that charges an increment begun at the instant."""
    index = len(price.parts) - 1
    while index and price.parts[index].at > at:
        index -= 1
    return index


def _days_count(price: Price, interval: Interval) -> bool:
    """Whether midnight cuts a span though the same interval goes on."""
    return interval.places != EXACT and price.service is Service.VOICE


def _by_time(price: Price, start: Instant, usage: int, age: int) -> Iterator[Span]:
    interval: Interval | None = None
    while age < usage:
        interval, until = interval_at(price, start + age, interval)
        for span in _by_slot(interval, age, min(usage, until - start)):
            yield span
            age = span[0] + span[1] * span[3].increment


def _by_slot(interval: Interval, age: int, until: int) -> list[Span]:
    """The runs of one interval for ages from `age` up to `until`."""
    slots = interval.slots
    runs: list[Span] = []
    last = len(slots) - 1
    for index, slot in enumerate(slots):
        end = until if index == last or slots[index + 1].start > until else slots[index + 1].start
        if age < end:
            count = -((age - end) // slot.increment)
            runs.append((age, count, interval, slot))
            age += count * slot.increment
    return runs
