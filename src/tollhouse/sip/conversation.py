"""Server transactions over UDP (RFC 3261 17.2, 8.2.6, 9.2, 18.2.2): no sockets, no clock; `now` is an argument.

Only an INVITE has a transaction. What answers any other request is a function of the request, so a repeat of it gets
the same bytes without being remembered; the To tag is a keyed hash of the transaction's key, so it never changes.
"""

from __future__ import annotations

import enum
import hashlib
from collections import OrderedDict
from typing import Final, TypeAlias

import msgspec

from tollhouse.sip.codec import Envelope, Request, encode, stamp
from tollhouse.sip.settings import Settings
from tollhouse.sip.uri import DEFAULT_PORT
from tollhouse.values.commands import Authorize
from tollhouse.values.instants import SECOND, Instant

Address: TypeAlias = tuple[str, int]
Datagram: TypeAlias = tuple[bytes, Address]
Key: TypeAlias = tuple[bytes | str | int, ...]

TICK: Final = 50_000
"""The timer wheel's step, microseconds."""
TRYING_AFTER: Final = 200_000
T1: Final = SECOND // 2
T2: Final = 4 * SECOND
LIFETIME: Final = 64 * T1
"""Timers B, F, H and the life of a kept answer: 32 s."""


class Phase(enum.IntEnum):
    """Where an INVITE's transaction stands (RFC 3261 figure 7)."""

    PENDING = 1
    CANCELLED = 2
    """A CANCEL came first; its 487 waits until what was held is released."""
    COMPLETED = 3
    """The final answer is out and repeated until its ACK comes."""
    CONFIRMED = 4


class Transaction(msgspec.Struct, gc=False):
    """One INVITE. `reply` is where answers go; `sent` is the last answer: empty, the 100, or the final one.

    `interval` is timer G's next step; `ends` is timer H and the end of the kept answer; `due` is the step of the wheel
    at which it is looked at next. `wish` is what the engine was asked, so that a CANCEL can give it back.
    """

    key: Key
    merge: Key
    envelope: Envelope
    tag: bytes
    reply: Address
    ends: Instant
    due: int = 0
    phase: Phase = Phase.PENDING
    sent: bytes = b""
    interval: int = T1
    wish: Authorize | None = None


class Verdict(enum.IntEnum):
    """What an INVITE is to its conversation."""

    NEW = 1
    REPEAT = 2
    MERGED = 3
    """The same request by another way (RFC 3261 8.2.2.2)."""


