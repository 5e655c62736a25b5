"""Commands on wallets themselves, and what bars a wallet."""

from __future__ import annotations

import msgspec

from tollhouse.engine.book import Book, OneShot, decode_outcome, encode_outcome
from tollhouse.engine.decision import Decision, body_hash, refuse
from tollhouse.engine.policy import Policy
from tollhouse.engine.session import Session
from tollhouse.records.record import Record, enter
from tollhouse.values.commands import ChangeWallet, CreateWallet, Inspect, Recharge
from tollhouse.values.instants import Instant
from tollhouse.values.money import fits
from tollhouse.values.outcomes import BucketView, Outcome, Posted, Refused, SessionView, WalletView
from tollhouse.values.refusals import NEVER_STORED, Refusal
from tollhouse.wallet.funds import available, empty_type, expire, top_up
from tollhouse.wallet.state import ACTIVE, QUARANTINED, SUSPENDED, Wallet, new_wallet


def barred(wallet: Wallet, now: Instant) -> Refused | None:
    """Why this wallet may not begin anything new, if so."""
    if wallet.state == QUARANTINED:
        return Refused(Refusal.WALLET_QUARANTINED, wallet.name)
    if wallet.state == SUSPENDED:
        return Refused(Refusal.WALLET_SUSPENDED, wallet.name)
    if wallet.expiry and wallet.expiry <= now:
        return Refused(Refusal.WALLET_EXPIRED, wallet.name)
    return None


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


def change(book: Book, policy: Policy, command: Recharge | CreateWallet | ChangeWallet, now: Instant) -> Decision:
    """Make a wallet, put money in, or change its terms: once per key."""
    body = repeat(book, command.client, command.key, command)
    if isinstance(body, Decision):
        return body
    wallet = book.wallet(command.wallet)
    if isinstance(command, CreateWallet):
        return _create(book, policy, command, body, wallet, now)
    if isinstance(command, Recharge):
        return _recharge(book, policy, command, body, wallet, now)
    return _change(policy, command, body, wallet, now)


def _create(
    book: Book, policy: Policy, command: CreateWallet, body: bytes, there: Wallet | None, now: Instant
) -> Decision:
    unit = book.snapshot.unit(command.unit)
    if unit is None:
        return refuse(Refusal.INVALID, f"unit {command.unit!r} is not configured")
    if not 0 < len(command.wallet.encode()) <= 200 or "\0" in command.wallet:
        return refuse(Refusal.INVALID, "a wallet needs a name of 1..200 octets without NUL")
    if command.credit_limit < 0 or command.opening < 0:
        return refuse(Refusal.INVALID, "an opening and a credit limit are >= 0")
    if there is not None:
        return refuse(Refusal.WALLET_EXISTS, command.wallet)
    cash = book.snapshot.balance_type("cash")
    if cash is None:
        return refuse(Refusal.INVALID, "balance type 'cash' is not configured")
    if command.opening and cash.unit != unit.name:
        return refuse(Refusal.UNIT_MISMATCH, f"balance type 'cash' holds {cash.unit}")
    tenant = command.tenant or book.snapshot.only_tenant()
    wallet = new_wallet(command.wallet, tenant, unit.name, unit.decimals, command.credit_limit, cash.order)
    wallet, postings = top_up(wallet, command.opening, "cash", 0, 0, 0, 0) if command.opening else (wallet, ())
    wallet, record, data = enter(wallet, now, "open", command.client, command.key, postings)
    return once(policy, command.client, command.key, body, view(wallet, now), now, wallet, ((record, data),))


def _recharge(
    book: Book, policy: Policy, command: Recharge, body: bytes, wallet: Wallet | None, now: Instant
) -> Decision:
    kind = book.snapshot.balance_type(command.balance_type)
    if kind is None:
        return refuse(Refusal.INVALID, f"balance type {command.balance_type!r} is not configured")
    if command.amount.value <= 0 or (command.expiry and command.expiry <= max(now, command.start)):
        return refuse(Refusal.INVALID, "a recharge is more than zero and does not end before it begins")
    if not (fits(command.start) and fits(command.expiry) and fits(command.weight)):
        return refuse(Refusal.INVALID, "a start, an expiry or a weight is out of range")
    if wallet is None:
        return refuse(Refusal.UNKNOWN_WALLET, command.wallet)
    if (barred := barred_for_settling(wallet)) is not None:
        return Decision(barred)
    if command.amount.unit != wallet.unit or kind.unit != wallet.unit:
        return refuse(Refusal.UNIT_MISMATCH, f"the wallet holds {wallet.unit}")
    wallet, over = expire(wallet, now)
    wallet, gone = empty_type(wallet, command.balance_type) if command.reset else (wallet, ())
    wallet, more = top_up(
        wallet, command.amount.value, command.balance_type, kind.order, command.start, command.expiry, command.weight
    )
    moved = (*over, *gone, *more)
    wallet, record, data = enter(wallet, now, "recharge", command.client, command.key, moved, command.note)
    outcome = Posted(wallet.name, record.sequence, wallet.unit, wallet.decimals, command.amount.value, wallet.balance())
    return once(policy, command.client, command.key, body, outcome, now, wallet, ((record, data),))


def _change(policy: Policy, command: ChangeWallet, body: bytes, wallet: Wallet | None, now: Instant) -> Decision:
    if (command.credit_limit or 0) < 0 or command.state not in (None, ACTIVE, SUSPENDED):
        return refuse(Refusal.INVALID, "a credit limit is >= 0, a state is active or suspended")
    if (command.expiry or 0) < 0:
        return refuse(Refusal.INVALID, "an expiry is >= 0")
    if wallet is None:
        return refuse(Refusal.UNKNOWN_WALLET, command.wallet)
    limit = wallet.credit_limit if command.credit_limit is None else command.credit_limit
    state, release_to = _states(wallet, command.state)
    expiry = wallet.expiry if command.expiry is None else command.expiry
    changed = msgspec.structs.replace(wallet, credit_limit=limit, state=state, expiry=expiry, release_to=release_to)
    note = f"state={state} credit_limit={limit} expiry={expiry}"
    changed, record, data = enter(changed, now, "change", command.client, command.key, (), note)
    return once(policy, command.client, command.key, body, view(changed, now), now, changed, ((record, data),))


def _states(wallet: Wallet, wanted: str | None) -> tuple[str, str]:
    """The wallet's new state, and the one that its release leads to.

    `active` ends a quarantine and brings back the state before it; a suspension meanwhile waits for that release.
    """
    if wallet.state != QUARANTINED:
        return wanted or wallet.state, ACTIVE
    if wanted == ACTIVE:
        return wallet.release_to, ACTIVE
    return QUARANTINED, wanted or wallet.release_to


def inspect(book: Book, command: Inspect, now: Instant) -> Decision:
    """A wallet or a session as it stands, lazily expired in the view."""
    if command.wallet:
        wallet = book.wallet(command.wallet)
        if wallet is None:
            return refuse(Refusal.UNKNOWN_WALLET, command.wallet)
        return Decision(view(expire(wallet, now)[0], now))
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
