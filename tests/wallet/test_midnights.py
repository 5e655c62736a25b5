"""Midnights of zones: the requirement's own instants, and days on which the clock skips or repeats midnight."""

from __future__ import annotations

import msgspec
import pytest

from tollhouse.snapshot.accounts import Period
from tollhouse.snapshot.rules import Edge, ExpiryRules
from tollhouse.values.instants import DAY, LAST, format_instant, parse_instant
from tollhouse.wallet.midnights import (
    around,
    at_midnight,
    expiry_of,
    known_zone,
    period_end,
    removal_of,
)

VLADIVOSTOK = ExpiryRules(expire_at_midnight_zone="Asia/Vladivostok")
CREATED = parse_instant("2006-09-05T14:00:00+11:00")


def midnight_of(raw: str, zone: str, edge: Edge = Edge.START) -> str:
    return format_instant(at_midnight(parse_instant(raw), zone, edge))


def test_case_77_the_midnight_that_begins_the_last_day() -> None:
    assert expiry_of(CREATED + 24 * DAY, VLADIVOSTOK) == parse_instant("2006-09-28T13:00:00Z")


def test_case_78_without_a_zone_the_very_instant() -> None:
    assert expiry_of(CREATED + 24 * DAY, ExpiryRules()) == parse_instant("2006-09-29T03:00:00Z")


def test_case_79_the_midnight_that_ends_the_last_day() -> None:
    rules = msgspec.structs.replace(VLADIVOSTOK, expire_midnight_edge=Edge.END)
    assert expiry_of(CREATED + 24 * DAY, rules) == parse_instant("2006-09-29T13:00:00Z")


@pytest.mark.parametrize(
    ("raw", "edge", "expected"),
    [
        ("2026-05-10T23:59:59.999999Z", Edge.START, "2026-05-10T00:00:00Z"),
        ("2026-05-11T00:00:00Z", Edge.START, "2026-05-11T00:00:00Z"),
        ("2026-05-11T00:00:00.000001Z", Edge.START, "2026-05-11T00:00:00Z"),
        ("2026-05-10T23:59:59.999999Z", Edge.END, "2026-05-11T00:00:00Z"),
        ("2026-05-11T00:00:00Z", Edge.END, "2026-05-11T00:00:00Z"),  # no day more, however often it is applied
        ("2026-05-11T00:00:00.000001Z", Edge.END, "2026-05-12T00:00:00Z"),
    ],
)
def test_to_the_microsecond(raw: str, edge: Edge, expected: str) -> None:
    assert midnight_of(raw, "UTC", edge) == expected


@pytest.mark.parametrize("edge", list(Edge))
def test_never_stays_never_and_what_is_beyond_the_calendar_stays(edge: Edge) -> None:
    rules = ExpiryRules(expire_at_midnight_zone="Asia/Vladivostok", expire_midnight_edge=edge)
    assert expiry_of(0, rules) == 0
    assert expiry_of(LAST + 5, rules) == LAST + 5
    assert expiry_of(2**62, rules) == 2**62


def test_case_80_a_periodic_charge_is_due_when_the_day_of_its_date_begins() -> None:
    """2026-06-15T20:00Z is 16 June 08:00 in New Zealand, twelve hours ahead."""
    assert midnight_of("2026-06-15T20:00:00Z", "NZ") == "2026-06-15T12:00:00Z"


@pytest.mark.parametrize(
    ("zone", "trigger", "expected"),
    [
        ("GMT0", "2026-05-10T15:00:00Z", "2026-05-11T00:00:00Z"),
        ("GMT0", "2026-05-10T23:59:59.999999Z", "2026-05-11T00:00:00Z"),
        ("GMT0", "2026-05-11T00:00:00Z", "2026-05-12T00:00:00Z"),  # the midnight after it, not the one that it is
        ("Asia/Tokyo", "2026-05-10T15:00:00Z", "2026-05-11T15:00:00Z"),  # 11 May 00:00 in Tokyo: the next one
        ("Asia/Tokyo", "2026-05-10T14:59:59Z", "2026-05-10T15:00:00Z"),
        ("", "2026-05-10T15:00:00Z", "2026-05-10T15:00:00Z"),
    ],
)
def test_case_81_removal_waits_for_the_next_midnight(zone: str, trigger: str, expected: str) -> None:
    rules = ExpiryRules(remove_at_midnight_zone=zone)
    assert format_instant(removal_of(parse_instant(trigger), rules)) == expected


