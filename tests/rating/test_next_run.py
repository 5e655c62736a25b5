"""When a schedule runs next, by the calendar of its zone (requirement cgrates 4; cases sched-*)."""

from __future__ import annotations

import pytest

from tollhouse.rating.calendar import next_run
from tollhouse.values.instants import format_instant, parse_instant
from tollhouse.values.uses import Timing

WEDNESDAY = "2013-07-10T10:30:00Z"
TEN = 10 * 3600


def after(timing: Timing, at: str = WEDNESDAY, zone: str = "UTC") -> str:
    """The next run as text; empty: never."""
    found = next_run(timing, zone, parse_instant(at))
    return "" if found is None else format_instant(found)


@pytest.mark.parametrize(
    ("timing", "at", "expected"),
    [
        (Timing(), WEDNESDAY, "2013-07-11T00:00:00Z"),
        (Timing(start=TEN), WEDNESDAY, "2013-07-11T10:00:00Z"),
        (Timing(start=TEN + 3600), WEDNESDAY, "2013-07-10T11:00:00Z"),
        (Timing(week_days=(3,)), WEDNESDAY, "2013-07-17T00:00:00Z"),
        (Timing(week_days=(3,), start=TEN + 3600), WEDNESDAY, "2013-07-10T11:00:00Z"),
        (Timing(month_days=(25, 11, 2)), WEDNESDAY, "2013-07-11T00:00:00Z"),
        (Timing(month_days=(31,)), "2013-08-31T00:00:00Z", "2013-10-31T00:00:00Z"),
        (Timing(months=(8, 2)), WEDNESDAY, "2013-08-01T00:00:00Z"),
        (Timing(months=(7,)), WEDNESDAY, "2014-07-01T00:00:00Z"),
        (Timing(months=(7,), week_days=(1,)), WEDNESDAY, "2013-07-15T00:00:00Z"),
        (Timing(years=(2014, 2013)), WEDNESDAY, "2014-01-01T00:00:00Z"),
        (Timing(years=(2013,), month_days=(9,)), WEDNESDAY, "2013-08-09T00:00:00Z"),
        (Timing(years=(2029,), start=TEN), WEDNESDAY, "2029-01-01T10:00:00Z"),
        (Timing(months=(2,), month_days=(29,)), WEDNESDAY, "2016-02-29T00:00:00Z"),
    ],
)
def test_the_next_run(timing: Timing, at: str, expected: str) -> None:
    assert after(timing, at) == expected


def test_the_very_moment_is_past() -> None:
    """A run at 10:30 that has just begun is not the next one."""
    assert after(Timing(start=TEN + 1800)) == "2013-07-11T10:30:00Z"


@pytest.mark.parametrize(
    "timing", [Timing(years=(2012,)), Timing(months=(2,), month_days=(30,)), Timing(years=(2013,), months=(1,))]
)
def test_never_again(timing: Timing) -> None:
    assert after(timing) == ""


def test_a_leap_day_comes_back_to_its_weekday_after_forty_years() -> None:
    """29 February 2072 is a Monday. A year moves a date by one weekday, a leap day by one more: 28 years with 6 of them
    (2100 has none) by 34, 40 years with 9 by 49, which is 7 weeks."""
    timing = Timing(months=(2,), month_days=(29,), week_days=(1,))
    assert after(timing, "2072-03-01T00:00:00Z") == "2112-02-29T00:00:00Z"


def test_the_clock_is_the_place_s() -> None:
    """Midnight of 11 July in Berlin is 22:00 UTC of the day before."""
    assert after(Timing(), WEDNESDAY, "Europe/Berlin") == "2013-07-10T22:00:00Z"


def test_an_hour_that_the_clock_skips_comes_later() -> None:
    """On 31 March 2013 Berlin's clock goes from 02:00 to 03:00 at 01:00 UTC: half past two is half past three."""
    assert after(Timing(start=9000), "2013-03-30T12:00:00Z", "Europe/Berlin") == "2013-03-31T01:30:00Z"


def test_an_hour_that_comes_twice_runs_once() -> None:
    """On 27 October 2013 it is half past two in Berlin at 00:30 and at 01:30 UTC."""
    first = "2013-10-27T00:30:00Z"
    assert after(Timing(start=9000), "2013-10-26T12:00:00Z", "Europe/Berlin") == first
    assert after(Timing(start=9000), first, "Europe/Berlin") == "2013-10-28T01:30:00Z"
