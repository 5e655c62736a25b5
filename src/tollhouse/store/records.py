"""Event records on disk: one LMDB file per UTC day, `records/2026-11-23.lmdb`, dropped whole after retention.

The day is that of the batch's engine time, which never goes back: a wallet's records lie in the order of their
sequence over the days. Databases: `records` (store id, journal number, index -> record; rule 5), `wallets` (wallet, 0,
sequence -> key of the record).
"""

from __future__ import annotations

import os
import struct
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit
from typing import Final, NamedTuple

import lmdb
import msgspec

from tollhouse.store.environments import FORMAT_BYTE, open_environment, unpack
from tollhouse.store.errors import CorruptError, DamagedValueError, UnreadableDayError
from tollhouse.store.files import sync_path
from tollhouse.store.interface import RecordEntry
from tollhouse.store.state import NumberedRecord
from tollhouse.values.instants import Instant, to_datetime

_MAP_SIZE: Final = 2**38
"""256 GiB for one day: 10,000 records a second all day long."""
_KEPT_OPEN: Final = 400
"""Days open at once: 100 TiB of the 128 TiB of address space. A wallet's records are looked for in every day, and to
open one takes 0.2 ms: with fewer open than there are, an audit would open every day for every wallet."""
_HANDLES: Final = 3
"""Files that a day keeps open: its data, the same for commits, its lock."""
_DROPPED: Final = ".dropped"
_PIECE: Final = 32 * 2**20
"""Octets given back at once: to remove a file of 2 GB takes a third of a second."""
_PLACE: Final = struct.Struct(">QI")
_SEQUENCE: Final = struct.Struct(">Q")
_BEHIND: Final = b"\1"
"""After a wallet's name: behind all its index keys, before those of the wallet that follows."""
_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(RecordEntry)


class _Day(NamedTuple):
    environment: lmdb.Environment
    records: lmdb._Database
    wallets: lmdb._Database


def day_of(engine_time: Instant) -> str:
    """The UTC day of an instant: `2026-11-23`."""
    return to_datetime(engine_time).date().isoformat()


