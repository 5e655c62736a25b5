"""End what is due. A decision short of money does so for its wallet (ends.py): a late sweep changes no result."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from tollhouse.engine.book import WALLET, Book, DamagedError, Gone, Image, OneShot, Proposal, name_of
from tollhouse.engine.conditions import next_due
from tollhouse.engine.decision import Decision
from tollhouse.engine.ends import abandoned
from tollhouse.engine.living import caught_up
from tollhouse.engine.policy import Policy
from tollhouse.engine.session import CLOSED, Session
from tollhouse.records.record import Record, enter
from tollhouse.values.commands import Sweep
from tollhouse.values.instants import Instant
from tollhouse.values.money import AmountError
from tollhouse.values.outcomes import Done
from tollhouse.wallet.ending import removed
from tollhouse.wallet.state import QUARANTINED, Wallet

_Changed: TypeAlias = dict[tuple[int, bytes], Image]
_Records: TypeAlias = tuple[tuple[Record, bytes], ...]


def sweep(book: Book, policy: Policy, command: Sweep, now: Instant) -> Decision:
    """Reservations never begun go back, silent sessions close, money expires; tombstones, one-shots and proposals go.

    What is damaged at rest waits for an operator (the audit names it); the others are ended. The count is of what is
    not due any more: ended, or put off.
    """
    changed: _Changed = {}
    records: _Records = ()
    count = 0
    for name in [(WALLET, one.encode()) for one in command.wallets] or book.due(now, command.limit):
        try:
            records += _end(book, policy, changed, name, now)
        except (DamagedError, AmountError):
            _later(book, policy, changed, name, now)
        count += name in changed
    return Decision(Done(count), tuple(changed.values()), records)


def _end(book: Book, policy: Policy, changed: _Changed, name: tuple[int, bytes], now: Instant) -> _Records:
    """Put into `changed` what becomes of one entity; its records. Raises DamagedError, AmountError."""
    entity = changed.get(name) or book.entity(name)
    if isinstance(entity, OneShot | Proposal) or (isinstance(entity, Session) and entity.state == CLOSED):
        changed[name] = Gone(*name)
        return ()
    if isinstance(entity, Session):
        return _end_session(book, policy, changed, entity, now)
    if isinstance(entity, Wallet):
        return _expire(book, changed, entity, now)
    book.pass_over(name)
    return ()


def _end_session(book: Book, policy: Policy, changed: _Changed, session: Session, now: Instant) -> _Records:
    name = name_of(session)
    wallet = _wallet(book, changed, session.wallet)
    if wallet is None or wallet.state == QUARANTINED:
        _later(book, policy, changed, name, now)
        return ()
    after = abandoned(book, policy, session, wallet, now)
    changed |= {name_of(one): one for one in (*after.images, *after.sessions, after.wallet)}
    return after.records


def _expire(book: Book, changed: _Changed, entity: Wallet, now: Instant) -> _Records:
    """What is due of a wallet's life. One whose time is over is removed once no session of it is open; one that the
    configuration has given more time since is put off.
    """
    wallet = _wallet(book, changed, entity.name) or entity
    name = name_of(wallet)
    after = caught_up(book.snapshot, wallet, now)
    if after.removable:
        emptied = removed(after.wallet, len(book.open_sessions_of(wallet.name)), now)
        if emptied is not None:
            changed[name], record, body = enter(emptied.wallet, now, "removal", "", "", emptied.postings)
            return (*after.records, (record, body))
    if after.wallet is wallet and name not in changed and 0 < next_due(book.snapshot, wallet) <= now:
        book.pass_over(name)
        return ()
    changed[name] = after.wallet
    return after.records


def _later(book: Book, policy: Policy, changed: _Changed, name: tuple[int, bytes], now: Instant) -> None:
    """A session that cannot be ended now is asked again in a while; anything else when it changes."""
    try:
        entity = book.entity(name)
    except DamagedError:
        entity = None
    if isinstance(entity, Session):
        changed[name] = msgspec.structs.replace(entity, until=now + policy.setup_window)
    else:
        book.pass_over(name)


def _wallet(book: Book, changed: _Changed, name: str) -> Wallet | None:
    """As this sweep leaves it. The book is asked in any case: it keeps in mind whose money is being decided on."""
    stands = book.wallet(name)
    held = changed.get((WALLET, name.encode()))
    return held if isinstance(held, Wallet) else stands
