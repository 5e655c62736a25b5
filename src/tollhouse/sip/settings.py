"""What an operator may set about SIP."""

from __future__ import annotations

import msgspec

from tollhouse.values.instants import SECOND, Duration


class Settings(msgspec.Struct, frozen=True, gc=False):
    """Defaults serve a carrier's SBC.

    `patience`: how long after its arrival an INVITE is still worth deciding. `retry_after`: seconds, on each 503.
    `max_contacts` and `max_bytes` bound a 302 (1200 octets are never fragmented); the tail is cut, the rank kept.
    `aliases`: our own names and addresses, `host` or `host:port`, to which no call is redirected.
    `cache_entries` and `cache_bytes` bound the transactions kept for 32 s; the oldest go first.
    """

    patience: Duration = 4 * SECOND
    retry_after: int = 5
    max_contacts: int = 10
    max_bytes: int = 1200
    aliases: tuple[str, ...] = ()
    cache_entries: int = 200_000
    cache_bytes: int = 256 * 1024 * 1024
