"""End what is due. The same rules run on any access, so a late sweep never changes a result."""

from __future__ import annotations

import msgspec

from tollhouse.engine.book import WALLET, Book, DamagedError, Gone, Image, OneShot, name_of
from tollhouse.engine.decision import Decision
from tollhouse.engine.policy import Policy
from tollhouse.engine.session import AUTHORISED, CLOSED, UNUSED, Session
from tollhouse.engine.settle import silent
from tollhouse.engine.terms import terms_of
from tollhouse.records.record import Record, enter
from tollhouse.values.commands import Sweep
from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import Done
from tollhouse.wallet.funds import expire
from tollhouse.wallet.state import QUARANTINED, Wallet


def sweep(book: Book, policy: Policy, command: Sweep, now: Instant) -> Decision:
    """Reservations never begun go back, silent sessions close, money expires, tombstones and one-shot rows go.

    What is damaged at rest waits for an operator (the audit names it); the others are ended.
    """
    changed: dict[tuple[int, bytes], Image] = {}
    records: tuple[tuple[Record, bytes], ...] = ()
    count = 0
    for name in book.due(now, command.limit):
        try:
            ended, new = _end(book, policy, changed, name, now)
        except DamagedError:
            continue
        count += ended
        records += new
    return Decision(Done(count), tuple(changed.values()), records)


def _end(
    book: Book, policy: Policy, changed: dict[tuple[int, bytes], Image], name: tuple[int, bytes], now: Instant
) -> tuple[bool, tuple[tuple[Record, bytes], ...]]:
    """Put into `changed` what becomes of one entity: whether something ended, and its records. Raises DamagedError."""
    entity = changed.get(name) or book.entity(name)
    if isinstance(entity, OneShot) or (isinstance(entity, Session) and entity.state == CLOSED):
        changed[name] = Gone(*name)
        return True, ()
    if isinstance(entity, Session):
        wallet = _wallet(book, changed, entity.wallet)
        if wallet is None or wallet.state == QUARANTINED:
            changed[name] = msgspec.structs.replace(entity, until=now + policy.setup_window)  # asked again then
            return False, ()
        cause = UNUSED if entity.state == AUTHORISED else "silence"
        closed, wallet, new = silent(policy, terms_of(book, entity), entity, wallet, cause, now)
        changed[name], changed[name_of(wallet)] = closed, wallet
        return True, new
    if isinstance(entity, Wallet):
        wallet, postings = expire(_wallet(book, changed, entity.name) or entity, now)
        new = ()
        if postings:
            wallet, record, body = enter(wallet, now, "expiry", "", "", postings)
            new = ((record, body),)
        changed[name] = wallet
        return True, new
    return False, ()


def _wallet(book: Book, changed: dict[tuple[int, bytes], Image], name: str) -> Wallet | None:
    """As this sweep leaves it. The book is asked in any case: it keeps in mind whose money is being decided on."""
    stands = book.wallet(name)
    held = changed.get((WALLET, name.encode()))
    return held if isinstance(held, Wallet) else stands
