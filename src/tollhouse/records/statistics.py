"""Metrics over a window of the newest events, such as a route is judged by.

Source: requirement cgrates 7 (StatS). Values are exact fractions, so whoever shows one rounds it, once.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from tollhouse.values.instants import Duration, Instant

Exact: TypeAlias = tuple[int, int]
"""Numerator and denominator > 0, not necessarily reduced."""


class Metric(enum.StrEnum):
    """What is measured: times in microseconds, money in its steps. An event that lacks the field is no event of it."""

    ASR = "asr"
    """Answer seizure ratio: the percentage of events that were answered."""
    ACD = "acd"
    """Average usage."""
    TCD = "tcd"
    """Total usage."""
    ACC = "acc"
    """Average cost."""
    TCC = "tcc"
    """Total cost."""
    PDD = "pdd"
    """Average post-dial delay."""
    DDC = "ddc"
    """How many different destinations there are."""


class Event(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A call or another event that has ended; None: it has no such field."""

    id: str
    at: Instant = 0
    answered: bool = False
    usage: Duration | None = None
    cost: int | None = None
    delay: Duration | None = None
    destination: str | None = None


class Window(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The newest events, the oldest first: `length` at most, none older than `lasts` (0: no bound)."""

    length: int = 0
    lasts: Duration = 0
    events: tuple[Event, ...] = ()


def added(window: Window, event: Event, now: Instant) -> Window:
    """The window with one more event, and without those that it pushes out or that are too old at `now`."""
    events = (*current(window, now), event)
    return msgspec.structs.replace(window, events=events[-window.length :] if window.length else events)


def without(window: Window, event: str) -> Window:
    """The window without the event of this id."""
    return msgspec.structs.replace(window, events=tuple([one for one in window.events if one.id != event]))


def current(window: Window, now: Instant) -> tuple[Event, ...]:
    """The events that count at `now`."""
    if not window.lasts:
        return window.events
    return tuple([one for one in window.events if now - one.at < window.lasts])


def measured(metric: Metric, events: Sequence[Event], least: int = 1) -> Exact | None:
    """The metric's value; None: fewer than `least` events (at least one) have what it needs."""
    values = [value for one in events if (value := _value(metric, one)) is not None]
    if len(values) < max(least, 1):
        return None
    if metric is Metric.DDC:
        return len(set(values)), 1
    total = sum(value for value in values if isinstance(value, int))
    if metric in (Metric.TCD, Metric.TCC):
        return total, 1
    return (100 * total if metric is Metric.ASR else total), len(values)


def _value(metric: Metric, event: Event) -> int | str | None:
    match metric:
        case Metric.ASR:
            return int(event.answered)
        case Metric.ACD | Metric.TCD:
            return event.usage
        case Metric.ACC | Metric.TCC:
            return event.cost
        case Metric.PDD:
            return event.delay
        case Metric.DDC:
            return event.destination
