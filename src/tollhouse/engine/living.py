"""A wallet's life as the engine sees it: whatever is due is done before anything else, and each step has its record."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, TypeAlias

import msgspec

from tollhouse.engine.book import Book
from tollhouse.engine.conditions import conditions, lives
from tollhouse.records.record import Record, enter
from tollhouse.snapshot.lookups import Snapshot
from tollhouse.snapshot.rules import Recorded
from tollhouse.values.instants import Instant, format_instant, parse_instant
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal
from tollhouse.wallet import life, transfer
from tollhouse.wallet.changes import Cause, Change, Dated, Ended, Moved, Promoted, Removed, Step
from tollhouse.wallet.life import Bar
from tollhouse.wallet.state import DORMANT, EXPIRY, FROZEN, PREUSE, SUSPENDED, TERMINATED, Posting, Wallet
from tollhouse.wallet.transfer import drained, posted

Records: TypeAlias = tuple[tuple[Record, bytes], ...]

_BARS: Final = {
    Bar.QUARANTINED: Refusal.WALLET_QUARANTINED,
    Bar.BATCH_INACTIVE: Refusal.WALLET_SUSPENDED,
    Bar.PREUSE: Refusal.WALLET_SUSPENDED,
    Bar.FROZEN: Refusal.WALLET_SUSPENDED,
    Bar.SUSPENDED: Refusal.WALLET_SUSPENDED,
    Bar.TERMINATED: Refusal.WALLET_EXPIRED,
}


class Standing(msgspec.Struct, frozen=True, gc=False):
    """A wallet as it stands now, with the records of what brought it there. `removable`: its time is over."""

    wallet: Wallet
    records: Records = ()
    removable: bool = False


def stands(book: Book, name: str, now: Instant) -> Standing | None:
    """The wallet of this name, caught up; None: there is none."""
    wallet = book.wallet(name)
    return None if wallet is None else caught_up(book.snapshot, wallet, now)


def caught_up(snapshot: Snapshot, wallet: Wallet, now: Instant) -> Standing:
    """All that was due until now is done (requirement oracle_vws 1.4)."""
    if not lives(wallet):
        return Standing(wallet)
    step = life.caught_up(wallet, conditions(snapshot, wallet), now)
    if not step.changes:
        return Standing(step.wallet, (), step.removable)
    wallet, records = _recorded(wallet, step, now)
    return Standing(wallet, records, step.removable)


def ready(book: Book, before: Standing, activates: bool, now: Instant) -> Standing | Refused:
    """The wallet made ready for a use: awake, and active if this is its first one and may be; or what bars it."""
    wallet = before.wallet
    batch = book.snapshot.batch(wallet.tenant, wallet.batch) if wallet.batch else None
    bar = life.barred(wallet, batch, activates)
    if bar is not None:
        return Refused(_BARS[bar], wallet.name)
    if wallet.state == PREUSE:
        return activated(book, before, Cause.USE, now)
    if wallet.state != DORMANT:
        return before
    wallet, records = _recorded(wallet, life.used(wallet, now), now)
    return Standing(wallet, (*before.records, *records))


def out_of_use(wallet: Wallet, session: str) -> Refused | None:
    """What keeps a wallet from paying for more of a session that runs: an operator's word, or its end."""
    if wallet.state not in (FROZEN, SUSPENDED, TERMINATED):
        return None
    return Refused(_BARS[Bar(wallet.state)], wallet.name, session)


def held_back(book: Book, wallet: Wallet) -> Refused | None:
    """What bars a wallet of an inactive batch, not used yet, from anything at all (requirement oracle_vws, case 66)."""
    batch = book.snapshot.batch(wallet.tenant, wallet.batch) if wallet.batch else None
    if life.barred(wallet, batch, activates=True) is not Bar.BATCH_INACTIVE:
        return None
    return Refused(_BARS[Bar.BATCH_INACTIVE], f"{wallet.name} is of batch {wallet.batch}, which is not active")


def activated(book: Book, before: Standing, cause: Cause, now: Instant) -> Standing:
    """The wallet's first use, or a recharge instead of it."""
    wallet = before.wallet
    terms = conditions(book.snapshot, wallet)
    if not terms.products:
        return before
    step = life.activated(wallet, terms.products[0], terms, cause, now)
    note = "; ".join(_told(change) for change in step.changes)
    after, record, body = enter(step.wallet, now, "activation", "", "", step.postings, note)
    return Standing(after, (*before.records, (record, body)))


