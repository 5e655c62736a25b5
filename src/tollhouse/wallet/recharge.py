"""Recharges: several lines into a wallet, dates by policy, all of them or none; wallets made, shown and removed.

Source: requirement oracle_vws 1.4 and 5.6, cases 88-102 and 142. A result says what the wallet becomes, what moved, and
which records are due. The caller has done before what was due (`life.caught_up`). Where a wallet's state keeps a bucket
past its date all the same, it is never recharged, so that nothing in it comes back.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final

import msgspec

from tollhouse.snapshot.accounts import BalanceType, Category, LimitType, MaximumPolicy
from tollhouse.snapshot.rules import ExpiryRules, RechargeRules, Rules, WalletRules
from tollhouse.values.instants import LAST, Instant
from tollhouse.values.money import Unit, fits
from tollhouse.values.recharges import ExpiryPolicy, Line, Validity
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.changes import Cause, Dated, Kinds, Moved, Step
from tollhouse.wallet.ending import removed
from tollhouse.wallet.midnights import expiry_of
from tollhouse.wallet.state import (
    ACTIVE,
    ADJUSTMENT,
    EXPIRY,
    ISSUE,
    MAIN_BUCKET,
    PREUSE,
    QUARANTINED,
    TERMINATED,
    Bucket,
    Posting,
    Wallet,
    new_wallet,
)
from tollhouse.wallet.transfer import (
    Stopped,
    above_maximum,
    counts_as,
    dated,
    posted,
    with_bucket,
    with_empty_buckets,
    worth,
)

_UNBENDING: Final = RechargeRules(today_dates_undated_bucket=False, today_shortens_bucket=False)
"""What "from today" makes of a wallet's date: the rules are about buckets."""
_PERIODS: Final = (ExpiryPolicy.FROM_TODAY, ExpiryPolicy.EXTEND_FROM_EXPIRY, ExpiryPolicy.LATER_OF)


class Skipped(enum.StrEnum):
    """Why a line did not credit all of its amount."""

    NOTHING = ""
    UNDATED = "undated"
    """No bucket that never expires was there, and the rules make none."""
    CAPPED = "capped"
    """The balance type's maximum left no more room."""


class Done(msgspec.Struct, frozen=True, gc=False):
    """What a line did. Values are the balance's, that is the sum of its type's buckets, held money included.

    `bucket` 0: none, the line was skipped. `old_expiry` of a bucket that was `made` is 0. `skipped`: what was not
    credited, `why`. `redated`: every bucket of the type whose date changed.
    """

    balance_type: str
    bucket: int
    made: bool
    old_value: int
    new_value: int
    old_expiry: Instant
    new_expiry: Instant
    forfeited: tuple[Posting, ...] = ()
    credited: tuple[Posting, ...] = ()
    redated: tuple[Dated, ...] = ()
    skipped: int = 0
    why: Skipped = Skipped.NOTHING


