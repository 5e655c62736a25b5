"""Charges and refunds that are over at once: of an amount, of some units at their price, of named events."""

from __future__ import annotations

import msgspec

from tollhouse.engine import events, living, wallets
from tollhouse.engine.book import Book, OneShot
from tollhouse.engine.decision import Decision, refuse
from tollhouse.engine.ends import Ended, with_all_due
from tollhouse.engine.limits import alone
from tollhouse.engine.living import Standing
from tollhouse.engine.offering import Asking, offer
from tollhouse.engine.paying import rated
from tollhouse.engine.policy import Policy
from tollhouse.engine.session import Session
from tollhouse.engine.spending import spend
from tollhouse.engine.terms import Terms, longest_usage, sane
from tollhouse.identify.identify import Payer, identify
from tollhouse.rating.cost import cost
from tollhouse.rating.discounts import WHOLE
from tollhouse.rating.price import Price, resolve
from tollhouse.records.record import Occurred, enter
from tollhouse.values.commands import Charge, Refund
from tollhouse.values.instants import Instant
from tollhouse.values.money import Amount, fits
from tollhouse.values.outcomes import Posted, Refused
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.funds import available, credit, take
from tollhouse.wallet.state import REVENUE, Posting, Wallet


def charge(book: Book, policy: Policy, command: Charge, now: Instant) -> Decision:
    """Debit an amount, or the price of some units or named events; all of it or nothing."""
    body = wallets.repeat(book, command.caller.client, command.key, command)
    if isinstance(body, Decision):
        return body
    if (wrong := _nonsense(command.amount) or _unclear(command)) is not None:
        return Decision(wrong)
    payer = identify(book.snapshot, command.caller, command.called)
    if isinstance(payer, Refused):
        return Decision(payer)
    standing = living.stands(book, payer.wallet, now)
    if standing is None:
        return refuse(Refusal.UNKNOWN_WALLET, payer.wallet)
    activates = book.snapshot.rules(standing.wallet.tenant).event.activates_preuse
    ready = living.ready(book, standing, activates, now)
    if isinstance(ready, Refused):
        return Decision(ready)
    before = Ended(ready.wallet, (), ready.records)
    if command.amount is not None:
        decision = _charge_amount(book, policy, command, command.amount, body, before, now)
    else:
        decision = _charge_units(book, policy, command, payer, body, before, now)
    if isinstance(decision.outcome, Refused) and ready is not standing:
        return _without_first_use(decision)
    return decision


def _without_first_use(decision: Decision) -> Decision:
    """A charge that was refused is no use: it wakes no wallet and activates none. Only its answer is kept."""
    return Decision(decision.outcome, tuple([one for one in decision.images if isinstance(one, OneShot)]))


def _charge_amount(
    book: Book, policy: Policy, command: Charge, amount: Amount, body: bytes, before: Ended, now: Instant
) -> Decision:
    if (wrong := _unfit(amount, before.wallet)) is not None:
        return Decision(wrong)
    due = amount.value

    def debit(standing: Ended) -> Decision:
        wallet = standing.wallet
        if due > available(wallet, now):
            return _short(policy, command, body, wallet, now)
        taken = take(wallet, (), due, now, debt=False)
        return _debited(book, policy, command, body, taken.wallet, taken.postings, due, now)

    return with_all_due(book, policy, before, (), now, debit)


def _charge_units(
    book: Book, policy: Policy, command: Charge, payer: Payer, body: bytes, before: Ended, now: Instant
) -> Decision:
    """The price of some units, from the buckets that a session would pay them from: a session that is over at once."""
    wallet = before.wallet
    priced = _priced(book, payer, command, wallet, now)
    if isinstance(priced, Refused):
        return Decision(priced)
    if wallet.unit != priced.unit:
        return refuse(Refusal.UNIT_MISMATCH, f"the wallet holds {wallet.unit}")
    if not fits(cost(priced, sane(command.at, now), command.units)):
        return refuse(Refusal.AMOUNT_OUT_OF_RANGE)
    price_hash, _ = book.hash_of(priced)
    terms = Terms(priced, command.service, {price_hash: priced})
    session = Session(
        id="",
        client=command.caller.client,
        wallet=wallet.name,
        tenant=wallet.tenant,
        account=payer.account,
        service=command.service,
        calling="",
        called=payer.called,
        keys=(),
        price=price_hash,
        created=now,
        began=sane(command.at, now),
        until=now,
        category=payer.category,
        discount=command.discount,
        event=command.event,
        cascade=events.cascade(book, wallet, command.event),
        rated=rated(book, wallet, command.service, sane(command.at, now)),
    )

    def debit(standing: Ended) -> Decision:
        wallet = standing.wallet
        asking = Asking(session, terms, alone(command.units), 0, command.units)
        offered = offer(book, policy, asking, wallet, now)
        if isinstance(offered, Refused) or offered.laid.reach < command.units:
            return _short(policy, command, body, wallet, now)
        at_once = msgspec.structs.replace(session, stretches=offered.laid.stretches)
        fresh = msgspec.structs.replace(terms, fresh=offered.prices)
        spent = spend(book, policy, fresh, at_once, offered.wallet, command.units, now, debt=False)
        happened = events.occurred(command.event, command.units, command.discount, session.rated)
        due = spent.session.posted
        done = _debited(book, policy, command, body, spent.wallet, spent.postings, due, now, happened)
        images = (*(one for one in offered.images if isinstance(one, Wallet)), *done.images)
        return msgspec.structs.replace(done, images=images, records=(*offered.records, *done.records))

    return with_all_due(book, policy, before, (), now, debit)


