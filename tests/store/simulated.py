"""A disk that forgets what was not synced, and a state made of dicts: the model tests run the real store over them.

Both call `crash_point(name)` before and after every operation that changes something, as `pwrite:before`; it may raise
the test's own Crash (or an OSError: the operation fails) and the counts say which points were passed. Reads are no
points of their own: a crash there is one at the point before. After a crash, `crash()` decides what the disk kept.
"""

from __future__ import annotations

import errno
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random

from tollhouse.store.errors import ClaimError
from tollhouse.store.interface import RecordEntry
from tollhouse.store.state import NOTHING_REACHED, Change, DueRow, NumberedRecord, Reached, Row, edit

SECTOR = 512
CrashPoint = Callable[[str], None]


def never(name: str) -> None:
    """The crash point of a disk that works."""


class Points:
    """Counts the points passed, then lets the test decide."""

    def __init__(self, crash_point: CrashPoint) -> None:
        self.counts: Counter[str] = Counter()
        self.crash_point = crash_point

    @contextmanager
    def around(self, name: str) -> Iterator[None]:
        """Both points of one operation."""
        self._pass(f"{name}:before")
        yield
        self._pass(f"{name}:after")

    def _pass(self, name: str) -> None:
        self.counts[name] += 1
        self.crash_point(name)


class _Inode:
    """A file's content: what a crash leaves for sure, what is seen now, and the writes between the two."""

    def __init__(self) -> None:
        self.durable = bytearray()
        self.seen = bytearray()
        self.pending: list[tuple[int, bytes]] = []

    def write(self, offset: int, data: bytes) -> None:
        _put(self.seen, offset, data)
        self.pending.append((offset, data))

    def sync(self) -> None:
        for offset, data in self.pending:
            _put(self.durable, offset, data)
        self.pending.clear()

    def forget(self, random: Random) -> None:
        """Each write not synced is lost, kept, or kept in some of its sectors."""
        for offset, data in self.pending:
            fate = random.randrange(3)
            for start, piece in _sectors(offset, data):
                if fate == 1 or (fate == 2 and random.random() < 0.5):
                    _put(self.durable, start, piece)
        self.pending.clear()
        self.seen = bytearray(self.durable)


