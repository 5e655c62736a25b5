"""The ends of buckets and wallets: what is forfeited, what leaves a record, which line of a list it makes.

What sessions hold never ends: a bucket keeps it until it is given back, and only then it goes. The main bucket has no
date; it loses its money with the wallet, its debt only with the removal. Source: requirement oracle_vws 4.1, cases
70-76.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tollhouse.snapshot.accounts import BalanceType, Category
from tollhouse.snapshot.rules import ExpiryRules, Recorded
from tollhouse.values.instants import SECOND, Instant, to_datetime
from tollhouse.wallet.changes import Cause, Change, Conditions, Ended, Moved, Removed, Step
from tollhouse.wallet.state import (
    ADJUSTMENT,
    EXPIRY,
    LETTERS,
    MAIN_BUCKET,
    QUARANTINED,
    REMOVED,
    TERMINATED,
    Bucket,
    Posting,
    Wallet,
)

TERMINATED_LIST: Final = "expiredWallet"
"""How the names of files begin that list wallets which were terminated."""
REMOVED_LIST: Final = "removedWallet"
LIST_SUFFIX: Final = ".log"
LIST_LASTS: Final = 60 * SECOND
"""A list's file is closed so long after it was opened; what comes then is a line of the next one."""
_ONE_LINE: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r"})


def next_end(wallet: Wallet, conditions: Conditions) -> Instant:
    """The earliest instant at which `buckets_ended` has something to do; 0: never.

    A bucket's date counts while the wallet's state is one of `wallet_states`, and from then on: what is past when a
    suspension ends, ends then. What comes back into a wallet that has expired goes at once.
    """
    return min((at for _, at in _dues(wallet, conditions)), default=0)


def buckets_ended(wallet: Wallet, conditions: Conditions, at: Instant) -> Step:
    """End the buckets whose date has come at `at`; of a wallet that has expired, all that is free."""
    ending = [one for one, due in _dues(wallet, conditions) if due <= at]
    return _end(wallet, conditions, at, Cause.WALLET if _expired(wallet) else Cause.BUCKET, ending)


def wallet_ended(wallet: Wallet, conditions: Conditions, at: Instant, cause: Cause) -> Step:
    """Terminate the wallet: its date or its batch's has come, or it was never used. All that is free is forfeited."""
    ended = msgspec.structs.replace(wallet, state=TERMINATED, entered=at)
    moved = Moved(at, wallet.state, TERMINATED, cause, wallet.expiry, wallet.expiry)
    buckets = [one for one in wallet.buckets if not _stands_for_balance(one)]
    step = _end(ended, conditions, at, Cause.WALLET, buckets)
    return msgspec.structs.replace(step, changes=(moved, *step.changes))


def removed(wallet: Wallet, open_sessions: int, at: Instant) -> Step | None:
    """Remove the wallet, empty and its debts written off; each bucket leaves a record (case 71).

    None while a session is open, holds money, or the wallet is quarantined.
    """
    if open_sessions or wallet.state == QUARANTINED or any(one.held for one in wallet.buckets):
        return None
    changes: list[Change] = [Removed(at, listed=False)]
    postings: list[Posting] = []
    for one in wallet.buckets:
        changes.append(Ended(at, one.id, one.balance_type, one.value, one.expiry, Cause.REMOVAL, True))
        if one.value:
            postings.append(Posting(one.id, -one.value, EXPIRY if one.value > 0 else ADJUSTMENT))
    empty = tuple(msgspec.structs.replace(one, value=0) for one in wallet.buckets)
    gone = msgspec.structs.replace(wallet, state=REMOVED, entered=at, buckets=empty)
    return Step(gone, tuple(postings), tuple(changes))


def list_of(change: Change) -> str:
    """The list of which the change is to be a line; empty: none."""
    if isinstance(change, Removed):
        return REMOVED_LIST
    return TERMINATED_LIST if isinstance(change, Moved) and change.new == TERMINATED else ""


def cause_of(change: Moved | Removed) -> Cause:
    """Why it is a line of its list."""
    return change.cause if isinstance(change, Moved) else Cause.REMOVAL


def list_line(due: str, cause: str, tenant: str, wallet: str) -> str:
    """`2026-05-10T15:04:05Z|wallet_expired|tenant|wallet`, without an end of line: when it was due, and why."""
    return f"{due}|{cause}|{tenant}|{wallet}".translate(_ONE_LINE)


def list_name(prefix: str, opened: Instant, suffix: str = LIST_SUFFIX) -> str:
    """The name of a list's file that is opened at this instant: `expiredWallet_20260510150405.log` (UTC; case 70)."""
    return f"{prefix}_{to_datetime(opened):%Y%m%d%H%M%S}{suffix}"


