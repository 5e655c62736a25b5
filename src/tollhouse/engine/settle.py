"""What follows the opening of a session: reports, its end, its release. Every report re-rates it from its start.

posted now = cost(whole usage so far) - posted before          (the connect fee is in the first)
"""

from __future__ import annotations

import msgspec

from tollhouse.engine import wallets
from tollhouse.engine.book import Book, StoredPrice, decode_outcome, encode_outcome
from tollhouse.engine.decision import Decision, refuse, remember, repeated
from tollhouse.engine.policy import OnOverrun, OnSilence, Policy
from tollhouse.engine.session import AUTHORISED, CLOSED, RELEASED, SILENCE, STARTED, UNUSED, Answered, Session
from tollhouse.engine.terms import Terms, begun, most, reported, terms_of
from tollhouse.rating.cost import cost
from tollhouse.rating.inverse import affordable
from tollhouse.records.record import Call, Record, enter
from tollhouse.values.commands import Release, Service, Stop, Total, Update, Usage, Wish
from tollhouse.values.instants import Duration, Instant
from tollhouse.values.money import AmountError, fits
from tollhouse.values.outcomes import Done, Granted, Outcome, Refused, Settled
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.funds import available, expire, give_back, hold, pay_back, take
from tollhouse.wallet.state import ADJUSTMENT, Lines, Posting, Wallet


def update(book: Book, policy: Policy, known: Session | Decision | None, command: Update, now: Instant) -> Decision:
    """Usage so far is charged; where more is wished for, the wallet holds its price."""
    opened, session, early = _subject(book, known, command)
    if session is None:
        return early
    if session.state == CLOSED:
        return refuse(Refusal.SESSION_CLOSED, session.ended, session.id)
    wallet = _wallet(book, opened, session)
    if (barred := wallets.barred_for_settling(wallet)) is not None:
        return Decision(barred)
    terms = _terms(book, opened, session)
    usage = reported(session, command.usage)
    session, wallet, records = _post(policy, terms, session, wallet, usage, "", command.key, now)
    session = msgspec.structs.replace(session, state=STARTED, reported=now)
    outcome: Outcome
    if command.more is None:
        outcome = granted(session, wallet, max(session.granted - session.used, 0), False, policy, now)
        until = max(session.until, silent_after(policy, session, now))
    else:
        session, wallet, outcome = _more(policy, terms, session, wallet, command.more, now)
        until = silent_after(policy, session, now)
    session = msgspec.structs.replace(session, until=until)
    session = remember(session, command, outcome, policy.recent)
    return Decision(outcome, (*opened.images, wallet, session), (*opened.records, *records))


def stop(book: Book, policy: Policy, known: Session | Decision | None, command: Stop, now: Instant) -> Decision:
    """The last usage is charged, the rest goes back; a repeat moves nothing; more usage posts the difference."""
    opened, session, early = _subject(book, known, command)
    if session is None:
        return early
    if session.state == CLOSED and not _told(session, command.usage):
        if isinstance(command.usage, Total) and session.recent:
            return Decision(decode_outcome(session.recent[-1].outcome))
        return refuse(Refusal.SESSION_CLOSED, session.ended, session.id)
    wallet = _wallet(book, opened, session)
    if (barred := wallets.barred_for_settling(wallet)) is not None:
        return Decision(barred)
    terms = _terms(book, opened, session)
    usage = reported(session, command.usage)
    never_begun = session.state == AUTHORISED or session.ended == UNUSED
    if never_begun and session.service == Service.VOICE and isinstance(command.usage, Total):
        session = msgspec.structs.replace(session, began=begun(command, now))
    session, wallet, records = end(policy, terms, session, wallet, usage, command.cause or "stop", command.key, now)
    outcome = settled(session, wallet, now)
    session = remember(session, command, outcome, policy.recent)
    return Decision(outcome, (*opened.images, wallet, session), (*opened.records, *records))


def _told(session: Session, usage: Usage) -> bool:
    """Whether a Stop has something new to say of a closed session: a larger total, or, where no Stop has come yet,
    what was used since the last report."""
    if isinstance(usage, Total):
        return session.assumed or usage.units > session.used
    return session.silenced and (session.assumed or usage.units > 0)


