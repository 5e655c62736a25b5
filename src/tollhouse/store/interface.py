"""The store in four verbs: claim, load (with find and due), append, checkpoint. The engine knows only this page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NoReturn, Protocol

import msgspec

from tollhouse.values.instants import Instant


class Entry(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One entity's new image, or None: it is gone (a deletion is an image).

    `kind` 1..255 with `key` names the entity. `finds` are the index keys under which it is to be found; `due` is the
    instant at which it wants to be looked at (0 = never). The store keeps both indexes from old and new image.
    """

    kind: int
    key: bytes
    image: bytes | None
    finds: tuple[bytes, ...] = ()
    due: Instant = 0


class RecordEntry(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One event record: whose (a wallet's name), its number in that wallet's chain, when, and its encoded body."""

    wallet: str
    sequence: int
    at: Instant
    body: bytes


class Claimed(msgspec.Struct, frozen=True, gc=False):
    """What a start finds: who the store is, the last number given, the last engine time journalled."""

    store_id: bytes
    number: int
    engine_time: Instant
    recovered_batches: int
    recovered_entries: int


class Store(Protocol):
    """One writer, one directory. Trouble of any kind ends in `die`; nothing here is caught by callers."""

    def claim(self) -> Claimed:
        """Take the directory (flock), recover the journal over the state. A second holder: ClaimError."""

    def load(self, kind: int, key: bytes) -> bytes | None:
        """The newest appended image of the entity, or None."""

    def find(self, index_key: bytes) -> list[tuple[int, bytes]]:
        """Entities (kind, key) whose newest image names this index key, oldest first."""

    def due(self, upto: Instant, limit: int) -> list[tuple[int, bytes]]:
        """Entities whose newest image is due at or before `upto`, earliest first, at most `limit`."""

    def scan(self, kind: int, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """(key, newest image) of the kind with key > `after`, in key order, at most `limit`: tools page with it."""

    def records(self, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        """The wallet's records with a sequence > `after`, in order, at most `limit`, wherever they can be read."""

    def days(self) -> list[str]:
        """Days (`2026-11-23`, UTC) that have a file of records, oldest first."""

    def unreadable(self, day: str) -> str:
        """Why the day's records cannot be read, and `records` goes without them; empty: they can."""

    def day_wallets(self, day: str, after: str, limit: int) -> list[tuple[str, int]]:
        """Wallets with records in the day's file whose name comes after `after`, each with its highest sequence there.

        In order of name, at most `limit`. Raises UnreadableDayError.
        """

    def day_records(self, day: str, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        """The wallet's records in the day's file with a sequence > `after`, at most `limit`. UnreadableDayError."""

    def expired_days(self, now: Instant) -> list[str]:
        """Days past their retention, oldest first, all of whose records are in their file."""

    def drop_day(self, day: str, now: Instant) -> None:
        """Take a day's records away for good, durably. ValueError where it may still get some."""

    def free_dropped(self) -> bool:
        """Give back a piece of the disk of dropped days; False where nothing is left of them."""

    @property
    def next_number(self) -> int:
        """The number that the next append will have: max(journal end, state position) + 1."""

    def append(self, engine_time: Instant, entries: Sequence[Entry], records: Sequence[RecordEntry]) -> int:
        """Make one batch durable and return its number. When it returns, answers may leave."""

    def checkpoint_due(self, now: Instant) -> bool:
        """Whether the journal is long or old enough for a checkpoint."""

    def checkpoint(self, now: Instant) -> Iterator[None]:
        """Carry the journal into the state, a slice each step; the caller paces it, or exhausts it at a clean stop."""

    def free_bytes(self) -> int:
        """Free disk where the journal lies."""

    def close(self) -> None:
        """Give the directory back. Takes no checkpoint by itself."""


class Die(Protocol):
    """The end of the process on store trouble: says why, flushes, `os._exit`. In tests: raises."""

    def __call__(self, reason: str) -> NoReturn: ...
