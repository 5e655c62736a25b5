"""Bytes <-> AVPs (RFC 6733 sections 3 and 4). Pure functions; the one error that leaves them is DiameterError.

A message is decoded into offsets: one pass checks every AVP's header and notes where it begins, and a value is
unpacked when it is asked for. So what nobody reads costs a header, and whatever is wrong can be shown to the peer
byte for byte in Failed-AVP. Groups are opened when asked for, and checked then.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

VENDOR_SHIFT: Final = 32
HEADER_SIZE: Final = 20
MESSAGE_LIMIT: Final = 65_536

_WORD = struct.Struct("!I")
_PAIR = struct.Struct("!II")
_TRIPLE = struct.Struct("!III")
_LONG = struct.Struct("!Q")
_SIGNED = struct.Struct("!i")
_SIGNED_LONG = struct.Struct("!q")
_HEADER = struct.Struct("!IIIII")
_PADDING: Final = (b"", b"\0", b"\0\0", b"\0\0\0")

_VENDOR_BIT: Final = 0x80000000
_MANDATORY_BIT: Final = 0x40000000
_LENGTH_MASK: Final = 0x00FFFFFF

# Result codes that the codec itself finds due (RFC 6733 7.1.5).
_AVP_UNSUPPORTED: Final = 5001
_INVALID_AVP_VALUE: Final = 5004
_MISSING_AVP: Final = 5005
_UNSUPPORTED_VERSION: Final = 5011
_INVALID_AVP_LENGTH: Final = 5014
_INVALID_MESSAGE_LENGTH: Final = 5015


class DiameterError(Exception):
    """What is wrong with a peer's message, as it is to be answered.

    `failed` is the content of Failed-AVP (RFC 6733 7.5): the offending AVP inside the groups that lead to it.
    """

    def __init__(self, result: int, reason: str, failed: bytes = b"") -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason
        self.failed = failed


def frame_length(buffer: bytes, offset: int, limit: int = MESSAGE_LIMIT) -> int:
    """Length of the message that begins at `offset`, 0 while its header is not whole (RFC 6733 3).

    Raises DiameterError 5011 for a foreign version, 5015 for a length that no message can have: the stream
    cannot be followed beyond it.
    """
    if len(buffer) - offset < HEADER_SIZE:
        return 0
    (word,) = _WORD.unpack_from(buffer, offset)
    if word >> 24 != 1:
        raise DiameterError(_UNSUPPORTED_VERSION, f"version {word >> 24}")
    length: int = word & _LENGTH_MASK
    if length < HEADER_SIZE or length & 3 or length > limit:
        raise DiameterError(_INVALID_MESSAGE_LENGTH, f"message length {length}")
    return length


class Header:
    """A message's header without its length: what an answer gives back."""

    __slots__ = ("application", "command", "end_to_end", "flags", "hop_by_hop")

    def __init__(self, message: bytes) -> None:
        _, word, self.application, self.hop_by_hop, self.end_to_end = _HEADER.unpack_from(message)
        self.flags: int = word >> 24
        self.command: int = word & _LENGTH_MASK


