"""What stands for the records of a wallet that are kept no longer: brought forward up to one of them, sealed."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from tollhouse.records.record import digest
from tollhouse.values.instants import Instant
from tollhouse.wallet.state import Lines

Counters: TypeAlias = tuple[tuple[str, int], ...]
"""(counter-account, what it holds) pairs."""


class BroughtForward(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A wallet's records 1 to `sequence` in one: what they moved into each bucket and out of each counter-account.

    `units` names that of each bucket that counts something else than money; a counter-account of such a unit is called
    `account:unit`. `chain` is the digest of the last of them, which record `sequence` + 1 names as the one before it.
    `at`: when this was written. `seal`: the digest of all the rest.
    """

    wallet: str
    sequence: int
    at: Instant
    unit: str
    buckets: Lines
    counters: Counters
    chain: bytes
    seal: bytes = b""
    units: tuple[tuple[int, str], ...] = ()


NOTHING: BroughtForward = BroughtForward("", 0, 0, "", (), (), b"")
"""Where every chain begins."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(BroughtForward)


def encode(forward: BroughtForward) -> bytes:
    """The bytes that are stored, sealed; the first octet is the format number."""
    return b"\x01" + _encoder.encode(msgspec.structs.replace(forward, seal=_seal(forward)))


def decode(image: bytes) -> BroughtForward:
    """The stored bytes again. Raises ValueError: another format, damaged, or not as it was sealed."""
    if image[:1] != b"\x01":
        raise ValueError(f"format {image[:1].hex()!r} is unknown")
    try:
        forward = _decoder.decode(image[1:])
    except RecursionError as error:
        raise ValueError("nested without end") from error
    if forward.seal != _seal(forward):
        raise ValueError("it is not as it was sealed")
    return forward


def _seal(forward: BroughtForward) -> bytes:
    return digest(_encoder.encode(msgspec.structs.replace(forward, seal=b"")))
