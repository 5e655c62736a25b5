"""A record's stored bytes with anything wrong in them: another record, or ValueError; nothing else."""

from __future__ import annotations

import random

import pytest

from tollhouse.records.record import Call, Record, decode, digest, encode
from tollhouse.wallet.state import Posting

CALL = Call("2.0", "nas", "acc", "voice", "1001", "4420", 1_795_000_000_000_000, 85_000_000, 641_700, 0, b"\1" * 16, "")
RECORD = Record(
    "wället", 2, 1, "session", "api", "r", "EUR", (Posting(1, -641_700, "revenue"),), 5, b"\2" * 16, "é", CALL
)
BODY = encode(RECORD)


def readable(body: bytes) -> Record | None:
    """The record, or None where it is refused."""
    try:
        return decode(body)
    except ValueError:
        return None


def test_whole() -> None:
    """Encoding and decoding are inverse, and the digest names the bytes: 16 of them, other ones for other bytes."""
    assert decode(BODY) == RECORD
    assert len({digest(BODY), digest(BODY + b"\0"), digest(BODY[:-1])}) == 3


def test_cut_at_every_length_and_trailing_bytes() -> None:
    """Nothing that is cut or prolonged is read."""
    for size in range(len(BODY)):
        with pytest.raises(ValueError):
            decode(BODY[:size])
    for tail in (b"\0", b"\xc0", BODY):
        with pytest.raises(ValueError):
            decode(BODY + tail)


def test_formats() -> None:
    """Only the first octet 1 is known."""
    for number in range(256):
        assert (readable(bytes((number,)) + BODY[1:]) is not None) == (number == 1)


def test_bits_and_octets_turned() -> None:
    """A turned bit gives another record or none; the chain would show the other one."""
    for at in range(1, len(BODY)):
        for bit in range(8):
            data = bytearray(BODY)
            data[at] ^= 1 << bit
            assert readable(bytes(data)) != RECORD
            assert digest(bytes(data)) != digest(BODY)


@pytest.mark.parametrize("seed", range(4))
def test_noise(seed: int) -> None:
    """Random octets, and records with random octets in them."""
    dice = random.Random(seed)
    for _ in range(5000):
        data = bytearray(BODY)
        for _ in range(dice.randrange(1, 8)):
            data[dice.randrange(1, len(data))] = dice.randrange(256)
        readable(bytes(data))
        readable(b"\x01" + dice.randbytes(dice.randrange(60)))


def test_nested_without_end() -> None:
    """In the record's place, and in a sixteenth field that this release does not know (fields are only appended)."""
    deep = b"\x91" * 100_000 + b"\x90"
    longer = BODY[:1] + b"\xdc\x00\x10" + BODY[2:]  # an array of 16
    assert BODY[1] == 0x9F  # an array of 15
    assert readable(longer + b"\xc0") == RECORD
    assert readable(longer + deep) is None
    assert readable(b"\x01" + deep) is None