def release(book: Book, policy: Policy, session: Session | None, command: Release, now: Instant) -> Decision:
    """It never began: all that was held goes back. A session that has begun is not released but stopped."""
    if session is None:
        return refuse(Refusal.UNKNOWN_SESSION)
    if (said := repeated(session, command)) is not None:
        return Decision(said)
    if session.state != AUTHORISED:
        return refuse(Refusal.SESSION_CLOSED if session.state == CLOSED else Refusal.INVALID, session.state, session.id)
    wallet = book.wallet(session.wallet)
    if wallet is None:
        return refuse(Refusal.UNKNOWN_WALLET, session.wallet)
    if (barred := wallets.barred_for_settling(wallet)) is not None:
        return Decision(barred)
    session, wallet, records = end(policy, terms_of(book, session), session, wallet, 0, RELEASED, command.key, now)
    outcome = settled(session, wallet, now)
    return Decision(outcome, (wallet, remember(session, command, outcome, policy.recent)), records)


def silent(
    policy: Policy, terms: Terms, session: Session, wallet: Wallet, cause: str, now: Instant
) -> tuple[Session, Wallet, tuple[tuple[Record, bytes], ...]]:
    """End a session that will not report any more, as the policy says.

    A Stop that comes all the same has the last word, so what was reported is kept whatever is charged for it now.
    """
    kept = usage = session.used
    if session.state == STARTED and policy.on_silence is OnSilence.GRANTED:
        usage = max(kept, session.granted)
    if policy.on_silence is OnSilence.NOTHING:
        usage = 0
    ended, wallet, records = end(policy, terms, session, wallet, usage, cause, f"silence:{session.id}", now)
    ended = msgspec.structs.replace(ended, used=kept, assumed=usage != kept)
    answered = Answered(SILENCE, encode_outcome(settled(ended, wallet, now)))
    return msgspec.structs.replace(ended, recent=(*ended.recent, answered)), wallet, records


def end(
    policy: Policy, terms: Terms, session: Session, wallet: Wallet, usage: int, cause: str, request: str, now: Instant
) -> tuple[Session, Wallet, tuple[tuple[Record, bytes], ...]]:
    """Post what is due, give back the rest, leave a tombstone."""
    session, wallet, records = _post(policy, terms, session, wallet, usage, cause, request, now)
    wallet, dropped = expire(give_back(wallet, session.lines), now)
    if dropped:
        wallet, record, body = enter(wallet, now, "expiry", "", "", dropped)
        records = (*records, (record, body))
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


def _post(
    policy: Policy, terms: Terms, session: Session, wallet: Wallet, usage: int, cause: str, request: str, now: Instant
) -> tuple[Session, Wallet, tuple[tuple[Record, bytes], ...]]:
    """Charge the difference between the cost of `usage` and what was posted, with its record."""
    whole = cost(terms.price, session.began, usage)
    if not fits(whole):
        raise AmountError(f"session {session.id} costs more than can be counted")
    owed = whole - session.posted
    lines, overdrawn, forgone = session.lines, 0, 0
    postings: tuple[Posting, ...] = ()
    if owed > 0:
        taken = take(wallet, session.lines, owed, now, debt=policy.on_overrun is OnOverrun.DEBT)
        wallet, lines, postings = taken.wallet, taken.lines, taken.postings
        overdrawn, forgone = taken.overdrawn, taken.forgone
    elif owed < 0:
        wallet, postings = pay_back(wallet, session.paid, -owed, ADJUSTMENT)
    posted = session.posted - sum(posting.amount for posting in postings)
    session = msgspec.structs.replace(
        session,
        used=usage,
        assumed=False,
        posted=posted,
        lines=lines,
        overdrawn=session.overdrawn + overdrawn,
        paid=_paid(session.paid, postings),
    )
    if not postings and not (cause and (usage or session.state != AUTHORISED)):
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
        posted,
        overdrawn,
        session.price,
        cause,
        forgone,
    )
    wallet, record, body = enter(wallet, now, "session", session.client, request, postings, call=call)
    return session, wallet, ((record, body),)


def _paid(before: Lines, postings: tuple[Posting, ...]) -> Lines:
    """What each bucket has paid for the session, this included; one that pays again goes last."""
    paid = dict(before)
    for posting in postings:
        paid[posting.bucket] = paid.pop(posting.bucket, 0) - posting.amount
    return tuple((bucket, amount) for bucket, amount in paid.items() if amount > 0)


