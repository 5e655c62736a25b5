"""A tenant's parameters: names and texts to the typed values of `snapshot.rules`, by the structs' own annotations.

For the import that checks and the compiler that uses. Every function raises ValueError with a text for people.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Final, get_type_hints
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from tollhouse.snapshot.rules import DISCOUNT_RULES, Rules
from tollhouse.values.money import DECIMAL

DEFAULTS: Final = Rules()
STATES: Final = "ADFPST"
"""A wallet's states of life, by their letters (requirement oracle_vws 4.1)."""
YEAR: Final = 366 * 86_400
"""Seconds: no call is longer."""
RANGES: Final = {
    "reservation.longest_seconds": (1, YEAR),
    "reservation.tolerance_seconds": (0, YEAR),
    "reservation.greedy_below_seconds": (0, YEAR),
    "reservation.max_sessions": (1, 1_000_000),
    "event.reservation_milliseconds": (1, YEAR * 1000),
    "event.reservation_tolerance_seconds": (0, YEAR),
    "session.setup_seconds": (1, 86_400),
    "session.validity_seconds": (60, YEAR),
    "wallet.reservations_per_page": (1, 1000),
    "wallet.utc_offset_hours": (-12, 14),
    "record.bucket_level_costs_limit": (0, 1_000_000),
}
"""What a number may be where it is set; any other from 0 to 10^9. A default may be outside: it stands for `not set`."""
_CHOICES: Final = {
    "session.on_silence": ("reported", "granted", "nothing"),
    "session.on_overrun": ("debt", "cap"),
}
"""What the engine's settings of the same names may be."""
_OF_CLIENTS: Final = {
    "session.on_silence_of_clients": "session.on_silence",
    "session.tolerance_seconds_of_clients": "reservation.tolerance_seconds",
}
"""What is said of single clients, as `client=value`, and of which parameter that is a value."""
_ANY_NUMBER: Final = (0, 10**9)
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_TYPES: Final[dict[str, Any]] = {
    f"{group}.{field}": kind
    for group, struct in get_type_hints(Rules).items()
    for field, kind in get_type_hints(struct).items()
}
"""Every parameter's name, `group.field`, and its type."""
NAMES: Final = tuple(_TYPES)


def read_rule(name: str, text: str) -> object:
    """The value of the parameter, of its type and within its range."""
    kind = type_of(name)
    if kind is bool:
        return _boolean(text)
    if kind is int:
        return _number(text, *RANGES.get(name, _ANY_NUMBER))
    if isinstance(kind, type) and issubclass(kind, enum.StrEnum):
        return kind(_one_of(text, list(kind)))
    if name in _OF_CLIENTS:
        return tuple([_pair(one, _OF_CLIENTS[name]) for one in text.split(",")]) if text else ()
    if kind is not str:
        return tuple(text.split(",")) if text else ()
    if name.endswith("_zone"):
        return zone(text) if text else ""
    if name == "reservation.discount_rule":
        return _one_of(text, DISCOUNT_RULES)
    if name in _CHOICES:
        return _one_of(text, _CHOICES[name])
    if name == "expiry.wallet_states":
        return _states(text)
    if name == "adjust.adjustment_needs_approval_above":
        return _decimal(text)
    return text


def type_of(name: str) -> Any:
    """What the parameter's values are: bool, int, str, an enum or a tuple of texts."""
    if name not in _TYPES:
        near = get_close_matches(name, _TYPES, 1)
        raise ValueError(f"there is no parameter {name!r}" + (f"; is it {near[0]}?" if near else ""))
    return _TYPES[name]


def make_rules(values: Iterable[tuple[str, object]]) -> Rules:
    """The defaults with these (name, value as `read_rule` gives it)."""
    groups: dict[str, dict[str, Any]] = {}
    for name, value in values:
        group, _, field = name.partition(".")
        groups.setdefault(group, {})[field] = value
    return replace(DEFAULTS, **{name: replace(getattr(DEFAULTS, name), **own) for name, own in groups.items()})


def zone(name: str) -> str:
    """The name, where it is that of a time zone (IANA)."""
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise ValueError(f"there is no time zone {name!r}") from None
    return name


def _boolean(text: str) -> bool:
    return _one_of(text, ("true", "false")) == "true"


def _number(text: str, low: int, high: int) -> int:
    if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
        raise ValueError(f"{text[:40]!r} is no whole number between {low} and {high}")
    return int(text)


def _decimal(text: str) -> str:
    if text and not (DECIMAL.fullmatch(text) and text[0] not in "+-"):
        raise ValueError(f"{text[:40]!r} is no decimal number >= 0, such as 100.00")
    return text


def _states(text: str) -> str:
    if not text or len(text) > len(STATES) or not set(text) <= set(STATES):
        raise ValueError(f"{text[:40]!r} is not some of the letters {STATES}")
    return text


def _pair(text: str, name: str) -> str:
    """`client=value`, where the value is one of that parameter."""
    client, _, value = text.strip().rpartition("=")
    if not client:
        raise ValueError(f"{text[:40]!r} is no client=value")
    read_rule(name, value)
    return f"{client}={value}"


def _one_of(text: str, allowed: Iterable[str]) -> str:
    if text not in allowed:
        raise ValueError(f"{text[:40]!r} is not one of {', '.join(allowed)}")
    return text
