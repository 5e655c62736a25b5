"""Instants and durations as text and back."""

from __future__ import annotations

from datetime import datetime

import pytest

from tollhouse.values.instants import LAST, SECOND, format_instant, format_seconds, from_datetime, parse_instant


@pytest.mark.parametrize(
    ("text", "instant", "shown"),
    [
        ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
        ("2026-11-23T10:00:00Z", 1_795_428_000 * SECOND, "2026-11-23T10:00:00Z"),
        ("2026-11-23T10:00:00", 1_795_428_000 * SECOND, "2026-11-23T10:00:00Z"),
        ("2026-11-23T11:00:00+01:00", 1_795_428_000 * SECOND, "2026-11-23T10:00:00Z"),
        ("2026-11-23T10:00:00.000001Z", 1_795_428_000 * SECOND + 1, "2026-11-23T10:00:00.000001Z"),
        ("1969-12-31T23:59:59Z", -SECOND, "1969-12-31T23:59:59Z"),
        ("9998-01-01T00:00:00Z", LAST, "9998-01-01T00:00:00Z"),
    ],
)
def test_iso_8601(text: str, instant: int, shown: str) -> None:
    assert parse_instant(text) == instant
    assert format_instant(instant) == shown


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-11-23T25:00:00Z"])
def test_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_instant(text)


def test_a_time_without_a_zone_names_no_instant() -> None:
    with pytest.raises(ValueError, match="zone"):
        from_datetime(datetime(2026, 11, 23))


@pytest.mark.parametrize(
    ("duration", "text"),
    [(0, "0"), (85 * SECOND, "85"), (1_500_000, "1.5"), (-1, "-0.000001"), (2_000_001, "2.000001")],
)
def test_seconds(duration: int, text: str) -> None:
    assert format_seconds(duration) == text
