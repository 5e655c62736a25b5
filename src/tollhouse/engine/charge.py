"""The page that shows the pipeline: a command in, a decision out. Nothing here changes anything.

    identify -> rating -> routing -> wallet -> records        = (outcome, changes)

`decide` finds the way of each command; `authorize` is the whole way of one packet, top to bottom.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tollhouse.engine import closing, finding, one_shots, settle, sweep, wallets
from tollhouse.engine.book import Book, Image
from tollhouse.engine.decision import Closing, Decision, refuse, remember, repeated
from tollhouse.engine.ends import Ended, end_due, silent, with_all_due
from tollhouse.engine.policy import Policy
from tollhouse.engine.quotes import quote
from tollhouse.engine.session import AUTHORISED, CLOSED, STARTED, UNUSED, Session
from tollhouse.engine.terms import Terms, begun, most, sane, terms_of
from tollhouse.identify.identify import Payer, identify
from tollhouse.rating.cost import cost
from tollhouse.rating.inverse import affordable, shortest
from tollhouse.rating.price import Price, resolve
from tollhouse.routing.routes import routes
from tollhouse.values.commands import (
    Authorize,
    ChangeWallet,
    Charge,
    CloseClient,
    Command,
    CreateWallet,
    Inspect,
    Quote,
    Recharge,
    Refund,
    Release,
    Start,
    Stop,
    Sweep,
    Update,
    Wish,
)
from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import Outcome, Refused, Route
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.funds import available, give_back, hold
from tollhouse.wallet.state import Wallet


def decide(book: Book, policy: Policy, command: Command | Closing, now: Instant) -> Decision:
    """What this command does at `now`. Raises only on our own bugs."""
    match command:
        case Authorize():
            return authorize(book, policy, command, now)
        case Start():
            return start(book, policy, command, now)
        case Update():
            return settle.update(book, policy, _known(book, policy, command, now), command, now)
        case Stop():
            return settle.stop(book, policy, _known(book, policy, command, now), command, now)
        case Release():
            return settle.release(book, policy, finding.find(book, policy, command, now), command, now)
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
        case Recharge() | CreateWallet() | ChangeWallet():
            return wallets.change(book, policy, command, now)
        case Inspect():
            return wallets.inspect(book, command, now)


def authorize(book: Book, policy: Policy, command: Authorize, now: Instant) -> Decision:
    """May this session go ahead? One request's whole way, refused at the first thing that is missing."""
    if command.ask is not None and command.ask < 0:
        return refuse(Refusal.INVALID, "what is asked for is not negative")
    began = sane(command.at, now)
    payer = identify(book.snapshot, command.caller, command.called)
    session = finding.find_for_opening(book, command, payer)
    if session is not None and (said := finding.said_before(session, command)) is not None:
        return _only_to_himself(payer, said)
    if isinstance(payer, Refused):
        return Decision(payer)

    bill = _bill(book, policy, payer, command, began, lambda wallet: wallets.barred(wallet, now))
    if isinstance(bill, Refused):
        return Decision(bill)
    wallet, price = bill
    ways = routes(book.snapshot, payer.called) if command.routes else ()
    if command.routes and not ways:
        return refuse(Refusal.NO_ROUTE, f"no carrier takes {payer.called}")
    if wallet.unit != price.unit:
        return refuse(Refusal.UNIT_MISMATCH, f"{price.unit} is charged, the wallet holds {wallet.unit}")

    before = Ended(wallet)
    if session is not None and command.begin and session.state == STARTED and session.wallet == wallet.name:
        before = _opened_anew(book, policy, session, wallet, now)
        session = None
    if session is None:
        price_hash, new_price = book.hash_of(price)
        opened = _opening(book, command, payer, wallet, price_hash, began, now)
        terms = Terms(price, command.service)
    elif session.wallet != wallet.name:
        return refuse(Refusal.CONFLICT, "the session is another wallet's", session.id)
    else:
        opened, new_price = session, ()
        terms = terms_of(book, session)
        before = Ended(give_back(wallet, session.lines))
    return with_all_due(
        book,
        policy,
        before,
        (opened.id,),
        now,
        lambda paying: _grant(policy, command, opened, terms, paying, ways, new_price, now),
    )


def _opening(
    book: Book,
    command: Authorize | Start | Update | Stop,
    payer: Payer,
    wallet: Wallet,
    price_hash: bytes,
    began: Instant,
    now: Instant,
) -> Session:
    """A session that holds nothing yet."""
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
    )


def _opened_anew(book: Book, policy: Policy, session: Session, wallet: Wallet, now: Instant) -> Ended:
    """The client opens a running session once more: it restarted, and the old one will not report again."""
    ended, wallet, records = silent(policy, terms_of(book, session), session, wallet, "opened_anew", now)
    return Ended(wallet, (ended,), records)


def _only_to_himself(payer: Payer | Refused, said: Outcome) -> Decision:
    """The stored answer; but whoever asks with a wrong password does not get what another one was granted."""
    return Decision(payer if isinstance(payer, Refused) and payer.refusal is Refusal.BAD_PASSWORD else said)