def most_open(files: int) -> int:
    """How many days a process may keep open that may have so many files open: half of them are left to others."""
    return _KEPT_OPEN if files == RLIM_INFINITY else min(_KEPT_OPEN, max(files // 2 // _HANDLES, 1))


def wallet_prefix(wallet: str) -> bytes:
    """What the index keys of the wallet's records begin with."""
    return wallet.encode() + b"\0"


class RecordDays:
    """The record files of one directory, opened as they are needed and the longest unused closed again."""

    def __init__(self, directory: Path, *, read_only: bool = False, files: int | None = None) -> None:
        """`files`: how many the process may have open, where that is not to be asked."""
        self._directory = directory
        self._read_only = read_only
        self._open: OrderedDict[str, _Day] = OrderedDict()
        self._unreadable: dict[str, str] = {}
        self._most = most_open(getrlimit(RLIMIT_NOFILE)[0] if files is None else files)

    def write(self, store_id: bytes, records: Sequence[NumberedRecord]) -> None:
        """Put records into their days, one durable commit a day; the same place twice is the same record."""
        if not self._directory.is_dir():
            self._directory.mkdir(mode=0o750)
            sync_path(self._directory.parent)
        for name, of_day in groupby(records, key=lambda each: each.day):
            day = self._day(name)
            with day.environment.begin(write=True) as transaction:
                for each in of_day:
                    key = store_id + _PLACE.pack(each.number, each.index)
                    index_key = wallet_prefix(each.record.wallet) + _SEQUENCE.pack(each.record.sequence)
                    transaction.put(key, FORMAT_BYTE + _encode(each.record), db=day.records)
                    transaction.put(index_key, key, db=day.wallets)
            _lengthen(self._path(name), day.environment)

    def of_wallet(self, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        """The wallet's records with a sequence > `after`, in order, at most `limit`, of all days that can be read."""
        found: list[RecordEntry] = []
        for name in self.days():
            if len(found) >= limit:
                break
            with suppress(UnreadableDayError):
                found.extend(self.of_day(name, wallet, after, limit - len(found)))
        return found

    def of_day(self, day: str, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        """The wallet's records of one day, likewise. Raises UnreadableDayError."""
        with self._reading(day) as opened:
            return [] if opened is None else list(_of_day(opened, day, wallet, after, limit))

    def days(self) -> list[str]:
        """Days that have a file, oldest first."""
        return sorted(path.stem for path in self._directory.glob("*.lmdb"))

    def wallets(self, day: str, after: str, limit: int) -> list[tuple[str, int]]:
        """Wallets with records on the day whose name comes after `after`, each with its highest sequence there.

        In order of name, at most `limit`. Raises UnreadableDayError.
        """
        with self._reading(day) as opened:
            return [] if opened is None else _wallets(opened, after, limit)

    def unreadable(self, day: str) -> str:
        """Why the day cannot be read; empty: it can, or there is none."""
        try:
            with self._reading(day):
                return ""
        except UnreadableDayError as error:
            return str(error)

    def drop(self, day: str) -> None:
        """Take the day away, durably; `free_dropped` gives its disk back."""
        opened = self._open.pop(day, None)
        if opened is not None:
            opened.environment.close()
        path = self._path(day)
        if path.exists():
            path.rename(path.with_suffix(_DROPPED))
            path.with_name(f"{path.name}-lock").unlink(missing_ok=True)
            sync_path(self._directory)

    def free_dropped(self) -> bool:
        """Give back a piece of the disk of days that were dropped; False where nothing is left of them."""
        dropped = next(self._directory.glob(f"*{_DROPPED}"), None)
        if dropped is None:
            return False
        size = dropped.stat().st_size
        if size > _PIECE:
            os.truncate(dropped, size - _PIECE)
        else:
            dropped.unlink()
        return True

    def reader_check(self) -> int:
        """Clear reader slots that dead processes left. What could not be read before is tried again."""
        self._unreadable.clear()
        return sum(int(day.environment.reader_check()) for day in self._open.values())

    def close(self) -> None:
        """Close every file."""
        for day in self._open.values():
            day.environment.close()
        self._open.clear()

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.lmdb"

    @contextmanager
    def _reading(self, name: str) -> Iterator[_Day | None]:
        """The day, None where there is none; its trouble is an UnreadableDayError, and not tried again for a while."""
        if name not in self._unreadable:
            try:
                yield self._day(name) if self._path(name).exists() else None
            except (OSError, lmdb.Error, CorruptError) as error:
                self._unreadable[name] = f"records of {name} cannot be read: {error}"
            else:
                return
        raise UnreadableDayError(self._unreadable[name])

    def _day(self, name: str) -> _Day:
        if name in self._open:
            self._open.move_to_end(name)
            return self._open[name]
        while len(self._open) >= self._most:
            self._open.popitem(last=False)[1].environment.close()
        path = self._path(name)
        if path.exists() and not path.stat().st_size:
            raise CorruptError(f"{path} is empty")
        environment = open_environment(path, databases=2, read_only=self._read_only, map_size=_MAP_SIZE)
        create = not self._read_only
        try:
            _check_length(path, environment)
            records, wallets = (environment.open_db(one, create=create) for one in (b"records", b"wallets"))
        except BaseException:
            environment.close()
            raise
        self._open[name] = _Day(environment, records, wallets)
        return self._open[name]


def _length(environment: lmdb.Environment) -> int:
    """Octets of the file up to its last page."""
    return int((environment.info()["last_pgno"] + 1) * environment.stat()["psize"])


def _check_length(path: Path, environment: lmdb.Environment) -> None:
    """Raises CorruptError for a file that ends before its last page: to read there kills the process by SIGBUS."""
    if path.stat().st_size < _length(environment):
        raise CorruptError(f"{path} is cut short")


def _lengthen(path: Path, environment: lmdb.Environment) -> None:
    """Let the file reach to its last page: LMDB leaves out one at the end that a commit took and did not need."""
    if path.stat().st_size < _length(environment):
        os.truncate(path, _length(environment))


def _wallets(day: _Day, after: str, limit: int) -> list[tuple[str, int]]:
    """From each wallet's first row to the next wallet's: rows between them are not walked over."""
    found: list[tuple[str, int]] = []
    start = after.encode() + _BEHIND if after else b""
    with day.environment.begin(db=day.wallets) as transaction, transaction.cursor() as cursor:
        while len(found) < limit and (cursor.set_range(start) if start else cursor.first()):
            name = cursor.key()[: -_SEQUENCE.size - 1]
            start = name + _BEHIND
            if cursor.set_range(start):
                cursor.prev()
            else:
                cursor.last()
            found.append((name.decode(), _SEQUENCE.unpack(cursor.key()[-_SEQUENCE.size :])[0]))
    return found


def _of_day(day: _Day, name: str, wallet: str, after: int, limit: int) -> Iterator[RecordEntry]:
    """One that is damaged at rest, or not where the index says, has no body: nobody can read it, and others can."""
    prefix = wallet_prefix(wallet)
    with day.environment.begin() as transaction, transaction.cursor(db=day.wallets) as cursor:
        if not cursor.set_range(prefix + _SEQUENCE.pack(after + 1)):
            return
        for key, place in cursor.iternext():
            if not key.startswith(prefix) or len(key) != len(prefix) + _SEQUENCE.size or limit == 0:
                return
            limit -= 1
            value: bytes | None = transaction.get(place, db=day.records)
            try:
                record = None if value is None else unpack(_decoder, value, name)
            except DamagedValueError:
                record = None
            yield record or RecordEntry(wallet, _SEQUENCE.unpack(key[len(prefix) :])[0], 0, b"")
