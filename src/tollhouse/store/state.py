"""The state: every entity's image as of a journal position, its index rows, and the event records behind it.

`State` is what the store needs of it, `lmdb_state.LmdbState` the real one. What a commit changes is decided here, by
one pure function, so that every implementation keeps the same rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from tollhouse.store.interface import Entry, RecordEntry
from tollhouse.values.instants import Instant


class Row(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An entity in the state. `births[i]` is the number of the batch that first named `finds[i]`.

    Fields are only ever appended.
    """

    number: int
    births: tuple[int, ...]
    finds: tuple[bytes, ...]
    due: Instant
    image: bytes


class Change(msgspec.Struct, frozen=True, gc=False):
    """A newer image on its way into the state, with its journal number and the births of its index keys."""

    number: int
    births: tuple[int, ...]
    entry: Entry


class Reached(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How far the state has come: the last journal number it holds, and the engine time of that batch."""

    number: int
    engine_time: Instant


class NumberedRecord(msgspec.Struct, frozen=True, gc=False):
    """An event record with its place in the journal and its day (`2026-11-23`, UTC, of the batch's engine time)."""

    number: int
    index: int
    day: str
    record: RecordEntry


class Edit(msgspec.Struct, frozen=True, gc=False):
    """What one change does: the new row (None: gone), and index rows that go or come (dues of 0: none)."""

    row: Row | None
    dropped_finds: tuple[tuple[bytes, int], ...] = ()
    added_finds: tuple[tuple[bytes, int], ...] = ()
    dropped_due: Instant = 0
    added_due: Instant = 0


class DueRow(msgspec.Struct, frozen=True, gc=False, order=True):
    """An entity that wants to be looked at, in the order of the due index."""

    due: Instant
    kind: int
    key: bytes


NOTHING_REACHED = Reached(0, 0)


def edit(old: Row | None, change: Change, reached: Reached) -> Edit | None:
    """From old and new image to row and index rows (rule 4); None where the state is as new or newer (rule 1).

    A deletion leaves no row that carries a number: what the state has reached stands in for it.
    """
    if change.number <= reached.number or (old is not None and old.number >= change.number):
        return None
    entry = change.entry
    old_finds = dict(zip(old.finds, old.births, strict=True)) if old is not None else {}
    old_due = old.due if old is not None else 0
    if entry.image is None:
        return Edit(None, dropped_finds=tuple(old_finds.items()), dropped_due=old_due)
    new_finds = {name: old_finds.get(name, birth) for name, birth in zip(entry.finds, change.births, strict=True)}
    same_due = entry.due == old_due
    return Edit(
        Row(change.number, tuple(new_finds.values()), tuple(new_finds), entry.due, entry.image),
        dropped_finds=tuple(item for item in old_finds.items() if item[0] not in new_finds),
        added_finds=tuple(item for item in new_finds.items() if item[0] not in old_finds),
        dropped_due=0 if same_due else old_due,
        added_due=0 if same_due else entry.due,
    )


class State(Protocol):
    """The state of one store. Each call is one transaction, none outlives it; OSError or lmdb.Error on trouble."""

    def open(self) -> None:
        """Open what is on disk, making it where it is missing. Raises FormatError."""

    def store_id(self) -> bytes | None:
        """Whose state it is; None in a fresh one."""

    def adopt(self, store_id: bytes) -> None:
        """Give a fresh state its store."""

    def reached(self) -> Reached:
        """How far the state has come."""

    def get(self, kind: int, key: bytes) -> Row | None:
        """The entity's row."""

    def scan(self, kind: int, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """(key, image) of the kind with key > `after`, in key order, at most `limit`."""

    def find(self, index_key: bytes) -> list[tuple[int, bytes]]:
        """Entities (kind, key) whose row names the index key, by birth."""

    def due(self, after: DueRow | None, upto: Instant, limit: int) -> list[DueRow]:
        """Entities due at or before `upto` behind the row `after`, earliest first, at most `limit`."""

    def apply(self, changes: Sequence[Change], reached: Reached | None) -> None:
        """Commit a slice durably, index rows included; `reached` comes with a checkpoint's last slice."""

    def write_records(self, records: Sequence[NumberedRecord]) -> None:
        """Put records into their day's file, durably. Written twice is written once (rule 5)."""

    def records(self, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        """The wallet's records with a sequence > `after`, in order, at most `limit`, over all days that can be read."""

    def days(self) -> list[str]:
        """Days with a record file, oldest first."""

    def day_wallets(self, day: str, after: str, limit: int) -> list[tuple[str, int]]:
        """Wallets > `after` with records on the day, each with its highest sequence there. UnreadableDayError."""

    def day_records(self, day: str, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        """The wallet's records of the day with a sequence > `after`, at most `limit`. UnreadableDayError."""

    def unreadable(self, day: str) -> str:
        """Why the day's file cannot be read; empty: it can."""

    def drop_day(self, day: str) -> None:
        """Take the day's file away, durably; one that is missing is no trouble."""

    def free_dropped(self) -> bool:
        """Give back a piece of the disk of dropped days; False where nothing is left of them."""

    def reader_check(self) -> int:
        """Clear reader slots that dead processes left; how many there were."""

    def close(self) -> None:
        """Close everything."""
