"""What a bucket may be used for: plain values that a command carries, a wallet keeps and the calendar reads."""

from __future__ import annotations

import msgspec


class Timing(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """When something begins: empty = unrestricted; week days 1 = Monday .. 7; `start` seconds into the day."""

    years: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    week_days: tuple[int, ...] = ()
    start: int = 0


class Use(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a bucket may pay for, and how. Every empty field leaves it free.

    `destinations`: tags of the tariff, `!TAG` excludes. `timings`: when it may begin to pay. `subject`: whose price
    its increments have (`*zero1m`: whole minutes for nothing). `factors`: service to how much of its usage one step
    pays. `blocker`: where it was used up, nothing behind it pays. `groups`: who else may use it.
    """

    destinations: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    timings: tuple[Timing, ...] = ()
    subject: str = ""
    factors: tuple[tuple[str, int], ...] = ()
    blocker: bool = False
    disabled: bool = False
    groups: tuple[str, ...] = ()
