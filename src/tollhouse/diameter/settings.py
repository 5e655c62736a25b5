"""What an operator sets for Diameter. Durations in microseconds."""

from __future__ import annotations

from typing import Final

import msgspec

from tollhouse.values.instants import MINUTE, SECOND, Duration

_MEBIBYTE: Final = 1 << 20


class DiameterSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who we are, whom we admit, and how long we wait.

    `origin_state_id` grows with every start (RFC 6733 8.16; seconds since the epoch will do).
    `hosts`, `realms`: further identities and realms that requests may be addressed to, beside our own.
    `peers`: Origin-Hosts admitted, `*.example.net` for all below a name; empty = all from trusted addresses.
    """

    origin_host: str
    origin_realm: str
    origin_state_id: int
    product: str = "Tollhouse"
    firmware: int = 1
    hosts: tuple[str, ...] = ()
    realms: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()

    capabilities_wait: Duration = 10 * SECOND
    """A connection without a CER is closed after so long."""
    watchdog: Duration = 30 * SECOND
    """Tw of RFC 3539 3.4.1: silence after which a DWR is sent; twice unanswered = down."""
    parting_wait: Duration = 2 * SECOND
    """How long a DPA, or the last answers before a DPR, are waited for."""
    answer_within: Duration = 4 * SECOND
    """A client stops waiting after Tx (RFC 8506 13: 10 s; in the field 4 or 5)."""

    remember_for: Duration = 10 * MINUTE
    remember_entries: int = 100_000
    remember_bytes: int = 64 * _MEBIBYTE
    """Bounds of the answers kept for repeated requests."""
    in_hand_limit: int = 1024
    """Requests of one connection that wait for the engine; beyond it the connection is not read."""
    message_limit: int = 65_536
