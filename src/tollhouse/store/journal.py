"""The journal: one write and one fdatasync a batch, in the calling thread, into preallocated segment files.

The files are filled with zeros and synced before they are used, so that an append changes no metadata and fdatasync
writes only the batch. The next segment is prepared as `journal/spare` in small steps and takes its name by a rename
once its header is durable, so a segment either exists whole or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tollhouse.store.errors import CorruptError
from tollhouse.store.files import Files
from tollhouse.store.interface import Entry, RecordEntry
from tollhouse.store.segments import HEADER_SIZE, Segment, aligned, encode_frame, encode_header, read_segment
from tollhouse.values.instants import Instant

FOLDER: Final = "journal"
_SPARE: Final = f"{FOLDER}/spare"
_STEP: Final = 512 * 1024


def segment_path(index: int) -> str:
    """`journal/00000001.log`."""
    return f"{FOLDER}/{index:08d}.log"


def segment_indexes(files: Files) -> list[int]:
    """The segments that exist, oldest first."""
    return sorted(int(name[:-4]) for name in files.names(FOLDER) if name.endswith(".log"))


def read_journal(files: Files, store_id: bytes) -> list[Segment]:
    """Every segment, oldest first, changing nothing. Raises FormatError, CorruptError, OSError."""
    indexes = segment_indexes(files)
    return [
        read_segment(segment_path(index), files.read(segment_path(index)), index, store_id, last=index == indexes[-1])
        for index in indexes
    ]


def check_sequence(segments: Sequence[Segment], position: int) -> None:
    """Numbers must run on from segment to segment, and from the state's position: else a segment is missing.

    Batches up to `position` are in the state, so a gap below it loses nothing. Raises CorruptError.
    """
    reached = position
    for segment in segments:
        if segment.first > reached + 1:
            path = segment_path(segment.index)
            raise CorruptError(f"{path} begins with batch {segment.first}, but what is before it ends at {reached}")
        reached = max(reached, segment.first + len(segment.batches) - 1)


class Journal:
    """The writing side. Not usable before `resume`."""

    def __init__(self, files: Files, segment_bytes: int) -> None:
        self._files = files
        self._segment_bytes = segment_bytes
        self._store_id = b""
        self._handle: int | None = None
        self._size = 0
        self._end = 0
        self._spare: int | None = None
        self._filled = 0
        self.index = 0
        self.spare_ready = False
        """Whether the next segment is prepared, so that changing over costs two syncs and no more."""

    def resume(self, store_id: bytes, segments: Sequence[Segment], number: int) -> None:
        """Go on behind the last segment read, or in a new one when batch `number` does not follow on from it.

        The bytes of a torn batch are wiped, and what was read is synced: a process that was killed may have written
        a batch that only the page cache holds, and from now on answers depend on it.
        """
        self._store_id = store_id
        self.spare_ready = self._files.size(_SPARE) == self._segment_bytes
        if not segments:
            return self.roll(number)
        last = segments[-1]
        self.index = last.index
        self._handle = self._files.open(segment_path(last.index))
        self._size, self._end = last.size, last.end
        if last.torn > last.end:
            self._files.pwrite(self._handle, bytes(last.torn - last.end), last.end)
        self._files.fdatasync(self._handle)
        if last.first + len(last.batches) != number:
            self.roll(number)
        return None

    def append(
        self, number: int, engine_time: Instant, entries: Sequence[Entry], records: Sequence[RecordEntry]
    ) -> None:
        """Make one batch durable: one write, one fdatasync."""
        frame = encode_frame(self.index, number, engine_time, entries, records)
        if self._end + len(frame) > self._size and self._end > HEADER_SIZE:
            self.roll(number)
            frame = encode_frame(self.index, number, engine_time, entries, records)
        assert self._handle is not None
        self._files.pwrite(self._handle, frame, self._end)
        self._files.fdatasync(self._handle)
        self._end = aligned(self._end + len(frame))

    def roll(self, first: int) -> None:
        """Start the next segment, whose first batch will have the number `first`."""
        while self.prepare():
            pass
        handle = self._files.open(_SPARE)
        self._files.pwrite(handle, encode_header(self.index + 1, self._store_id, first), 0)
        self._files.fdatasync(handle)
        self._files.rename(_SPARE, segment_path(self.index + 1))
        self._files.sync_directory(FOLDER)
        if self._handle is not None:
            self._files.close(self._handle)
        self._handle, self.index = handle, self.index + 1
        self._size, self._end = self._segment_bytes, HEADER_SIZE
        self.spare_ready = False

    def prepare(self) -> bool:
        """Fill and sync half a mebibyte of the spare segment; whether there is more to do."""
        if self.spare_ready:
            return False
        if self._spare is None:
            self._spare, self._filled = self._files.create(_SPARE), 0
        step = min(_STEP, self._segment_bytes - self._filled)
        self._files.pwrite(self._spare, bytes(step), self._filled)
        self._files.fdatasync(self._spare)
        self._filled += step
        if self._filled < self._segment_bytes:
            return True
        self._files.close(self._spare)
        self._spare, self.spare_ready = None, True
        return False

    def drop_before(self, index: int) -> None:
        """Remove the segments older than `index`: the state holds all that is in them."""
        older = [each for each in segment_indexes(self._files) if each < index]
        for each in older:
            self._files.unlink(segment_path(each))
        if older:
            self._files.sync_directory(FOLDER)

    def close(self) -> None:
        """Close what is open."""
        for handle in (self._handle, self._spare):
            if handle is not None:
                self._files.close(handle)
        self._handle = self._spare = None
