"""How sessions are charged and ended, by a report or because nothing was heard of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, TypeAlias

import msgspec

from tollhouse.engine import living
from tollhouse.engine.book import Book, DamagedError, Image, encode_outcome
from tollhouse.engine.decision import Decision
from tollhouse.engine.events import occurred
from tollhouse.engine.granting import own
from tollhouse.engine.limits import at_a_time, on_silence, owes_overrun
from tollhouse.engine.living import Standing, caught_up, used
from tollhouse.engine.paying import cascade_name
from tollhouse.engine.policy import OnSilence, Policy
from tollhouse.engine.request_types import MANNERS
from tollhouse.engine.session import AUTHORISED, CLOSED, SILENCE, STARTED, UNUSED, Answered, Session
from tollhouse.engine.spending import Spent, spend
from tollhouse.engine.stretches import upto
from tollhouse.engine.terms import Terms, terms_of
from tollhouse.rating.cost import cost
from tollhouse.rating.discounts import discount, discounted_price
from tollhouse.records.record import Call, Record, enter
from tollhouse.snapshot.rules import ReservationRules
from tollhouse.values.instants import Instant
from tollhouse.values.money import AmountError, fits
from tollhouse.values.outcomes import Granted, Refused, Settled
from tollhouse.wallet.funds import available, give_back
from tollhouse.wallet.state import Wallet

Records: TypeAlias = tuple[tuple[Record, bytes], ...]
MOST: Final = 128
"""Sessions that one decision ends beside its own: some 15 ms."""


class Ended(msgspec.Struct, frozen=True, gc=False):
    """A wallet as a command finds it: after the end of these sessions, if any, with these records. `images`: prices
    by which they ended that nobody had stored."""

    wallet: Wallet
    sessions: tuple[Session, ...] = ()
    records: Records = ()
    images: tuple[Image, ...] = ()

    def after(self, later: Ended) -> Ended:
        """This, and what ended later, of the same wallet."""
        return Ended(
            later.wallet,
            (*self.sessions, *later.sessions),
            (*self.records, *later.records),
            (*self.images, *later.images),
        )


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
    images = (before.wallet, *before.sessions, *before.images, *decision.images)
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
            before = before.after(abandoned(book, policy, session, before.wallet, now))
        except (DamagedError, AmountError):
            continue
    return before


def abandoned(book: Book, policy: Policy, session: Session, wallet: Wallet, now: Instant) -> Ended:
    """End a session that is past its end: never begun, or silent. Raises DamagedError, AmountError."""
    cause = UNUSED if session.state == AUTHORISED else "silence"
    return silent(book, policy, session, wallet, cause, now)


def silent(book: Book, policy: Policy, session: Session, wallet: Wallet, cause: str, now: Instant) -> Ended:
    """End a session that will not report any more, as `on_silence` says.

    A Stop that comes all the same has the last word, so what was reported is kept whatever is charged for it now.
    """
    kept = usage = session.used
    costs = on_silence(book, policy, session)
    if session.state == STARTED and costs is OnSilence.GRANTED:
        usage = max(kept, session.granted)
    if costs is OnSilence.NOTHING:
        usage = 0
    request, paying = f"silence:{session.id}", own(book, policy, terms_of(book, session), session, wallet, usage, now)
    ended, wallet, records = end(book, policy, paying.terms, session, wallet, usage, cause, request, now)
    ended = msgspec.structs.replace(ended, used=kept, assumed=usage != kept)
    answered = Answered(SILENCE, encode_outcome(settled(ended, wallet, now)))
    ended = msgspec.structs.replace(ended, recent=(*ended.recent, answered))
    after = Standing(wallet, records) if ended.assumed else cleared(book, ended, wallet, records, now)
    return Ended(after.wallet, (ended,), after.records, paying.images)


def cleared(book: Book, ended: Session, wallet: Wallet, records: Records, now: Instant) -> Standing:
    """The wallet without the buckets that the session has drained, where the rules want that (case 100)."""
    standing = Standing(wallet, records)
    if len(wallet.buckets) == 1:
        return standing
    return living.cleared(book, standing, {place for place, _ in ended.paid}, now, ended.id)


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
        stretches=upto(session.stretches, usage),
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
    """Charge the difference between what `usage` comes to and what was posted, with its record; of a session that
    held nothing only at its end (which has a cause). Raises AmountError where it cannot be counted."""
    manner, idle = MANNERS[session.request_type], session.state == AUTHORISED
    rules = book.snapshot.rules(wallet.tenant)
    if not (manner.holds or cause):
        _unpaid(terms, rules.reservation, session, wallet, usage)
        return msgspec.structs.replace(session, used=usage), wallet, ()
    if manner.charges:
        debt = manner.owes or owes_overrun(policy, rules.session)
        spent = spend(book, policy, terms, session, wallet, usage, now, debt)
    else:
        spent = _unpaid(terms, rules.reservation, session, wallet, usage)
    session, wallet = spent.session, spent.wallet
    unanswered = bool(cause) and not usage and not idle
    if manner.charges and (usage or (unanswered and rules.reservation.unanswered_free_is_use)):
        wallet = used(wallet, now)
    if (
        not spent.postings
        and not (cause and usage)
        and not (unanswered and rules.reservation.unanswered_free_is_recorded)
    ):
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
        session.cascade or cascade_name(book, wallet, session.service),
        session.discount,
        session.request_type.value,
        session.rated,
    )
    happened = occurred(session.event, usage, session.discount, session.rated)
    wallet, record, body = enter(
        wallet, now, "session", session.client, request, spent.postings, call=call, event=happened
    )
    return session, wallet, ((record, body),)


def _unpaid(terms: Terms, rules: ReservationRules, session: Session, wallet: Wallet, usage: int) -> Spent:
    """What the usage costs, less what request and rating took off, is only told. Raises AmountError."""
    price = discounted_price(terms.price, discount(rules.discount_rule, session.discount, session.rated, 0))
    told = cost(price, session.began, usage)
    if not fits(told):
        raise AmountError(f"session {session.id} costs more than can be counted")
    return Spent(wallet, msgspec.structs.replace(session, used=usage, assumed=False, posted=told), ())


def settled(session: Session, wallet: Wallet, now: Instant) -> Settled:
    """The answer to a session that has ended."""
    balance = available(wallet, now)
    return Settled(session.id, session.used, wallet.unit, wallet.decimals, session.posted, balance, session.overdrawn)
