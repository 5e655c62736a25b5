"""Commands on wallets themselves: made, recharged, changed, emptied into another, removed. Each once per key."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tollhouse.engine import living, wallets
from tollhouse.engine.book import Book
from tollhouse.engine.decision import Decision, refuse
from tollhouse.engine.ends import Ended, with_all_due
from tollhouse.engine.living import Records, Standing
from tollhouse.engine.policy import Policy
from tollhouse.records.record import enter
from tollhouse.snapshot.accounts import BalanceType
from tollhouse.values.commands import ChangeWallet, CreateWallet, Recharge, RemoveWallet, Transfer
from tollhouse.values.instants import LAST, Instant
from tollhouse.values.money import fits
from tollhouse.values.outcomes import Done, Refused
from tollhouse.values.recharges import ExpiryPolicy, Line, Validity
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.changes import Cause
from tollhouse.wallet.recharge import Event, NewWallet, create, delete, recharge, staged
from tollhouse.wallet.state import (
    ACTIVE,
    DORMANT,
    FROZEN,
    MAIN_BUCKET,
    PREUSE,
    QUARANTINED,
    SUSPENDED,
    TERMINATED,
    Posting,
    Wallet,
)
from tollhouse.wallet.transfer import Stopped, transfer

NAME_MAX = 200
"""Octets of a wallet's name."""
BEGINNINGS = ("", PREUSE, ACTIVE, DORMANT, FROZEN, SUSPENDED)
"""States that a wallet may be made in; empty: as its product, or the lack of one, says."""


def change(
    book: Book, policy: Policy, command: Recharge | CreateWallet | ChangeWallet | Transfer | RemoveWallet, now: Instant
) -> Decision:
    """Make a wallet, put money in, or change its terms: once per key."""
    body = wallets.repeat(book, command.client, command.key, command)
    if isinstance(body, Decision):
        return body
    if isinstance(command, CreateWallet):
        return _create(book, policy, command, body, now)
    if isinstance(command, Recharge):
        return _recharge(book, policy, command, body, now)
    if isinstance(command, Transfer):
        return _transfer(book, policy, command, body, now)
    if isinstance(command, RemoveWallet):
        return _remove(book, policy, command, body, now)
    return _change(book, policy, command, body, now)


def _create(book: Book, policy: Policy, command: CreateWallet, body: bytes, now: Instant) -> Decision:
    command = _sold(book, command)
    wrong = _unmakeable(book, command, now)
    if wrong is not None:
        return Decision(wrong)
    unit = book.snapshot.unit(command.unit)
    if unit is None:
        return refuse(Refusal.INVALID, f"unit {command.unit!r} is not configured")
    if book.wallet(command.wallet) is not None:
        return refuse(Refusal.WALLET_EXISTS, command.wallet)
    before = book.removed(command.wallet)
    if before is not None and before.unit != command.unit:
        return refuse(Refusal.UNIT_MISMATCH, f"the records under this name are in {before.unit}")
    tenant = command.tenant or book.snapshot.only_tenant()
    if before is not None and before.tenant != tenant:
        return refuse(Refusal.INVALID, "the records under this name are another tenant's")
    for kind, name, found in (
        ("product", command.product, book.snapshot.product(tenant, command.product) if command.product else True),
        ("batch", command.batch, book.snapshot.batch(tenant, command.batch) if command.batch else True),
    ):
        if not found:
            return refuse(Refusal.INVALID, f"{kind} {name!r} is not configured")
    if (unsold := _unsold(book, tenant, command.product, command.other_products)) is not None:
        return Decision(unsold)
    new = NewWallet(
        command.wallet,
        tenant,
        unit,
        command.credit_limit,
        command.product,
        command.batch,
        command.max_sessions,
        command.balance_types,
        (*((Line("cash", command.opening),) if command.opening else ()), *command.lines),
        before.next_bucket if before else MAIN_BUCKET + 1,
    )
    made = create(new, book.snapshot.balance_type, book.snapshot.rules(tenant), now)
    if isinstance(made, Stopped):
        return _stopped(made)
    begun = _begun(made.wallet, command, now)
    if before is not None:
        begun = msgspec.structs.replace(begun, records=before.records, chain=before.chain)
    wallet, record, data = enter(begun, now, "open", command.client, command.key, made.postings)
    view = wallets.view(wallet, book.snapshot.rules(tenant).wallet, now)
    return wallets.once(policy, command.client, command.key, body, view, now, wallet, ((record, data),))