def moved(before: Standing, state: str, cause: Cause, client: str, request: str, now: Instant) -> Standing | None:
    """An operator's move; None where there is no such way."""
    step = life.moved(before.wallet, state, cause, now)
    if step is None:
        return None
    wallet, records = _recorded(before.wallet, step, now, client, request)
    return Standing(wallet, (*before.records, *records))


def used(wallet: Wallet, now: Instant) -> Wallet:
    """The wallet's last use is now."""
    return msgspec.structs.replace(wallet, used=now) if now > wallet.used else wallet


def cleared(book: Book, before: Standing, debited: Collection[int], now: Instant, ended: str = "") -> Standing:
    """The wallet without the buckets that a debit has drained, where the rules want them cleared (requirement
    oracle_vws, case 100); each leaves a record as an expiry of nothing does (case 73).

    What an open session paid from stays for what it may give back; `ended`: the session that is over now.
    """
    wallet, empty = before.wallet, drained(before.wallet, debited)
    if not empty or not (rules := book.snapshot.rules(wallet.tenant)).wallet.clears_empty_buckets:
        return before
    running = [one for one in book.open_sessions_of(wallet.name) if one.id != ended]
    empty -= {bucket for one in running for bucket, _ in one.paid}
    after = transfer.cleared(wallet, empty, rules.wallet, now)
    kept, recorded = {one.id for one in after.buckets}, rules.expiry.recorded is Recorded.ALL
    changes = tuple(
        Ended(now, one.id, one.balance_type, 0, one.expiry, Cause.DRAINED, recorded)
        for one in wallet.buckets
        if one.id not in kept
    )
    after, records = _recorded(wallet, Step(after, (), changes), now)
    return Standing(after, (*before.records, *records), before.removable)


def _recorded(wallet: Wallet, step: Step, now: Instant, client: str = "", request: str = "") -> tuple[Wallet, Records]:
    """The wallet after the step, and a record of each of its changes that says or moves something."""
    stage, records = wallet, []
    for change in step.changes:
        postings = _postings(change)
        stage = posted(stage, postings)
        if isinstance(change, Moved):
            stage = msgspec.structs.replace(stage, state=change.new, expiry=change.new_expiry)
        if isinstance(change, Ended) and not (postings or change.recorded):
            continue
        kind = "expiry" if isinstance(change, Ended) else "life"
        stage, record, body = enter(stage, now, kind, client, request, postings, _told(change))
        records.append((record, body))
    return msgspec.structs.replace(step.wallet, records=stage.records, chain=stage.chain), tuple(records)


def _postings(change: Change) -> tuple[Posting, ...]:
    if isinstance(change, Ended) and change.value:
        return (Posting(change.bucket, -change.value, EXPIRY),)
    return ()


def _told(change: Change) -> str:
    """The change as the note of a record."""
    if isinstance(change, Moved):
        text = f"state={change.new} was={change.old} cause={change.cause} due={format_instant(change.at)}"
        return text if change.old_expiry == change.new_expiry else f"{text} expiry={_date(change.new_expiry)}"
    if isinstance(change, Ended):
        return f"bucket={change.bucket} type={change.balance_type} cause={change.cause} expiry={_date(change.expiry)}"
    if isinstance(change, Dated):
        return f"bucket={change.bucket} expiry={_date(change.new)} was={_date(change.old)}"
    if isinstance(change, Promoted):
        return f"bucket={change.bucket} type={change.balance_type} promotion={change.amount}"
    return f"removal listed={change.listed} due={format_instant(change.at)}"


def ending(record: Record) -> Moved | Removed | None:
    """The end of a wallet that the record tells: that it was terminated, is to be removed, or was. None: neither."""
    if record.kind == "removal":
        return Removed(record.at, listed=False)
    told = dict([word.partition("=")[::2] for word in record.note.split()]) if record.kind == "life" else {}
    if told.get("state") == TERMINATED:
        return Moved(parse_instant(told["due"]), told["was"], TERMINATED, Cause(told["cause"]), 0, 0)
    return Removed(parse_instant(told["due"]), listed=True) if told.get("listed") == "True" else None


def _date(at: Instant) -> str:
    return format_instant(at) if at else "never"