class Column(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One column of an event record: a balance before and after, and the date of the bucket concerned."""

    balance_type: str
    before: int
    after: int
    old_expiry: Instant
    new_expiry: Instant


class Event(msgspec.Struct, frozen=True, gc=False):
    """A record that is due. `kind`: expiry | recharge | open."""

    kind: str
    columns: tuple[Column, ...]
    postings: tuple[Posting, ...]


class Recharged(msgspec.Struct, frozen=True, gc=False):
    """All lines are done. `old_expiry` was the wallet's.

    `activates`: it is PreUse still, and activation is to follow in the same transaction. `moved`: it was terminated,
    and is active. `ends`: it got no extension and is at its date: `life.caught_up` ends it in the same transaction.
    """

    wallet: Wallet
    postings: tuple[Posting, ...]
    lines: tuple[Done, ...]
    events: tuple[Event, ...]
    old_expiry: Instant = 0
    activates: bool = False
    moved: Moved | None = None
    ends: bool = False


def recharge(
    wallet: Wallet, lines: Sequence[Line], extension: Validity, kinds: Kinds, rules: Rules, now: Instant
) -> Recharged | Stopped:
    """Do every line, one after the other, and extend the wallet; or name the first culprit and do nothing (case 142).

    Held money stays held: a replace forfeits only what no session holds, and never a debt. The main bucket never
    expires: a dated line passes it by. Frozen, suspended and dormant wallets are recharged and stay what they are.
    """
    barred = _barred(wallet, lines, extension, rules.recharge, now)
    if barred is not None:
        return barred
    chained = _chain(wallet, lines, kinds, rules, now)
    if isinstance(chained, Stopped):
        return chained
    after, done = chained
    ends = wallet.state == TERMINATED and not extension.extends()
    expiry = now if ends else _moved(extension, wallet.expiry, now, _UNBENDING, rules.expiry)
    if expiry > LAST or (extension.extends() and 0 < expiry <= now):
        return Stopped(0, Refusal.INVALID, "the wallet would end at once, or outlast the calendar")
    after, moved = msgspec.structs.replace(after, expiry=expiry), None
    if wallet.state == TERMINATED:
        after = msgspec.structs.replace(after, state=ACTIVE, entered=now)
        moved = Moved(now, TERMINATED, ACTIVE, Cause.RECHARGE, wallet.expiry, expiry)
    postings, events = _postings(done), _events(done, rules.recharge)
    return Recharged(after, postings, done, events, wallet.expiry, wallet.state == PREUSE, moved, ends)


def adjust(wallet: Wallet, line: Line, kinds: Kinds, rules: Rules, now: Instant) -> Recharged | Stopped:
    """Do one correction by hand (`Line.adjust`), all of it or nothing, also where it is capped elsewhere.

    It is no recharge: nothing is activated, extended or revived by it. What sessions hold stays theirs.
    """
    if wallet.state == QUARANTINED:
        return Stopped(0, Refusal.WALLET_QUARANTINED, wallet.name)
    if wallet.state == TERMINATED:
        return Stopped(0, Refusal.WALLET_EXPIRED, wallet.name)
    chained = _chain(wallet, (line,), kinds, rules, now)
    if isinstance(chained, Stopped):
        return chained
    after, done = chained
    if done[0].skipped:
        return Stopped(1, Refusal.AMOUNT_OUT_OF_RANGE, f"{line.balance_type} does not take all of it: {done[0].why}")
    return Recharged(after, _postings(done), done, (), wallet.expiry)


def staged(wallet: Wallet, events: Sequence[Event]) -> tuple[Wallet, ...]:
    """The wallet as it stands after each of the events that led to it, in values; the last of them is itself."""
    stages: list[Wallet] = []
    for event in reversed(events):
        stages.append(wallet)
        wallet = posted(wallet, [Posting(one.bucket, -one.amount, one.counter) for one in event.postings])
    return tuple(reversed(stages))


class NewWallet(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A wallet to be made: `balance_types` it is provisioned with, `lines` of its opening balance. `next_bucket`: ids
    below it were a removed wallet's of the same name."""

    name: str
    tenant: str
    unit: Unit
    credit_limit: int = 0
    product: str = ""
    batch: str = ""
    max_sessions: int = 0
    balance_types: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    next_bucket: int = MAIN_BUCKET + 1


def create(new: NewWallet, kinds: Kinds, rules: Rules, now: Instant) -> Recharged | Stopped:
    """A PreUse wallet with its opening balance and, where the rules say so, empty buckets (1.4 WC, case 99)."""
    if new.credit_limit < 0 or new.max_sessions < 0:
        return Stopped(0, Refusal.INVALID, "a limit is >= 0")
    provisioned: list[BalanceType] = []
    for name in ("cash", *new.balance_types):
        kind = kinds(name)
        if kind is None:
            return Stopped(0, Refusal.INVALID, f"balance type {name!r} is not configured")
        provisioned.append(kind)
    unit, order = new.unit, provisioned[0].order
    empty = new_wallet(new.name, new.tenant, unit.name, unit.decimals, new.credit_limit, order)
    empty = msgspec.structs.replace(empty, next_bucket=new.next_bucket)
    chained = _chain(empty, new.lines, kinds, rules, now)
    if isinstance(chained, Stopped):
        return chained
    after, done = with_empty_buckets(chained[0], provisioned, rules.wallet), chained[1]
    after = msgspec.structs.replace(
        after, state=PREUSE, product=new.product, batch=new.batch, max_sessions=new.max_sessions, entered=now
    )
    opened = Event("open", tuple(_column(one, 0) for one in done), _postings(done))
    return Recharged(after, opened.postings, done, (opened,))


def delete(wallet: Wallet, open_sessions: int, now: Instant) -> Step | Stopped:
    """Empty the wallet for its removal by an operator; refused while a reservation is open (1.4 WD, case 98)."""
    if wallet.state == QUARANTINED:
        return Stopped(0, Refusal.WALLET_QUARANTINED, wallet.name)
    return removed(wallet, open_sessions, now) or Stopped(0, Refusal.INVALID, "a reservation is open")


def count_bad_pin(wallet: Wallet, balance_types: Sequence[str]) -> tuple[Wallet, tuple[Posting, ...]]:
    """One more in each of these counters that the wallet has; it gets none that it has not (1.4 BPIN, case 97)."""
    first = {bucket.balance_type: bucket.id for bucket in reversed(wallet.buckets)}
    postings = tuple(Posting(first[name], 1, ADJUSTMENT) for name in balance_types if name in first)
    return posted(wallet, postings), postings


def shown(wallet: Wallet, rules: WalletRules) -> tuple[Bucket, ...]:
    """The buckets that an inquiry shows: all but those of hidden balance types (case 102)."""
    return tuple(bucket for bucket in wallet.buckets if bucket.balance_type not in rules.hidden_balance_types)


def _barred(
    wallet: Wallet, lines: Sequence[Line], extension: Validity, rules: RechargeRules, now: Instant
) -> Stopped | None:
    if not lines and not extension.extends():
        return Stopped(0, Refusal.INVALID, "there is nothing to do")
    if (wrong := _senseless(extension, now)) is not None:
        return Stopped(0, Refusal.INVALID, wrong)
    if wallet.state == QUARANTINED:
        return Stopped(0, Refusal.WALLET_QUARANTINED, wallet.name)
    if wallet.state == PREUSE and not rules.activates_preuse:
        return Stopped(0, Refusal.WALLET_SUSPENDED, "not used yet, and a recharge may not activate it")
    if wallet.state == TERMINATED and not rules.revives_terminated:
        return Stopped(0, Refusal.WALLET_EXPIRED, wallet.name)
    return None


def _chain(
    wallet: Wallet, lines: Sequence[Line], kinds: Kinds, rules: Rules, now: Instant
) -> tuple[Wallet, tuple[Done, ...]] | Stopped:
    done: list[Done] = []
    named: set[str] = set()
    for place, line in enumerate(lines, 1):
        kind = kinds(line.balance_type)
        if kind is None:
            return Stopped(place, Refusal.INVALID, f"balance type {line.balance_type!r} is not configured")
        if line.replace and kind.name in named:
            return Stopped(place, Refusal.INVALID, "it would replace what an earlier line put in")
        named.add(kind.name)
        step = _step(wallet, line, kind, rules, now)
        if isinstance(step, Stopped):
            return msgspec.structs.replace(step, line=place)
        wallet = step[0]
        done.append(step[1])
    return wallet, tuple(done)


def _step(wallet: Wallet, line: Line, kind: BalanceType, rules: Rules, now: Instant) -> tuple[Wallet, Done] | Stopped:
    """One line: where it goes, what is forfeited, how much there is room for, and which dates move."""
    if (wrong := _misfit(wallet, line, kind, now)) is not None:
        return wrong
    old, target = worth(wallet, kind.name), _target(wallet, line, kind, rules, now)
    if target is None and line.bucket:
        return Stopped(0, Refusal.INVALID, f"{kind.name} has no bucket {line.bucket} that this line may go to")
    if -line.amount > (0 if target is None else _spare(wallet, kind, target)):
        return Stopped(0, Refusal.INSUFFICIENT_FUNDS, f"less than that is free in {kind.name}")
    expiry = _expiry(line, target, rules, now)
    if target is None and not expiry and not rules.recharge.undated_buckets_are_made:
        return wallet, Done(kind.name, 0, False, old, old, 0, 0, skipped=line.amount, why=Skipped.UNDATED)
    if expiry > LAST or 0 < expiry <= max(now, (target or line).start):
        return Stopped(0, Refusal.INVALID, "the bucket would end before it begins, or outlast the calendar")
    after, forfeited = _forfeit(wallet, line) if line.replace else (wallet, ())
    amount = _room(kind, worth(after, kind.name), line.amount)
    if amount is None:
        return Stopped(0, Refusal.AMOUNT_OUT_OF_RANGE, f"{kind.name} would have more than {kind.maximum}")
    if target is None:
        after = with_bucket(after, kind, line.start, expiry, line.weight, line.use)
    bucket = target.id if target else wallet.next_bucket
    redated = _redated(wallet, line, target, expiry, rules, now)
    credited = (Posting(bucket, amount, ADJUSTMENT if line.adjust else ISSUE),) if amount else ()
    after = posted(dated(after, {one.bucket: one.new for one in redated}), credited)
    new = worth(after, kind.name)
    if kind.minimum and new < min(old, kind.minimum):
        return Stopped(0, Refusal.INSUFFICIENT_FUNDS, f"{kind.name} would have less than {kind.minimum}")
    if not after.in_range():
        return Stopped(0, Refusal.AMOUNT_OUT_OF_RANGE, "the wallet would hold more than can be counted")
    return after, Done(
        kind.name,
        bucket,
        target is None,
        old,
        new,
        target.expiry if target else 0,
        expiry,
        forfeited,
        credited,
        redated,
        line.amount - amount,
        Skipped.CAPPED if amount < line.amount else Skipped.NOTHING,
    )


def _misfit(wallet: Wallet, line: Line, kind: BalanceType, now: Instant) -> Stopped | None:
    if (wrong := _senseless(line.validity, now)) is not None:
        return Stopped(0, Refusal.INVALID, wrong)
    if line.amount < 0 and (line.replace or not line.adjust):
        return Stopped(0, Refusal.INVALID, "only an adjustment is below zero, and it replaces nothing")
    if not (fits(line.amount) and 0 <= line.start <= LAST and fits(line.weight)):
        return Stopped(0, Refusal.AMOUNT_OUT_OF_RANGE, "an amount, a start or a weight is out of range")
    if not kind.service and kind.unit != wallet.unit:
        return Stopped(0, Refusal.UNIT_MISMATCH, f"the wallet holds {wallet.unit}, {kind.name} holds {kind.unit}")
    return None


def _senseless(validity: Validity, now: Instant) -> str | None:
    if validity.policy in _PERIODS and not 0 < validity.period <= LAST:
        return f"{validity.policy} needs a period"
    if validity.policy is ExpiryPolicy.ABSOLUTE and not now < validity.date <= LAST:
        return "an absolute date is one to come"
    return None


def _target(wallet: Wallet, line: Line, kind: BalanceType, rules: Rules, now: Instant) -> Bucket | None:
    """The bucket that the line goes to; None: there is none yet, or none of the named id that it may go to."""
    fit = [one for one in wallet.buckets if counts_as(one, kind, now)]
    fit = [one for one in fit if one.id != MAIN_BUCKET or not _expiry(line, one, rules, now)]
    if line.bucket:
        return next((one for one in fit if one.id == line.bucket), None)
    if kind.limit_type is LimitType.SINGLE_USE:
        return None
    wanted = (line.start, line.weight, line.use)
    alike = [one for one in fit if (one.start, one.weight, one.use) == wanted]
    exact = [one for one in alike if one.expiry == _expiry(line, None, rules, now)]
    own = line.validity.policy in (ExpiryPolicy.NONE, ExpiryPolicy.ABSOLUTE)
    return next(iter(exact if own else exact + alike), None)


def _expiry(line: Line, target: Bucket | None, rules: Rules, now: Instant) -> Instant:
    """The date of the bucket that the line goes to, when it is done; of a new one 0: no expiry detail."""
    validity = line.validity
    if target is not None:
        return _moved(validity, target.expiry, now, rules.recharge, rules.expiry)
    if validity.policy in _PERIODS:
        return expiry_of(now + validity.period, rules.expiry)
    return validity.date if validity.policy is ExpiryPolicy.ABSOLUTE else 0


def _moved(validity: Validity, old: Instant, now: Instant, rules: RechargeRules, midnights: ExpiryRules) -> Instant:
    """The date that the policy makes of a date (5.6, cases 88 and 89); 0: never."""
    policy = validity.policy
    if policy is ExpiryPolicy.ABSOLUTE:
        return validity.date
    if policy not in _PERIODS or not (old or (policy is ExpiryPolicy.FROM_TODAY and rules.today_dates_undated_bucket)):
        return old
    since = max(old, now) if policy is ExpiryPolicy.EXTEND_FROM_EXPIRY else now
    new = expiry_of(since + validity.period, midnights)
    return new if policy is ExpiryPolicy.FROM_TODAY and rules.today_shortens_bucket else max(old, new)


def _redated(
    wallet: Wallet, line: Line, target: Bucket | None, expiry: Instant, rules: Rules, now: Instant
) -> tuple[Dated, ...]:
    """Which dates the line moves: its bucket's, and where "from today" concerns all, what it shortens or dates (90)."""
    name = line.balance_type
    moved = [Dated(now, target.id, name, target.expiry, expiry)] if target and target.expiry != expiry else []
    if line.validity.policy is ExpiryPolicy.FROM_TODAY and rules.recharge.today_concerns_all_buckets:
        for one in wallet.buckets:
            other = one.id not in (MAIN_BUCKET, target.id if target else 0) and one.balance_type == name
            today = _expiry(line, one, rules, now)
            if other and one.start < today and (not one.expiry or today < one.expiry):
                moved.append(Dated(now, one.id, name, one.expiry, today))
    return tuple(moved)


def _forfeit(wallet: Wallet, line: Line) -> tuple[Wallet, tuple[Posting, ...]]:
    """Take out what the balance, or the named bucket of it, has free."""
    gone = tuple(
        Posting(one.id, one.held - one.value, EXPIRY)
        for one in wallet.buckets
        if one.balance_type == line.balance_type and line.bucket in (0, one.id) and one.value > one.held
    )
    return posted(wallet, gone), gone


def _room(kind: BalanceType, value: int, amount: int) -> int | None:
    """How much of the amount a balance of this value may get; None: the maximum refuses it."""
    if not above_maximum(kind, value, amount):
        return amount
    return None if kind.maximum_policy is MaximumPolicy.REFUSE else max(kind.maximum - value, 0)


def _spare(wallet: Wallet, kind: BalanceType, target: Bucket) -> int:
    """How much a correction may take out of the bucket; expenditure has no floor but its minimum."""
    if kind.category is Category.EXPENDITURE:
        return 2**64
    credit = wallet.credit_limit if target.id == MAIN_BUCKET and kind.limit_type is LimitType.CREDIT else 0
    return max(target.value - target.held + credit, 0)


def _postings(done: Sequence[Done]) -> tuple[Posting, ...]:
    return tuple(posting for one in done for posting in (*one.forfeited, *one.credited))


def _events(done: Sequence[Done], rules: RechargeRules) -> tuple[Event, ...]:
    """The records that are due: one recharge, or one for each balance type, and the expiries before it (94, 95)."""
    names = dict.fromkeys(one.balance_type for one in done)
    groups = [[one for one in done if one.balance_type == name] for name in names]
    events: list[Event] = []
    for group in groups if rules.record_per_balance and groups else [list(done)]:
        if not rules.replace_leaves_expiry_record:
            events.append(Event("recharge", tuple(_column(one, 0) for one in group), _postings(group)))
            continue
        for one in group:
            if one.forfeited:
                left = one.old_value - _lost(one)
                column = Column(one.balance_type, one.old_value, left, one.old_expiry, one.old_expiry)
                events.append(Event("expiry", (column,), one.forfeited))
        credited = tuple(posting for one in group for posting in one.credited)
        events.append(Event("recharge", tuple(_column(one, _lost(one)) for one in group), credited))
    return tuple(events)


def _lost(done: Done) -> int:
    return -sum(one.amount for one in done.forfeited)


def _column(done: Done, expired: int) -> Column:
    """A line as a column, `expired` of its old value having a record of its own."""
    return Column(done.balance_type, done.old_value - expired, done.new_value, done.old_expiry, done.new_expiry)
