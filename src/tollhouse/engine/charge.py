"""The page that shows the pipeline: a command in, a decision out. Nothing here changes anything.

    identify -> rating -> routing -> wallet -> records        = (outcome, changes)

`decide` finds the way of each command; `authorize` is the whole way of one packet, top to bottom.
"""

from __future__ import annotations

import msgspec

from tollhouse.engine import approvals, closing, events, finding, living, managing, one_shots, settle, sweep, wallets
from tollhouse.engine.book import Book, Image
from tollhouse.engine.decision import Closing, Decision, refuse, remember, repeated
from tollhouse.engine.disconnects import disconnect, leaving
from tollhouse.engine.ends import Ended, end_due, silent, with_all_due
from tollhouse.engine.granting import lacking, leave
from tollhouse.engine.legs import with_legs
from tollhouse.engine.limits import alone, levelled, share, unbegun_until
from tollhouse.engine.living import Standing
from tollhouse.engine.offering import Asking
from tollhouse.engine.paying import rated
from tollhouse.engine.policy import Policy
from tollhouse.engine.quotes import quote
from tollhouse.engine.request_types import MANNERS, asked_type, opening_price
from tollhouse.engine.session import AUTHORISED, CLOSED, DISCONNECTED, STARTED, UNBEGUN, UNUSED, Session
from tollhouse.engine.terms import Terms, begun, most, sane, terms_of
from tollhouse.identify.identify import Payer, identify
from tollhouse.rating.discounts import WHOLE
from tollhouse.rating.inverse import shortest
from tollhouse.rating.price import Price
from tollhouse.rating.unpriced import is_unpriced
from tollhouse.routing.routes import routes
from tollhouse.values.commands import (
    Adjust,
    Approve,
    Authorize,
    ChangeWallet,
    Charge,
    CloseClient,
    Command,
    CreateWallet,
    Decline,
    DisconnectSession,
    Inspect,
    Quote,
    Recharge,
    Refund,
    Release,
    RemoveWallet,
    RequestType,
    Start,
    Stop,
    Sweep,
    Transfer,
    Update,
    Wish,
)
from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import Outcome, Refused, Route
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.funds import give_back, reserve
from tollhouse.wallet.state import Wallet


def decide(book: Book, policy: Policy, command: Command | Closing, now: Instant) -> Decision:
    """What this command does at `now`. Raises only on our own bugs."""
    return leaving(book, _decided(book, policy, command, now))


def _decided(book: Book, policy: Policy, command: Command | Closing, now: Instant) -> Decision:
    match command:
        case Authorize():
            return with_legs(book, command, lambda one: authorize(book, policy, one, now))
        case Start():
            return with_legs(book, command, lambda one: start(book, policy, one, now))
        case Update():

            def reported(one: Update) -> Decision:
                return settle.update(book, policy, _known(book, policy, one, now), one, now)

            return with_legs(book, command, reported)
        case Stop():

            def stopped(one: Stop) -> Decision:
                return settle.stop(book, policy, _known(book, policy, one, now), one, now)

            return with_legs(book, command, stopped)
        case Release():

            def released(one: Release) -> Decision:
                return settle.release(book, policy, finding.find(book, policy, one, now), one, now)

            return with_legs(book, command, released)
        case CloseClient():
            return closing.close_client(book, policy, command, now)
        case Closing():
            return closing.go_on(book, policy, command, now)
        case Sweep():
            return sweep.sweep(book, policy, command, now)
        case Charge():
            return one_shots.charge(book, policy, command, now)
        case Refund():
            return one_shots.refund(book, policy, command, now)
        case Quote():
            return quote(book, command, now)
        case Recharge() | CreateWallet() | ChangeWallet() | Transfer() | RemoveWallet():
            return managing.change(book, policy, command, now)
        case Adjust() | Approve() | Decline():
            return approvals.by_hand(book, policy, command, now)
        case Inspect():
            return wallets.inspect(book, command, now)
        case DisconnectSession():
            return disconnect(book, policy, command, now)


