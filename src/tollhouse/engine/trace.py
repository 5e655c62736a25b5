"""A wallet's journal, line by line: what each record moved, who asked for it, and what every bucket held behind it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tollhouse.engine.session import CLOSED, Session
from tollhouse.records.forward import BroughtForward
from tollhouse.records.record import Record
from tollhouse.values.instants import Instant
from tollhouse.wallet.funds import by_bucket
from tollhouse.wallet.state import Lines


class Standing(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Where a trace has come to: behind record `sequence`, with these values in the buckets (those at 0 left out)."""

    sequence: int = 0
    values: Lines = ()

    def token(self) -> str:
        """As text, by which the next page goes on: `7;1=9358300;2=500`."""
        return ";".join([str(self.sequence), *(f"{bucket}={value}" for bucket, value in self.values)])


class Move(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`amount` into the bucket (> 0) or out of it, against `counter`; the bucket holds `value` behind it."""

    bucket: int
    amount: int
    counter: str
    value: int


class Line(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A record in a trace."""

    record: Record
    moves: tuple[Move, ...]


class Hold(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What an open session has reserved of a wallet, and until when."""

    session: str
    client: str
    called: str
    created: Instant
    until: Instant
    lines: Lines


def begin(forward: BroughtForward) -> Standing:
    """Before the first record that is kept."""
    return Standing(forward.sequence, tuple((bucket, value) for bucket, value in forward.buckets if value))


def resume(token: str) -> Standing:
    """The standing of a token. ValueError: it is none."""
    number, *pairs = token.split(";")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise ValueError(f"no number of a record: {number[:40]!r}")
    values = [(int(bucket), int(value)) for bucket, _, value in (pair.partition("=") for pair in pairs)]
    return Standing(int(number), tuple(values))


def follow(standing: Standing, record: Record) -> tuple[Standing, Line]:
    """One record further."""
    values = dict(standing.values)
    moves = []
    for posting in record.postings:
        value = values[posting.bucket] = values.get(posting.bucket, 0) + posting.amount
        moves.append(Move(posting.bucket, posting.amount, posting.counter, value))
    left = tuple((bucket, value) for bucket, value in values.items() if value)
    return Standing(record.sequence, left), Line(record, tuple(moves))


def holds(sessions: Iterable[Session], until: Instant) -> tuple[Hold, ...]:
    """What these sessions hold now, of those that had been opened by `until`; earliest first.

    A hold is no posting: what a session held that has ended since is written nowhere.
    """
    found = [
        Hold(one.id, one.client, one.called, one.created, one.until, tuple(by_bucket(one.lines).items()))
        for one in sessions
        if one.state != CLOSED and one.lines and one.created <= until
    ]
    return tuple(sorted(found, key=lambda hold: (hold.created, hold.session)))