class Conversation:
    """All live INVITE transactions of one listener, bounded in number and bytes."""

    def __init__(self, secret: bytes, settings: Settings) -> None:
        """`secret` (16 to 64 random bytes) keys the To tags."""
        self._secret = secret
        self._settings = settings
        self._live: OrderedDict[Key, Transaction] = OrderedDict()
        self._merges: dict[Key, Key] = {}
        self._wheel: dict[int, list[Transaction]] = {}
        self._turned = 0
        self._bytes = 0
        self.unconfirmed = 0
        """Final answers that no ACK ever met (timer H): a NAT, or a broken client."""

    def __len__(self) -> int:
        return len(self._live)

    def invite(self, request: Request, source: Address, now: Instant) -> tuple[Verdict, Transaction]:
        """Meet an INVITE. A REPEAT's `sent` is to go out again (if any); a NEW one waits for `finish`."""
        key = transaction_key(request, source[0])
        known = self._live.get(key)
        if known is not None:
            return Verdict.REPEAT, known
        merge = (request.envelope.call_id, request.sender_tag, request.sequence)
        merged = merge in self._merges
        fresh = Transaction(
            key,
            merge,
            stamp(request.envelope, *source),
            self._tag(key),
            reply_to(request.envelope, source),
            now + LIFETIME,
        )
        if merged:
            return Verdict.MERGED, fresh
        self._live[key] = fresh
        self._merges[merge] = key
        self._wake(fresh, now + TRYING_AFTER)
        if len(self._live) > self._settings.cache_entries:
            self._forget(next(iter(self._live.values())))
        return Verdict.NEW, fresh

    def finish(self, transaction: Transaction, answer: bytes, now: Instant) -> None:
        """The final answer is `answer`, which the caller sends; it is repeated until the ACK (timer G)."""
        if self._live.get(transaction.key) is not transaction:
            return
        self._bytes += len(answer) - len(transaction.sent)
        transaction.sent = answer
        transaction.phase = Phase.COMPLETED
        self._wake(transaction, now + T1)
        while self._bytes > self._settings.cache_bytes and len(self._live) > 1:
            self._forget(next(iter(self._live.values())))

    def drop(self, transaction: Transaction) -> None:
        """Forget an INVITE that gets no answer: its repeat is a new one."""
        if self._live.get(transaction.key) is transaction:
            self._forget(transaction)

    def acknowledge(self, request: Request, source: Address) -> bool:
        """An ACK ends the repetition of its final answer; False where it belongs to nothing."""
        known = self._live.get(transaction_key(request, source[0]))
        if known is None:
            return False
        if known.phase is Phase.COMPLETED:
            known.phase = Phase.CONFIRMED
            self._unmerge(known)
        return True

    def cancelled(self, request: Request, source: Address) -> Transaction | None:
        """The INVITE that a CANCEL is about (RFC 3261 9.2). A pending one is marked: only its 487 may follow."""
        known = self._live.get(transaction_key(request, source[0]))
        if known is not None and known.phase is Phase.PENDING:
            known.phase = Phase.CANCELLED
        return known

    def immediate(self, request: Request, source: Address, status: bytes, extra: bytes = b"") -> Datagram:
        """An answer that needs no memory, with its destination."""
        tag = self._tag(transaction_key(request, source[0]))
        return encode(status, stamp(request.envelope, *source), tag, extra), reply_to(request.envelope, source)

    def malformed(self, envelope: Envelope, source: Address, status: bytes, extra: bytes) -> Datagram:
        """The answer to a request that could not be read further than its envelope."""
        tag = self._tag((envelope.vias[0], envelope.call_id, envelope.cseq))
        return encode(status, stamp(envelope, *source), tag, extra), reply_to(envelope, source)

    def timer(self, now: Instant) -> list[Datagram]:
        """What is due: 100 Trying after 200 ms, the repeated final answer (timer G), the end of what is 32 s old."""
        turn = now // TICK
        due: list[Datagram] = []
        if not self._wheel:
            self._turned = turn
        while self._turned < turn and self._wheel:
            self._turned += 1
            for transaction in self._wheel.pop(self._turned, ()):
                if transaction.due == self._turned and self._live.get(transaction.key) is transaction:
                    self._fire(transaction, now, due)
        self._turned = max(self._turned, turn)
        return due

    def _fire(self, transaction: Transaction, now: Instant, due: list[Datagram]) -> None:
        if now >= transaction.ends:
            self.unconfirmed += transaction.phase is Phase.COMPLETED
            self._forget(transaction)
            return
        following = transaction.ends
        if transaction.phase is Phase.PENDING and not transaction.sent:
            transaction.sent = _trying(transaction.envelope)
            self._bytes += len(transaction.sent)
            due.append((transaction.sent, transaction.reply))
        elif transaction.phase is Phase.COMPLETED:
            due.append((transaction.sent, transaction.reply))
            transaction.interval = min(2 * transaction.interval, T2)
            following = min(now + transaction.interval, following)
        self._wake(transaction, following)

    def _wake(self, transaction: Transaction, when: Instant) -> None:
        """Put on the wheel, rounded up to its next step and never into the past; an earlier entry is void."""
        transaction.due = step = max(-(-when // TICK), self._turned + 1)
        slot = self._wheel.get(step)
        if slot is None:
            self._wheel[step] = [transaction]
        else:
            slot.append(transaction)

    def _forget(self, transaction: Transaction) -> None:
        del self._live[transaction.key]
        self._unmerge(transaction)
        self._bytes -= len(transaction.sent)

    def _unmerge(self, transaction: Transaction) -> None:
        if self._merges.get(transaction.merge) == transaction.key:
            del self._merges[transaction.merge]

    def _tag(self, key: Key) -> bytes:
        digest = hashlib.blake2b(repr(key).encode(), digest_size=8, key=self._secret)
        return digest.hexdigest().encode()


def transaction_key(request: Request, host: str) -> Key:
    """What matches a request to its transaction (RFC 3261 17.2.3); an ACK and a CANCEL to their INVITE.

    The source host is part of it, so no peer can touch another's calls. A bare or missing magic cookie means
    RFC 2543's key, less the To tag, which an INVITE does not have yet.
    """
    via = request.envelope.via
    method = b"INVITE" if request.method in (b"ACK", b"CANCEL") else request.method
    if len(via.branch) > 7 and via.branch.startswith(b"z9hG4bK"):
        return via.branch, via.host, via.port, method, host
    envelope = request.envelope
    return request.uri, request.sender_tag, envelope.call_id, request.sequence, envelope.vias[0], method, host


def reply_to(envelope: Envelope, source: Address) -> Address:
    """Where an answer goes (RFC 3261 18.2.2, RFC 3581): always to the source host; maddr is not believed."""
    if envelope.via.rport is not None:
        return source
    return source[0], envelope.via.port or DEFAULT_PORT


def _trying(envelope: Envelope) -> bytes:
    """100 Trying has no To tag of ours and repeats the Timestamp (RFC 3261 8.2.6)."""
    extra = b"Timestamp: " + envelope.timestamp + b"\r\n" if envelope.timestamp else b""
    return encode(b"100 Trying", envelope, b"", extra)