class Avps:
    """The AVPs of a message or of a group in it: `found` = key -> offset of the first, `repeated` = the others.

    `chain` holds the offsets of the groups around, outermost first.
    """

    __slots__ = ("chain", "found", "lengths", "message", "repeated")

    def __init__(
        self, message: bytes, start: int, end: int, lengths: Mapping[int, int], chain: tuple[int, ...] = ()
    ) -> None:
        """Note where each AVP between `start` and `end` begins, checking headers against `lengths`.

        Raises DiameterError 5014 (a length that cannot be), 5001 (unknown, and M is set). RFC 6733 4.1.
        """
        self.message = message
        self.lengths = lengths
        self.chain = chain
        self.found: dict[int, int] = {}
        self.repeated: list[tuple[int, int]] = []
        found = self.found
        unpack = _PAIR.unpack_from
        offset = start
        while offset < end:
            if end - offset < 8:
                raise self.cut_short(offset, end)
            key, word = unpack(message, offset)
            length = word & 0x00FFFFFF
            if word & 0x80000000:
                if length < 12 or offset + length > end:
                    raise self.cut_short(offset, end)
                key |= _WORD.unpack_from(message, offset + 8)[0] << 32
            elif length < 8 or offset + length > end:
                raise self.cut_short(offset, end)
            due = lengths.get(key)
            if due != length and due != 0:
                if due is not None:
                    raise self.bad_length(offset, due)
                if word & 0x40000000:
                    raise self.fault(_AVP_UNSUPPORTED, offset, f"AVP {key & 0xFFFFFFFF} of vendor {key >> 32}")
            if key in found:
                self.repeated.append((key, offset))
            else:
                found[key] = offset
            offset += (length + 3) & 0xFFFFFC

    def unsigned32(self, key: int) -> int | None:
        """The value of an Unsigned32, Enumerated or Time AVP; None where there is none."""
        offset = self.found.get(key)
        if offset is None:
            return None
        return int(_WORD.unpack_from(self.message, self._fixed(key, offset, 4))[0])

    def unsigned64(self, key: int) -> int | None:
        """The value of an Unsigned64 AVP; None where there is none."""
        offset = self.found.get(key)
        if offset is None:
            return None
        return int(_LONG.unpack_from(self.message, self._fixed(key, offset, 8))[0])

    def octets(self, key: int) -> bytes | None:
        """The data of the first AVP of this key; None where there is none."""
        offset = self.found.get(key)
        return None if offset is None else self.data_at(offset)

    def text(self, key: int) -> str | None:
        """The value of a UTF8String or DiameterIdentity; 5004 where it is not UTF-8."""
        offset = self.found.get(key)
        if offset is None:
            return None
        try:
            return self.data_at(offset).decode()
        except UnicodeDecodeError:
            raise self.fault(_INVALID_AVP_VALUE, offset, "not UTF-8") from None

    def group(self, key: int) -> Avps | None:
        """The first group of this key, opened and checked; None where there is none."""
        offset = self.found.get(key)
        return None if offset is None else self.group_at(offset)

    def group_at(self, offset: int) -> Avps:
        """Open the group whose header is at `offset`."""
        word = _WORD.unpack_from(self.message, offset + 4)[0]
        start = offset + (12 if word & _VENDOR_BIT else 8)
        return Avps(self.message, start, offset + (word & _LENGTH_MASK), self.lengths, (*self.chain, offset))

    def offsets(self, key: int) -> list[int]:
        """Where every AVP of this key begins, in order."""
        first = self.found.get(key)
        if first is None:
            return []
        if not self.repeated:
            return [first]
        return [first, *(offset for other, offset in self.repeated if other == key)]

    def data_at(self, offset: int) -> bytes:
        """The data of the AVP whose header is at `offset`."""
        word = _WORD.unpack_from(self.message, offset + 4)[0]
        return self.message[offset + (12 if word & _VENDOR_BIT else 8) : offset + (word & _LENGTH_MASK)]

    def raw_at(self, offset: int) -> bytes:
        """The whole AVP at `offset` as received, with its padding rebuilt."""
        length = _WORD.unpack_from(self.message, offset + 4)[0] & _LENGTH_MASK
        return self.message[offset : offset + length] + bytes(-length & 3)

    def fault(self, result: int, offset: int, reason: str) -> DiameterError:
        """An error about the AVP at `offset`, which Failed-AVP shows as received."""
        return DiameterError(result, reason, self._within(self.raw_at(offset)))

    def missing(self, *path: int) -> DiameterError:
        """5005 with a sample of what is missing: the AVP by key, inside the groups named before it."""
        sample = b""
        for key in reversed(path):
            sample = octets_avp(key, sample or bytes(4))
        return DiameterError(_MISSING_AVP, f"AVP {path[-1] & 0xFFFFFFFF} is missing", self._within(sample))

    def bad_length(self, offset: int, due: int) -> DiameterError:
        """5014 for a fixed-size AVP: its header and zeros of the size that the type has."""
        code, word = _PAIR.unpack_from(self.message, offset)
        header = 12 if word & _VENDOR_BIT else 8
        flags = word & 0xFF000000
        vendor = self.message[offset + 8 : offset + header]
        sample = _PAIR.pack(code, flags | due) + vendor + bytes(due - header)
        return DiameterError(_INVALID_AVP_LENGTH, f"length of AVP {code}", self._within(sample))

    def cut_short(self, offset: int, end: int) -> DiameterError:
        """5014 for an AVP that is shorter than its header or longer than what surrounds it (RFC 6733 7.1.5).

        Failed-AVP holds its header with an empty payload; a header that is itself cut is filled with zeros.
        """
        head = self.message[offset : min(end, offset + 12)].ljust(12, b"\0")
        code, word = _PAIR.unpack_from(head)
        size = 12 if word & _VENDOR_BIT else 8
        sample = _PAIR.pack(code, word & 0xFF000000 | size) + head[8:size]
        return DiameterError(_INVALID_AVP_LENGTH, f"length of AVP {code}", self._within(sample))

    def _fixed(self, key: int, offset: int, size: int) -> int:
        header = 12 if key >> VENDOR_SHIFT else 8
        if _WORD.unpack_from(self.message, offset + 4)[0] & _LENGTH_MASK != header + size:
            raise self.bad_length(offset, header + size)
        return offset + header

    def _within(self, avp: bytes) -> bytes:
        for offset in reversed(self.chain):
            code, word = _PAIR.unpack_from(self.message, offset)
            header = 12 if word & _VENDOR_BIT else 8
            vendor = self.message[offset + 8 : offset + header]
            avp = _PAIR.pack(code, word & 0xFF000000 | (header + len(avp))) + vendor + avp
        return avp


