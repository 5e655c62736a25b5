"""A store's directory read by a tool while no engine holds it (rule 9): nothing on the disk changes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from tollhouse.store.errors import ClaimError
from tollhouse.store.files import Files, OsFiles
from tollhouse.store.interface import Claimed, RecordEntry
from tollhouse.store.layers import Layers
from tollhouse.store.lmdb_state import FILE_NAME, LmdbState
from tollhouse.store.recovery import agreed_store_id, recover
from tollhouse.store.state import State


def open_reader(directory: Path) -> Reader:
    """Read the store in a directory. HeldError: an engine holds it (ask that one). ClaimError: there is none."""
    if not (directory / FILE_NAME).is_file():
        raise ClaimError(f"{directory} holds no store")
    return Reader(OsFiles(directory), LmdbState(directory, read_only=True))


class Reader:
    """The journal's images over the state's, as they were when it was opened. Beside other readers, never an engine."""

    def __init__(self, files: Files, state: State) -> None:
        """Raises ClaimError, FormatError, CorruptError, OSError; holds nothing then."""
        self._files = files
        self._state = state
        with ExitStack() as undo:
            files.lock(shared=True)
            undo.callback(files.unlock)
            state.open()
            undo.callback(state.close)
            store_id = agreed_store_id(files, state)
            if store_id is None:
                raise ClaimError("the store here was never started")
            recovered = recover(files, state, store_id)
            undo.pop_all()
        self.claimed: Claimed = recovered.claimed
        self._layers = Layers(state, recovered.tail)

    def load(self, kind: int, key: bytes) -> bytes | None:
        """The newest image of the entity, or None."""
        return self._layers.load(kind, key)

    def find(self, index_key: bytes) -> list[tuple[int, bytes]]:
        """Entities (kind, key) whose newest image names this index key, oldest first."""
        return self._layers.find(index_key)

    def scan(self, kind: int, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """(key, newest image) of the kind with key > `after`, in key order, at most `limit`."""
        return self._layers.scan(kind, after, limit)

    def records(self, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        """The wallet's records with a sequence > `after`, in order, at most `limit`."""
        return self._layers.records(wallet, after, limit)

    def days(self) -> list[str]:
        """Days that have a file of records, oldest first."""
        return self._state.days()

    def unreadable(self, day: str) -> str:
        """Why the day's records cannot be read; empty: they can."""
        return self._state.unreadable(day)

    def day_wallets(self, day: str, after: str, limit: int) -> list[tuple[str, int]]:
        """Wallets > `after` with records in the day's file, each with its highest sequence there."""
        return self._state.day_wallets(day, after, limit)

    @property
    def next_number(self) -> int:
        """What an engine's next append would have."""
        return self.claimed.number + 1

    def close(self) -> None:
        """Let an engine have the directory."""
        self._state.close()
        self._files.unlock()