def _short(policy: Policy, command: Charge, body: bytes, wallet: Wallet, now: Instant) -> Decision:
    outcome = wallets.no_money(wallet, available(wallet, now))
    return wallets.once(policy, command.caller.client, command.key, body, outcome, now)


def _debited(
    book: Book,
    policy: Policy,
    command: Charge,
    body: bytes,
    wallet: Wallet,
    postings: tuple[Posting, ...],
    due: int,
    now: Instant,
    happened: Occurred | None = None,
) -> Decision:
    client, key = command.caller.client, command.key
    wallet, record, data = enter(
        living.used(wallet, now), now, "charge", client, key, postings, command.note, event=happened
    )
    posted = Posted(wallet.name, record.sequence, wallet.unit, wallet.decimals, -due, wallet.balance())
    debited = [one.bucket for one in postings if one.amount < 0]
    after = living.cleared(book, Standing(wallet, ((record, data),)), debited, now)
    return wallets.once(policy, client, key, body, posted, now, after.wallet, after.records)


def refund(book: Book, policy: Policy, command: Refund, now: Instant) -> Decision:
    """Credit an amount to the wallet's main bucket, out of revenue."""
    body = wallets.repeat(book, command.caller.client, command.key, command)
    if isinstance(body, Decision):
        return body
    if (wrong := _nonsense(command.amount)) is not None:
        return Decision(wrong)
    payer = identify(book.snapshot, command.caller, "")
    if isinstance(payer, Refused):
        return Decision(payer)
    standing = living.stands(book, payer.wallet, now)
    if standing is None:
        return refuse(Refusal.UNKNOWN_WALLET, payer.wallet)
    wallet = standing.wallet
    if (barred := wallets.barred_for_settling(wallet)) is not None:
        return Decision(barred)
    if (wrong := _unfit(command.amount, wallet)) is not None:
        return Decision(wrong)
    wallet, postings = credit(wallet, command.amount.value, REVENUE)
    wallet, record, data = enter(wallet, now, "refund", command.caller.client, command.key, postings, command.note)
    posted = Posted(wallet.name, record.sequence, wallet.unit, wallet.decimals, command.amount.value, wallet.balance())
    records = (*standing.records, (record, data))
    return wallets.once(policy, command.caller.client, command.key, body, posted, now, wallet, records)


def _priced(book: Book, payer: Payer, command: Charge, wallet: Wallet, now: Instant) -> Price | Refused:
    at = sane(command.at, now)
    if command.units <= 0:
        return Refused(Refusal.INVALID, "units are more than zero")
    if command.units > longest_usage(command.service):
        return Refused(Refusal.AMOUNT_OUT_OF_RANGE, "more units than can be priced")
    if command.event is not None:
        return events.priced(book, wallet, command.event)
    return resolve(
        book.snapshot, payer.tenant, payer.category, command.service, payer.subject, payer.called, at, command.units
    )


def _nonsense(amount: Amount | None) -> Refused | None:
    return Refused(Refusal.INVALID, "an amount is not negative") if amount is not None and amount.value < 0 else None


def _unclear(command: Charge) -> Refused | None:
    if command.amount is not None and (command.event is not None or command.discount is not None):
        return Refused(Refusal.INVALID, "an amount is neither an event's nor discounted")
    if not 0 <= (command.discount or 0) <= WHOLE:
        return Refused(Refusal.INVALID, "a discount is 0 to 100 percent")
    return events.nonsense(command.event, command.service, command.units, longest_usage(command.service))


def _unfit(amount: Amount, wallet: Wallet) -> Refused | None:
    if amount.unit != wallet.unit:
        return Refused(Refusal.UNIT_MISMATCH, f"the wallet holds {wallet.unit}")
    return None if fits(amount.value) else Refused(Refusal.AMOUNT_OUT_OF_RANGE)
