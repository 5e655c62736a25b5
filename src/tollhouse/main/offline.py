"""A data directory that no engine holds, read for the command line (rule 9 of the store)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tollhouse.console.disk import answer_from_disk
from tollhouse.main.auditing import audit_at_once
from tollhouse.main.clock import wall
from tollhouse.main.reading import StoreReading
from tollhouse.store.errors import HeldError
from tollhouse.store.reader import Reader, open_reader


class OfflineDisk:
    """Answers the API's reads from the files; beside other readers, and no engine starts there before `close`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._reading = StoreReading(reader, self._now)
        self._audit = partial(audit_at_once, reader)

    def ask(self, body: bytes, _patience: int) -> bytes:
        """The answer to a JSON-RPC body."""
        return answer_from_disk(body, self._reading, self._audit, self._now())

    def close(self) -> None:
        """Let an engine have the directory."""
        self._reader.close()

    def _now(self) -> int:
        """Engine time: never before what the journal has seen."""
        return max(wall(), self._reader.claimed.engine_time)


def open_disk(directory: Path) -> OfflineDisk | None:
    """The files, or None while an engine holds them. Raises StoreError, OSError."""
    try:
        return OfflineDisk(open_reader(directory))
    except HeldError:
        return None
