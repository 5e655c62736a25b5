"""Midnights of a zone: when what expires "at midnight" ends, when removal is due, when a period of spending is over.

A midnight that the clock skips in spring comes as much later as the clock jumps (where it jumps at midnight: the first
valid instant), and one that it passes twice in autumn counts the first time (RFC 5545 3.3.5; requirement oracle_vws
case 84).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from tollhouse.snapshot.accounts import Period
from tollhouse.snapshot.rules import Edge, ExpiryRules
from tollhouse.values.instants import LAST, Instant, from_datetime, to_datetime

_ONE_DAY: Final = timedelta(days=1)


def known_zone(name: str) -> bool:
    """Whether there is a time zone of this name; an empty one is none."""
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        return False
    return True


def expiry_of(raw: Instant, rules: ExpiryRules) -> Instant:
    """The date of a bucket or wallet whose period ends at `raw` (0: never): ruling R1, cases 77-79.

    With a zone it is the midnight that begins the local day, or by edge `end` the one that ends it. A date that is a
    midnight stays what it is, so this may be applied again.
    """
    return at_midnight(raw, rules.expire_at_midnight_zone, rules.expire_midnight_edge)


def at_midnight(raw: Instant, zone: str, edge: Edge) -> Instant:
    """The zone's last midnight that is not after `raw`, or by edge `end` its first one that is not before (case 80).

    `raw` itself where it is 0, where no zone is named, and beyond the calendar.
    """
    if not zone or not 0 < raw <= LAST:
        return raw
    last, following = around(zone, raw)
    return last if edge is Edge.START or last == raw else following


def removal_of(trigger: Instant, rules: ExpiryRules) -> Instant:
    """When a wallet goes whose time as a terminated one ends at `trigger`: then, or at the next midnight (case 81)."""
    zone = rules.remove_at_midnight_zone
    return around(zone, trigger)[1] if zone and trigger <= LAST else trigger


def period_end(period: Period, at: Instant, rules: ExpiryRules) -> Instant:
    """When the period ends that holds the instant: the midnight after its last day in the expenditure's zone, else UTC
    (case 82)."""
    zone = rules.expenditure_midnight_zone or "UTC"
    following = around(zone, at)[1]
    return max(midnight(zone, _beginning(period, _local_date(zone, following))), following)


def around(zone: str, at: Instant) -> tuple[Instant, Instant]:
    """The zone's last midnight that is not after the instant, and its first one that is."""
    day = _local_date(zone, at)
    # Where the clock goes back over midnight, the next date's midnight has been already.
    near = [midnight(zone, day + _ONE_DAY * days) for days in (-1, 0, 1, 2)]
    return max(one for one in near if one <= at), min(one for one in near if one > at)


@lru_cache(maxsize=4096)
def midnight(zone: str, day: date) -> Instant:
    """When the zone's clock first reads 00:00 on this day."""
    return from_datetime(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)))


def _local_date(zone: str, at: Instant) -> date:
    return to_datetime(at).astimezone(ZoneInfo(zone)).date()


def _beginning(period: Period, day: date) -> date:
    """The first day from this one on with which a period begins."""
    if period is Period.WEEKLY:
        return day + _ONE_DAY * (-day.weekday() % 7)
    if period is Period.MONTHLY and day.day > 1:
        return (day.replace(day=1) + 31 * _ONE_DAY).replace(day=1)
    if period is Period.YEARLY and (day.month, day.day) > (1, 1):
        return date(day.year + 1, 1, 1)
    return day
