"""Points in time as CGRateS's files write them (requirement cgrates 2.8), relative ones counted from a `now`.

Every function raises ValueError with a text for people.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import datetime, timedelta
from typing import Final

from tollhouse.configdb.tariff_values import duration, moment
from tollhouse.values.instants import DAY, LAST, Instant, from_datetime, to_datetime

ALWAYS: Final = ("", "*unlimited", "0001-01-01T00:00:00Z")
"""The last is how CGRateS itself writes that there is no time."""
_SCALES: Final = {10: 1_000_000, 13: 1_000, 16: 1}
_DAYS_FIRST: Final = re.compile(r"([0-9]{2})([./])([0-9]{2})\2([0-9]{4})(?: ([0-9]{2}:[0-9]{2}:[0-9]{2}))?")


def activation(text: str, now: Instant | None) -> Instant:
    """From when on a price is in force; empty or `*unlimited` = always, which is 1970-01-01."""
    return 0 if text in ALWAYS else read_moment(text, now)


def expiry(text: str, now: Instant | None) -> Instant:
    """Until when money is good; empty or `*unlimited` = for ever, which is 0."""
    return 0 if text in ALWAYS else read_moment(text, now)


def is_relative(text: str) -> bool:
    """Whether the text means another time at each import."""
    return text.startswith(("*", "+")) and text not in ALWAYS


def read_moment(text: str, now: Instant | None) -> Instant:
    """The instant that the text means when it is read at `now`; None = nobody knows the time, and none is counted."""
    try:
        if is_relative(text):
            if now is None:
                raise ValueError(f"{text!r} counts from the time of the import, and that is not known")
            found = _relative(text, now)
        else:
            found = _absolute(text)
    except OverflowError:
        found = LAST + 1
    if not 0 <= found <= LAST:
        raise ValueError(f"{text!r} is not between the years 1970 and 9998")
    return found


def _absolute(text: str) -> Instant:
    if text.isascii() and text.isdigit():
        if len(text) == 19:
            microseconds, rest = divmod(int(text), 1000)
            if rest:
                raise ValueError(f"{text!r} is finer than a microsecond")
            return microseconds
        if len(text) in _SCALES:
            return int(text) * _SCALES[len(text)]
        return moment(text)
    if match := _DAYS_FIRST.fullmatch(text):
        day, _, month, year, clock = match.groups()
        return moment(f"{year}-{month}-{day} {clock or '00:00:00'}")
    return moment(text)


def _relative(text: str, now: Instant) -> Instant:
    if text in ("*now", "*asap"):
        return now
    if text == "*daily":
        return now + DAY
    if text == "*monthly":
        return _months_on(now, 1)
    if text == "*yearly":
        return _months_on(now, 12)
    for head, begin in (("+", now), ("*mo+", _months_on(now, 1)), ("*month_end+", _month_end(now))):
        if text.startswith(head):
            return begin + _span(text[len(head) :])
    if text == "*month_end":
        return _month_end(now)
    raise ValueError(f"{text!r} is no point in time (such as 2014-01-14T00:00:00Z, *now, +24h, *monthly)")


def _span(text: str) -> int:
    microseconds, rest = divmod(duration(text), 1000)
    if rest:
        raise ValueError(f"{text!r} is finer than a microsecond")
    return microseconds


def _months_on(now: Instant, months: int) -> Instant:
    """The same day and time so many months later, or the month's last day where it is shorter."""
    begin = to_datetime(now)
    year, month = divmod(begin.year * 12 + begin.month - 1 + months, 12)
    day = min(begin.day, monthrange(year, month + 1)[1])
    return from_datetime(begin.replace(year=year, month=month + 1, day=day))


def _month_end(now: Instant) -> Instant:
    """The last whole second of the month."""
    begin: datetime = to_datetime(now).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return _months_on(from_datetime(begin), 1) - timedelta(seconds=1) // timedelta(microseconds=1)
