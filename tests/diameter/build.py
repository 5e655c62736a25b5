"""Diameter messages by hand, with nothing but struct: independent of the product's encoder and reader."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

TGPP = 10415
GROUPS = {260, 279, 284, 423, 430, 431, 437, 443, 445, 446, 456, 873, 874, 876, 2000, 2026, 1201}


def avp(code: int, data: bytes | str | int, vendor: int = 0, flags: int = 0x40) -> bytes:
    """One AVP; a number becomes an Unsigned32."""
    if isinstance(data, str):
        data = data.encode()
    if isinstance(data, int):
        data = struct.pack("!I", data)
    head = 12 if vendor else 8
    length = head + len(data)
    out = struct.pack("!II", code, (flags | (0x80 if vendor else 0)) << 24 | length)
    return out + (struct.pack("!I", vendor) if vendor else b"") + data + b"\0" * (-length % 4)


def u64(code: int, value: int) -> bytes:
    return avp(code, struct.pack("!Q", value))


def message(command: int, application: int, body: bytes, flags: int = 0x80, hop: int = 1, end: int = 1) -> bytes:
    words = (1 << 24 | 20 + len(body), flags << 24 | command, application, hop, end)
    return struct.pack("!IIIII", *words) + body


@dataclass
class Read:
    """A message as a plain reader sees it: AVPs in order, groups as lists."""

    flags: int
    command: int
    application: int
    hop: int
    end: int
    avps: list[tuple[int, bytes]] = field(default_factory=list)

    def first(self, code: int) -> bytes:
        return next(data for key, data in self.avps if key == code)

    def has(self, code: int) -> bool:
        return any(key == code for key, _ in self.avps)

    @property
    def result(self) -> int:
        return int.from_bytes(self.first(268), "big")


def read(raw: bytes) -> Read:
    length, command, application, hop, end = struct.unpack_from("!IIIII", raw)
    assert length == 1 << 24 | len(raw)
    return Read(command >> 24, command & 0xFFFFFF, application, hop, end, avps(raw[20:]))


def read_all(raw: bytes) -> list[Read]:
    out = []
    while raw:
        size = int.from_bytes(raw[1:4], "big")
        out.append(read(raw[:size]))
        raw = raw[size:]
    return out


def avps(raw: bytes) -> list[tuple[int, bytes]]:
    out = []
    at = 0
    while at < len(raw):
        code, word = struct.unpack_from("!II", raw, at)
        size = word & 0xFFFFFF
        head = 12 if word >> 31 else 8
        assert head <= size <= len(raw) - at
        out.append((code, raw[at + head : at + size]))
        at += size + -size % 4
    return out


def member(group: bytes, *path: int) -> bytes:
    """The first AVP at the end of a path inside a group's data."""
    for code in path:
        group = next(data for key, data in avps(group) if key == code)
    return group


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def cer(host: str = "pgw.example.org", applications: bytes = avp(258, 4), extra: bytes = b"") -> bytes:
    body = avp(264, host) + avp(296, "example.org") + avp(257, b"\0\1\x7f\0\0\1") + avp(266, 0)
    return message(257, 0, body + avp(269, "test", flags=0) + applications + extra, hop=7, end=7)


VOICE = "32260@3gpp.org"
DATA = "32251@3gpp.org"
MESSAGES = "32274@3gpp.org"


def ims(called: str, calling: str = "tel:+46700000001") -> bytes:
    return avp(873, avp(876, avp(831, calling, TGPP) + avp(832, called, TGPP), TGPP), TGPP)


def subscription(kind: int, data: str) -> bytes:
    return avp(443, avp(450, kind) + avp(444, data))


def rsu(*units: bytes) -> bytes:
    return avp(437, b"".join(units))


def usu(*units: bytes) -> bytes:
    return avp(446, b"".join(units))


def mscc(*members: bytes) -> bytes:
    return avp(456, b"".join(members))


def ccr(
    kind: int,
    number: int,
    *rest: bytes,
    session: str = "pgw.example.org;1;2",
    context: str = VOICE,
    host: str = "pgw.example.org",
    hop: int = 11,
    end: int = 21,
    flags: int = 0xC0,
    realm: str = "demo.invalid",
) -> bytes:
    body = avp(263, session) + avp(264, host) + avp(296, "example.org") + avp(283, realm) + avp(258, 4)
    body += avp(461, context) + avp(416, kind) + avp(415, number) + b"".join(rest)
    return message(272, 4, body, flags, hop, end)
