"""Corrections by hand: done at once, or proposed to a second operator. Each verb once per key.

A proposal is a row of its own beside the wallet: nothing moves before another operator approves of it, and with that it
goes, so it is done exactly once. Who asked, who agreed and why stands in the record's note.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import msgspec

from tollhouse.engine import living, wallets
from tollhouse.engine.book import PROPOSAL, Book, Gone, Proposal, proposal_key
from tollhouse.engine.decision import Decision, refuse
from tollhouse.engine.ends import Ended, with_all_due
from tollhouse.engine.living import Records, Standing
from tollhouse.engine.policy import Policy
from tollhouse.records.record import enter
from tollhouse.values.commands import Adjust, Approve, Decline
from tollhouse.values.instants import DAY, Duration, Instant
from tollhouse.values.money import format_amount
from tollhouse.values.outcomes import Adjustment
from tollhouse.values.recharges import Line
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.recharge import Recharged, adjust
from tollhouse.wallet.state import Wallet
from tollhouse.wallet.transfer import Stopped, worth

WAITS: Final[Duration] = 7 * DAY
"""So long a proposal waits; then it goes, and nothing has moved."""
RECORD: Final = "adjustment"
"""The kind of its records."""
DONE, WAITING, DECLINED = "done", "waiting", "declined"
_OPERATOR: Final = re.compile(r"[^\s=]{1,64}")
_KEY_MAX: Final = 400
"""Octets of the key that a proposal may have: its row is found by it."""

ByHand: TypeAlias = Adjust | Approve | Decline


def by_hand(book: Book, policy: Policy, command: ByHand, now: Instant) -> Decision:
    """Correct a wallet, or propose to; approve, or decline what was proposed."""
    body = wallets.repeat(book, command.client, command.key, command)
    if isinstance(body, Decision):
        return body
    if _OPERATOR.fullmatch(command.operator) is None:
        return refuse(Refusal.INVALID, "an operator has a name of 1 to 64 characters, without white space or =")
    if isinstance(command, Adjust):
        return _adjust(book, policy, command, body, now)
    waiting = book.proposal(command.client, command.adjustment)
    if waiting is None or waiting.until <= now:
        return refuse(Refusal.INVALID, f"no adjustment {command.adjustment!r} waits for approval")
    if isinstance(command, Decline):
        return _decline(book, policy, command, waiting, body, now)
    if waiting.operator.casefold() == command.operator.casefold():
        return refuse(Refusal.INVALID, "another operator than the one who proposed it is to approve")
    decision = _on_wallet(book, policy, command, waiting, body, now)
    return _gone(decision, waiting) if decision.images else decision


def view(waiting: Proposal) -> Adjustment:
    """A proposal as operators see it."""
    return _told(waiting, WAITING)


def _adjust(book: Book, policy: Policy, command: Adjust, body: bytes, now: Instant) -> Decision:
    if not command.reason.strip() or not command.amount.value or len(command.key.encode()) > _KEY_MAX:
        return refuse(Refusal.INVALID, "an adjustment has a reason, and an amount that is not zero")
    kind = book.snapshot.balance_type(command.balance_type)
    unit = book.snapshot.unit(kind.unit) if kind is not None else None
    if kind is None or unit is None:
        return refuse(Refusal.INVALID, f"balance type {command.balance_type!r} is not configured")
    if command.amount.unit != kind.unit:
        return refuse(Refusal.UNIT_MISMATCH, f"balance type {kind.name!r} holds {kind.unit}")
    if book.proposal(command.client, command.key) is not None:
        return refuse(Refusal.CONFLICT, f"an adjustment waits for approval under {command.key!r}")
    asked = Proposal(
        command.client,
        command.key,
        command.wallet,
        kind.name,
        command.bucket,
        unit.name,
        unit.decimals,
        command.amount.value,
        command.operator,
        command.reason.strip(),
        now + WAITS,
    )
    return _on_wallet(book, policy, command, asked, body, now)


def _on_wallet(
    book: Book, policy: Policy, command: Adjust | Approve, asked: Proposal, body: bytes, now: Instant
) -> Decision:
    """Move it, or where it needs a second operator keep it; in any case only what could be done now."""
    before = living.stands(book, asked.wallet, now)
    if before is None:
        return refuse(Refusal.UNKNOWN_WALLET, asked.wallet)
    rules = book.snapshot.rules(before.wallet.tenant)
    threshold = rules.adjust.adjustment_needs_approval_above
    waits = isinstance(command, Adjust) and (command.proposed or _above(threshold, asked))

    def decide(found: Ended) -> Decision:
        line = Line(asked.balance_type, asked.amount, bucket=asked.bucket, adjust=True)
        done = adjust(found.wallet, line, book.snapshot.balance_type, rules, now)
        if isinstance(done, Stopped):
            return refuse(done.refusal, done.detail)
        if not waits:
            return _moved(book, policy, command, asked, body, done, now)
        row = wallets.once(policy, asked.client, asked.key, body, view(asked), now)
        return msgspec.structs.replace(row, images=(asked, *row.images))

    if _counted_otherwise(book, asked):
        return refuse(Refusal.UNIT_MISMATCH, f"{asked.balance_type} no longer counts what was proposed")
    return with_all_due(book, policy, Ended(before.wallet, (), before.records), (), now, decide)


def _counted_otherwise(book: Book, asked: Proposal) -> bool:
    """Whether the configuration has changed what an amount of the balance type means."""
    kind, unit = book.snapshot.balance_type(asked.balance_type), book.snapshot.unit(asked.unit)
    return kind is None or unit is None or (kind.unit, unit.decimals) != (asked.unit, asked.decimals)


def _moved(
    book: Book,
    policy: Policy,
    command: Adjust | Approve,
    asked: Proposal,
    body: bytes,
    done: Recharged,
    now: Instant,
) -> Decision:
    second = command.operator if isinstance(command, Approve) else ""
    words = f" approved={second} adjustment={asked.key}" if second else ""
    note = f"operator={asked.operator}{words} reason={asked.reason}"
    wallet, record, data = enter(done.wallet, now, RECORD, command.client, command.key, done.postings, note)
    outcome = msgspec.structs.replace(
        _told(asked, DONE, second),
        bucket=done.lines[0].bucket,
        record=record.sequence,
        balance=worth(wallet, asked.balance_type),
    )
    after = living.cleared(book, Standing(wallet, ((record, data),)), {done.lines[0].bucket}, now)
    return wallets.once(policy, command.client, command.key, body, outcome, now, after.wallet, after.records)


def _decline(book: Book, policy: Policy, command: Decline, waiting: Proposal, body: bytes, now: Instant) -> Decision:
    """What was not done is told in the wallet's records, too, where it takes any."""
    before = living.stands(book, waiting.wallet, now)
    wallet: Wallet | None = None
    records: Records = ()
    if before is not None and wallets.barred_for_settling(before.wallet) is None:
        amount = f"{format_amount(waiting.amount, waiting.decimals)} {waiting.unit}"
        note = f"declined={command.operator} operator={waiting.operator} adjustment={waiting.key} amount={amount}"
        note = f"{note} reason={command.reason or waiting.reason}"
        wallet, record, data = enter(before.wallet, now, RECORD, command.client, command.key, (), note)
        records = (*before.records, (record, data))
    outcome = _told(waiting, DECLINED, command.operator)
    return _gone(wallets.once(policy, command.client, command.key, body, outcome, now, wallet, records), waiting)


def _gone(decision: Decision, waiting: Proposal) -> Decision:
    gone = Gone(PROPOSAL, proposal_key(waiting.client, waiting.key))
    return msgspec.structs.replace(decision, images=(*decision.images, gone))


def _above(threshold: str, asked: Proposal) -> bool:
    """Whether the amount, into the wallet or out of it, is more than the decimal number; empty: never.

    What the threshold has beyond the unit's decimals makes no difference to whole steps.
    """
    if not threshold:
        return False
    whole, _, fraction = threshold.partition(".")
    return abs(asked.amount) > int(whole + fraction[: asked.decimals].ljust(asked.decimals, "0"))


def _told(asked: Proposal, state: str, second: str = "") -> Adjustment:
    return Adjustment(
        asked.key,
        asked.wallet,
        state,
        asked.balance_type,
        asked.bucket,
        asked.unit,
        asked.decimals,
        asked.amount,
        asked.operator,
        asked.reason,
        second,
        asked.until if state == WAITING else 0,
    )