def _bill(
    book: Book,
    policy: Policy,
    payer: Payer,
    command: Authorize | Start | Update | Stop,
    began: Instant,
    barred: Callable[[Wallet], Refused | None],
) -> tuple[Wallet, Price] | Refused:
    """From which wallet, at what price; what is wrong with the wallet comes before what the call lacks."""
    wallet = book.wallet(payer.wallet)
    if wallet is None:
        return Refused(Refusal.UNKNOWN_WALLET, payer.wallet)
    if (closed := barred(wallet)) is not None:
        return closed
    price = resolve(
        book.snapshot,
        payer.tenant,
        payer.category,
        command.service,
        payer.subject,
        payer.called,
        began,
        policy.horizon,
    )
    return price if isinstance(price, Refused) else (wallet, price)


def _grant(
    policy: Policy,
    command: Authorize,
    session: Session,
    terms: Terms,
    wallet: Wallet,
    ways: tuple[Route, ...],
    new_price: tuple[Image, ...],
    now: Instant,
) -> Decision:
    """Hold the price of what is asked for, or of as much of it as the wallet pays."""
    started = command.begin or session.state == STARTED
    gone = session.used
    if session.state == STARTED and terms.is_time:
        gone = max(gone, now - session.began)
    if command.wish is Wish.SHORTEST:
        ask = gone + shortest(terms.price, session.began)
    else:
        cap = most(policy, session.service)
        ask = gone + min(cap if command.ask is None else command.ask, cap)
    funds = available(wallet, now)
    granted = affordable(terms.price, session.began, funds + session.posted, ask)
    if granted <= gone < ask:
        return Decision(wallets.no_money(wallet, funds, session.id))
    held = hold(wallet, cost(terms.price, session.began, granted) - session.posted, now)
    if held is None:
        return Decision(wallets.no_money(wallet, funds, session.id))
    wallet, lines = held
    opened = msgspec.structs.replace(
        session,
        state=STARTED if started else AUTHORISED,
        wish=command.wish,
        granted=granted,
        lines=lines,
        reported=now,
    )
    outcome = settle.granted(opened, wallet, granted - gone, granted < ask, policy, now)
    outcome = msgspec.structs.replace(outcome, routes=ways)
    if started:
        until = settle.silent_after(policy, opened, now)
    else:
        until = now + (policy.sip_hold if command.wish is Wish.SHORTEST else policy.setup_window)
    opened = msgspec.structs.replace(opened, until=until)
    return Decision(outcome, (wallet, remember(opened, command, outcome, policy.recent), *new_price))


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
    if session.state != AUTHORISED:
        return Decision(settle.granted_again(book, policy, session, now))
    began = sane(command.at, now)
    keys = tuple(dict.fromkeys((*session.keys, *command.session_keys)))
    machine = command.caller.machine or session.machine
    running = msgspec.structs.replace(session, state=STARTED, began=began, keys=keys, reported=now, machine=machine)
    running = msgspec.structs.replace(running, until=settle.silent_after(policy, running, now))
    outcome = settle.granted_again(book, policy, running, now)
    return Decision(outcome, (remember(running, command, outcome, policy.recent),))


def open_unknown(book: Book, policy: Policy, command: Start | Update | Stop, began: Instant, now: Instant) -> Decision:
    """A session that nobody asked leave for: it runs already, so it is opened and holds what is there."""
    payer = identify(book.snapshot, command.caller, command.called)
    if isinstance(payer, Refused):
        return Decision(payer)
    bill = _bill(book, policy, payer, command, began, wallets.barred_for_settling)
    if isinstance(bill, Refused):
        return Decision(bill)
    wallet, price = bill
    if wallet.unit != price.unit:
        return refuse(Refusal.UNIT_MISMATCH, f"{price.unit} is charged, the wallet holds {wallet.unit}")
    price_hash, new_price = book.hash_of(price)
    cap = most(policy, command.service)
    before = Ended(wallet)
    if affordable(price, began, available(wallet, now), cap) < cap:
        before = end_due(book, policy, before, (), now)
    granted = affordable(price, began, available(before.wallet, now), cap)
    held = hold(before.wallet, cost(price, began, granted), now)
    wallet, lines = held if held is not None else (before.wallet, ())
    session = _opening(book, command, payer, wallet, price_hash, began, now)
    session = msgspec.structs.replace(session, state=STARTED, granted=granted, lines=lines, reported=now)
    session = msgspec.structs.replace(session, until=settle.silent_after(policy, session, now))
    outcome = settle.granted(session, wallet, granted, False, policy, now)
    opened = remember(session, command, outcome, policy.recent)
    return Decision(outcome, (*before.sessions, wallet, opened, *new_price), before.records)


def _known(book: Book, policy: Policy, command: Update | Stop, now: Instant) -> Session | Decision | None:
    """The session of a report; an unknown one is opened first where it must bill all the same."""
    if command.usage.units < 0 or (isinstance(command, Update) and (command.more or 0) < 0):
        return refuse(Refusal.INVALID, "usage is not negative")
    session = finding.find(book, policy, command, now)
    if session is not None or not command.open_unknown:
        return session
    return open_unknown(book, policy, command, begun(command, now), now)
