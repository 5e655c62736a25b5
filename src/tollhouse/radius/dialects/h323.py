"""The texts inside Cisco's voice attributes, which other vendors copied: read all forms, write the common one.

A value comes bare (`90`) or with its own name in front (`h323-credit-time=90`), in its own attribute or in a
Cisco-AVPair. Times look like `22:59:21.252 UTC Sun Sep 27 2020`, with a `*` or `.` in front where the clock was not
synchronised.
"""

from __future__ import annotations

import re
from typing import Final

from tollhouse.values.instants import DAY, HOUR, MINUTE, SECOND, Duration

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
TIME: Final = re.compile(
    r"(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))? (\S{1,12}) \w{3} (\w{3}) {1,2}(\d{1,2}) (\d{4})", re.ASCII
)


def bare(text: str, name: str) -> str:
    """The value without its own name in front."""
    head, equals, rest = text.partition("=")
    return rest.strip() if equals and head.strip().lower() == name else text.strip()


def elapsed(begin: str, end: str) -> Duration | None:
    """Microseconds between two times of one clock; None where they cannot be trusted to measure a call.

    That is: not in the form, not synchronised, of different zones, or the end before the beginning.
    """
    first, last = TIME.fullmatch(begin), TIME.fullmatch(end)
    if first is None or last is None or first[5] != last[5]:
        return None
    begun, ended = _instant(first), _instant(last)
    if begun is None or ended is None or ended < begun:
        return None
    return ended - begun


def _instant(match: re.Match[str]) -> Duration | None:
    """Microseconds since the year 0 of the clock's own calendar; only differences mean anything."""
    if match[6] not in MONTHS:
        return None
    month, day, year = MONTHS.index(match[6]) + 1, int(match[7]), int(match[8])
    hour, minute, second = int(match[1]), int(match[2]), int(match[3])
    if not 1 <= day <= 31 or hour > 23 or minute > 59 or second > 60:
        return None
    fraction = int((match[4] or "0").ljust(6, "0"))
    return _days(year, month, day) * DAY + hour * HOUR + minute * MINUTE + second * SECOND + fraction


def _days(year: int, month: int, day: int) -> int:
    """Days of the Gregorian calendar, counted with March as the first month so that leap days come last."""
    if month <= 2:
        year, month = year - 1, month + 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day
