"""What follows the opening of a session: reports, its end, its release. Every report re-rates it from its start.

posted now = due for the whole usage so far - posted before          (the connect fee is in the first)
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from tollhouse.engine import ends, living, wallets
from tollhouse.engine.book import Book, Image, StoredPrice, decode_outcome
from tollhouse.engine.decision import Decision, refuse, remember, repeated
from tollhouse.engine.granting import gathered, lacking, leave, own
from tollhouse.engine.limits import levelled, share, tolerance, validity
from tollhouse.engine.offering import Asking
from tollhouse.engine.paying import known_prices
from tollhouse.engine.policy import Policy
from tollhouse.engine.request_types import MANNERS
from tollhouse.engine.session import AUTHORISED, CLOSED, RELEASED, STARTED, UNBEGUN, UNUSED, Session
from tollhouse.engine.stretches import cut
from tollhouse.engine.terms import Terms, begun, reported, terms_of
from tollhouse.rating.unpriced import is_unpriced
from tollhouse.values.commands import Release, Service, Stop, Total, Update, Usage, Wish
from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import Done, Granted, Outcome, Refused
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.funds import available, give_back, money_in, reserve
from tollhouse.wallet.state import Wallet


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
    with book.supposing(opened.images):
        decision = ends.with_all_due(
            book,
            policy,
            _before(book, wallet, now),
            _in_hand(opened, session),
            now,
            lambda found: _reported(book, policy, terms, session, found, usage, command, now),
        )
    return Decision(decision.outcome, (*opened.images, *decision.images), (*opened.records, *decision.records))


def _reported(
    book: Book,
    policy: Policy,
    terms: Terms,
    session: Session,
    before: ends.Ended,
    usage: int,
    command: Update,
    now: Instant,
) -> Decision:
    paying = own(book, policy, terms, session, before.wallet, usage, now)
    terms = paying.terms
    session, wallet, records = ends.post(book, policy, terms, session, paying.wallet, usage, "", command.key, now)
    session = msgspec.structs.replace(session, state=STARTED, reported=now)
    if command.more is None:
        outcome = granted(book, policy, session, wallet, max(session.granted - session.used, 0), False, now)
        done = _More(session, wallet, outcome)
        until = max(session.until, silent_after(book, policy, session, now))
    else:
        done = _more(book, policy, terms, session, ends.Ended(wallet, before.sessions), command, now)
        until = silent_after(book, policy, done.session, now)
    session = msgspec.structs.replace(done.session, until=until)
    session = remember(session, command, done.outcome, policy.recent)
    images: tuple[Image, ...] = (*paying.images, *done.images, done.wallet, session)
    return Decision(done.outcome, images, (*records, *done.records))


def stop(book: Book, policy: Policy, known: Session | Decision | None, command: Stop, now: Instant) -> Decision:
    """The last usage is charged, the rest goes back; a repeat moves nothing; more usage posts the difference."""
    opened, session, early = _subject(book, known, command)
    if session is None:
        return early
    if session.state == CLOSED and not _told(session, command.usage):
        if isinstance(command.usage, Total) and session.recent:
            return Decision(decode_outcome(session.recent[-1].outcome))
        return refuse(Refusal.SESSION_CLOSED, session.ended, session.id)
    if session.state == CLOSED and book.wallet(session.wallet) is None:
        return refuse(Refusal.UNKNOWN_WALLET, session.wallet, session.id)
    wallet = _wallet(book, opened, session)
    if (barred := wallets.barred_for_settling(wallet)) is not None:
        return Decision(barred)
    terms = _terms(book, opened, session)
    usage = reported(session, command.usage)
    if session.event is not None and is_unpriced(terms.price) and usage > session.granted:
        return refuse(Refusal.INVALID, "more events than were reserved, and nothing prices them", session.id)
    never_begun = session.state == AUTHORISED or session.ended in (UNUSED, UNBEGUN)
    if never_begun and session.service == Service.VOICE and isinstance(command.usage, Total):
        session = msgspec.structs.replace(session, began=begun(command, now))
    last = session
    with book.supposing(opened.images):
        decision = ends.with_all_due(
            book,
            policy,
            _before(book, wallet, now),
            _in_hand(opened, session),
            now,
            lambda found: _stopped(book, policy, terms, last, found.wallet, usage, command, now),
        )
    return Decision(decision.outcome, (*opened.images, *decision.images), (*opened.records, *decision.records))


def _stopped(
    book: Book, policy: Policy, terms: Terms, session: Session, wallet: Wallet, usage: int, command: Stop, now: Instant
) -> Decision:
    cause = command.cause or "stop"
    paying = gathered(book, policy, terms, session, wallet, usage, now)
    session, wallet, records = ends.end(
        book, policy, paying.terms, session, paying.wallet, usage, cause, command.key, now
    )
    outcome = ends.settled(session, wallet, now)
    said = remember(session, command, outcome, policy.recent)
    after = ends.cleared(book, session, wallet, records, now)
    return Decision(outcome, (*paying.images, after.wallet, said), (*paying.records, *after.records))


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
    session, wallet, records = ends.end(
        book, policy, terms_of(book, session), session, wallet, 0, RELEASED, command.key, now
    )
    outcome = ends.settled(session, wallet, now)
    return Decision(outcome, (wallet, remember(session, command, outcome, policy.recent)), records)


class _More(msgspec.Struct, frozen=True, gc=False):
    """The session and its wallet as further usage is granted or not; what else that changed."""

    session: Session
    wallet: Wallet
    outcome: Outcome
    images: tuple[Image, ...] = ()
    records: ends.Records = ()


def _more(
    book: Book, policy: Policy, terms: Terms, session: Session, before: ends.Ended, command: Update, now: Instant
) -> _More:
    """Hold for further usage beyond what was used; what the session held before is put back first. A wallet that was
    taken out of use meanwhile pays for no more of it (requirement oracle_vws 5.1)."""
    wallet = give_back(before.wallet, session.lines)
    part = share(book, policy, session, wallet, before.sessions)
    wanted = session.used + min(command.more or part.longest, part.longest)
    target, last = levelled(command.most, session.used, wanted)
    barred = living.out_of_use(wallet, session.id) if MANNERS[session.request_type].charges else None
    if command.no is not None:
        barred = Refused(*command.no, session.id)
    offered = barred or leave(book, policy, Asking(session, terms, part, session.used, target), wallet, now)
    if isinstance(offered, Refused) or offered.laid.reach <= session.used:
        kept = cut(session.stretches, known_prices(book, session, terms), session.began, session.used)
        session = msgspec.structs.replace(session, lines=(), granted=session.used, stretches=kept)
        no = offered if isinstance(offered, Refused) else lacking(terms, session, wallet, now)
        return _More(session, wallet, no)
    laid = offered.laid
    wallet, reach = reserve(offered.wallet, laid.lines), min(laid.reach, laid.target)
    session = msgspec.structs.replace(
        session, lines=laid.lines, granted=reach, wish=Wish.GRANT, stretches=laid.stretches
    )
    outcome = granted(book, policy, session, wallet, reach - session.used, last or reach < laid.target, now)
    return _More(session, wallet, outcome, offered.images, offered.records)


def granted(
    book: Book, policy: Policy, session: Session, wallet: Wallet, usage: int, final: bool, now: Instant
) -> Granted:
    """The answer to a session that goes on."""
    there = available(wallet, now)
    return Granted(
        session=session.id,
        service=session.service,
        granted=usage,
        final=final,
        validity=validity(book, policy, session, now),
        unit=wallet.unit,
        decimals=wallet.decimals,
        balance=there,
        cost=session.posted,
        credit_limit=wallet.credit_limit,
        funds=there + money_in(wallet, session.lines),
    )


def granted_again(book: Book, policy: Policy, session: Session, now: Instant) -> Outcome:
    """The answer to a Start: the grant as it stands."""
    wallet = book.wallet(session.wallet)
    if wallet is None:
        return Refused(Refusal.UNKNOWN_WALLET, session.wallet, session.id)
    left = max(session.granted - session.used, 0)
    return granted(book, policy, session, wallet, left, False, now)


def silent_after(book: Book, policy: Policy, session: Session, now: Instant) -> Instant:
    """When a started session counts as silent: past its grant, and the tolerance."""
    return now + validity(book, policy, session, now) + tolerance(book, policy, session)


_Subject = tuple[Decision, Session | None, Decision]
_NOTHING = Decision(Done(0))
_Kind = TypeVar("_Kind", Session, Wallet)


def _subject(book: Book, known: Session | Decision | None, command: Update | Stop) -> _Subject:
    """(what opening it changed, the session, the answer where there is no more to do)."""
    if known is None:
        return _NOTHING, None, refuse(Refusal.UNKNOWN_SESSION)
    if isinstance(known, Decision):
        session = _last(known, Session)
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
    wallet = _last(opened, Wallet) or book.wallet(session.wallet)
    if wallet is None:
        raise LookupError(f"session {session.id} names wallet {session.wallet}, which is not there")
    return wallet


def _before(book: Book, wallet: Wallet, now: Instant) -> ends.Ended:
    """The wallet with whatever was due of its life done."""
    standing = living.caught_up(book.snapshot, wallet, now)
    return ends.Ended(standing.wallet, (), standing.records)


def _terms(book: Book, opened: Decision, session: Session) -> Terms:
    """The session's terms; of one that was only just opened nobody has stored the prices yet."""
    fresh = {image.hash: image.price for image in opened.images if isinstance(image, StoredPrice)}
    return Terms(fresh.get(session.price) or book.price(session.price), session.service, fresh)


def _last(decision: Decision, kind: type[_Kind]) -> _Kind | None:
    """The entity of this kind as the decision leaves it: what it is about stands behind what it ended first."""
    return next((image for image in reversed(decision.images) if isinstance(image, kind)), None)


def _in_hand(opened: Decision, session: Session) -> list[str]:
    """The sessions that a report's decision is about already."""
    return [session.id, *(image.id for image in opened.images if isinstance(image, Session))]
