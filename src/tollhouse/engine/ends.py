"""How sessions are charged and ended, by a report or because nothing was heard of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, TypeAlias

import msgspec

from tollhouse.engine.book import Book, DamagedError, encode_outcome
from tollhouse.engine.decision import Decision
from tollhouse.engine.limits import at_a_time
from tollhouse.engine.living import caught_up, used
from tollhouse.engine.policy import OnOverrun, OnSilence, Policy
from tollhouse.engine.session import AUTHORISED, CLOSED, SILENCE, STARTED, UNUSED, Answered, Session
from tollhouse.engine.spending import spend
from tollhouse.engine.terms import Terms, terms_of
from tollhouse.records.record import Call, Record, enter
from tollhouse.values.instants import Instant
from tollhouse.values.money import AmountError
from tollhouse.values.outcomes import Granted, Refused, Settled
from tollhouse.wallet.funds import available, give_back
from tollhouse.wallet.state import Wallet

Records: TypeAlias = tuple[tuple[Record, bytes], ...]
MOST: Final = 128
"""Sessions that one decision ends beside its own: some 15 ms."""


class Ended(msgspec.Struct, frozen=True, gc=False):
    """A wallet as a command finds it: after the end of these sessions, if any, with these records."""

    wallet: Wallet
    sessions: tuple[Session, ...] = ()
    records: Records = ()


def with_all_due(
    book: Book,
    policy: Policy,
    before: Ended,
    in_hand: Collection[str],
    now: Instant,
    decide: Callable[[Ended], Decision],
) -> Decision:
    """What `decide` does with the wallet. Where its money falls short, the wallet's sessions past their end end first.

    So a late sweep keeps nobody from money that is due back; where several sessions share what there is, they end
    before it is shared. `in_hand`: the sessions that the command itself is about. A decision that changes nothing ends
    nothing either.
    """
    if at_a_time(book, before.wallet) > 1:
        before = end_due(book, policy, before, in_hand, now)
    decision = decide(before)
    if _short(decision):
        freed = end_due(book, policy, before, in_hand, now)
        if freed is not before:
            before, decision = freed, decide(freed)
    if not (before.sessions or before.records) or not decision.images:
        return decision
    images = (before.wallet, *before.sessions, *decision.images)
    return Decision(decision.outcome, images, (*before.records, *decision.records))


def _short(decision: Decision) -> bool:
    """Whether more money would have made another decision of it."""
    outcome = decision.outcome
    if isinstance(outcome, Refused) or (isinstance(outcome, Granted) and outcome.final):
        return True
    calls = (record.call for record, _ in decision.records)
    return any(call is not None and (call.overdrawn or call.forgone) for call in calls)


def end_due(book: Book, policy: Policy, before: Ended, in_hand: Collection[str], now: Instant) -> Ended:
    """End what is due on the wallet, earliest first; beyond `MOST`, or what cannot be ended, is left to the sweep."""
    known = {*in_hand, *(session.id for session in before.sessions)}
    due = [session for session in book.due_sessions(before.wallet.name, now) if session.id not in known]
    for session in due[:MOST]:
        try:
            ended, wallet, records = abandoned(book, policy, session, before.wallet, now)
        except (DamagedError, AmountError):
            continue
        before = Ended(wallet, (*before.sessions, ended), (*before.records, *records))
    return before


def abandoned(
    book: Book, policy: Policy, session: Session, wallet: Wallet, now: Instant
) -> tuple[Session, Wallet, Records]:
    """End a session that is past its end: never begun, or silent. Raises DamagedError, AmountError."""
    cause = UNUSED if session.state == AUTHORISED else "silence"
    return silent(book, policy, session, wallet, cause, now)


def silent(
    book: Book, policy: Policy, session: Session, wallet: Wallet, cause: str, now: Instant
) -> tuple[Session, Wallet, Records]:
    """End a session that will not report any more, as the policy says.

    A Stop that comes all the same has the last word, so what was reported is kept whatever is charged for it now.
    """
    kept = usage = session.used
    if session.state == STARTED and policy.on_silence is OnSilence.GRANTED:
        usage = max(kept, session.granted)
    if policy.on_silence is OnSilence.NOTHING:
        usage = 0
    request, terms = f"silence:{session.id}", terms_of(book, session)
    ended, wallet, records = end(book, policy, terms, session, wallet, usage, cause, request, now)
    ended = msgspec.structs.replace(ended, used=kept, assumed=usage != kept)
    answered = Answered(SILENCE, encode_outcome(settled(ended, wallet, now)))
    return msgspec.structs.replace(ended, recent=(*ended.recent, answered)), wallet, records


def end(
    book: Book,
    policy: Policy,
    terms: Terms,
    session: Session,
    wallet: Wallet,
    usage: int,
    cause: str,
    request: str,
    now: Instant,
) -> tuple[Session, Wallet, Records]:
    """Post what is due, give back the rest, leave a tombstone."""
    session, wallet, records = post(book, policy, terms, session, wallet, usage, cause, request, now)
    after = caught_up(book.snapshot, give_back(wallet, session.lines), now)
    wallet, records = after.wallet, (*records, *after.records)
    closed = msgspec.structs.replace(
        session,
        state=CLOSED,
        lines=(),
        until=now + policy.tombstone,
        ended=cause,
        reported=now,
        recent=session.recent[:1] if len(session.recent) < 2 else (session.recent[0], session.recent[-1]),
    )
    return closed, wallet, records


def post(
    book: Book,
    policy: Policy,
    terms: Terms,
    session: Session,
    wallet: Wallet,
    usage: int,
    cause: str,
    request: str,
    now: Instant,
) -> tuple[Session, Wallet, Records]:
    """Charge the difference between what `usage` comes to and what was posted, with its record."""
    idle = session.state == AUTHORISED
    debt = policy.on_overrun is OnOverrun.DEBT
    spent = spend(book, policy, terms, session, wallet, usage, now, debt)
    session, wallet = spent.session, spent.wallet
    rules = book.snapshot.rules(wallet.tenant).reservation
    unanswered = bool(cause) and not usage and not idle
    if usage or (unanswered and rules.unanswered_free_is_use):
        wallet = used(wallet, now)
    if not spent.postings and not (cause and usage) and not (unanswered and rules.unanswered_free_is_recorded):
        return session, wallet, ()
    call = Call(
        session.id,
        session.client,
        session.account,
        str(session.service),
        session.calling,
        session.called,
        session.began,
        usage,
        session.posted,
        spent.overdrawn,
        session.price,
        cause,
        spent.forgone,
    )
    wallet, record, body = enter(wallet, now, "session", session.client, request, spent.postings, call=call)
    return session, wallet, ((record, body),)


def settled(session: Session, wallet: Wallet, now: Instant) -> Settled:
    """The answer to a session that has ended."""
    balance = available(wallet, now)
    return Settled(session.id, session.used, wallet.unit, wallet.decimals, session.posted, balance, session.overdrawn)
