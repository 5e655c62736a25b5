"""What stands in a cell of a tariff: text to exact integers, for the import that checks and the compiler that uses.

Every function raises ValueError with a text for people. Source: CGRateS CSV columns, v0.10.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import Final

import msgspec
from msgspec.structs import replace

from tollhouse.configdb.rows import RateRow, TimingRow
from tollhouse.snapshot.tariff import Rounding, Slot
from tollhouse.values.commands import Service
from tollhouse.values.instants import SECOND, Instant, from_datetime, parse_instant
from tollhouse.values.uses import Timing

ANY: Final = "*any"
ASAP: Final = "*asap"
ROUNDINGS: Final = {"*up": Rounding.UP, "*down": Rounding.DOWN, "*middle": Rounding.MIDDLE}
FALLBACKS: Final = 8
STRATEGIES: Final = ("", "*free", "*disconnect")

_DECIMAL: Final = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,12}))?")
_DURATION: Final = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,9}))?(ns|us|µs|ms|s|m|h)")
_NANOSECONDS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])")
PREFIX: Final = re.compile(r"[0-9+*#]{1,64}")
_LARGEST: Final = 2**62


def places(text: str) -> int:
    """How many decimals the number needs: `0.40` needs 1."""
    return len(_decimal(text)[1].rstrip("0"))


def scaled(text: str, scale: int) -> int:
    """A decimal number, zero or more, as an integer over 10^scale, exactly."""
    whole, fraction = _decimal(text)
    fraction = fraction.rstrip("0")
    if len(fraction) > scale:
        raise ValueError(f"{text!r} has more than {scale} decimals")
    value = int(whole + fraction.ljust(scale, "0"))
    if value > _LARGEST:
        raise ValueError(f"{text!r} is too large")
    return value


def canonical(text: str) -> str:
    """The one way to write this decimal number: `010.50` is `10.5`."""
    whole, fraction = _decimal(text)
    fraction = fraction.rstrip("0")
    return str(int(whole)) + (f".{fraction}" if fraction else "")


def usage(text: str, service: Service) -> int:
    """Microseconds for voice, else units. `60s`, `1m30s`; a bare number is nanoseconds of voice, or units."""
    nanoseconds = duration(text)
    if service is not Service.VOICE:
        return nanoseconds
    microseconds, rest = divmod(nanoseconds, 1000)
    if rest:
        raise ValueError(f"{text!r} is no whole number of microseconds (a bare number is nanoseconds: write `60s`)")
    return microseconds


def duration(text: str) -> int:
    """A Go duration in nanoseconds; a bare whole number is nanoseconds."""
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    total, end = 0, 0
    for match in _DURATION.finditer(text):
        if match.start() != end:
            break
        whole, fraction, unit = match.groups()
        digits = (fraction or "").rstrip("0")
        part, rest = divmod(int(whole + digits) * _NANOSECONDS[unit], 10 ** len(digits))
        if rest:
            raise ValueError(f"{text!r} is finer than a nanosecond")
        total, end = total + part, match.end()
    if not text or end != len(text):
        raise ValueError(f"{text!r} is no duration (such as 60s, 1m30s)")
    if total > _LARGEST:
        raise ValueError(f"{text!r} is too long")
    return total


def choices(text: str, low: int, high: int) -> tuple[int, ...]:
    """Whole numbers separated by `;`, sorted; empty or `*any` = unrestricted."""
    if text in ("", ANY):
        return ()
    numbers = set()
    for part in text.split(";"):
        if not (part.isascii() and part.isdigit() and len(part) <= 4 and low <= int(part) <= high):
            raise ValueError(f"{part!r} is not between {low} and {high}")
        numbers.add(int(part))
    return tuple(sorted(numbers))


def subjects(text: str) -> tuple[str, ...]:
    """Fallback subjects separated by `;`. Each may have its own: more than a few would make a walk of millions."""
    found = tuple(text.split(";")) if text else ()
    if len(found) > FALLBACKS or not all(1 <= len(one.encode("utf-8", "surrogatepass")) <= 128 for one in found):
        raise ValueError(f"{text[:80]!r} is not at most {FALLBACKS} subjects of 1 to 128 octets")
    return found


def week_days(text: str) -> tuple[int, ...]:
    """1 = Monday .. 7 = Sunday; 0 is Sunday too."""
    return tuple(sorted({day or 7 for day in choices(text, 0, 7)}))


def clock(text: str) -> int:
    """`08:00:00` in seconds into the day; of `start;end` the start, for rates end where the next begins."""
    parts = [_CLOCK.fullmatch(part) for part in text.split(";")]
    first = parts[0]
    if first is None or None in parts or len(parts) > 2:
        raise ValueError(f"{text!r} is no time of day (such as 08:00:00)")
    hours, minutes, seconds = map(int, first.groups())
    return hours * 3600 + minutes * 60 + seconds


def moment(text: str) -> Instant:
    """An instant: ISO 8601, `2014-01-14 00:00:00`, seconds since 1970, or `yyyymmddhhmmss`; no zone = UTC."""
    try:
        if text.isascii() and text.isdigit():
            if len(text) == 14:
                return from_datetime(datetime.strptime(text + "+0000", "%Y%m%d%H%M%S%z"))
            if len(text) == 10:
                return int(text) * SECOND
            raise ValueError
        return parse_instant(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no point in time (such as 2014-01-14T00:00:00Z)") from None


def prefix(text: str) -> str:
    """A prefix of numbers, as they are dialled: 1 to 64 of the digits and `+ * #`."""
    if not PREFIX.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is no prefix: 1 to 64 digits (or + * #)")
    return text


TIMING_COLUMNS: Final[Mapping[str, Callable[[str], object]]] = {
    "years": partial(choices, low=1970, high=9999),
    "months": partial(choices, low=1, high=12),
    "month_days": partial(choices, low=1, high=31),
    "week_days": week_days,
    "time": clock,
}
"""How each column of a rate's timing is read."""