def authorize(book: Book, policy: Policy, command: Authorize, now: Instant) -> Decision:
    """May this session go ahead? One request's whole way, refused at the first thing that is missing."""
    if (command.ask or 0) < 0 or not 0 <= (command.discount or 0) <= WHOLE:
        return refuse(Refusal.INVALID, "what is asked for is not negative, a discount is 0 to 100 percent")
    if command.event is not None:
        wrong = events.nonsense(command.event, command.service, command.ask, most(policy, command.service))
        if wrong is not None:
            return Decision(wrong)
    began = sane(command.at, now)
    payer = identify(book.snapshot, command.caller, command.called)
    session = finding.find_for_opening(book, command, payer)
    if session is not None and (said := finding.said_before(session, command)) is not None:
        return _only_to_himself(payer, said)
    if isinstance(payer, Refused):
        return Decision(payer)

    again = session if session is not None and command.begin and session.state == STARTED else None
    kind = asked_type(command, payer) if session is None or again is not None else session.request_type
    bill = _bill(book, policy, payer, command, kind, began, now)
    if isinstance(bill, Refused):
        return Decision(bill)
    standing, price = bill
    wallet = standing.wallet
    carriers = routes(book.snapshot, payer.called) if command.routes else ()
    if command.routes and not carriers:
        return refuse(Refusal.NO_ROUTE, f"no carrier takes {payer.called}")
    if wallet.unit != price.unit:
        return refuse(Refusal.UNIT_MISMATCH, f"{price.unit} is charged, the wallet holds {wallet.unit}")

    before = Ended(wallet, (), standing.records)
    if again is not None and again.wallet == wallet.name:
        before = before.after(silent(book, policy, again, wallet, "opened_anew", now))
        session = None
    if session is None:
        price_hash, new_price = book.hash_of(price)
        opened = _opening(book, command, payer, kind, wallet, price_hash, began, now)
        terms = Terms(price, command.service)
    elif session.wallet != wallet.name:
        return refuse(Refusal.CONFLICT, "the session is another wallet's", session.id)
    else:
        opened, new_price = session, ()
        terms = terms_of(book, session)
        before = Ended(give_back(wallet, session.lines), (), standing.records)
    return with_all_due(
        book,
        policy,
        before,
        (opened.id,),
        now,
        lambda found: _grant(book, policy, command, opened, terms, found, carriers, new_price, now),
    )


def _opening(
    book: Book,
    command: Authorize | Start | Update | Stop,
    payer: Payer,
    kind: RequestType,
    wallet: Wallet,
    price_hash: bytes,
    began: Instant,
    now: Instant,
) -> Session:
    """A session that holds nothing yet."""
    event = command.event if isinstance(command, Authorize) else None
    return Session(
        book.new_session_id(),
        command.caller.client,
        wallet.name,
        wallet.tenant,
        payer.account,
        command.service,
        command.calling,
        payer.called,
        command.session_keys,
        price_hash,
        now,
        began,
        now,
        machine=command.caller.machine,
        category=payer.category,
        legs=payer.legs,
        discount=command.discount if isinstance(command, Authorize) else None,
        request_type=kind,
        event=event,
        cascade=events.cascade(book, wallet, event),
        rated=rated(book, wallet, command.service, began) if wallet.product else 0,
    )


def _only_to_himself(payer: Payer | Refused, said: Outcome) -> Decision:
    """The stored answer; but whoever asks with a wrong password does not get what another one was granted."""
    return Decision(payer if isinstance(payer, Refused) and payer.refusal is Refusal.BAD_PASSWORD else said)


def _bill(
    book: Book,
    policy: Policy,
    payer: Payer,
    command: Authorize | Start | Update | Stop,
    kind: RequestType,
    began: Instant,
    now: Instant,
) -> tuple[Standing, Price] | Refused:
    """From which wallet, at what price; what is wrong with the wallet comes before what the call lacks."""
    standing = living.stands(book, payer.wallet, now)
    if standing is None:
        return Refused(Refusal.UNKNOWN_WALLET, payer.wallet)
    fit = _fit(book, standing, command, kind, now)
    if isinstance(fit, Refused):
        return fit
    event = command.event if isinstance(command, Authorize) else None
    price = opening_price(book, policy, payer, kind, command.service, fit.wallet, began, event)
    return price if isinstance(price, Refused) else (fit, price)


def _fit(
    book: Book, standing: Standing, command: Authorize | Start | Update | Stop, kind: RequestType, now: Instant
) -> Standing | Refused:
    """Whoever asks leave needs a wallet that may be used; what has been used already is charged unless a quarantine
    keeps it. Where the wallet is not to pay it only keeps the record, and this is no use of it."""
    wallet = standing.wallet
    if not MANNERS[kind].charges:
        return wallets.barred_for_settling(wallet) or living.held_back(book, wallet) or standing
    event = isinstance(command, Authorize) and command.event is not None
    activates = not event or book.snapshot.rules(wallet.tenant).event.activates_preuse
    ready = living.ready(book, standing, activates, now)
    if isinstance(ready, Standing) or isinstance(command, Authorize):
        return ready
    return wallets.barred_for_settling(wallet) or standing


