"""Newest images in memory: what the journal holds beyond the state, with its own index by find key and by due time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TypeAlias

from tollhouse.store.interface import Entry, RecordEntry
from tollhouse.store.records import day_of
from tollhouse.store.state import Change, DueRow, NumberedRecord, Reached
from tollhouse.values.instants import Instant

Held: TypeAlias = tuple[int, Entry]
"""An entity's newest entry here, with its journal number."""


class Overlay:
    """A run of batches, folded to one entry an entity.

    Most index keys name one entity, kept as a plain tuple in `_finds`; `_further` has the others that share its key.
    Index rows of images that are no longer the newest stay until the overlay goes: who reads them asks whether they
    still hold.
    """

    def __init__(self) -> None:
        self._images: list[dict[bytes, Held]] = [{} for _ in range(256)]
        self._finds: dict[bytes, tuple[int, bytes, int]] = {}
        self._further: dict[bytes, dict[tuple[int, bytes], int]] = {}
        self._dues: list[tuple[Instant, int, bytes]] = []
        self._records: list[tuple[int, Instant, Sequence[RecordEntry]]] = []
        self._of_wallet: dict[str, list[RecordEntry]] = {}
        self._sorted_batches = 0
        self.batches = 0
        self.entries = 0
        self.began: Instant = 0
        self.reached = Reached(0, 0)

    def take(self, number: int, engine_time: Instant, entries: Sequence[Entry], records: Sequence[RecordEntry]) -> None:
        """Lay a batch over what is here."""
        images, finds = self._images, self._finds
        for entry in entries:
            kind, key = entry.kind, entry.key
            of_kind = images[kind]
            old = of_kind.get(key)
            of_kind[key] = (number, entry)
            if entry.due and (old is None or old[1].due != entry.due):
                heapq.heappush(self._dues, (entry.due, kind, key))
            if old is not None and old[1].finds == entry.finds:
                continue
            for name in entry.finds:
                first = finds.setdefault(name, (kind, key, number))
                if first[1] != key or first[0] != kind:
                    self._further.setdefault(name, {}).setdefault((kind, key), number)
            for name in old[1].finds if old is not None else ():
                if name not in entry.finds and name in self._further:
                    self._further[name].pop((kind, key), None)
        if records:
            self._records.append((number, engine_time, records))
        if not self.batches:
            self.began = engine_time
        self.batches += 1
        self.entries += len(entries) + len(records)
        self.reached = Reached(number, engine_time)

    def get(self, kind: int, key: bytes) -> Held | None:
        """The entity's newest entry here; an image of None says that it is gone."""
        return self._images[kind].get(key)

    def find(self, index_key: bytes) -> list[tuple[int, bytes]]:
        """Entities that an image here named by this key, oldest first."""
        first = self._finds.get(index_key)
        return [] if first is None else [first[:2], *self._further.get(index_key, ())]

    def due(self, upto: Instant, limit: int, holds: Callable[[DueRow], bool]) -> list[DueRow]:
        """Entities due at or before `upto`, earliest first, at most `limit`; rows that no longer hold are forgotten."""
        taken: list[DueRow] = []
        dues = self._dues
        while dues and dues[0][0] <= upto and len(taken) < limit:
            row = DueRow(*heapq.heappop(dues))
            if holds(row) and (not taken or taken[-1] != row):
                taken.append(row)
        for row in taken:
            heapq.heappush(dues, (row.due, row.kind, row.key))
        return taken

    def page(self, kind: int, after: bytes, limit: int) -> list[tuple[bytes, Held]]:
        """Entities of the kind with key > `after` and an image, in key order, at most `limit`."""
        of_kind = self._images[kind]
        behind = _in_order([key for key in of_kind if key > after])
        return list(islice(((key, of_kind[key]) for key in behind if of_kind[key][1].image is not None), limit))

    def records(self, wallet: str, after: int) -> list[RecordEntry]:
        """The wallet's records here with a sequence > `after`, in order. Sorts what came since the last call."""
        for _, _, records in self._records[self._sorted_batches :]:
            for record in records:
                self._of_wallet.setdefault(record.wallet, []).append(record)
        self._sorted_batches = len(self._records)
        return [record for record in self._of_wallet.get(wallet, ()) if record.sequence > after]

    def changes(self) -> Iterator[Change]:
        """Every newest entry as a change to the state, in the state's key order."""
        for kind, of_kind in enumerate(self._images):
            for key in _in_order(list(of_kind)):
                number, entry = of_kind[key]
                yield Change(number, tuple(self._birth(name, kind, key) for name in entry.finds), entry)

    def _birth(self, name: bytes, kind: int, key: bytes) -> int:
        """The number of the batch in which the entity was first named so."""
        first_kind, first_key, number = self._finds[name]
        return number if first_key == key and first_kind == kind else self._further[name][kind, key]

    def numbered_records(self) -> Iterator[NumberedRecord]:
        """Every record with its place and its day, in journal order, which is the order of days."""
        for number, engine_time, records in self._records:
            day = day_of(engine_time)
            for index, record in enumerate(records):
                yield NumberedRecord(number, index, day, record)


def _in_order(keys: list[bytes]) -> Iterator[bytes]:
    """The keys in order, each step sorting no more than it needs: to sort 200,000 at once would hold calls up."""
    heapq.heapify(keys)
    while keys:
        yield heapq.heappop(keys)
