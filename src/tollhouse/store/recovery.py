"""What a start makes of the disk, changing nothing: the journal's images laid over the state, in memory."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tollhouse.store.errors import CorruptError, FormatError
from tollhouse.store.files import Files
from tollhouse.store.interface import Claimed
from tollhouse.store.journal import FOLDER, check_sequence, read_journal, segment_indexes
from tollhouse.store.overlay import Overlay
from tollhouse.store.segments import Segment
from tollhouse.store.state import State

ID_PATH = f"{FOLDER}/store-id"
_ID_FORMAT = b"\1"
_ID_SIZE = 16


class Recovered(msgspec.Struct, frozen=True):
    """The journal as read, the batches beyond the state as an overlay, and what a claim answers."""

    claimed: Claimed
    tail: Overlay
    segments: Sequence[Segment]


def journal_store_id(files: Files) -> bytes | None:
    """Whose journal it is; None where none was begun. Raises FormatError."""
    if files.size(ID_PATH) is None:
        return None
    value = files.read(ID_PATH)
    if value[:1] != _ID_FORMAT or len(value) != 1 + _ID_SIZE:
        raise FormatError(f"{ID_PATH}: {value[:20].hex() or 'empty'} is no store id that this release reads")
    return value[1:]


def write_journal_store_id(files: Files, store_id: bytes) -> None:
    """Write the journal's store id, durably and whole or not at all."""
    temporary = f"{ID_PATH}.new"
    handle = files.create(temporary)
    files.pwrite(handle, _ID_FORMAT + store_id, 0)
    files.fdatasync(handle)
    files.close(handle)
    files.rename(temporary, ID_PATH)
    files.sync_directory(FOLDER)


def agreed_store_id(files: Files, state: State) -> bytes | None:
    """The store id that journal and state share; None where neither has begun, or a first start was cut short
    between the two (the journal's comes first). Anything else is refused with CorruptError (rule 2).
    """
    of_journal, of_state = journal_store_id(files), state.store_id()
    if of_journal == of_state:
        return of_journal
    if of_state is None and not segment_indexes(files):
        return None
    raise CorruptError(f"journal and state are of different stores: {name_of(of_journal)} and {name_of(of_state)}")


def name_of(store_id: bytes | None) -> str:
    """A store id for people."""
    return "none" if store_id is None else store_id.hex()


def recover(files: Files, state: State, store_id: bytes) -> Recovered:
    """Read journal and state together. Raises FormatError, CorruptError, OSError."""
    reached = state.reached()
    segments = read_journal(files, store_id)
    check_sequence(segments, reached.number)
    tail = Overlay()
    last = reached
    for segment in segments:
        for batch in segment.batches:
            if batch.number > reached.number:
                tail.take(batch.number, batch.engine_time, batch.entries, batch.records)
                last = tail.reached
    claimed = Claimed(store_id, last.number, last.engine_time, tail.batches, tail.entries)
    return Recovered(claimed, tail, segments)