def _put(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _sectors(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    start = offset
    while start < offset + len(data):
        end = (start // SECTOR + 1) * SECTOR
        yield start, data[start - offset : end - offset]
        start = end


class SimulatedFiles:
    """`Files` with a volatile layer: unsynced writes are lost, kept or torn, unsynced names are lost from the last."""

    def __init__(self, random: Random, crash_point: CrashPoint = never, room: int = 2**40) -> None:
        self.points = Points(crash_point)
        self.room = room
        self._random = random
        self._durable_names: dict[str, _Inode] = {}
        self._names: dict[str, _Inode] = {}
        self._moves: list[dict[str, _Inode | None]] = []
        self._handles: dict[int, _Inode] = {}
        self._locked = False

    @property
    def counts(self) -> Counter[str]:
        """How often each point was passed."""
        return self.points.counts

    def crash(self) -> None:
        """The machine stops here: the process's handles and lock are gone, and so is some of what was not synced."""
        kept = self._random.randint(0, len(self._moves))
        for move in self._moves[:kept]:
            _rename(self._durable_names, move)
        self._moves.clear()
        self._names = dict(self._durable_names)
        for inode in self._names.values():
            inode.forget(self._random)
        self._handles.clear()
        self._locked = False

    def kill(self) -> None:
        """The process stops here and the machine goes on: everything written is still seen, synced or not."""
        self._handles.clear()
        self._locked = False

    def damage(self, path: str, offset: int) -> None:
        """Turn one bit of a file, durably."""
        inode = self._names[path]
        for content in (inode.durable, inode.seen):
            content[offset] ^= 1

    def lock(self, *, shared: bool = False) -> None:
        if self._locked:
            raise ClaimError("the simulated disk is held by process 1")
        self._locked = True

    def unlock(self) -> None:
        self._locked = False

    def new_id(self) -> bytes:
        return self._random.randbytes(16)

    def make_directory(self, path: str) -> None:
        pass

    def names(self, directory: str) -> list[str]:
        return sorted(path.rpartition("/")[2] for path in self._names if path.startswith(f"{directory}/"))

    def size(self, path: str) -> int | None:
        inode = self._names.get(path)
        return None if inode is None else len(inode.seen)

    def read(self, path: str) -> bytes:
        return bytes(self._names[path].seen)

    def create(self, path: str) -> int:
        with self.points.around("create"):
            self._move({path: _Inode()})
            return self.open(path)

    def open(self, path: str) -> int:
        handle = max(self._handles, default=0) + 1
        self._handles[handle] = self._names[path]
        return handle

    def close(self, handle: int) -> None:
        del self._handles[handle]

    def pwrite(self, handle: int, data: bytes, offset: int) -> None:
        with self.points.around("pwrite"):
            inode = self._handles[handle]
            growth = max(0, offset + len(data) - len(inode.seen))
            if growth > self.room:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.room -= growth
            inode.write(offset, data)

    def fdatasync(self, handle: int) -> None:
        with self.points.around("fdatasync"):
            self._handles[handle].sync()

    def rename(self, old: str, new: str) -> None:
        with self.points.around("rename"):
            self._move({old: None, new: self._names[old]})

    def unlink(self, path: str) -> None:
        with self.points.around("unlink"):
            self.room += len(self._names[path].seen)
            self._move({path: None})

    def sync_directory(self, path: str) -> None:
        with self.points.around("sync_directory"):
            for move in self._moves:
                _rename(self._durable_names, move)
            self._moves.clear()

    def free_bytes(self) -> int:
        return self.room

    def _move(self, move: dict[str, _Inode | None]) -> None:
        _rename(self._names, move)
        self._moves.append(move)


def _rename(names: dict[str, _Inode], move: dict[str, _Inode | None]) -> None:
    for path, inode in move.items():
        if inode is None:
            names.pop(path, None)
        else:
            names[path] = inode


class SimulatedState:
    """`State` in dicts. A commit happens whole or not at all, as LMDB's do."""

    def __init__(self, random: Random, crash_point: CrashPoint = never) -> None:
        self.points = Points(crash_point)
        self.rows: dict[tuple[int, bytes], Row] = {}
        self.finds: dict[bytes, set[tuple[int, int, bytes]]] = {}
        self.dues: list[DueRow] = []
        self.record_days: dict[str, dict[tuple[int, int], RecordEntry]] = {}
        self._reached = NOTHING_REACHED
        self._store_id: bytes | None = None

    @property
    def counts(self) -> Counter[str]:
        """How often each point was passed."""
        return self.points.counts

    def open(self) -> None:
        pass

    def store_id(self) -> bytes | None:
        return self._store_id

    def adopt(self, store_id: bytes) -> None:
        with self.points.around("adopt"):
            assert self._store_id is None
            self._store_id = store_id

    def reached(self) -> Reached:
        return self._reached

    def get(self, kind: int, key: bytes) -> Row | None:
        return self.rows.get((kind, key))

    def scan(self, kind: int, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        keys = sorted(key for of, key in self.rows if of == kind and key > after)
        return [(key, self.rows[kind, key].image) for key in keys[:limit]]

    def find(self, index_key: bytes) -> list[tuple[int, bytes]]:
        return [(kind, key) for _, kind, key in sorted(self.finds.get(index_key, ()))]

    def due(self, after: DueRow | None, upto: int, limit: int) -> list[DueRow]:
        start = 0 if after is None else bisect_right(self.dues, after)
        return [row for row in self.dues[start : start + limit] if row.due <= upto]

    def apply(self, changes: Sequence[Change], reached: Reached | None) -> None:
        with self.points.around("apply"):
            before = self._reached
            for change in changes:
                self._apply(change, before)
            if reached is not None:
                self._reached = reached

    def _apply(self, change: Change, before: Reached) -> None:
        kind, key = change.entry.kind, change.entry.key
        edited = edit(self.rows.get((kind, key)), change, before)
        if edited is None:
            return
        if edited.row is None:
            self.rows.pop((kind, key), None)
        else:
            self.rows[kind, key] = edited.row
        for index_key, birth in edited.dropped_finds:
            self.finds[index_key].remove((birth, kind, key))
        for index_key, birth in edited.added_finds:
            self.finds.setdefault(index_key, set()).add((birth, kind, key))
        if edited.dropped_due:
            self.dues.remove(DueRow(edited.dropped_due, kind, key))
        if edited.added_due:
            insort(self.dues, DueRow(edited.added_due, kind, key))

    def write_records(self, records: Sequence[NumberedRecord]) -> None:
        with self.points.around("write_records"):
            for each in records:
                self.record_days.setdefault(each.day, {})[each.number, each.index] = each.record

    def records(self, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        found = [
            record
            for day in sorted(self.record_days)
            for record in self.record_days[day].values()
            if record.wallet == wallet and record.sequence > after
        ]
        return sorted(found, key=lambda record: record.sequence)[:limit]

    def days(self) -> list[str]:
        return sorted(self.record_days)

    def day_wallets(self, day: str, after: str, limit: int) -> list[tuple[str, int]]:
        heads: dict[str, int] = {}
        for record in self.record_days.get(day, {}).values():
            heads[record.wallet] = max(record.sequence, heads.get(record.wallet, 0))
        return [item for item in sorted(heads.items()) if item[0] > after][:limit]

    def day_records(self, day: str, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        of_day = self.record_days.get(day, {}).values()
        found = [record for record in of_day if record.wallet == wallet and record.sequence > after]
        return sorted(found, key=lambda record: record.sequence)[:limit]

    def unreadable(self, day: str) -> str:
        return ""

    def drop_day(self, day: str) -> None:
        with self.points.around("drop_day"):
            self.record_days.pop(day, None)

    def free_dropped(self) -> bool:
        return False

    def reader_check(self) -> int:
        return 0

    def close(self) -> None:
        pass
