"""A wallet's journal read for people and for billing systems, in pages that hold no call up: traces and exports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tollhouse.console.reading import RecordsPage, RecordsWish, TokenError
from tollhouse.engine import trace
from tollhouse.engine.book import SESSION, WALLET, DamagedError, decode_image
from tollhouse.engine.chain import standing
from tollhouse.engine.readable import Readable
from tollhouse.engine.session import Session, wallet_key
from tollhouse.records.export import heading, lines
from tollhouse.records.forward import NOTHING, BroughtForward
from tollhouse.records.record import Record, decode
from tollhouse.records.text import BucketKind, kinds_of
from tollhouse.store.interface import RecordEntry
from tollhouse.values.instants import LAST, Instant, format_instant
from tollhouse.values.money import format_amount
from tollhouse.wallet.state import Wallet

LOOKS: Final = 12
"""Searches for a wallet's records in one page of an export: each goes through the files of all days."""


def forward_of(store: Readable, wallet: str) -> BroughtForward:
    """What was brought forward; NOTHING too where it cannot be read: the audit says so."""
    try:
        return standing(store, wallet)
    except ValueError:
        return NOTHING


def check_missing(store: Readable, wallet: str, after: int, entries: Sequence[RecordEntry], last: int | None) -> None:
    """Raises DamagedError where records behind `after` are missing because their day cannot be read.

    `last`: the number that the last entry is to have, where the page is to reach so far.
    """
    numbers = [entry.sequence for entry in entries]
    whole = numbers == list(range(after + 1, after + 1 + len(numbers)))
    if whole and last in (None, after + len(numbers)):
        return
    for day in store.days():
        if unreadable := store.unreadable(day):
            raise DamagedError(f"wallet {wallet}: not all records behind {after} can be read: {unreadable}")


def trace_page(store: Readable, name: str, at: Instant, after: str, limit: int) -> dict[str, object] | None:
    """The wallet's entries up to `at` (0: all), `limit` at most, from the token `after` on; None: there is no wallet.

    The last page also has the buckets as they stood then, and what is held now. Raises TokenError, DamagedError.
    """
    wallet = wallet_of(store, name)
    if wallet is None:
        return None
    begun = trace.begin(forward_of(store, name))
    stands = max(_resumed(after) if after else begun, begun, key=lambda one: one.sequence)
    entries = store.records(name, stands.sequence, limit)
    full = len(entries) == limit
    check_missing(store, name, stands.sequence, entries, None if full else wallet.records)
    kinds, until = kinds_of(wallet), at or LAST
    shown: list[dict[str, object]] = []
    for entry in entries:
        if entry.at > until:
            full = False
            break
        stands, line = trace.follow(stands, _decoded(entry))
        shown.append(_shown(line, kinds, wallet.decimals))
    state = {"buckets": [], "holds": []} if full else _state(store, wallet, stands, until, kinds)
    return {"entries": shown, "next": stands.token() if full else None, "unit": wallet.unit, **state}


def _resumed(token: str) -> trace.Standing:
    try:
        return trace.resume(token)
    except ValueError as error:
        raise TokenError(str(error)) from error


def _shown(line: trace.Line, kinds: dict[int, BucketKind], decimals: int) -> dict[str, object]:
    record = line.record
    return {
        "sequence": record.sequence,
        "at": format_instant(record.at),
        "kind": record.kind,
        "client": record.client,
        "request_id": record.request,
        "session": record.call.session if record.call else "",
        "balance": format_amount(record.balance, decimals),
        "moves": [
            {
                **_bucket(move.bucket, kinds),
                "amount": _amount(move.amount, move.bucket, kinds, decimals),
                "counter_account": move.counter,
                "value": _amount(move.value, move.bucket, kinds, decimals),
            }
            for move in line.moves
        ],
        "note": record.note,
    }


def _state(
    store: Readable, wallet: Wallet, stands: trace.Standing, until: Instant, kinds: dict[int, BucketKind]
) -> dict[str, object]:
    return {
        "buckets": [
            {**_bucket(bucket, kinds), "value": _amount(value, bucket, kinds, wallet.decimals)}
            for bucket, value in stands.values
        ],
        "holds": [
            {
                "session": hold.session,
                "client": hold.client,
                "destination": hold.called,
                "created": format_instant(hold.created),
                "until": format_instant(hold.until),
                **_bucket(bucket, kinds),
                "amount": _amount(amount, bucket, kinds, wallet.decimals),
            }
            for hold in trace.holds(_open_sessions(store, wallet.name), until)
            for bucket, amount in hold.lines
        ],
    }


