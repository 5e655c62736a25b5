"""A journal segment with anything wrong in it: what was durable is read, or the start is refused; nothing else."""

from __future__ import annotations

import random
import struct
from zlib import crc32

import pytest

from tollhouse.store.errors import CorruptError, FormatError, StoreError
from tollhouse.store.interface import Entry, RecordEntry
from tollhouse.store.segments import HEADER_SIZE, Batch, Segment, aligned, encode_frame, encode_header, read_segment

STORE = bytes(range(16))
INDEX = 7
FIRST = 41
BATCHES = [
    Batch(FIRST, 1_000, [Entry(1, b"1001", b"image" * 9, (b"find", b"me"), 5)], [RecordEntry("1001", 1, 9, b"body")]),
    Batch(FIRST + 1, 2_000, [Entry(2, b"gone", None)], []),
    Batch(FIRST + 2, 3_000, [], [RecordEntry("wället", 2**40, 2**50, b"body\0\0")]),
]
FRAMES = [encode_frame(INDEX, one.number, one.engine_time, one.entries, one.records) for one in BATCHES]


def written() -> bytes:
    """The segment as it lies on disk, without the zeros behind it."""
    data = encode_header(INDEX, STORE, FIRST)
    for frame in FRAMES:
        data += frame.ljust(aligned(len(frame)), b"\0")
    return data


def read(data: bytes, *, last: bool = True) -> Segment:
    """The segment as recovery reads it."""
    return read_segment("segment", data, INDEX, STORE, last=last)


def test_whole_and_with_zeros_behind() -> None:
    """A preallocated file ends in zeros."""
    for zeros in (0, 1, 7, 8, 4096):
        for last in (True, False):
            assert read(written() + bytes(zeros), last=last).batches == BATCHES


def test_every_bit_of_the_frames_turned() -> None:
    """In the last batch: as if it was never written. In one before it: damage, because a valid one is behind."""
    whole = written()
    start = HEADER_SIZE
    for place, frame in enumerate(FRAMES):
        for at in range(start, start + len(frame)):
            for bit in range(8):
                data = bytearray(whole + bytes(64))
                data[at] ^= 1 << bit
                if place == len(FRAMES) - 1:
                    assert read(bytes(data)).batches == BATCHES[:-1]
                else:
                    with pytest.raises(CorruptError):
                        read(bytes(data))
                with pytest.raises(CorruptError):
                    read(bytes(data), last=False)
        start += aligned(len(frame))


def test_every_bit_of_the_header_turned() -> None:
    """Magic 8, format 4, index 4, store 16, first 8, checksum 4 octets (44 in all); the rest of the 64 says nothing."""
    whole = written()
    for at in range(HEADER_SIZE):
        for bit in range(8):
            data = bytearray(whole)
            data[at] ^= 1 << bit
            if at < 44:
                with pytest.raises((CorruptError, FormatError)):
                    read(bytes(data))
            else:
                assert read(bytes(data)).batches == BATCHES


def test_cut_at_every_length() -> None:
    """What is whole is read; a batch that was not written to its end was never answered."""
    whole = written()
    ends = [HEADER_SIZE]
    for frame in FRAMES:
        ends.append(aligned(ends[-1]) + len(frame))
    ends[-1] -= 2  # the last batch ends in two zeros, as a record of a session does: they are there already
    for size in range(len(whole)):
        if size < HEADER_SIZE:
            with pytest.raises(CorruptError):
                read(whole[:size])
        else:
            complete = sum(1 for end in ends[1:] if end <= size)
            assert read(whole[:size] + bytes(32)).batches == BATCHES[:complete]


@pytest.mark.parametrize("seed", range(4))
def test_noise_behind_the_last_batch(seed: int) -> None:
    """A torn write of anything: the batches before it are read, and the torn octets are known so as to be wiped."""
    dice = random.Random(seed)
    whole = written()
    for _ in range(500):
        noise = dice.randbytes(dice.randrange(200)) + b"\x01"
        segment = read(whole + noise + bytes(40))
        assert segment.batches == BATCHES
        assert (segment.end, segment.torn) == (len(whole), len(whole) + len(noise))
        with pytest.raises(CorruptError):
            read(whole + noise, last=False)


@pytest.mark.parametrize("seed", range(4))
def test_a_right_checksum_over_anything(seed: int) -> None:
    """Another program wrote it: refused by name, whatever the payload is."""
    dice = random.Random(seed)
    good = FRAMES[0][8:]
    deep = b"\x01" + b"\x91" * 100_000
    no_text = b"\x01\x94\x29\x01\x90\x91\x94\xa1\xff\x01\x01\xc4\x00"
    for payload in [deep, no_text, *(mutated(dice, good) for _ in range(2000))]:
        frame = struct.pack(">II", len(payload), crc32(payload, INDEX)) + payload
        try:
            batches = read(encode_header(INDEX, STORE, FIRST) + frame).batches
        except StoreError:
            continue
        assert [batch.number for batch in batches] in ([], [FIRST])


def mutated(dice: random.Random, good: bytes) -> bytes:
    """Octets changed, cut off or added."""
    data = bytearray(good)
    for _ in range(dice.randrange(1, 5)):
        data[dice.randrange(len(data))] = dice.randrange(256)
    if dice.random() < 0.3:
        del data[dice.randrange(1, len(data)) :]
    return bytes(data) + (dice.randbytes(dice.randrange(9)) if dice.random() < 0.3 else b"")


def test_random_files() -> None:
    """No segment, or a header with anything behind it."""
    dice = random.Random(1)
    header = encode_header(INDEX, STORE, FIRST)
    for _ in range(3000):
        noise = dice.randbytes(dice.randrange(300))
        with pytest.raises(StoreError):
            read(noise)
        assert read(header + noise).batches == []
