"""What requests on wallets have in common: repeats, one-shots, what an operator sees."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tollhouse.engine import living
from tollhouse.engine.book import Book, OneShot, decode_outcome, encode_outcome
from tollhouse.engine.decision import Decision, body_hash, refuse
from tollhouse.engine.policy import Policy
from tollhouse.engine.session import Session
from tollhouse.records.display import days_to_go
from tollhouse.records.record import Record
from tollhouse.records.units import decimals_of
from tollhouse.snapshot.accounts import BalanceType
from tollhouse.snapshot.rules import WalletRules
from tollhouse.values.commands import Inspect
from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import (
    BucketView,
    HeldView,
    LineDone,
    Outcome,
    Posted,
    Refused,
    SessionView,
    WalletView,
)
from tollhouse.values.refusals import NEVER_STORED, Refusal
from tollhouse.wallet.funds import available, by_bucket, money_in
from tollhouse.wallet.recharge import Done, shown
from tollhouse.wallet.state import QUARANTINED, Bucket, Wallet


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
        rules = book.snapshot.rules(wallet.tenant).wallet
        return Decision(view(living.caught_up(book.snapshot, wallet, now).wallet, rules, now))
    session = book.session(command.session)
    if session is None:
        return refuse(Refusal.UNKNOWN_SESSION, command.session)
    return Decision(session_view(session, book.wallet(session.wallet)))


def session_view(session: Session, wallet: Wallet | None) -> SessionView:
    """The session as an operator sees it; its wallet knows the units."""
    buckets = {bucket.id: bucket for bucket in wallet.buckets} if wallet else {}
    return SessionView(
        session=session.id,
        client=session.client,
        wallet=session.wallet,
        account=session.account,
        service=session.service,
        calling=session.calling,
        called=session.called,
        state=session.state,
        created=session.created,
        started=session.started,
        until=session.until,
        granted=session.granted,
        used=session.used,
        unit=wallet.unit if wallet else "",
        decimals=wallet.decimals if wallet else 0,
        cost=session.posted,
        held=money_in(wallet, session.lines) if wallet else 0,
        holds=tuple(
            [
                _held(wallet, buckets[bucket], amount)
                for bucket, amount in by_bucket(session.lines).items()
                if wallet and bucket in buckets
            ]
        ),
        request_type=session.request_type,
    )


def _held(wallet: Wallet, bucket: Bucket, amount: int) -> HeldView:
    unit, decimals = bucket.unit or wallet.unit, decimals_of(bucket, wallet.decimals)
    return HeldView(bucket.id, bucket.balance_type, unit, decimals, amount)


def view(wallet: Wallet, rules: WalletRules, now: Instant) -> WalletView:
    """The wallet as an operator sees it, without the buckets that its provider hides (requirement oracle_vws, case
    102)."""
    return WalletView(
        wallet=wallet.name,
        tenant=wallet.tenant,
        state=wallet.state,
        unit=wallet.unit,
        decimals=wallet.decimals,
        balance=wallet.balance(),
        held=wallet.held(),
        available=available(wallet, now),
        credit_limit=wallet.credit_limit,
        expiry=wallet.expiry,
        buckets=tuple([_bucket(wallet, bucket, rules, now) for bucket in shown(wallet, rules)]),
        records=wallet.records,
        since=wallet.entered,
        product=wallet.product,
        batch=wallet.batch,
        activated=wallet.activated,
        used=wallet.used,
        max_sessions=wallet.max_sessions,
        other_products=wallet.other_products,
    )


def _bucket(wallet: Wallet, bucket: Bucket, rules: WalletRules, now: Instant) -> BucketView:
    return BucketView(
        id=bucket.id,
        balance_type=bucket.balance_type,
        value=bucket.value,
        held=bucket.held,
        start=bucket.start,
        expiry=bucket.expiry,
        weight=bucket.weight,
        unit=bucket.unit or wallet.unit,
        decimals=decimals_of(bucket, wallet.decimals),
        service=bucket.service,
        days_to_go=days_to_go(bucket.expiry, now, rules) if bucket.expiry else -1,
        use=bucket.use,
    )


def posted(book: Book, wallet: Wallet, kind: BalanceType, amount: int) -> Posted:
    """`amount` of the balance type moved, and how the wallet's money stands now."""
    return Posted(
        wallet=wallet.name,
        record=wallet.records,
        unit=kind.unit,
        decimals=_decimals(book, wallet, kind),
        amount=amount,
        balance=wallet.balance(),
        balance_unit=wallet.unit,
        balance_decimals=wallet.decimals,
        expiry=wallet.expiry,
    )


def recharged(book: Book, wallet: Wallet, kind: BalanceType, lines: Sequence[Done]) -> Posted:
    """What a recharge did line by line; its amount is what moved in the unit of its own balance type, `kind`."""
    told = tuple([_line(book, wallet, line) for line in lines])
    amount = sum(line.credited - line.forfeited for line in told if line.unit == kind.unit)
    return msgspec.structs.replace(posted(book, wallet, kind, amount), lines=told)


def _line(book: Book, wallet: Wallet, line: Done) -> LineDone:
    kind = book.snapshot.balance_type(line.balance_type)
    return LineDone(
        balance_type=line.balance_type,
        bucket=line.bucket,
        unit=kind.unit if kind else "",
        decimals=_decimals(book, wallet, kind) if kind else 0,
        credited=sum(one.amount for one in line.credited),
        forfeited=-sum(one.amount for one in line.forfeited),
        skipped=line.skipped,
        why=line.why.value,
        balance=line.new_value,
        expiry=line.new_expiry,
    )


def _decimals(book: Book, wallet: Wallet, kind: BalanceType) -> int:
    unit = book.snapshot.unit(kind.unit) if kind.service else None
    return unit.decimals if unit else wallet.decimals