def scan(message: bytes, lengths: Mapping[int, int]) -> Avps:
    """The AVPs of a whole message."""
    return Avps(message, HEADER_SIZE, len(message), lengths)


def salvage(message: bytes) -> list[tuple[int, bytes]]:
    """Key and raw bytes of each top-level AVP before the first broken one. For error answers; never raises."""
    sound: list[tuple[int, bytes]] = []
    offset = HEADER_SIZE
    while len(message) - offset >= 8:
        key, word = _PAIR.unpack_from(message, offset)
        length = word & _LENGTH_MASK
        if length < (12 if word & _VENDOR_BIT else 8) or offset + length > len(message):
            break
        if word & _VENDOR_BIT:
            key |= _WORD.unpack_from(message, offset + 8)[0] << VENDOR_SHIFT
        sound.append((key, message[offset : offset + length] + bytes(-length & 3)))
        offset += (length + 3) & ~3
    return sound


def octets_avp(key: int, data: bytes, mandatory: bool = True) -> bytes:
    """One AVP, padded. The vendor in the key sets the V flag."""
    vendor = key >> VENDOR_SHIFT
    flags = _MANDATORY_BIT if mandatory else 0
    if vendor:
        head = _TRIPLE.pack(key & 0xFFFFFFFF, flags | _VENDOR_BIT | (12 + len(data)), vendor)
    else:
        head = _PAIR.pack(key, flags | (8 + len(data)))
    return head + data + _PADDING[-len(data) & 3]


def unsigned32_avp(key: int, value: int, mandatory: bool = True) -> bytes:
    """An Unsigned32, Enumerated or Time AVP."""
    if mandatory and not key >> VENDOR_SHIFT:
        return _TRIPLE.pack(key, _MANDATORY_BIT | 12, value)
    return octets_avp(key, _WORD.pack(value), mandatory)


def unsigned64_avp(key: int, value: int, mandatory: bool = True) -> bytes:
    """An Unsigned64 AVP."""
    return octets_avp(key, _LONG.pack(value), mandatory)


def integer32_avp(key: int, value: int) -> bytes:
    """An Integer32 AVP."""
    return octets_avp(key, _SIGNED.pack(value))


def integer64_avp(key: int, value: int) -> bytes:
    """An Integer64 AVP."""
    return octets_avp(key, _SIGNED_LONG.pack(value))


def text_avp(key: int, value: str, mandatory: bool = True) -> bytes:
    """A UTF8String or DiameterIdentity AVP."""
    return octets_avp(key, value.encode(), mandatory)


def group_avp(key: int, *members: bytes, mandatory: bool = True) -> bytes:
    """A Grouped AVP of encoded members."""
    return octets_avp(key, b"".join(members), mandatory)


def message_bytes(flags: int, command: int, application: int, hop_by_hop: int, end_to_end: int, body: bytes) -> bytes:
    """A whole message of an encoded body."""
    length = HEADER_SIZE + len(body)
    return _HEADER.pack(1 << 24 | length, flags << 24 | command, application, hop_by_hop, end_to_end) + body


def with_hop_by_hop(message: bytes, hop_by_hop: int) -> bytes:
    """The same message under another hop-by-hop id: a stored answer for a repeated request."""
    return message[:12] + _WORD.pack(hop_by_hop) + message[16:]
