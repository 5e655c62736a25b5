"""Reads the messages of RFC 4475 in the RFC's own notation (see the README beside them)."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "vectors" / "rfc4475"
NAMES = sorted(path.stem for path in FOLDER.glob("*.txt"))


def message(name: str) -> bytes:
    """The message as it goes over the wire."""
    raw = (FOLDER / f"{name}.txt").read_bytes()
    raw = re.sub(rb"<allOneLine>\n(.*?)</allOneLine>", lambda m: m.group(1).replace(b"\n", b""), raw, flags=re.DOTALL)
    raw = raw.replace(b"\n", b"\r\n")
    raw = re.sub(rb"<hex>([0-9A-F]*)</hex>", lambda m: bytes.fromhex(m.group(1).decode()), raw)
    head, blank, body = raw.partition(b"\r\n\r\n")
    return head.replace(b"{len}", b"%d" % len(body)) + blank + body
