"""How this product opens LMDB: one environment per file and process, and values that begin with a format number."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TypeVar

import lmdb
import msgspec

from tollhouse.store.errors import DamagedValueError, FormatError
from tollhouse.store.files import sync_path

MAP_SIZE: Final = 2**40
"""1 TiB of address space from the start: growing a map needs every process to stop."""
FORMAT: Final = 1
FORMAT_BYTE: Final = bytes((FORMAT,))
LONGEST_KEY: Final = 480
"""Bytes that an entity's key or a wallet's name may have: LMDB's 511 less what we put around it."""

READERS: Final = 126
"""LMDB's own default: how many readers one file may have at a time."""
_LOCK_HEADER: Final = 192
_READER_SLOT: Final = 64

T = TypeVar("T")


def open_environment(
    path: Path, *, databases: int, read_only: bool = False, map_size: int = MAP_SIZE
) -> lmdb.Environment:
    """Open one file, durably made where it is missing, with a sync on every commit. Not to be used across a fork."""
    if not read_only:
        if not path.exists():
            make_environment(path)
        reserve_lock(path, READERS)
    environment = lmdb.open(
        str(path), map_size=map_size, subdir=False, max_dbs=databases, readonly=read_only, mode=0o640
    )
    environment.reader_check()
    return environment


def reserve_lock(path: Path, readers: int) -> None:
    """Give the environment's lock file its blocks before LMDB maps it. Raises OSError where there is no room.

    LMDB makes it with holes; a write to a mapped hole that a full disk cannot fill kills the process by SIGBUS, without
    a word. Only before this process opens the environment: closing a file gives up the locks that LMDB has on it.
    """
    handle = os.open(f"{path}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        os.posix_fallocate(handle, 0, _LOCK_HEADER + (readers - 1) * _READER_SLOT)
    finally:
        os.close(handle)


def make_environment(path: Path, trees: Iterable[bytes] = ()) -> None:
    """A new environment, whole or not at all, with these named databases, all empty.

    LMDB takes one that a full disk or a crash cut short for ruined.
    """
    names = tuple(trees)
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with lmdb.open(
        str(draft), map_size=MAP_SIZE, subdir=False, lock=False, mode=0o640, max_dbs=len(names)
    ) as environment:
        for name in names:
            environment.open_db(name)
        environment.sync(True)
    draft.rename(path)
    sync_path(path.parent)


def unpack(decoder: msgspec.msgpack.Decoder[T], value: bytes, where: object) -> T:
    """Read a value that begins with our format number. Raises FormatError for any other, DamagedValueError."""
    if value[:1] != FORMAT_BYTE:
        raise FormatError(f"{where}: value format {value[:1].hex() or 'none'}, this release reads {FORMAT}")
    try:
        return decoder.decode(memoryview(value)[1:])
    except (msgspec.DecodeError, RecursionError) as error:
        raise DamagedValueError(f"{where}: a value cannot be read: {error}") from None