def _sold(book: Book, command: CreateWallet) -> CreateWallet:
    """One that says no product is sold as its batch is (requirement oracle_vws 3)."""
    tenant = command.tenant or book.snapshot.only_tenant()
    batch = book.snapshot.batch(tenant, command.batch) if command.batch and not command.product else None
    return msgspec.structs.replace(command, product=batch.product) if batch else command


def _begun(wallet: Wallet, command: CreateWallet, now: Instant) -> Wallet:
    """In the state of life that it is made in; one that has lived elsewhere counts as used now."""
    state = command.state or (PREUSE if command.product else ACTIVE)
    used = now if command.state not in ("", PREUSE) else 0
    return msgspec.structs.replace(
        wallet,
        state=state,
        expiry=command.expiry,
        activated=used,
        used=used,
        other_products=command.other_products,
    )


def _unsold(book: Book, tenant: str, product: str, others: tuple[str, ...]) -> Refused | None:
    """What is wrong with the products of the other accounts that share a wallet."""
    if others and (not product or len({product, *others}) <= len(others)):
        return Refused(Refusal.INVALID, "other products are different ones, beside the wallet's own")
    unknown = next((name for name in others if book.snapshot.product(tenant, name) is None), None)
    return None if unknown is None else Refused(Refusal.INVALID, f"product {unknown!r} is not configured")


def _unmakeable(book: Book, command: CreateWallet, now: Instant) -> Refused | None:
    if not 0 < len(command.wallet.encode()) <= NAME_MAX or "\0" in command.wallet:
        return Refused(Refusal.INVALID, f"a wallet needs a name of 1..{NAME_MAX} octets without NUL")
    if command.credit_limit < 0 or command.opening < 0:
        return Refused(Refusal.INVALID, "an opening and a credit limit are >= 0")
    if command.state not in BEGINNINGS or (command.state == PREUSE and not command.product):
        return Refused(Refusal.INVALID, "a wallet begins active, dormant, frozen, suspended, or with a product preuse")
    if command.expiry and not now < command.expiry <= LAST:
        return Refused(Refusal.INVALID, "a wallet's expiry is to come")
    cash = book.snapshot.balance_type("cash")
    if cash is None:
        return Refused(Refusal.INVALID, "balance type 'cash' is not configured")
    if command.opening and cash.unit != command.unit:
        return Refused(Refusal.UNIT_MISMATCH, f"balance type 'cash' holds {cash.unit}")
    return None


def _recharge(book: Book, policy: Policy, command: Recharge, body: bytes, now: Instant) -> Decision:
    kind = book.snapshot.balance_type(command.balance_type)
    if kind is None:
        return refuse(Refusal.INVALID, f"balance type {command.balance_type!r} is not configured")
    if (wrong := _senseless(command, now)) is not None:
        return Decision(wrong)
    before = living.stands(book, command.wallet, now)
    if before is None:
        return refuse(Refusal.UNKNOWN_WALLET, command.wallet)
    wallet = before.wallet
    if (barred := wallets.barred_for_settling(wallet) or living.held_back(book, wallet)) is not None:
        return Decision(barred)
    if command.amount.unit != kind.unit:
        return refuse(Refusal.UNIT_MISMATCH, f"balance type {kind.name!r} holds {kind.unit}")
    if not kind.service and kind.unit != wallet.unit:
        return refuse(Refusal.UNIT_MISMATCH, f"the wallet holds {wallet.unit}")
    rules = book.snapshot.rules(wallet.tenant)

    def decide(found: Ended) -> Decision:
        done = recharge(found.wallet, _lines(command), command.extension, book.snapshot.balance_type, rules, now)
        if isinstance(done, Stopped):
            return _kept(policy, command, body, done, now)
        standing = _entered(found.wallet, done.wallet, done.events, command, now)
        standing = living.cleared(book, standing, _debited(done.postings), now)
        if done.activates:
            standing = living.activated(book, standing, Cause.RECHARGE, now)
        if done.ends:
            ended = living.caught_up(book.snapshot, standing.wallet, now)
            standing = Standing(ended.wallet, (*standing.records, *ended.records))
        outcome = wallets.recharged(book, standing.wallet, kind, done.lines)
        return wallets.once(policy, command.client, command.key, body, outcome, now, standing.wallet, standing.records)

    return with_all_due(book, policy, Ended(wallet, (), before.records), (), now, decide)


