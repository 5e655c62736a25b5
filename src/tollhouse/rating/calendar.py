"""Which of several intervals is in force at an instant, by the calendar of a zone.

A timing has a start and no end: an interval is active from its start until the end of that local day, and of the active
ones the heaviest is in force, among equals the one that began last, among those the one listed first (requirement
cgrates 2.2 c; unlike there, a heavier one that begins in the middle of a call takes over at once).

A local day lasts from one local midnight to the next. A start that the clock skips in spring comes as much later as the
clock jumps, and one that it passes twice in autumn counts the first time (RFC 5545 3.3.5).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import MAXYEAR, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from tollhouse.snapshot.tariff import Interval
from tollhouse.values.instants import DAY, SECOND, Instant, from_datetime, to_datetime
from tollhouse.values.uses import Timing

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_ONE_DAY: Final = timedelta(days=1)
_EVERY_DATE: Final = 41
"""So many years hold each date on each day of the week: 29 February comes back to its own after 40 at the latest."""


def in_force(intervals: Sequence[Interval], zone: str, at: Instant) -> tuple[Interval | None, Instant]:
    """The interval in force at the instant (None where none is active), and until when it is: until one that outranks
    it begins, or the local day ends."""
    day, until = local_day(zone, at)
    best: Interval | None = None
    best_rank = (-1, 0)
    later: list[tuple[Instant, tuple[int, int]]] = []
    for interval in intervals:
        timing = interval.timing
        if not matches(timing, day):
            continue
        rank = (interval.weight, timing.start)
        begin = instant_of(zone, day, timing.start)
        if begin > at:
            later.append((begin, rank))
        elif rank > best_rank:
            best, best_rank = interval, rank
    return best, min([begin for begin, rank in later if rank > best_rank], default=until)


def next_run(timing: Timing, zone: str, after: Instant) -> Instant | None:
    """When a schedule by this timing runs next, later than `after`, by the clock of the zone; None: never again.

    It runs once in what the timing names last: months without days mean their first, years without months their January
    (requirement cgrates 4, cases sched-006 and sched-008).
    """
    if timing.years and not (timing.months or timing.month_days or timing.week_days):
        timing = msgspec.structs.replace(timing, months=(1,))
    if timing.months and not (timing.month_days or timing.week_days):
        timing = msgspec.structs.replace(timing, month_days=(1,))
    first, _ = local_day(zone, after)
    for day in _days(timing, first):
        if matches(timing, day) and (begin := instant_of(zone, day, timing.start)) > after:
            return begin
    return None


def _days(timing: Timing, first: date) -> Iterator[date]:
    """The days of the timing's years and months, from the first day on, as long as another may match."""
    years = sorted(timing.years) or range(first.year, first.year + _EVERY_DATE)
    for year in [year for year in years if first.year <= year < MAXYEAR]:
        for month in sorted(timing.months) or range(1, 13):
            for number in range(1, monthrange(year, month)[1] + 1):
                if (day := date(year, month, number)) >= first:
                    yield day


def matches(timing: Timing, day: date) -> bool:
    """Whether the timing holds on this local day; an empty field restricts nothing."""
    return (
        (not timing.week_days or day.isoweekday() in timing.week_days)
        and (not timing.month_days or day.day in timing.month_days)
        and (not timing.months or day.month in timing.months)
        and (not timing.years or day.year in timing.years)
    )


def local_day(zone: str, at: Instant) -> tuple[date, Instant]:
    """The local day that holds the instant, and the midnight that ends it."""
    if zone == "UTC":
        return date.fromordinal(_EPOCH_ORDINAL + at // DAY), at - at % DAY + DAY
    day = to_datetime(at).astimezone(ZoneInfo(zone)).date()
    midnight = instant_of(zone, day + _ONE_DAY, 0)
    if midnight > at:
        return day, midnight
    # The clock went back over midnight: the day that had begun goes on.
    return day + _ONE_DAY, instant_of(zone, day + 2 * _ONE_DAY, 0)


def instant_of(zone: str, day: date, second: int) -> Instant:
    """When the zone's clock first reads so many seconds into the day."""
    if zone == "UTC":
        return (day.toordinal() - _EPOCH_ORDINAL) * DAY + second * SECOND
    return _by_zone(zone, day, second)


@lru_cache(maxsize=4096)
def _by_zone(zone: str, day: date, second: int) -> Instant:
    """Remembered, for it costs more than all else that a day of a call does."""
    return from_datetime(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)) + timedelta(seconds=second))
