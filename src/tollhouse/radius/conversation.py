"""Duplicates of a datagram (RFC 5080 2.2.2): dropped while the first is being decided, then answered alike.

Memory only, capped, without clock or sockets: a cache that forgets costs a decision, never money, because the engine
knows the request by its own key as well.
"""

from __future__ import annotations

from collections import deque
from typing import Final, TypeAlias

import msgspec

from tollhouse.radius.codec import HEADER
from tollhouse.values.instants import SECOND, Duration, Instant

Address: TypeAlias = tuple[str, int]
"""Host and port of the peer."""

Key: TypeAlias = tuple[Address, bytes, int]
"""Who asked, the packet's header (code, identifier, length, request authenticator), and a hash of the whole packet: a
client that never changes its authenticator (CHAP with CHAP-Challenge) must not get another request's answer."""

IN_PROGRESS: Final = b""
"""What a duplicate gets while the first is being decided: nothing."""


class Exchange(msgspec.Struct, gc=False):
    """One request and, once there is one, its answer."""

    key: Key
    until: Instant
    answer: bytes = IN_PROGRESS


class Conversation:
    """The requests of the last 30 seconds at one port, by client address and header."""

    def __init__(
        self, lifetime: Duration = 30 * SECOND, most_entries: int = 131_072, most_octets: int = 64 * 1024 * 1024
    ) -> None:
        self._lifetime = lifetime
        self._most_entries = most_entries
        self._most_octets = most_octets
        self._exchanges: dict[Key, Exchange] = {}
        self._order: deque[Exchange] = deque()
        self._octets = 0

    def __len__(self) -> int:
        return len(self._exchanges)

    @property
    def octets(self) -> int:
        """How many octets of answers are kept."""
        return self._octets

    def receive(self, raw: bytes, address: Address, now: Instant) -> Exchange | bytes:
        """A genuine packet has come: a new exchange to be answered, or what a duplicate gets (IN_PROGRESS: nothing)."""
        order = self._order
        while order and order[0].until <= now:
            self._drop_oldest()
        key = (address, raw[:HEADER], hash(raw))
        known = self._exchanges.get(key)
        if known is not None:
            return known.answer
        if len(order) >= self._most_entries:
            self._drop_oldest()
        exchange = Exchange(key, now + self._lifetime)
        self._exchanges[key] = exchange
        order.append(exchange)
        return exchange

    def answered(self, exchange: Exchange, answer: bytes) -> None:
        """Keep the answer for duplicates; the oldest go where answers take more than the cap."""
        if self._exchanges.get(exchange.key) is not exchange:
            return
        exchange.answer = answer
        self._octets += len(answer)
        while self._octets > self._most_octets:
            self._drop_oldest()

    def forget(self, exchange: Exchange) -> None:
        """There is no answer (silence on purpose): a retransmission is to be decided anew."""
        if self._exchanges.get(exchange.key) is exchange:
            del self._exchanges[exchange.key]

    def _drop_oldest(self) -> None:
        oldest = self._order.popleft()
        if self._exchanges.get(oldest.key) is oldest:
            del self._exchanges[oldest.key]
            self._octets -= len(oldest.answer)
