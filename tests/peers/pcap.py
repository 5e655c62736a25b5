"""Capture files for tshark, written without capture rights: what was said, as raw IPv4 between loopback addresses."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

LOOPBACK = bytes([127, 0, 0, 1])
RAW_IPV4 = 228  # LINKTYPE_IPV4: each packet begins with its IPv4 header
MAGIC = 0xA1B2C3D4
PROTOCOLS = {"udp": 17, "tcp": 6}
PSH_ACK = 0x18
TCP_SEGMENT = 16_384
"""Octets of payload in one written segment, well below the 65,535 of an IPv4 packet."""

Packet = tuple[Literal["udp", "tcp"], int, int, bytes]
"""Protocol, source port, destination port, payload."""


def write_pcap(path: Path | str, packets: Sequence[Packet]) -> None:
    """Write the packets in order, a millisecond apart; TCP payloads of one flow continue each other's numbers."""
    sent: dict[tuple[int, int], int] = {}
    out = [struct.pack("<IHHiIII", MAGIC, 2, 4, 0, 0, 65_535, RAW_IPV4)]
    for number, frame in enumerate(frame for packet in packets for frame in _frames(packet, sent)):
        seconds, milliseconds = divmod(number, 1000)
        out.append(struct.pack("<IIII", seconds, milliseconds * 1000, len(frame), len(frame)) + frame)
    Path(path).write_bytes(b"".join(out))


def _frames(packet: Packet, sent: dict[tuple[int, int], int]) -> list[bytes]:
    protocol, source, destination, payload = packet
    if protocol == "udp":
        return [
            _ipv4(protocol, _checked(protocol, struct.pack("!HHHH", source, destination, 8 + len(payload), 0), payload))
        ]
    frames = []
    for at in range(0, len(payload), TCP_SEGMENT):
        part = payload[at : at + TCP_SEGMENT]
        sequence, acknowledged = sent.get((source, destination), 1), sent.get((destination, source), 1)
        header = struct.pack("!HHIIBBHHH", source, destination, sequence, acknowledged, 5 << 4, PSH_ACK, 65_535, 0, 0)
        frames.append(_ipv4(protocol, _checked(protocol, header, part)))
        sent[source, destination] = sequence + len(part)
    return frames


def _checked(protocol: str, header: bytes, payload: bytes) -> bytes:
    """The segment with its checksum filled in (RFC 768, RFC 9293 3.1): the field lies at 6 in UDP, at 16 in TCP."""
    at = 6 if protocol == "udp" else 16
    pseudo = LOOPBACK + LOOPBACK + struct.pack("!BBH", 0, PROTOCOLS[protocol], len(header) + len(payload))
    checksum = _ones_complement(pseudo + header + payload) or 0xFFFF
    return header[:at] + struct.pack("!H", checksum) + header[at + 2 :] + payload


def _ipv4(protocol: str, segment: bytes) -> bytes:
    bare = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, PROTOCOLS[protocol], 0, LOOPBACK, LOOPBACK
    )
    return bare[:10] + struct.pack("!H", _ones_complement(bare)) + bare[12:] + segment


def _ones_complement(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
