"""The embedded store: a journal file for durability, overlays in memory for the newest images, LMDB for the rest.

An append goes to the journal and to the tail. A checkpoint freezes the tail, starts a new journal segment, writes the
frozen records and images into the day files and the state, and then lets go of the frozen images and the old
segments. A start lays the journal over the state and serves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import NoReturn

import lmdb

from tollhouse.store.die import describe
from tollhouse.store.environments import LONGEST_KEY
from tollhouse.store.errors import StoreError
from tollhouse.store.files import Files, OsFiles
from tollhouse.store.interface import Claimed, Die, Entry, RecordEntry
from tollhouse.store.journal import FOLDER, Journal
from tollhouse.store.layers import Layers
from tollhouse.store.lmdb_state import LmdbState
from tollhouse.store.overlay import Overlay
from tollhouse.store.records import day_of
from tollhouse.store.recovery import agreed_store_id, journal_store_id, recover, write_journal_store_id
from tollhouse.store.settings import StoreSettings
from tollhouse.store.state import Change, State
from tollhouse.values.instants import DAY, Instant

_TROUBLE = (OSError, lmdb.Error)


def open_embedded(directory: Path, die: Die, settings: StoreSettings) -> EmbeddedStore:
    """The store in a directory of the real disk (made where it is missing), not claimed yet."""
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    return EmbeddedStore(OsFiles(directory), LmdbState(directory), die, settings)


class EmbeddedStore:
    """`Store` (interface.py) on one machine. Not usable before `claim`; not thread-safe, one thread owns it."""

    def __init__(self, files: Files, state: State, die: Die, settings: StoreSettings) -> None:
        self._files = files
        self._state = state
        self._die = die
        self._settings = settings
        self._journal = Journal(files, settings.segment_bytes)
        self._layers = Layers(state, Overlay())
        self._next = 1
        self._kept_from = 0

    def claim(self) -> Claimed:
        """Take the directory, recover the journal over the state.

        Raises ClaimError (another holds it), FormatError, CorruptError: refusals to start. Trouble of the disk: die.
        """
        try:
            with ExitStack() as undo:
                self._files.lock()
                undo.callback(self._files.unlock)
                self._files.make_directory(FOLDER)
                self._state.open()
                undo.callback(self._state.close)
                claimed = self._take()
                undo.pop_all()
        except _TROUBLE as error:
            self._trouble("taking the store", error)
        return claimed

    def load(self, kind: int, key: bytes) -> bytes | None:
        """The newest appended image of the entity, or None."""
        try:
            return self._layers.load(kind, key)
        except (*_TROUBLE, StoreError) as error:
            self._trouble("reading the state", error)

    def find(self, index_key: bytes) -> list[tuple[int, bytes]]:
        """Entities (kind, key) whose newest image names this index key, oldest first."""
        try:
            return self._layers.find(index_key)
        except (*_TROUBLE, StoreError) as error:
            self._trouble("reading the state", error)

    def due(self, upto: Instant, limit: int) -> list[tuple[int, bytes]]:
        """Entities whose newest image is due at or before `upto`, earliest first, at most `limit`."""
        try:
            return self._layers.due(upto, limit)
        except (*_TROUBLE, StoreError) as error:
            self._trouble("reading the state", error)

    def scan(self, kind: int, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """(key, newest image) of the kind with key > `after`, in key order, at most `limit`."""
        try:
            return self._layers.scan(kind, after, limit)
        except (*_TROUBLE, StoreError) as error:
            self._trouble("reading the state", error)

    def records(self, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        """The wallet's records with a sequence > `after`, in order, at most `limit`, wherever they lie."""
        try:
            return self._layers.records(wallet, after, limit)
        except (*_TROUBLE, StoreError) as error:
            self._trouble("reading records", error)

    @property
    def next_number(self) -> int:
        """The number that the next append will have."""
        return self._next

    def append(self, engine_time: Instant, entries: Sequence[Entry], records: Sequence[RecordEntry]) -> int:
        """Make one batch durable and return its number.

        ValueError before anything is done: a kind outside 1..255, a key or a wallet's name that the state could not
        hold (1 to 480 bytes; no NUL in a name).
        """
        for entry in entries:
            if not (0 < entry.kind < 256 and 0 < len(entry.key) <= LONGEST_KEY):
                raise ValueError(f"kind {entry.kind}, key of {len(entry.key)} bytes: no entity of the store")
        for record in records:
            if not 0 < len(record.wallet.encode()) <= LONGEST_KEY or "\0" in record.wallet:
                raise ValueError(f"no wallet's name: {record.wallet[:40]!r}")
        number = self._next
        try:
            self._journal.append(number, engine_time, entries, records)
        except _TROUBLE as error:
            self._trouble("appending to the journal", error)
        self._layers.tail.take(number, engine_time, entries, records)
        self._next = number + 1
        return number

    def checkpoint_due(self, now: Instant) -> bool:
        """Whether the journal is long or old enough, or has used up its spare segment. Not while one is under way."""
        tail = self._layers.tail
        if self._layers.frozen is not None or not tail.batches:
            return False
        return (
            tail.entries >= self._settings.checkpoint_entries
            or now - tail.began >= self._settings.checkpoint_age
            or not self._journal.spare_ready
        )

    def checkpoint(self, now: Instant) -> Iterator[None]:
        """Carry the journal into the state, a slice each step, as of the first one.

        One at a time; one that was given up half-way is taken up again by the next.
        """
        try:
            yield from self._checkpoint()
        except (*_TROUBLE, StoreError) as error:
            self._trouble("writing a checkpoint", error)

    def days(self) -> list[str]:
        """Days that have a file of records, oldest first."""
        return self._state.days()

    def unreadable(self, day: str) -> str:
        """Why the day's records cannot be read; empty: they can."""
        try:
            return self._state.unreadable(day)
        except (*_TROUBLE, StoreError) as error:
            self._trouble("reading records", error)

    def day_wallets(self, day: str, after: str, limit: int) -> list[tuple[str, int]]:
        """Wallets > `after` with records in the day's file, each with its highest sequence there."""
        return self._state.day_wallets(day, after, limit)

    def day_records(self, day: str, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        """The wallet's records in the day's file with a sequence > `after`, at most `limit`."""
        return self._state.day_records(day, wallet, after, limit)

    def expired_days(self, now: Instant) -> list[str]:
        """Days past their retention, oldest first, all of whose records are in their file."""
        kept = self._settings.record_retention_days
        if not kept:
            return []
        oldest_kept = min(day_of(now - kept * DAY), self._pending_from(now))
        return [day for day in self._state.days() if day < oldest_kept]

    def drop_day(self, day: str, now: Instant) -> None:
        """Take a day's records away for good, durably; `free_dropped` gives their disk back.

        ValueError while the day is not over, or records of it may still lie in the journal.
        """
        if day >= self._pending_from(now):
            raise ValueError(f"{day} is not over, or not all of it is in its file")
        try:
            self._state.drop_day(day)
        except (*_TROUBLE, StoreError) as error:
            self._trouble(f"dropping the records of {day}", error)

    def free_dropped(self) -> bool:
        """Give back a piece of the disk of dropped days; False where nothing is left of them."""
        try:
            return self._state.free_dropped()
        except (*_TROUBLE, StoreError) as error:
            self._trouble("removing dropped records", error)

    def free_bytes(self) -> int:
        """Free disk where the journal lies."""
        try:
            return self._files.free_bytes()
        except OSError as error:
            self._trouble("asking for free disk", error)

    def reader_check(self) -> int:
        """Clear LMDB's reader slots that dead processes left; to be called each minute."""
        try:
            return self._state.reader_check()
        except _TROUBLE as error:
            self._trouble("checking readers", error)

    def close(self) -> None:
        """Give the directory back. Takes no checkpoint by itself."""
        self._journal.close()
        self._state.close()
        self._files.unlock()

    def _take(self) -> Claimed:
        recovered = recover(self._files, self._state, self._store_id())
        claimed = recovered.claimed
        self._layers = Layers(self._state, recovered.tail)
        self._next = claimed.number + 1
        self._journal.resume(claimed.store_id, recovered.segments, self._next)
        while self._journal.prepare():
            pass
        return claimed

    def _store_id(self) -> bytes:
        store_id = agreed_store_id(self._files, self._state)
        if store_id is None:
            store_id = journal_store_id(self._files)
            if store_id is None:
                store_id = self._files.new_id()
                write_journal_store_id(self._files, store_id)
            self._state.adopt(store_id)
        return store_id

    def _checkpoint(self) -> Iterator[None]:
        layers = self._layers
        if layers.frozen is None and layers.tail.batches:
            self._journal.roll(self._next)
            layers.freeze()
            self._kept_from = self._journal.index
        frozen, kept_from = layers.frozen, self._kept_from
        if frozen is None:
            return
        records = frozen.numbered_records()
        while page := list(islice(records, self._slice())):
            self._state.write_records(page)
            yield
        changes = frozen.changes()
        ahead: list[Change] | None = list(islice(changes, self._slice()))
        while ahead is not None:
            slice_, ahead = ahead, list(islice(changes, self._slice())) or None
            self._state.apply(slice_, frozen.reached if ahead is None else None)
            yield
        layers.thaw()
        self._journal.drop_before(kept_from)
        yield
        while self._journal.prepare():
            yield

    def _pending_from(self, now: Instant) -> str:
        """The first day that may still get records: from the journal, or new ones."""
        pending = self._layers.frozen or self._layers.tail
        return day_of(pending.began if pending.batches else now)

    def _slice(self) -> int:
        """How much one step carries: the more, the more has come since the checkpoint began.

        Else a load that brings more than the steps carry would lengthen each checkpoint, and the journal, for ever.
        """
        return self._settings.slice_entries * (1 + self._layers.tail.entries // self._settings.checkpoint_entries)

    def _trouble(self, doing: str, error: Exception) -> NoReturn:
        try:
            free = self._files.free_bytes()
        except OSError:
            free = None
        self._die(describe(doing, error, free))