def _grant(
    book: Book,
    policy: Policy,
    command: Authorize,
    session: Session,
    terms: Terms,
    before: Ended,
    carriers: tuple[Route, ...],
    new_price: tuple[Image, ...],
    now: Instant,
) -> Decision:
    """Hold the price of what is asked for, or of as much of it as the wallet pays."""
    wallet = before.wallet
    started = command.begin or session.state == STARTED
    gone = session.used
    if session.state == STARTED and terms.is_time:
        gone = max(gone, now - session.began)
    part = share(book, policy, session, wallet, before.sessions)
    if not session.recent and (crowded := part.crowded()) is not None:
        return Decision(crowded)
    if command.wish is Wish.SHORTEST:
        ask = gone + shortest(terms.price, session.began)
    else:
        ask = gone + min(part.longest if command.ask is None else command.ask, part.longest)
    ask, ends = levelled(command.most, gone, ask)
    asking = Asking(session, terms, part, gone, ask, part.worst(session), command.ceiling)
    offered = leave(book, policy, asking, wallet, now)
    if isinstance(offered, Refused):
        return Decision(offered)
    laid = offered.laid
    partly = session.event is not None and laid.reach < gone + (command.ask or 0)
    if partly or laid.reach <= gone < ask:
        return Decision(lacking(terms, session, wallet, now))
    wallet, granted = reserve(offered.wallet, laid.lines), min(laid.reach, laid.target)
    opened = msgspec.structs.replace(
        session,
        state=STARTED if started else AUTHORISED,
        wish=command.wish,
        granted=granted,
        lines=laid.lines,
        stretches=laid.stretches,
        reported=now,
    )
    outcome = settle.granted(book, policy, opened, wallet, granted - gone, ends or granted < laid.target, now)
    outcome = msgspec.structs.replace(outcome, routes=carriers)
    if started:
        until = settle.silent_after(book, policy, opened, now)
    elif command.wish is Wish.SHORTEST:
        until = now + policy.sip_hold
    else:
        until = unbegun_until(book, policy, opened, now)
    opened = msgspec.structs.replace(opened, until=until)
    said = remember(opened, command, outcome, policy.recent)
    return Decision(outcome, (wallet, said, *new_price, *offered.images), offered.records)


def start(book: Book, policy: Policy, command: Start, now: Instant) -> Decision:
    """The session has begun: found by its keys, or opened now on the client's word with what the wallet can hold.

    One that was closed because it rang for long begins anew; of another closed one it is a late report.
    """
    session = finding.find(book, policy, command, now)
    if session is not None and session.state == CLOSED:
        lately = sane(command.at, now) - session.reported <= policy.reuse_after
        session = session if lately and session.ended != UNUSED else None
    if session is None:
        return open_unknown(book, policy, command, sane(command.at, now), now)
    if (said := repeated(session, command)) is not None:
        return Decision(said)
    if session.ended in (DISCONNECTED, UNBEGUN):
        return refuse(Refusal.SESSION_CLOSED, session.ended, session.id)
    if session.state != AUTHORISED:
        return Decision(settle.granted_again(book, policy, session, now))
    began = sane(command.at, now)
    keys = tuple(dict.fromkeys((*session.keys, *command.session_keys)))
    machine = command.caller.machine or session.machine
    running = msgspec.structs.replace(session, state=STARTED, began=began, keys=keys, reported=now, machine=machine)
    running = msgspec.structs.replace(running, until=settle.silent_after(book, policy, running, now))
    outcome = settle.granted_again(book, policy, running, now)
    return Decision(outcome, (remember(running, command, outcome, policy.recent),))


def open_unknown(book: Book, policy: Policy, command: Start | Update | Stop, began: Instant, now: Instant) -> Decision:
    """A session that nobody asked leave for: it runs already, so it is opened and holds what is there."""
    payer = identify(book.snapshot, command.caller, command.called)
    if isinstance(payer, Refused):
        return Decision(payer)
    kind = asked_type(command, payer)
    bill = _bill(book, policy, payer, command, kind, began, now)
    if isinstance(bill, Refused):
        return Decision(bill)
    standing, price = bill
    wallet = standing.wallet
    if wallet.unit != price.unit:
        return refuse(Refusal.UNIT_MISMATCH, f"{price.unit} is charged, the wallet holds {wallet.unit}")
    price_hash, new_price = book.hash_of(price)
    session = _opening(book, command, payer, kind, wallet, price_hash, began, now)
    longest = share(book, policy, session, wallet).longest
    terms = Terms(price, command.service)
    asking = Asking(session, terms, alone(longest), 0, longest)
    before = Ended(wallet, (), standing.records)
    offered = leave(book, policy, asking, wallet, now)
    if isinstance(offered, Refused) or offered.laid.reach < longest:
        before = end_due(book, policy, before, (), now)
        offered = leave(book, policy, asking, before.wallet, now)
    if isinstance(offered, Refused):
        return Decision(offered)
    laid = offered.laid
    if not laid.reach and is_unpriced(price):
        return Decision(lacking(terms, session, before.wallet, now))
    wallet, granted = reserve(offered.wallet, laid.lines), min(laid.reach, longest)
    session = msgspec.structs.replace(
        session, state=STARTED, granted=granted, lines=laid.lines, stretches=laid.stretches, reported=now
    )
    session = msgspec.structs.replace(session, until=settle.silent_after(book, policy, session, now))
    outcome = settle.granted(book, policy, session, wallet, granted, False, now)
    opened = remember(session, command, outcome, policy.recent)
    images: tuple[Image, ...] = (*before.sessions, *before.images, *offered.images, wallet, opened, *new_price)
    return Decision(outcome, images, (*before.records, *offered.records))


def _known(book: Book, policy: Policy, command: Update | Stop, now: Instant) -> Session | Decision | None:
    """The session of a report; an unknown one is opened first where it must bill all the same."""
    if command.usage.units < 0 or (isinstance(command, Update) and (command.more or 0) < 0):
        return refuse(Refusal.INVALID, "usage is not negative")
    session = finding.find(book, policy, command, now)
    if session is not None or not command.open_unknown:
        return session
    return open_unknown(book, policy, command, begun(command, now), now)
