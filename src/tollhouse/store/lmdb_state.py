"""The state in one LMDB file, `state.lmdb`, and the records in one file a day beside it.

Databases: `rows` (kind, key -> Row), `finds` (hash of index key, birth, kind, key -> nothing), `dues` (due, kind, key
-> nothing), `meta` (store id, how far the state has come). Numbers in keys are big-endian, so byte order is theirs.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final

import lmdb
import msgspec

from tollhouse.store.environments import FORMAT_BYTE, open_environment, unpack
from tollhouse.store.errors import ClaimError, CorruptError, DamagedValueError, FormatError
from tollhouse.store.interface import RecordEntry
from tollhouse.store.records import RecordDays
from tollhouse.store.state import NOTHING_REACHED, Change, DueRow, Edit, NumberedRecord, Reached, Row, edit
from tollhouse.values.instants import Instant

FILE_NAME: Final = "state.lmdb"
_STORE_ID: Final = b"store-id"
_REACHED: Final = b"reached"
_FIND_PREFIX: Final = 16
_BIRTH: Final = struct.Struct(">QB")
_DUE: Final = struct.Struct(">QB")
_encode: Final = msgspec.msgpack.Encoder().encode
_rows: Final = msgspec.msgpack.Decoder(Row)
_DAMAGED: Final = Row(0, (), (), 0, b"")
_reached: Final = msgspec.msgpack.Decoder(Reached)


def row_key(kind: int, key: bytes) -> bytes:
    """Rows of a kind lie together, in key order."""
    return bytes((kind,)) + key


def find_prefix(index_key: bytes) -> bytes:
    """Index keys may be longer than LMDB's keys, so the index holds their hash; 128 bits do not collide."""
    return blake2b(index_key, digest_size=_FIND_PREFIX).digest()


def find_key(index_key: bytes, birth: int, kind: int, key: bytes) -> bytes:
    """Entities of one index key lie together, by birth."""
    return find_prefix(index_key) + _BIRTH.pack(birth, kind) + key


def due_key(due: Instant, kind: int, key: bytes) -> bytes:
    """Earliest first."""
    return _DUE.pack(due, kind) + key