def _more(
    policy: Policy, terms: Terms, session: Session, wallet: Wallet, more: int, now: Instant
) -> tuple[Session, Wallet, Outcome]:
    """Hold for further usage beyond what was used; what the session held before is put back first."""
    wallet = give_back(wallet, session.lines)
    cap = most(policy, session.service)
    target = session.used + min(more or cap, cap)
    funds = available(wallet, now)
    reach = affordable(terms.price, session.began, funds + session.posted, target)
    held = hold(wallet, cost(terms.price, session.began, reach) - session.posted, now) if reach > session.used else None
    if held is None:
        session = msgspec.structs.replace(session, lines=(), granted=session.used)
        return session, wallet, wallets.no_money(wallet, funds, session.id)
    wallet, lines = held
    session = msgspec.structs.replace(session, lines=lines, granted=reach, wish=Wish.GRANT)
    return session, wallet, granted(session, wallet, reach - session.used, reach < target, policy, now)


def granted(session: Session, wallet: Wallet, usage: int, final: bool, policy: Policy, now: Instant) -> Granted:
    """The answer to a session that goes on."""
    return Granted(
        session=session.id,
        service=session.service,
        granted=usage,
        final=final,
        validity=validity(policy, session, now),
        unit=wallet.unit,
        decimals=wallet.decimals,
        balance=available(wallet, now),
        cost=session.posted,
        credit_limit=wallet.credit_limit,
        funds=available(wallet, now) + session.held(),
    )


def granted_again(book: Book, policy: Policy, session: Session, now: Instant) -> Outcome:
    """The answer to a Start: the grant as it stands."""
    wallet = book.wallet(session.wallet)
    if wallet is None:
        return Refused(Refusal.UNKNOWN_WALLET, session.wallet, session.id)
    left = max(session.granted - session.used, 0)
    return granted(session, wallet, left, False, policy, now)


def settled(session: Session, wallet: Wallet, now: Instant) -> Settled:
    """The answer to a session that has ended."""
    balance = available(wallet, now)
    return Settled(session.id, session.used, wallet.unit, wallet.decimals, session.posted, balance, session.overdrawn)


def validity(policy: Policy, session: Session, now: Instant) -> Duration:
    """How long a begun session's grant is good for; 0: it has not begun, and its time does not run yet."""
    if session.service != Service.VOICE:
        return policy.validity
    return max(session.began + session.granted - now, 0) if session.state == STARTED else 0


def silent_after(policy: Policy, session: Session, now: Instant) -> Instant:
    """When a started session counts as silent: past its grant, and the tolerance."""
    return now + validity(policy, session, now) + policy.tolerance


_Subject = tuple[Decision, Session | None, Decision]
_NOTHING = Decision(Done(0))


def _subject(book: Book, known: Session | Decision | None, command: Update | Stop) -> _Subject:
    """(what opening it changed, the session, the answer where there is no more to do)."""
    if known is None:
        return _NOTHING, None, refuse(Refusal.UNKNOWN_SESSION)
    if isinstance(known, Decision):
        session = next((image for image in known.images if isinstance(image, Session)), None)
        if session is None:
            return _NOTHING, None, known
        return known, msgspec.structs.replace(session, recent=()), _NOTHING
    said = repeated(known, command)
    if said is not None:
        return _NOTHING, None, Decision(said)
    counted = command.usage.units or (isinstance(command, Update) and command.more)
    if counted and command.service != known.service:
        detail = f"{command.service} is reported of a session of {known.service}"
        return _NOTHING, None, refuse(Refusal.UNIT_MISMATCH, detail, known.id)
    return _NOTHING, known, _NOTHING


def _wallet(book: Book, opened: Decision, session: Session) -> Wallet:
    changed = next((image for image in opened.images if isinstance(image, Wallet)), None)
    wallet = changed or book.wallet(session.wallet)
    if wallet is None:
        raise LookupError(f"session {session.id} names wallet {session.wallet}, which is not there")
    return wallet


def _terms(book: Book, opened: Decision, session: Session) -> Terms:
    new = next((image for image in opened.images if isinstance(image, StoredPrice)), None)
    return Terms(new.price, session.service) if new is not None else terms_of(book, session)
