"""What an operator may set for the RADIUS ports."""

from __future__ import annotations

import msgspec

from tollhouse.values.instants import SECOND, Duration


class RadiusSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Durations in microseconds.

    `patience`: how long a client waits for an answer before it gives up or resends; older requests are not decided.
    `duplicate_*`: how long, how many, and how many octets of answers are kept for duplicates, at each port.
    """

    patience: Duration = 5 * SECOND
    duplicate_lifetime: Duration = 30 * SECOND
    duplicate_entries: int = 131_072
    duplicate_octets: int = 64 * 1024 * 1024
