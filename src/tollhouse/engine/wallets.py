"""What requests on wallets have in common: repeats, one-shots, what an operator sees."""

from __future__ import annotations

import msgspec

from tollhouse.engine import living
from tollhouse.engine.book import Book, OneShot, decode_outcome, encode_outcome
from tollhouse.engine.decision import Decision, body_hash, refuse
from tollhouse.engine.policy import Policy
from tollhouse.engine.session import Session
from tollhouse.records.record import Record
from tollhouse.values.commands import Inspect
from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import BucketView, Outcome, Refused, SessionView, WalletView
from tollhouse.values.refusals import NEVER_STORED, Refusal
from tollhouse.wallet.funds import available
from tollhouse.wallet.state import QUARANTINED, Wallet


def barred_for_settling(wallet: Wallet) -> Refused | None:
    """Only a quarantine keeps what was used from being charged; it is asked for again after the release."""
    return Refused(Refusal.WALLET_QUARANTINED, wallet.name) if wallet.state == QUARANTINED else None


def no_money(wallet: Wallet, funds: int, session: str = "") -> Refused:
    """Which of the three refusals a lack of money is."""
    if funds > 0:
        return Refused(Refusal.INSUFFICIENT_FUNDS, "less than the shortest charge is free", session)
    if wallet.credit_limit:
        return Refused(Refusal.CREDIT_LIMIT, "the credit limit is used up", session)
    return Refused(Refusal.NO_FUNDS, "nothing is free", session)


def repeat(book: Book, client: str, key: str, command: msgspec.Struct) -> Decision | bytes:
    """The stored answer of a request made before (`conflict` where its body differs), or the new body's hash."""
    body = body_hash(command)
    row = book.one_shot(client, key)
    if row is None:
        return body
    if row.body != body:
        return refuse(Refusal.CONFLICT, f"another request was made under {key!r}")
    return Decision(decode_outcome(row.outcome))


def once(
    policy: Policy,
    client: str,
    key: str,
    body: bytes,
    outcome: Outcome,
    now: Instant,
    wallet: Wallet | None = None,
    records: tuple[tuple[Record, bytes], ...] = (),
) -> Decision:
    """A one-shot's decision: its row goes with what it moved. Refusals of the moment leave no row."""
    if isinstance(outcome, Refused) and outcome.refusal in NEVER_STORED:
        return Decision(outcome)
    row = OneShot(client, key, body, encode_outcome(outcome), now + policy.one_shot)
    return Decision(outcome, (wallet, row) if wallet is not None else (row,), records)


def inspect(book: Book, command: Inspect, now: Instant) -> Decision:
    """A wallet or a session as it stands, lazily expired in the view."""
    if command.wallet:
        wallet = book.wallet(command.wallet)
        if wallet is None:
            return refuse(Refusal.UNKNOWN_WALLET, command.wallet)
        return Decision(view(living.caught_up(book.snapshot, wallet, now).wallet, now))
    session = book.session(command.session)
    if session is None:
        return refuse(Refusal.UNKNOWN_SESSION, command.session)
    return Decision(session_view(session, book.wallet(session.wallet)))


def session_view(session: Session, wallet: Wallet | None) -> SessionView:
    """The session as an operator sees it; its wallet knows the unit."""
    return SessionView(
        session.id,
        session.client,
        session.wallet,
        session.account,
        session.service,
        session.calling,
        session.called,
        session.state,
        session.created,
        session.started,
        session.until,
        session.granted,
        session.used,
        wallet.unit if wallet else "",
        wallet.decimals if wallet else 0,
        session.posted,
        session.held(),
    )


def view(wallet: Wallet, now: Instant) -> WalletView:
    """The wallet as an operator sees it."""
    return WalletView(
        wallet.name,
        wallet.tenant,
        wallet.state,
        wallet.unit,
        wallet.decimals,
        wallet.balance(),
        wallet.held(),
        available(wallet, now),
        wallet.credit_limit,
        wallet.expiry,
        tuple(BucketView(b.id, b.balance_type, b.value, b.held, b.start, b.expiry, b.weight) for b in wallet.buckets),
        wallet.records,
    )
