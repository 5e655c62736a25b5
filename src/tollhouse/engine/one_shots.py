"""Charges and refunds that are over at once."""

from __future__ import annotations

from tollhouse.engine import wallets
from tollhouse.engine.book import Book
from tollhouse.engine.decision import Decision, refuse
from tollhouse.engine.ends import Ended, with_all_due
from tollhouse.engine.policy import Policy
from tollhouse.engine.terms import longest_usage, sane
from tollhouse.identify.identify import Payer, identify
from tollhouse.rating.cost import cost
from tollhouse.rating.price import resolve
from tollhouse.records.record import enter
from tollhouse.values.commands import Charge, Refund
from tollhouse.values.instants import Instant
from tollhouse.values.money import Amount, fits
from tollhouse.values.outcomes import Posted, Refused
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.funds import available, credit, expire, take
from tollhouse.wallet.state import REVENUE, Wallet


def charge(book: Book, policy: Policy, command: Charge, now: Instant) -> Decision:
    """Debit an amount or the price of some units; all of it or nothing."""
    body = wallets.repeat(book, command.caller.client, command.key, command)
    if isinstance(body, Decision):
        return body
    if (wrong := _nonsense(command.amount)) is not None:
        return Decision(wrong)
    payer = identify(book.snapshot, command.caller, command.called)
    if isinstance(payer, Refused):
        return Decision(payer)
    wallet = book.wallet(payer.wallet)
    if wallet is None:
        return refuse(Refusal.UNKNOWN_WALLET, payer.wallet)
    if (barred := wallets.barred(wallet, now)) is not None:
        return Decision(barred)
    amount = command.amount or _priced(book, payer, command, now)
    if isinstance(amount, Refused):
        return Decision(amount)
    if (wrong := _unfit(amount, wallet)) is not None:
        return Decision(wrong)
    due = amount.value
    return with_all_due(
        book, policy, Ended(wallet), (), now, lambda paying: _debit(policy, command, body, due, paying, now)
    )


def _debit(policy: Policy, command: Charge, body: bytes, due: int, wallet: Wallet, now: Instant) -> Decision:
    """Take `due` from the wallet, or refuse for lack of money."""
    funds = available(wallet, now)
    if due > funds:
        outcome = wallets.no_money(wallet, funds)
        return wallets.once(policy, command.caller.client, command.key, body, outcome, now)
    wallet, over = expire(wallet, now)
    taken = take(wallet, (), due, now, debt=False)
    wallet, record, data = enter(
        taken.wallet, now, "charge", command.caller.client, command.key, (*over, *taken.postings), command.note
    )
    posted = Posted(wallet.name, record.sequence, wallet.unit, wallet.decimals, -due, wallet.balance())
    return wallets.once(policy, command.caller.client, command.key, body, posted, now, wallet, ((record, data),))


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
    wallet = book.wallet(payer.wallet)
    if wallet is None:
        return refuse(Refusal.UNKNOWN_WALLET, payer.wallet)
    if (barred := wallets.barred_for_settling(wallet)) is not None:
        return Decision(barred)
    if (wrong := _unfit(command.amount, wallet)) is not None:
        return Decision(wrong)
    wallet, over = expire(wallet, now)
    wallet, postings = credit(wallet, command.amount.value, REVENUE)
    moved = (*over, *postings)
    wallet, record, data = enter(wallet, now, "refund", command.caller.client, command.key, moved, command.note)
    posted = Posted(wallet.name, record.sequence, wallet.unit, wallet.decimals, command.amount.value, wallet.balance())
    return wallets.once(policy, command.caller.client, command.key, body, posted, now, wallet, ((record, data),))


def _priced(book: Book, payer: Payer, command: Charge, now: Instant) -> Amount | Refused:
    at = sane(command.at, now)
    if command.units <= 0:
        return Refused(Refusal.INVALID, "units are more than zero")
    if command.units > longest_usage(command.service):
        return Refused(Refusal.AMOUNT_OUT_OF_RANGE, "more units than can be priced")
    price = resolve(
        book.snapshot, payer.tenant, payer.category, command.service, payer.subject, payer.called, at, command.units
    )
    return price if isinstance(price, Refused) else Amount(cost(price, at, command.units), price.unit)


def _nonsense(amount: Amount | None) -> Refused | None:
    return Refused(Refusal.INVALID, "an amount is not negative") if amount is not None and amount.value < 0 else None


def _unfit(amount: Amount, wallet: Wallet) -> Refused | None:
    if amount.unit != wallet.unit:
        return Refused(Refusal.UNIT_MISMATCH, f"the wallet holds {wallet.unit}")
    return None if fits(amount.value) else Refused(Refusal.AMOUNT_OUT_OF_RANGE)