def _expired(wallet: Wallet) -> bool:
    """Whether the wallet was terminated at its date or after it: whatever comes back into it is forfeited, too."""
    return wallet.state == TERMINATED and 0 < wallet.expiry <= wallet.entered


def _dues(wallet: Wallet, conditions: Conditions) -> list[tuple[Bucket, Instant]]:
    """The buckets that are to end as things are, each with when."""
    expired, entered = _expired(wallet), wallet.entered
    counts = LETTERS.get(wallet.state, "-") in conditions.rules.expiry.wallet_states
    found: list[tuple[Bucket, Instant]] = []
    for one in wallet.buckets:
        if expired and one.value > one.held:
            found.append((one, entered))
        elif counts and one.expiry and _ends(one, conditions):
            found.append((one, one.expiry if one.expiry > entered else entered))
    return found


def _end(wallet: Wallet, conditions: Conditions, at: Instant, cause: Cause, ending: Sequence[Bucket]) -> Step:
    """Take what leaves these buckets. Those whose own date has come go when nothing is in them; the others stay."""
    past = {one.id for one in ending if 0 < one.expiry <= at}
    gone = {one.id: _leaving(one, conditions, one.id in past) for one in ending}
    changes = tuple(_ended(one, gone[one.id], at, cause, conditions.rules.expiry) for one in ending)
    postings = tuple(Posting(bucket, -value, EXPIRY) for bucket, value in gone.items() if value)
    left = [msgspec.structs.replace(one, value=one.value - gone.get(one.id, 0)) for one in wallet.buckets]
    buckets = _without_spent(left, past, conditions)
    return Step(msgspec.structs.replace(wallet, buckets=buckets), postings, changes)


def _ends(bucket: Bucket, conditions: Conditions) -> bool:
    """Whether the coming of its own date changes the bucket."""
    if bucket.id == MAIN_BUCKET:
        return False
    if bucket.value > bucket.held:
        return True
    spent = bucket.value == 0 == bucket.held and not _stands_for_balance(bucket)
    return spent or _leaving(bucket, conditions, past=True) != 0


def _leaving(bucket: Bucket, conditions: Conditions, past: bool) -> int:
    """What goes: free money, and when its own date is past a debt, too, but what is negative by the rules (case 75)."""
    if bucket.value > bucket.held:
        return bucket.value - bucket.held
    if not past or bucket.held or bucket.id == MAIN_BUCKET:
        return 0
    kind = conditions.kinds(bucket.balance_type)
    spending = kind is not None and kind.category is Category.EXPENDITURE
    return 0 if spending and not conditions.rules.expiry.negative_expenditure_expires else bucket.value


def _ended(bucket: Bucket, value: int, at: Instant, cause: Cause, rules: ExpiryRules) -> Ended:
    """The change, and whether it leaves a record: by its value, and by whose date has come (cases 73, 74)."""
    own_date = 0 < bucket.expiry <= at
    recorded = (value > 0 or rules.recorded is Recorded.ALL) and (own_date or rules.records_buckets_of_expired_wallet)
    return Ended(at, bucket.id, bucket.balance_type, value, bucket.expiry, cause, recorded)


def _without_spent(buckets: Sequence[Bucket], past: set[int], conditions: Conditions) -> tuple[Bucket, ...]:
    """The buckets without those that are past and empty. The last one of a balance that may not go stays and stands for
    it, with no time left: it starts when it expires (case 76)."""
    spent = {one.id: one for one in buckets if one.value == 0 == one.held and one.id != MAIN_BUCKET}
    spent = {id: one for id, one in spent.items() if id in past or _stands_for_balance(one)}
    having = {one.balance_type for one in buckets if one.id not in spent}
    last = {one.balance_type: one.id for one in sorted(spent.values(), key=lambda one: (one.expiry, one.id))}
    stay = {id for name, id in last.items() if name not in having and not _may_go(conditions.kinds(name), conditions)}
    return tuple(
        msgspec.structs.replace(one, start=one.expiry) if one.id in stay else one
        for one in buckets
        if one.id in stay or one.id not in spent
    )


def _stands_for_balance(bucket: Bucket) -> bool:
    """Whether it is what is left of a balance without buckets."""
    return bucket.value == 0 == bucket.held and 0 < bucket.expiry <= bucket.start


def _may_go(kind: BalanceType | None, conditions: Conditions) -> bool:
    return conditions.rules.expiry.delete_empty_balances and kind is not None and kind.deletable