def _senseless(command: Recharge, now: Instant) -> Refused | None:
    if command.amount.value < 0 or not (command.amount.value or command.lines or command.extension.extends()):
        return Refused(Refusal.INVALID, "a recharge is more than zero")
    if command.expiry and command.expiry <= max(now, command.start):
        return Refused(Refusal.INVALID, "a recharge does not end before it begins")
    if not (fits(command.start) and 0 <= command.expiry <= LAST and fits(command.weight)):
        return Refused(Refusal.INVALID, "a start, an expiry or a weight is out of range")
    return None


def _lines(command: Recharge) -> Sequence[Line]:
    """The command's own line, and what it puts in besides."""
    if not command.amount.value:
        return command.lines
    dated = Validity(ExpiryPolicy.ABSOLUTE, date=command.expiry) if command.expiry else Validity()
    own = Line(
        command.balance_type,
        command.amount.value,
        dated,
        start=command.start,
        weight=command.weight,
        use=command.use,
        replace=command.reset,
    )
    return (own, *command.lines)


def _entered(before: Wallet, after: Wallet, events: Sequence[Event], command: Recharge, now: Instant) -> Standing:
    """A record for each event of the recharge, the newest state with the last of them."""
    last, records = before, []
    for event, stage in zip(events, staged(after, events), strict=True):
        stage = msgspec.structs.replace(stage, records=last.records, chain=last.chain)
        last, record, data = enter(stage, now, event.kind, command.client, command.key, event.postings, command.note)
        records.append((record, data))
    return Standing(msgspec.structs.replace(after, records=last.records, chain=last.chain), tuple(records))


def _change(book: Book, policy: Policy, command: ChangeWallet, body: bytes, now: Instant) -> Decision:
    states = (None, ACTIVE, SUSPENDED, FROZEN, TERMINATED)
    if (command.credit_limit or 0) < 0 or (command.max_sessions or 0) < 0 or command.state not in states:
        return refuse(Refusal.INVALID, "limits are >= 0, a state is active, suspended, frozen or terminated")
    if not 0 <= (command.expiry or 0) <= LAST:
        return refuse(Refusal.INVALID, "an expiry is >= 0")
    before = living.stands(book, command.wallet, now)
    if before is None:
        return refuse(Refusal.UNKNOWN_WALLET, command.wallet)
    before_shared = before.wallet.other_products
    shared = before_shared if command.other_products is None else command.other_products
    unsold = _unsold(book, before.wallet.tenant, before.wallet.product, command.other_products or ())
    if unsold is not None:
        return Decision(unsold)
    before_move = before
    if before.wallet.state == QUARANTINED:
        before = Standing(_in_quarantine(before.wallet, command.state), before.records)
    elif command.state is not None:
        moved = living.moved(before, command.state, Cause.OPERATOR, command.client, command.key, now)
        if moved is None:
            return refuse(Refusal.INVALID, f"from {before.wallet.state} there is no way to {command.state}")
        before = moved
    wallet = before.wallet
    changed = msgspec.structs.replace(
        wallet,
        credit_limit=wallet.credit_limit if command.credit_limit is None else command.credit_limit,
        expiry=wallet.expiry if command.expiry is None else command.expiry,
        max_sessions=wallet.max_sessions if command.max_sessions is None else command.max_sessions,
        other_products=shared,
    )
    records: Records = before.records
    moved_only = changed == wallet and wallet.state != before_move.wallet.state and not command.note
    if not moved_only or before_move.wallet.state == QUARANTINED:
        terms = f"state={changed.state} credit_limit={changed.credit_limit} expiry={changed.expiry}"
        sold = "" if shared == before_shared else f" other_products={';'.join(shared)}"
        note = f"{terms}{sold} {command.note}"
        changed, record, data = enter(changed, now, "change", command.client, command.key, (), note.rstrip())
        records = (*records, (record, data))
    view = wallets.view(changed, book.snapshot.rules(changed.tenant).wallet, now)
    return wallets.once(policy, command.client, command.key, body, view, now, changed, records)


