"""A wallet's records as lines of tags, one after the other, in pages: what a line tells of the records before it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Annotated, Final

import msgspec

from tollhouse.console.reading import NotServedError, TokenError
from tollhouse.engine import trace
from tollhouse.main.naming import DECIMALS_MAX, Names
from tollhouse.rating.price import Price
from tollhouse.records.forward import BroughtForward
from tollhouse.records.priced import rating_of
from tollhouse.records.record import Record
from tollhouse.records.text import BucketKind, Event, Owner, Rating, gather, tags, text
from tollhouse.snapshot.rules import Rules
from tollhouse.wallet.state import Lines, Posting, Wallet

TOKEN_MAX: Final = 400_000
"""Characters: a token goes back in a request's body."""


class Waiting(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a session's commits so far moved; its line comes with its last one."""

    session: str
    sequences: Annotated[tuple[int, ...], msgspec.Meta(min_length=1)]
    postings: tuple[Posting, ...]


class Lost(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A bucket that is gone by now, as its records named it."""

    bucket: int
    balance_type: str
    unit: str
    decimals: Annotated[int, msgspec.Meta(ge=0, le=DECIMALS_MAX)]


class Progress(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Behind record `after` of the wallet: what stands in its buckets, which sessions wait, what gone buckets count."""

    wallet: str
    after: int = 0
    values: Lines = ()
    waiting: tuple[Waiting, ...] = ()
    gone: tuple[Lost, ...] = ()

    def token(self) -> str:
        """As text. NotServedError: too many sessions wait."""
        found = base64.urlsafe_b64encode(_encoder.encode(self)).decode()
        if len(found) > TOKEN_MAX:
            raise NotServedError(
                f"wallet {self.wallet}: more sessions run than a page can name; with the parameter "
                "record.mid_session_commits each of their records is a line of its own"
            )
        return found


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Progress)


def progress_of(token: str) -> Progress:
    """The inverse of `token`. Raises TokenError."""
    try:
        return _decoder.decode(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
    except (ValueError, RecursionError) as error:
        raise TokenError(str(error)) from error


class Walk:
    """One wallet's records, from what is kept of them on, or from where a page ended."""

    def __init__(
        self,
        wallet: Wallet,
        forward: BroughtForward,
        begun: Progress,
        rules: Rules,
        names: Names,
        prices: Callable[[bytes], Price | None],
    ) -> None:
        """`prices`: by the hash that a record names; None: there is none."""
        self._wallet = wallet.name
        self._prices = prices
        self._owner = Owner("tollhouse", wallet.tenant, wallet.decimals, wallet.product)
        self._rules = rules
        self._names = names
        kept = begun if begun.after > forward.sequence else Progress(wallet.name, forward.sequence, forward.buckets)
        names.meet_forward(forward)
        for one in kept.gone:
            names.learn(one.bucket, BucketKind(one.balance_type, one.unit, one.decimals))
        self._stands = trace.Standing(kept.after, kept.values)
        self._waiting = {one.session: _event(wallet, one) for one in kept.waiting}

    @property
    def after(self) -> int:
        """The record that was taken last."""
        return self._stands.sequence

    def take(self, record: Record) -> str | None:
        """The line that the next record ends, without its end; None: it waits for the last one of its session."""
        before = dict(self._stands.values)
        self._names.meet(record)
        waiting, event = gather(self._waiting, record, self._rules.record)
        self._waiting = dict(waiting)
        self._stands, _ = trace.follow(self._stands, record)
        if event is None:
            return None
        return text(tags(event, self._owner, self._kinds(), before, self._rules, self._rating(event.record)))

    def progress(self) -> Progress:
        """Where it has come to."""
        waiting = [
            Waiting(session, event.sequences, _together(event.record.postings))
            for session, event in self._waiting.items()
        ]
        gone = tuple(
            [Lost(bucket, one.balance_type, one.unit, one.decimals) for bucket, one in self._names.gone.items()]
        )
        return Progress(self._wallet, self.after, self._stands.values, tuple(waiting), gone)

    def _rating(self, record: Record) -> Rating | None:
        """How the session was priced that the line is of, if any."""
        price = self._prices(record.call.price) if record.call is not None else None
        return rating_of(record.call, price, record.postings) if record.call is not None and price else None

    def _kinds(self) -> dict[int, BucketKind]:
        """A bucket that is gone by now goes by its number, so that nothing of two units is ever added up."""
        return {
            bucket: kind if kind.balance_type else msgspec.structs.replace(kind, balance_type=f"#{bucket}")
            for bucket, kind in self._names.kinds.items()
        }


def _event(wallet: Wallet, waiting: Waiting) -> Event:
    record = Record(wallet.name, waiting.sequences[-1], 0, "session", "", "", wallet.unit, waiting.postings, 0, b"")
    return Event(record, (), waiting.sequences)


def _together(postings: Iterable[Posting]) -> tuple[Posting, ...]:
    """Those of one bucket and counter-account as one, in the order of the first of each."""
    sums: dict[tuple[int, str, str], int] = {}
    for one in postings:
        key = one.bucket, one.counter, one.unit
        sums[key] = sums.get(key, 0) + one.amount
    return tuple([Posting(bucket, amount, counter, unit) for (bucket, counter, unit), amount in sums.items()])
