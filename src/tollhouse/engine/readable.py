"""What an audit reads: a store, or a store's disk with no engine running."""

from __future__ import annotations

from typing import Protocol

from tollhouse.store.interface import RecordEntry


class Readable(Protocol):
    """Pages of the newest images and of the records."""

    def load(self, kind: int, key: bytes) -> bytes | None:
        """The newest image of the entity."""

    def find(self, index_key: bytes) -> list[tuple[int, bytes]]:
        """Entities whose newest image names this index key."""

    def scan(self, kind: int, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """(key, newest image) with key > `after`."""

    def records(self, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        """The wallet's records with a sequence > `after`, of the days that can be read."""

    def days(self) -> list[str]:
        """Days that have a file of records."""

    def unreadable(self, day: str) -> str:
        """Why the day's records cannot be read; empty: they can."""

    def day_wallets(self, day: str, after: str, limit: int) -> list[tuple[str, int]]:
        """Wallets > `after` with records in the day's file. Raises UnreadableDayError."""

    @property
    def next_number(self) -> int:
        """Moves with everything that is written."""
