"""Repeated requests get the answer that was given (RFC 6733 5.5.4; requirement diameter 4.1, layer a).

A packet is the same when Origin-Host and end-to-end id are, and so are session, sub-session, request type and number:
clients that begin their end-to-end ids anew after a restart must not be given another session's answer.
Shared by all connections, for agents send a repeat over another path. Bounded by age, entries and bytes.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

import msgspec

from tollhouse.values.instants import Duration, Instant

Waiter = TypeVar("Waiter")


class PacketKey(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What makes two packets one request. `client` is the Origin-Host in lower case, `session` the Session-Id AVP."""

    client: str
    end_to_end: int
    session: bytes
    sub_session: int
    kind: int
    number: int


class InHand(Generic[Waiter]):
    """A request that the engine has not answered yet, and who is to have the answer."""

    __slots__ = ("digest", "waiters")

    def __init__(self, digest: int, waiter: Waiter) -> None:
        self.digest = digest
        self.waiters = [waiter]


class Answered(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An answer that was given. `digest` tells whether a repeat has the same body."""

    message: bytes
    digest: int
    until: Instant


class Duplicates(Generic[Waiter]):
    """Requests in hand, and answers given, oldest first."""

    def __init__(self, keep: Duration, entries: int, size: int) -> None:
        self._keep = keep
        self._entries_limit = entries
        self._bytes_limit = size
        self._in_hand: dict[PacketKey, InHand[Waiter]] = {}
        self._answered: OrderedDict[PacketKey, Answered] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._answered)

    def find(self, key: PacketKey, now: Instant) -> Answered | InHand[Waiter] | None:
        """What is known of this packet: its answer, that it is in hand, or nothing."""
        answered = self._answered.get(key)
        if answered is not None and answered.until > now:
            return answered
        return self._in_hand.get(key)

    def begin(self, key: PacketKey, digest: int, waiter: Waiter) -> None:
        """The request goes to the engine."""
        self._in_hand[key] = InHand(digest, waiter)

    def settle(self, key: PacketKey, message: bytes | None, now: Instant) -> list[Waiter]:
        """The engine has answered: who waits for it. `message` None = nothing that a repeat is to be answered with."""
        held = self._in_hand.pop(key)
        if message is not None:
            self._forget(key)
            self._answered[key] = Answered(message, held.digest, now + self._keep)
            self._bytes += len(message)
            self._shrink(now)
        return held.waiters

    def _shrink(self, now: Instant) -> None:
        while self._answered:
            oldest = next(iter(self._answered))
            within = len(self._answered) <= self._entries_limit and self._bytes <= self._bytes_limit
            if within and self._answered[oldest].until > now:
                return
            self._forget(oldest)

    def _forget(self, key: PacketKey) -> None:
        gone = self._answered.pop(key, None)
        if gone is not None:
            self._bytes -= len(gone.message)