def read_timing(row: TimingRow) -> Timing:
    """A timing of a rate; ValueError."""
    return Timing(
        choices(row.years, 1970, 9999),
        choices(row.months, 1, 12),
        choices(row.month_days, 1, 31),
        week_days(row.week_days),
        clock(row.time),
    )


class SlotFault(msgspec.Struct, frozen=True, gc=False):
    """What is wrong with a slot: which of the rate's rows, and which of its fields."""

    row: int
    field: str
    text: str


def slot_faults(rows: Sequence[RateRow], service: Service) -> list[SlotFault]:
    """All that is wrong with the slots of one rate, where they price this service."""
    scale = _scale(rows)
    faults = []
    for index, row in enumerate(rows):
        for field in ("connect_fee", "rate"):
            faults += _fault(index, field, partial(scaled, scale=scale), getattr(row, field))
        faults += _fault(index, "slot_start", partial(usage, service=service), row.slot_start)
        for field in ("rate_unit", "rate_increment"):
            faults += _fault(index, field, partial(_step, service=service), getattr(row, field))
    return faults or _order_faults(_parsed(rows, service))


def read_slots(rows: Sequence[RateRow], service: Service) -> tuple[Slot, ...]:
    """A rate's slots, sorted, with one scale for all; the earliest reaches back to 0, and its fee is the rate's.

    A unit or increment of zero stands for a second of voice (CGRateS), and is refused for other services.
    ValueError where there are `slot_faults`.
    """
    slots = _parsed(rows, service)
    if faults := _order_faults(slots):
        raise ValueError(faults[0].text)
    first, *others = sorted(slots, key=lambda slot: slot.start)
    return (replace(first, start=0), *(replace(slot, fee=0) for slot in others))


def _parsed(rows: Sequence[RateRow], service: Service) -> list[Slot]:
    scale = _scale(rows)
    slots = []
    for row in rows:
        start = usage(row.slot_start, service)
        fee = scaled(row.connect_fee, scale)
        unit, increment = _step(row.rate_unit, service), _step(row.rate_increment, service)
        slots.append(Slot(start, fee, scaled(row.rate, scale), scale, unit, increment))
    return slots


def _order_faults(slots: Sequence[Slot]) -> list[SlotFault]:
    order = sorted(range(len(slots)), key=lambda index: slots[index].start)
    faults = []
    for before, index in pairwise(order):
        if slots[index].start == slots[before].start:
            faults.append(SlotFault(index, "slot_start", "two slots of this rate start at the same age"))
    return faults


def _fault(index: int, field: str, read: Callable[[str], int], text: str) -> list[SlotFault]:
    try:
        read(text)
    except ValueError as trouble:
        return [SlotFault(index, field, str(trouble))]
    return []


def _step(text: str, service: Service) -> int:
    step = usage(text, service)
    if step:
        return step
    if service is Service.VOICE:
        return SECOND
    raise ValueError(f"{text!r}: a unit or increment of zero means a second, which only voice has")


def _scale(rows: Sequence[RateRow]) -> int:
    """The decimals that the finest of the rate's numbers needs; what is no number needs none."""
    scale = 0
    for row in rows:
        for text in (row.connect_fee, row.rate):
            with suppress(ValueError):
                scale = max(scale, places(text))
    return scale


def _decimal(text: str) -> tuple[str, str]:
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a decimal number of zero or more")
    return match.group(1), match.group(2) or ""
