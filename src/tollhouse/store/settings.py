"""How large and how old things in the store may grow."""

from __future__ import annotations

import msgspec

from tollhouse.values.instants import MINUTE, Duration


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Defaults suit a server; tests make everything small."""

    checkpoint_entries: int = 200_000
    """A checkpoint is due when the journal holds so many entries and records."""
    checkpoint_age: Duration = MINUTE
    """... or when its oldest batch is so old (microseconds)."""
    segment_bytes: int = 64 * 2**20
    """Preallocated size of a journal segment. Two exist at rest: the one in use and the spare."""
    slice_entries: int = 256
    """Entries that one step of a checkpoint carries, in one commit."""
    record_retention_days: int = 400
    """Record days older than this may be dropped; 0: none ever."""