def _bucket(bucket: int, kinds: dict[int, BucketKind]) -> dict[str, object]:
    kind = kinds.get(bucket)
    return {"bucket": bucket, "balance_type": kind.balance_type if kind else ""}


def _amount(amount: int, bucket: int, kinds: dict[int, BucketKind], decimals: int) -> str:
    kind = kinds.get(bucket)
    return format_amount(amount, kind.decimals if kind else decimals)


def _open_sessions(store: Readable, wallet: str) -> Iterator[Session]:
    """Without those that cannot be read: the audit names them."""
    for kind, key in store.find(wallet_key(wallet)):
        image = store.load(kind, key) if kind == SESSION else None
        try:
            session = decode_image(kind, image) if image is not None else None
        except DamagedError:
            continue
        if isinstance(session, Session) and session.wallet == wallet:
            yield session


def export_page(store: Readable, wish: RecordsWish) -> RecordsPage:
    """CSV lines of `wish.limit` records at most, by wallet and sequence.

    The token `5 1001` goes on behind record 5 of wallet 1001. Raises TokenError, DamagedError.
    """
    exporting = _Exporting(store, wish)
    following = exporting.run()
    return RecordsPage(heading(), "".join(exporting.text), following)


class _Exporting:
    """One page: not more records than are wished for, and not many more searches than LOOKS."""

    def __init__(self, store: Readable, wish: RecordsWish) -> None:
        self.text: list[str] = []
        self._store = store
        self._wish = wish
        self._left = wish.limit
        self._looks = LOOKS

    def run(self) -> str:
        """The token of the next page; empty: there is none."""
        after, name = _place(self._wish.after) if self._wish.after else (0, "")
        for wallet in self._wallets(self._wish.wallet or name):
            if not self._left or self._looks <= 0:
                return f"{after} {wallet.name}"
            reached = self._wallet(wallet, after)
            if reached is not None:
                return f"{reached} {wallet.name}"
            after = 0
        return ""

    def _wallets(self, name: str) -> Iterator[Wallet]:
        """The wallet of this name, and those behind it unless one alone is wished for."""
        first = wallet_of(self._store, name) if name else None
        if first is not None:
            yield first
        key = name.encode()
        while not self._wish.wallet and (page := self._store.scan(WALLET, key, LOOKS)):
            for _, image in page:
                found = decode_image(WALLET, image)
                if isinstance(found, Wallet):
                    yield found
            key = page[-1][0]

    def _wallet(self, wallet: Wallet, after: int) -> int | None:
        """Take the wallet's records behind `after`; where the page ends among them, the last one taken."""
        kept_from = forward_of(self._store, wallet.name).sequence
        if after <= kept_from:
            after = self._first(wallet, kept_from)
        while after < wallet.records and self._left:
            entries = self._records(wallet.name, after, self._left)
            full = len(entries) == self._left
            check_missing(self._store, wallet.name, after, entries, None if full else wallet.records)
            if not entries:
                return None
            for entry in entries:
                if self._wish.until and entry.at >= self._wish.until:
                    return None
                self._add(entry, wallet)
            after = entries[-1].sequence
        return after if after < wallet.records else None

    def _add(self, entry: RecordEntry, wallet: Wallet) -> None:
        self._left -= 1
        self.text.extend(lines(_decoded(entry), kinds_of(wallet), wallet.decimals))

    def _first(self, wallet: Wallet, after: int) -> int:
        """The last record before `since`: by halves, for a wallet's records stand in the order of their time."""
        before, behind = after, wallet.records if self._wish.since else after
        probe = behind - 1
        while before < behind:
            found = self._records(wallet.name, probe, 1)
            if found and found[0].at < self._wish.since:
                before = found[0].sequence
            else:
                behind = probe
            probe = (before + behind) // 2
        return before

    def _records(self, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        self._looks -= 1
        return self._store.records(wallet, after, limit)


def _place(token: str) -> tuple[int, str]:
    number, _, name = token.partition(" ")
    if not (number.isascii() and number.isdigit() and len(number) < 19 and name):
        raise TokenError(f"no place: {token[:40]!r}")
    return int(number), name


def _decoded(entry: RecordEntry) -> Record:
    """Raises DamagedError: what stands behind a record that cannot be read would be guessed."""
    try:
        return decode(entry.body)
    except ValueError as error:
        raise DamagedError(f"wallet {entry.wallet}: record {entry.sequence}: {error}") from error


def wallet_of(store: Readable, name: str) -> Wallet | None:
    """The wallet of this name. Raises DamagedError."""
    image = store.load(WALLET, name.encode())
    found = decode_image(WALLET, image) if image is not None else None
    return found if isinstance(found, Wallet) else None
