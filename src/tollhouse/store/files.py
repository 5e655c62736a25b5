"""The disk as the journal sees it: few operations, each of them a point at which a crash may happen.

Paths are relative to the store's directory. Handles are small integers. Every operation raises OSError on trouble.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final, Protocol

from tollhouse.store.errors import HeldError

LOCK_NAME: Final = "lock"


class Files(Protocol):
    """What the journal needs of a disk. `OsFiles` is the real one; the model tests have one that forgets."""

    def lock(self, *, shared: bool = False) -> None:
        """Hold the directory until `unlock` (shared: beside other readers). Held by another: HeldError."""

    def unlock(self) -> None:
        """Give the directory back; without a lock nothing happens."""

    def new_id(self) -> bytes:
        """16 random bytes that name a new store."""

    def make_directory(self, path: str) -> None:
        """Make the directory durably where it is missing."""

    def names(self, directory: str) -> list[str]:
        """Names in a directory, sorted; none where it is missing."""

    def size(self, path: str) -> int | None:
        """The file's size in bytes, or None where it is missing."""

    def read(self, path: str) -> bytes:
        """The whole file."""

    def create(self, path: str) -> int:
        """A new empty file (one that was there is emptied), open for writing."""

    def open(self, path: str) -> int:
        """An existing file, open for writing."""

    def close(self, handle: int) -> None:
        """Close a handle. Says nothing about durability."""

    def pwrite(self, handle: int, data: bytes, offset: int) -> None:
        """Write all of `data` at `offset`. Durable only after `fdatasync`."""

    def fdatasync(self, handle: int) -> None:
        """What was written to the file before this call is durable when it returns (data and size)."""

    def rename(self, old: str, new: str) -> None:
        """Rename within a directory. Durable only after `sync_directory`."""

    def unlink(self, path: str) -> None:
        """Remove a file. Durable only after `sync_directory`."""

    def sync_directory(self, path: str) -> None:
        """Names created, renamed or removed in the directory before this call are durable."""

    def free_bytes(self) -> int:
        """Bytes that an ordinary user may still write."""


class OsFiles:
    """The real disk below one directory, which must exist."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock: int | None = None

    def lock(self, *, shared: bool = False) -> None:
        handle = os.open(self.directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(handle)
            raise HeldError(f"{self.directory} is held by process {holder}") from None
        pid = f"{os.getpid()}\n".encode("ascii")
        os.ftruncate(handle, len(pid))
        os.pwrite(handle, pid, 0)
        self._lock = handle

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def new_id(self) -> bytes:
        return os.urandom(16)

    def make_directory(self, path: str) -> None:
        target = self.directory / path
        if not target.is_dir():
            target.mkdir(mode=0o750)
            sync_path(self.directory)

    def names(self, directory: str) -> list[str]:
        target = self.directory / directory
        return sorted(os.listdir(target)) if target.is_dir() else []

    def size(self, path: str) -> int | None:
        target = self.directory / path
        return target.stat().st_size if target.exists() else None

    def read(self, path: str) -> bytes:
        return (self.directory / path).read_bytes()

    def create(self, path: str) -> int:
        return os.open(self.directory / path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)

    def open(self, path: str) -> int:
        return os.open(self.directory / path, os.O_RDWR | os.O_CLOEXEC)

    def close(self, handle: int) -> None:
        os.close(handle)

    def pwrite(self, handle: int, data: bytes, offset: int) -> None:
        written = os.pwrite(handle, data, offset)
        while written < len(data):
            written += os.pwrite(handle, memoryview(data)[written:], offset + written)

    def fdatasync(self, handle: int) -> None:
        os.fdatasync(handle)

    def rename(self, old: str, new: str) -> None:
        os.rename(self.directory / old, self.directory / new)

    def unlink(self, path: str) -> None:
        os.unlink(self.directory / path)

    def sync_directory(self, path: str) -> None:
        sync_path(self.directory / path)

    def free_bytes(self) -> int:
        status = os.statvfs(self.directory)
        return status.f_bavail * status.f_frsize


def sync_path(directory: Path) -> None:
    """fsync a directory: names made in it before are durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