class LmdbState:
    """`State` over LMDB. Not usable before `open`."""

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        self._directory = directory
        self._path = directory / FILE_NAME
        self._read_only = read_only
        self._records = RecordDays(directory / "records", read_only=read_only)

    def open(self) -> None:
        if self._read_only and not self._path.exists():
            raise ClaimError(f"{self._directory} holds no store")
        self._env = open_environment(self._path, databases=8, read_only=self._read_only)
        create = not self._read_only
        self._rows, self._finds, self._dues, self._meta = (
            self._env.open_db(name, create=create) for name in (b"rows", b"finds", b"dues", b"meta")
        )

    def store_id(self) -> bytes | None:
        value = self._meta_value(_STORE_ID)
        if value is None:
            return None
        if value[:1] != FORMAT_BYTE:
            raise FormatError(f"{self._path}: state format {value[:1].hex()}, this release reads {FORMAT_BYTE.hex()}")
        return value[1:]

    def adopt(self, store_id: bytes) -> None:
        with self._env.begin(write=True, db=self._meta) as transaction:
            if not transaction.put(_STORE_ID, FORMAT_BYTE + store_id, overwrite=False):
                raise CorruptError(f"{self._path}: belongs to a store already")

    def reached(self) -> Reached:
        value = self._meta_value(_REACHED)
        return NOTHING_REACHED if value is None else unpack(_reached, value, self._path)

    def get(self, kind: int, key: bytes) -> Row | None:
        with self._env.begin(db=self._rows) as transaction:
            value = transaction.get(row_key(kind, key))
        return None if value is None else self._row(value)

    def scan(self, kind: int, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        prefix, start = bytes((kind,)), row_key(kind, after)
        found: list[tuple[bytes, bytes]] = []
        with self._env.begin(db=self._rows) as transaction, transaction.cursor() as cursor:
            if not cursor.set_range(start):
                return found
            for key, value in cursor.iternext():
                if not key.startswith(prefix) or len(found) >= limit:
                    break
                if key != start:
                    found.append((key[1:], self._row(value).image))
        return found

    def find(self, index_key: bytes) -> list[tuple[int, bytes]]:
        prefix = find_prefix(index_key)
        found: list[tuple[int, bytes]] = []
        with self._env.begin(db=self._finds) as transaction, transaction.cursor() as cursor:
            if not cursor.set_range(prefix):
                return found
            for key in cursor.iternext(values=False):
                if not key.startswith(prefix):
                    break
                rest = key[_FIND_PREFIX + _BIRTH.size :]
                found.append((key[_FIND_PREFIX + _BIRTH.size - 1], rest))
        return found

    def due(self, after: DueRow | None, upto: Instant, limit: int) -> list[DueRow]:
        start = b"" if after is None else due_key(after.due, after.kind, after.key)
        found: list[DueRow] = []
        with self._env.begin(db=self._dues) as transaction, transaction.cursor() as cursor:
            if not (cursor.set_range(start) if start else cursor.first()):
                return found
            for raw in cursor.iternext(values=False):
                due, kind = _DUE.unpack_from(raw)
                if due > upto or len(found) >= limit:
                    break
                if raw != start:
                    found.append(DueRow(due, kind, raw[_DUE.size :]))
        return found

    def apply(self, changes: Sequence[Change], reached: Reached | None) -> None:
        before = self.reached()
        with self._env.begin(write=True) as transaction:
            for change in changes:
                self._apply(transaction, change, before)
            if reached is not None:
                transaction.put(_REACHED, FORMAT_BYTE + _encode(reached), db=self._meta)

    def _row(self, value: bytes) -> Row:
        """A row that was damaged at rest has an image that is none: one entity is lost, not the store."""
        try:
            return unpack(_rows, value, self._path)
        except DamagedValueError:
            return _DAMAGED

    def _apply(self, transaction: lmdb.Transaction[bytes], change: Change, before: Reached) -> None:
        kind, key = change.entry.kind, change.entry.key
        name = row_key(kind, key)
        value: bytes | None = transaction.get(name, db=self._rows)
        old = None if value is None else self._row(value)
        edited = edit(old, change, before)
        if edited is None:
            return
        if edited.row is None:
            transaction.delete(name, db=self._rows)
        else:
            transaction.put(name, FORMAT_BYTE + _encode(edited.row), db=self._rows)
        self._index(transaction, kind, key, edited)

    def _index(self, transaction: lmdb.Transaction[bytes], kind: int, key: bytes, edited: Edit) -> None:
        for index_key, birth in edited.dropped_finds:
            transaction.delete(find_key(index_key, birth, kind, key), db=self._finds)
        for index_key, birth in edited.added_finds:
            transaction.put(find_key(index_key, birth, kind, key), b"", db=self._finds)
        if edited.dropped_due:
            transaction.delete(due_key(edited.dropped_due, kind, key), db=self._dues)
        if edited.added_due:
            transaction.put(due_key(edited.added_due, kind, key), b"", db=self._dues)

    def write_records(self, records: Sequence[NumberedRecord]) -> None:
        store_id = self.store_id()
        if store_id is None:
            raise CorruptError(f"{self._path}: records for a state that belongs to no store")
        self._records.write(store_id, records)

    def records(self, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        return self._records.of_wallet(wallet, after, limit)

    def days(self) -> list[str]:
        return self._records.days()

    def day_wallets(self, day: str, after: str, limit: int) -> list[tuple[str, int]]:
        return self._records.wallets(day, after, limit)

    def day_records(self, day: str, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        return self._records.of_day(day, wallet, after, limit)

    def unreadable(self, day: str) -> str:
        return self._records.unreadable(day)

    def drop_day(self, day: str) -> None:
        self._records.drop(day)

    def free_dropped(self) -> bool:
        return self._records.free_dropped()

    def reader_check(self) -> int:
        return int(self._env.reader_check()) + self._records.reader_check()

    def close(self) -> None:
        self._env.close()
        self._records.close()

    def _meta_value(self, key: bytes) -> bytes | None:
        with self._env.begin(db=self._meta) as transaction:
            value: bytes | None = transaction.get(key)
        return value
