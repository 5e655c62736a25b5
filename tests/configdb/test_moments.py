"""Points in time as CGRateS writes them (requirement cgrates 2.8), read at 2026-01-31T10:00:00Z."""

from __future__ import annotations

import pytest

from tollhouse.configdb.moments import activation, expiry, read_moment
from tollhouse.values.instants import format_instant, parse_instant

NOW = parse_instant("2026-01-31T10:00:00Z")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2014-01-14T00:00:00Z", "2014-01-14T00:00:00Z"),
        ("2014-01-14T01:00:00+01:00", "2014-01-14T00:00:00Z"),
        ("2014-01-14 00:00:00", "2014-01-14T00:00:00Z"),
        ("1389657600", "2014-01-14T00:00:00Z"),
        ("1389657600123", "2014-01-14T00:00:00.123000Z"),
        ("1389657600123456", "2014-01-14T00:00:00.123456Z"),
        ("1389657600123456000", "2014-01-14T00:00:00.123456Z"),
        ("20140114083000", "2014-01-14T08:30:00Z"),
        ("14.01.2014", "2014-01-14T00:00:00Z"),
        ("14.01.2014 08:30:00", "2014-01-14T08:30:00Z"),
        ("14/01/2014", "2014-01-14T00:00:00Z"),
        ("14/01/2014 08:30:00", "2014-01-14T08:30:00Z"),
        ("*now", "2026-01-31T10:00:00Z"),
        ("*asap", "2026-01-31T10:00:00Z"),
        ("+1h30m", "2026-01-31T11:30:00Z"),
        ("*daily", "2026-02-01T10:00:00Z"),
        ("*monthly", "2026-02-28T10:00:00Z"),
        ("*yearly", "2027-01-31T10:00:00Z"),
        ("*month_end", "2026-01-31T23:59:59Z"),
        ("*month_end+1h", "2026-02-01T00:59:59Z"),
        ("*mo+24h", "2026-03-01T10:00:00Z"),
    ],
)
def test_every_form(text: str, expected: str) -> None:
    assert format_instant(read_moment(text, NOW)) == expected


@pytest.mark.parametrize(
    "text", ["*hourly", "+", "+soon", "32.01.2014", "14.01/2014", "12345", "1389657600123456789", "*mo+1ns", "tomorrow"]
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"point in time|no duration|finer than a microsecond"):
        read_moment(text, NOW)


@pytest.mark.parametrize("text", ["", "*unlimited"])
def test_no_limit(text: str) -> None:
    assert (activation(text, NOW), expiry(text, NOW)) == (0, 0)


def test_relative_times_need_a_time() -> None:
    with pytest.raises(ValueError, match="counts from the time of the import"):
        read_moment("*now", None)