@pytest.mark.parametrize(
    ("zone", "period", "spent", "expected"),
    [
        ("Asia/Tokyo", Period.DAILY, "2026-05-10T16:00:00Z", "2026-05-11T15:00:00Z"),  # 11 May 01:00 in Tokyo
        ("", Period.DAILY, "2026-05-10T16:00:00Z", "2026-05-11T00:00:00Z"),
        ("", Period.DAILY, "2026-05-10T23:59:59.999999Z", "2026-05-11T00:00:00Z"),
        ("", Period.DAILY, "2026-05-11T00:00:00Z", "2026-05-12T00:00:00Z"),
        # 10 May 2026 is a Sunday.
        ("", Period.WEEKLY, "2026-05-10T23:59:59.999999Z", "2026-05-11T00:00:00Z"),
        ("", Period.WEEKLY, "2026-05-11T00:00:00Z", "2026-05-18T00:00:00Z"),
        ("Asia/Tokyo", Period.WEEKLY, "2026-05-10T15:00:00Z", "2026-05-17T15:00:00Z"),  # Monday 00:00 in Tokyo
        ("Asia/Tokyo", Period.WEEKLY, "2026-05-10T14:59:59Z", "2026-05-10T15:00:00Z"),
        ("", Period.MONTHLY, "2026-01-31T23:59:59.999999Z", "2026-02-01T00:00:00Z"),
        ("", Period.MONTHLY, "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("", Period.MONTHLY, "2028-02-29T12:00:00Z", "2028-03-01T00:00:00Z"),
        ("", Period.MONTHLY, "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("Europe/Berlin", Period.MONTHLY, "2026-03-15T00:00:00Z", "2026-03-31T22:00:00Z"),  # summer time by then
        ("", Period.YEARLY, "2026-12-31T23:59:59.999999Z", "2027-01-01T00:00:00Z"),
        ("", Period.YEARLY, "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"),
        ("Asia/Tokyo", Period.YEARLY, "2026-12-31T15:00:00Z", "2027-12-31T15:00:00Z"),
    ],
)
def test_case_82_spending_begins_anew_at_midnight(zone: str, period: Period, spent: str, expected: str) -> None:
    rules = ExpiryRules(expenditure_midnight_zone=zone)
    assert format_instant(period_end(period, parse_instant(spent), rules)) == expected


@pytest.mark.parametrize("name", ["", "Nowhere", "Europe", "../etc/passwd", "/etc/localtime", "a\0b", "x" * 300])
def test_no_zone(name: str) -> None:
    assert not known_zone(name)


def test_case_84_a_midnight_that_does_not_exist_is_the_first_instant_of_its_day() -> None:
    """On 4 November 2018 Sao Paulo's clock went from 00:00 to 01:00, from three hours behind to two."""
    for raw, edge in (("2018-11-04T12:00:00Z", Edge.START), ("2018-11-03T12:00:00Z", Edge.END)):
        assert midnight_of(raw, "America/Sao_Paulo", edge) == "2018-11-04T03:00:00Z"
    assert midnight_of("2018-11-04T02:59:59.999999Z", "America/Sao_Paulo") == "2018-11-03T03:00:00Z"
    assert midnight_of("2018-11-05T12:00:00Z", "America/Sao_Paulo") == "2018-11-05T02:00:00Z"


def test_a_midnight_that_comes_twice_counts_the_first_time() -> None:
    """On 1 November 2026 Havana's clock goes from 01:00 back to 00:00, from four hours behind to five."""
    assert midnight_of("2026-11-01T04:30:00Z", "America/Havana") == "2026-11-01T04:00:00Z"
    assert midnight_of("2026-11-01T05:30:00Z", "America/Havana") == "2026-11-01T04:00:00Z"
    assert midnight_of("2026-10-31T12:00:00Z", "America/Havana", Edge.END) == "2026-11-01T04:00:00Z"


def test_a_clock_that_goes_back_over_midnight() -> None:
    """On 7 November 2010 at 00:01 St. John's clock went back to 23:01 of the day before, 2:30 behind to 3:30."""
    first = parse_instant("2010-11-07T02:30:00Z")
    for minutes in (0, 1, 30, 60, 600):
        last, following = around("America/St_Johns", first + minutes * 60_000_000)
        assert (format_instant(last), format_instant(following)) == ("2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z")
    assert around("America/St_Johns", first - 1)[1] == first


def test_a_day_that_was_left_out() -> None:
    """Samoa had no 30 December 2011: after the 29th, ten hours behind, came the 31st, fourteen ahead."""
    last, following = around("Pacific/Apia", parse_instant("2011-12-30T10:00:00Z"))
    assert (format_instant(last), format_instant(following)) == ("2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z")
    assert around("Pacific/Apia", parse_instant("2011-12-30T09:59:59Z"))[1] == last


@pytest.mark.parametrize("zone", ["UTC", "America/St_Johns", "Pacific/Apia", "Africa/Cairo", "Asia/Kathmandu"])
def test_a_midnight_is_never_later_than_what_it_begins_nor_earlier_than_what_it_ends(zone: str) -> None:
    """Every 17 hours of two years; a midnight that is found is its own midnight by both edges."""
    start = parse_instant("2010-06-01T00:00:00Z")
    for step in range(1030):
        at = start + step * 17 * DAY // 24
        last, following = around(zone, at)
        assert last <= at < following <= last + 2 * DAY
        for one in (last, following):
            assert at_midnight(one, zone, Edge.START) == one == at_midnight(one, zone, Edge.END)
