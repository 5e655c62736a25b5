"""A store of dicts for the engine's own tests: durable as long as the object lives. The real one has its own tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tollhouse.store.errors import UnreadableDayError
from tollhouse.store.interface import Claimed, Entry, RecordEntry, Store
from tollhouse.store.records import day_of
from tollhouse.values.instants import DAY, Instant


class DictStore:
    """`free` is what `free_bytes` says; `batches` counts appends; `ruined`: days that cannot be read, and why."""

    def __init__(self) -> None:
        self.entries: dict[tuple[int, bytes], Entry] = {}
        self.chains: dict[str, list[RecordEntry]] = {}
        self.engine_time: Instant = 0
        self.batches = 0
        self.free = 1 << 40
        self.kept_days = 400
        self.ruined: dict[str, str] = {}

    def claim(self) -> Claimed:
        return Claimed(b"dict", self.batches, self.engine_time, 0, 0)

    def load(self, kind: int, key: bytes) -> bytes | None:
        entry = self.entries.get((kind, key))
        return entry.image if entry is not None else None

    def find(self, index_key: bytes) -> list[tuple[int, bytes]]:
        return [name for name, entry in self.entries.items() if index_key in entry.finds]

    def due(self, upto: Instant, limit: int) -> list[tuple[int, bytes]]:
        rows = sorted((entry.due, name) for name, entry in self.entries.items() if 0 < entry.due <= upto)
        return [name for _, name in rows[:limit]]

    def scan(self, kind: int, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        rows = sorted((key, entry.image) for (k, key), entry in self.entries.items() if k == kind and key > after)
        return [(key, image) for key, image in rows if image is not None][:limit]

    def records(self, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        chain = self.chains.get(wallet, ())
        return [one for one in chain if one.sequence > after and day_of(one.at) not in self.ruined][:limit]

    def days(self) -> list[str]:
        return sorted({day_of(record.at) for chain in self.chains.values() for record in chain})

    def unreadable(self, day: str) -> str:
        return self.ruined.get(day, "")

    def day_wallets(self, day: str, after: str, limit: int) -> list[tuple[str, int]]:
        if day in self.ruined:
            raise UnreadableDayError(self.ruined[day])
        heads = {
            name: max(record.sequence for record in chain if day_of(record.at) == day)
            for name, chain in sorted(self.chains.items())
            if name > after and any(day_of(record.at) == day for record in chain)
        }
        return list(heads.items())[:limit]

    def day_records(self, day: str, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        return [record for record in self.records(wallet, after, limit) if day_of(record.at) == day]

    def expired_days(self, now: Instant) -> list[str]:
        return [day for day in self.days() if day < day_of(now - self.kept_days * DAY)]

    def drop_day(self, day: str, now: Instant) -> None:
        for name, chain in self.chains.items():
            self.chains[name] = [record for record in chain if day_of(record.at) != day]

    def free_dropped(self) -> bool:
        return False

    @property
    def next_number(self) -> int:
        return self.batches + 1

    def append(self, engine_time: Instant, entries: Sequence[Entry], records: Sequence[RecordEntry]) -> int:
        self.batches += 1
        self.engine_time = engine_time
        for entry in entries:
            if entry.image is None:
                self.entries.pop((entry.kind, entry.key), None)
            else:
                self.entries[entry.kind, entry.key] = entry
        for record in records:
            self.chains.setdefault(record.wallet, []).append(record)
        return self.batches

    def checkpoint_due(self, now: Instant) -> bool:
        return False

    def checkpoint(self, now: Instant) -> Iterator[None]:
        return iter(())

    def free_bytes(self) -> int:
        return self.free

    def close(self) -> None:
        return None


def conforms() -> Store:
    """mypy's proof that the whole protocol is there."""
    return DictStore()