def _in_quarantine(wallet: Wallet, wanted: str | None) -> Wallet:
    """`active` ends a quarantine and brings back the state before it; another state meanwhile waits for that."""
    if wanted == ACTIVE:
        return msgspec.structs.replace(wallet, state=wallet.release_to, release_to=ACTIVE)
    return msgspec.structs.replace(wallet, release_to=wanted or wallet.release_to)


def _transfer(book: Book, policy: Policy, command: Transfer, body: bytes, now: Instant) -> Decision:
    kind = book.snapshot.balance_type(command.balance_type)
    if kind is None:
        return refuse(Refusal.INVALID, f"balance type {command.balance_type!r} is not configured")
    if command.amount.unit != kind.unit:
        return refuse(Refusal.UNIT_MISMATCH, f"balance type {kind.name!r} holds {kind.unit}")
    source, target = living.stands(book, command.source, now), living.stands(book, command.target, now)
    if source is None or target is None:
        return refuse(Refusal.UNKNOWN_WALLET, command.source if source is None else command.target)
    for one in (source, target):
        if (barred := wallets.barred_for_settling(one.wallet) or living.held_back(book, one.wallet)) is not None:
            return Decision(barred)
    return with_all_due(
        book,
        policy,
        Ended(source.wallet, (), source.records),
        (),
        now,
        lambda found: _transferred(book, policy, command, kind, found.wallet, target, body, now),
    )


def _transferred(
    book: Book,
    policy: Policy,
    command: Transfer,
    kind: BalanceType,
    source: Wallet,
    target: Standing,
    body: bytes,
    now: Instant,
) -> Decision:
    rules = book.snapshot.rules(target.wallet.tenant).recharge
    done = transfer(source, target.wallet, kind, command.amount.value, rules, now)
    if isinstance(done, Stopped):
        return _kept(policy, command, body, done, now)
    ready = living.ready(book, Standing(done.source), False, now)
    giver = ready if isinstance(ready, Standing) else Standing(done.source)
    giver = _moved_on(Standing(source), living.used(giver.wallet, now), done.taken, command, now)
    giver = living.cleared(book, giver, _debited(done.taken), now)
    getter = _moved_on(target, done.target, done.given, command, now)
    if done.activates:
        getter = living.activated(book, getter, Cause.RECHARGE, now)
    outcome = wallets.posted(book, giver.wallet, kind, -command.amount.value)
    decision = wallets.once(
        policy, command.client, command.key, body, outcome, now, giver.wallet, (*giver.records, *getter.records)
    )
    return msgspec.structs.replace(decision, images=(getter.wallet, *decision.images))


def _debited(postings: Sequence[Posting]) -> set[int]:
    return {one.bucket for one in postings if one.amount < 0}


def _moved_on(
    before: Standing, after: Wallet, postings: tuple[Posting, ...], command: Transfer, now: Instant
) -> Standing:
    after = msgspec.structs.replace(after, records=before.wallet.records, chain=before.wallet.chain)
    wallet, record, data = enter(after, now, "transfer", command.client, command.key, postings, command.note)
    return Standing(wallet, (*before.records, (record, data)))


def _remove(book: Book, policy: Policy, command: RemoveWallet, body: bytes, now: Instant) -> Decision:
    before = living.stands(book, command.wallet, now)
    if before is None:
        return refuse(Refusal.UNKNOWN_WALLET, command.wallet)
    done = delete(before.wallet, len(book.open_sessions_of(command.wallet)), now)
    if isinstance(done, Stopped):
        return _stopped(done)
    gone, record, data = enter(done.wallet, now, "removal", command.client, command.key, done.postings, command.note)
    decision = wallets.once(policy, command.client, command.key, body, Done(1), now)
    return Decision(Done(1), (gone, *decision.images), (*before.records, (record, data)))


def _kept(policy: Policy, command: Recharge | Transfer, body: bytes, stopped: Stopped, now: Instant) -> Decision:
    """A lack of money is kept under the request's key, as of every one-shot (requirement oracle_vws, case 141)."""
    refused = _stopped(stopped)
    if stopped.refusal is not Refusal.INSUFFICIENT_FUNDS:
        return refused
    return wallets.once(policy, command.client, command.key, body, refused.outcome, now)


def _stopped(stopped: Stopped) -> Decision:
    detail = f"line {stopped.line}: {stopped.detail}" if stopped.line > 1 else stopped.detail
    return refuse(stopped.refusal, detail)
