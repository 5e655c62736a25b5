"""Instants and durations: integers, microseconds, UTC. `now` is always an argument, never read here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

Instant: TypeAlias = int
"""Microseconds since 1970-01-01T00:00:00Z. Zero means "not given" where a field may be left out."""

Duration: TypeAlias = int
"""Microseconds."""

MICROSECOND: Final = 1
SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
LAST: Final = 253_339_228_800 * SECOND
"""9998-01-01T00:00:00Z, the latest that a client may name: a year before the calendar ends."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def from_datetime(moment: datetime) -> Instant:
    """The instant of an aware datetime; a naive one is refused with ValueError."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone names no instant")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def to_datetime(instant: Instant) -> datetime:
    """The UTC datetime of an instant."""
    return _EPOCH + timedelta(microseconds=instant)


def parse_instant(text: str) -> Instant:
    """ISO 8601 (`2026-11-23T10:00:00Z`); a time without a zone is read as UTC. ValueError on anything else."""
    moment = datetime.fromisoformat(text)
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def format_instant(instant: Instant) -> str:
    """ISO 8601 in UTC with a `Z`; microseconds only where there are any."""
    return to_datetime(instant).isoformat().replace("+00:00", "Z")


def format_seconds(duration: Duration) -> str:
    """Seconds as an exact decimal string without trailing zeros: 1_500_000 -> `1.5`."""
    whole, rest = divmod(abs(duration), SECOND)
    sign = "-" if duration < 0 else ""
    return f"{sign}{whole}" if not rest else f"{sign}{whole}.{rest:06d}".rstrip("0")
