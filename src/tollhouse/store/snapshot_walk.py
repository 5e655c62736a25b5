"""The two longest matches, of texts and of address blocks, over sorted keys: one walk each, a few steps long.

Step to the nearest key that is not greater; if that is no match, try again with what it has in common. For bits this
works because a block's key is family, network and length.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

import lmdb


def _at_or_before(cursor: lmdb.Cursor, key: bytes) -> bytes:
    """Move to the greatest key that is not greater; empty if there is none."""
    if cursor.set_range(key):
        found = bytes(cursor.key())
        if found == key:
            return found
        return bytes(cursor.key()) if cursor.prev() else b""
    return bytes(cursor.key()) if cursor.last() else b""


def heads(cursor: lmdb.Cursor, head: bytes, text: str, longest: int) -> Iterator[tuple[str, bytes]]:
    """(text's prefix, value) of all rows whose key is `head` and then a prefix of the text, the longest first.

    Of a key beyond `longest` octets only so many are looked at: none that is stored is longer.
    """
    key = (head + text.encode("utf-8", "surrogatepass"))[:longest]
    while len(key) >= len(head):
        found = _at_or_before(cursor, key)
        if not found:
            return
        if not key.startswith(found):
            key = _common(key, found)
        elif len(found) < len(head):
            return
        else:
            yield found[len(head) :].decode(), bytes(cursor.value())
            key = found[:-1]


def _common(one: bytes, other: bytes) -> bytes:
    """What both begin with."""
    for place, (mine, its) in enumerate(zip(one, other, strict=False)):
        if mine != its:
            return one[:place]
    return min(one, other, key=len)


def longest_block(txn: lmdb.Transaction, table: bytes, address: str) -> bytes | None:
    """The value of the longest block in the table that holds the address; None also for what is no address."""
    host = _parse_address(address)
    if host is None:
        return None
    width: int = host.max_prefixlen
    number = int(host)
    head = table + bytes((host.version,))
    cursor, length = txn.cursor(), width
    while True:
        network = number >> (width - length) << (width - length)
        found = _at_or_before(cursor, head + network.to_bytes(width // 8, "big") + bytes((length,)))
        if not found.startswith(head):
            return None
        common = width - (int.from_bytes(found[len(head) : -1], "big") ^ number).bit_length()
        if common >= found[-1]:
            return bytes(cursor.value())
        length = common


def _parse_address(address: str) -> IPv4Address | IPv6Address | None:
    try:
        host = ip_address(address)
    except ValueError:
        return None
    return host.ipv4_mapped or host if isinstance(host, IPv6Address) else host
