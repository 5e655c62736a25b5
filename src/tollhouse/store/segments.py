"""The bytes of a journal segment, as functions: header, frames, and what a segment says when it is read again.

A segment is a preallocated file of zeros: a header of 64 bytes, then frames, each starting at a multiple of 8:
`length u32, crc32 u32, payload` (big-endian). The payload is a format number (one byte) and one msgpack value, the
batch. The checksum is seeded with the segment's index, so a frame is valid only in the segment it was written to.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final
from zlib import crc32

import msgspec

from tollhouse.store.errors import CorruptError, FormatError
from tollhouse.store.interface import Entry, RecordEntry
from tollhouse.values.instants import Instant

HEADER_SIZE: Final = 64
FORMAT: Final = 1
_MAGIC: Final = b"TOLLJRNL"
_HEADER: Final = struct.Struct(">8sII16sQ")
_HEADER_CRC: Final = struct.Struct(">I")
_FRAME: Final = struct.Struct(">II")
_ZEROS: Final = 4096
"""No payload ends in more zeros than this: a handful of numbers that are 0."""
_FORMAT_BYTE: Final = bytes((FORMAT,))


class Batch(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What one append made durable. Fields are only ever appended."""

    number: int
    engine_time: Instant
    entries: list[Entry]
    records: list[RecordEntry]


class Segment(msgspec.Struct, frozen=True):
    """A segment as it was read. The next frame goes to `end`; bytes up to `torn` are of a batch never completed."""

    index: int
    first: int
    batches: list[Batch]
    end: int
    torn: int
    size: int


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Batch).decode


def encode_header(index: int, store_id: bytes, first: int) -> bytes:
    """The first 64 bytes: `first` is the number that the segment's first batch will have."""
    fields = _HEADER.pack(_MAGIC, FORMAT, index, store_id, first)
    return (fields + _HEADER_CRC.pack(crc32(fields))).ljust(HEADER_SIZE, b"\0")


def encode_frame(
    index: int, number: int, engine_time: Instant, entries: Sequence[Entry], records: Sequence[RecordEntry]
) -> bytes:
    """One batch as a frame of the segment with this index."""
    payload = _FORMAT_BYTE + _encode((number, engine_time, entries, records))
    return _FRAME.pack(len(payload), crc32(payload, index)) + payload


def aligned(offset: int) -> int:
    """Where the next frame starts after one that ends at `offset`."""
    return (offset + 7) & ~7


def read_segment(name: str, data: bytes, index: int, store_id: bytes, *, last: bool) -> Segment:
    """Read a segment. Raises FormatError or CorruptError.

    Only the last segment may end in a torn batch, and only in one: a batch was never begun before the one before it
    was durable. So anything valid behind a bad frame, and anything at all behind the frames of an earlier segment,
    is damage.
    """
    first = _read_header(name, data, index, store_id)
    filled = len(data.rstrip(b"\0"))
    batches: list[Batch] = []
    offset = HEADER_SIZE
    while (payload := _payload(data, offset, index)) is not None:
        batches.append(_batch(name, payload, first + len(batches)))
        offset = aligned(offset + _FRAME.size + len(payload))
    if filled > offset:
        if not last:
            raise CorruptError(f"{name}: a damaged batch at byte {offset}, and later segments exist")
        if _valid_frame_behind(data, offset + 8, filled, index):
            raise CorruptError(f"{name}: a damaged batch at byte {offset} with valid ones behind it")
    return Segment(index, first, batches, offset, max(filled, offset), len(data))


def _read_header(name: str, data: bytes, index: int, store_id: bytes) -> int:
    if len(data) < HEADER_SIZE or data[:8] != _MAGIC:
        raise CorruptError(f"{name}: not a journal segment")
    _, format_number, own_index, own_store, first = _HEADER.unpack_from(data)
    if format_number != FORMAT:
        raise FormatError(f"{name}: journal format {format_number}, this release reads {FORMAT}")
    if _HEADER_CRC.unpack_from(data, _HEADER.size)[0] != crc32(data[: _HEADER.size]) or own_index != index:
        raise CorruptError(f"{name}: damaged header")
    if own_store != store_id:
        raise CorruptError(f"{name}: belongs to store {own_store.hex()}, not {store_id.hex()}")
    return int(first)


def _payload(data: bytes, offset: int, index: int) -> bytes | None:
    """The payload of a valid frame at `offset`, else None."""
    start = offset + _FRAME.size
    if start > len(data):
        return None
    length, checksum = _FRAME.unpack_from(data, offset)
    if length == 0 or start + length > len(data):
        return None
    payload = data[start : start + length]
    return payload if crc32(payload, index) == checksum else None


def _batch(name: str, payload: bytes, expected: int) -> Batch:
    if payload[0] != FORMAT:
        raise FormatError(f"{name}: batch format {payload[0]}, this release reads {FORMAT}")
    try:
        batch = _decode(memoryview(payload)[1:])
    except (ValueError, RecursionError) as error:
        raise CorruptError(f"{name}: a batch with a right checksum cannot be read: {error}") from None
    if batch.number != expected:
        raise CorruptError(f"{name}: batch {batch.number} where {expected} was due")
    return batch


def _valid_frame_behind(data: bytes, start: int, filled: int, index: int) -> bool:
    """Whether a valid frame begins anywhere in [start, filled). It may end behind: in zeros of its own."""
    unpack = _FRAME.unpack_from
    for offset in range(start, filled - _FRAME.size, 8):
        length = unpack(data, offset)[0]
        if 0 < length <= filled + _ZEROS - offset - _FRAME.size and _payload(data, offset, index) is not None:
            return True
    return False
