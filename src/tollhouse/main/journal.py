"""A wallet's journal read for people, in pages that hold no call up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote, unquote

from tollhouse.console.reading import TokenError
from tollhouse.engine import trace
from tollhouse.engine.book import SESSION, WALLET, DamagedError, decode_image
from tollhouse.engine.chain import standing
from tollhouse.engine.readable import Readable
from tollhouse.engine.session import CLOSED, Session, wallet_key
from tollhouse.main.naming import DECIMALS_MAX, Names, Units
from tollhouse.records.forward import NOTHING, BroughtForward
from tollhouse.records.record import Record, decode
from tollhouse.records.text import BucketKind
from tollhouse.store.interface import RecordEntry
from tollhouse.values.instants import LAST, Instant, format_instant
from tollhouse.values.money import format_amount
from tollhouse.wallet.state import Wallet


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


def trace_page(
    store: Readable, units: Units, name: str, at: Instant, after: str, limit: int
) -> dict[str, object] | None:
    """The wallet's entries up to `at` (0: all), `limit` at most, from the token `after` on; None: there is no wallet.

    The last page also has the buckets as they stood then, and what is held now. Raises TokenError, DamagedError.
    """
    wallet = wallet_of(store, name)
    if wallet is None:
        return None
    names, forward = Names(wallet, units), forward_of(store, name)
    names.meet_forward(forward)
    begun = trace.begin(forward)
    stands = max(_resumed(after, names) if after else begun, begun, key=lambda one: one.sequence)
    entries = store.records(name, stands.sequence, limit)
    full = len(entries) == limit
    check_missing(store, name, stands.sequence, entries, None if full else wallet.records)
    until = at or LAST
    shown: list[dict[str, object]] = []
    for entry in entries:
        if entry.at > until:
            full = False
            break
        stands, line = trace.follow(stands, decoded(entry))
        names.meet(line.record)
        shown.append(_shown(line, names, wallet.decimals))
    state = {"buckets": [], "holds": []} if full else _state(store, wallet, stands, until, names)
    return {"entries": shown, "next": _token(stands, names) if full else None, "unit": wallet.unit, **state}


def _token(stands: trace.Standing, names: Names) -> str:
    """As text, with what is gone by now: `7;1=9358300;2=500;2:second:0:free`."""
    gone = [(bucket, names.gone[bucket]) for bucket, _ in stands.values if bucket in names.gone]
    told = [
        (str(bucket), quote(one.unit, safe=""), str(one.decimals), quote(one.balance_type, safe=""))
        for bucket, one in gone
    ]
    return ";".join([stands.token(), *map(":".join, told)])


def _resumed(token: str, names: Names) -> trace.Standing:
    parts = token.split(";")
    try:
        for bucket, unit, decimals, kind in (part.split(":") for part in parts if ":" in part):
            if not 0 <= (places := int(decimals)) <= DECIMALS_MAX:
                raise ValueError(f"no number of decimals: {places}")
            names.learn(int(bucket), BucketKind(unquote(kind), unquote(unit), places))
        return trace.resume(";".join([part for part in parts if ":" not in part]))
    except ValueError as error:
        raise TokenError(str(error)) from error


def _shown(line: trace.Line, names: Names, decimals: int) -> dict[str, object]:
    record = line.record
    return {
        "sequence": record.sequence,
        "at": format_instant(record.at),
        "kind": record.kind,
        "client": record.client,
        "request_id": record.request,
        "session": record.call.session if record.call else "",
        "balance": format_amount(record.balance, record.places(decimals)),
        "moves": [
            {
                **names.named(move.bucket),
                "amount": names.amount(move.bucket, move.amount),
                "counter_account": move.counter,
                "value": names.amount(move.bucket, move.value),
            }
            for move in line.moves
        ],
        "note": record.note,
    }


def _state(store: Readable, wallet: Wallet, stands: trace.Standing, until: Instant, names: Names) -> dict[str, object]:
    return {
        "buckets": [{**names.named(bucket), "value": names.amount(bucket, value)} for bucket, value in stands.values],
        "holds": [
            {
                "session": hold.session,
                "client": hold.client,
                "destination": hold.called,
                "created": format_instant(hold.created),
                "until": format_instant(hold.until),
                **names.named(bucket),
                "amount": names.amount(bucket, amount),
            }
            for hold in trace.holds(open_sessions(store, wallet.name), until)
            for bucket, amount in hold.lines
        ],
    }


def open_sessions(store: Readable, wallet: str, after: str = "") -> Iterator[Session]:
    """In order of id, those behind `after`, without those that cannot be read: the audit names them."""
    ids = [key for kind, key in store.find(wallet_key(wallet)) if kind == SESSION and key > after.encode()]
    for key in sorted(ids):
        image = store.load(SESSION, key)
        try:
            session = decode_image(SESSION, image) if image is not None else None
        except DamagedError:
            continue
        if isinstance(session, Session) and session.wallet == wallet and session.state != CLOSED:
            yield session


def decoded(entry: RecordEntry) -> Record:
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
