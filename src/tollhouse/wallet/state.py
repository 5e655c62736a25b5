"""The wallet and its buckets as frozen values. Amounts are smallest steps of the wallet's one unit."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from tollhouse.values.instants import Instant
from tollhouse.values.money import fits
from tollhouse.values.uses import Use

MAIN_BUCKET: Final = 1
"""The bucket that every wallet is born with: it never expires, carries the credit limit and takes debts."""

PREUSE: Final = "preuse"
"""Made, and not used yet."""
ACTIVE: Final = "active"
DORMANT: Final = "dormant"
"""Not used for long; its next use wakes it."""
FROZEN: Final = "frozen"
"""Stopped for dishonesty; only an operator ends that."""
SUSPENDED: Final = "suspended"
TERMINATED: Final = "terminated"
QUARANTINED: Final = "quarantined"
REMOVED: Final = "removed"
"""It is gone, and its records prove that it went empty. Found only by who reads those or gives its name again."""
LETTERS: Final = {PREUSE: "P", ACTIVE: "A", DORMANT: "D", FROZEN: "F", SUSPENDED: "S", TERMINATED: "T"}
"""The states of life as records write them (requirement oracle_vws 4.1)."""

Lines: TypeAlias = tuple[tuple[int, int], ...]
"""(bucket id, amount) pairs: what a session holds in the wallet's buckets."""


class Bucket(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Money or units of one balance type. `held` is the part of `value` that sessions have reserved.

    Usable while start <= now < expiry (0 = no bound). `order` is the balance type's place in the cascade when the
    bucket was made; within it the higher weight pays first, then the earlier expiry, then the lower id. `service`:
    whose usage it counts, `step` of it in one step of `unit` (both empty: money in the wallet's unit). `name`: what an
    operator calls it. `use` None: it pays for anything. `idle`: it pays for nothing, but counts something (a tracker),
    or is there (a discount); its unit is named, for its sums are not the wallet's money.
    """

    id: int
    balance_type: str
    value: int
    held: int = 0
    start: Instant = 0
    expiry: Instant = 0
    weight: int = 0
    order: int = 0
    unit: str = ""
    service: str = ""
    step: int = 1
    name: str = ""
    use: Use | None = None
    idle: bool = False

    def usable(self, now: Instant) -> bool:
        """Whether it may pay for something new at `now`."""
        return self.start <= now and (self.expiry == 0 or now < self.expiry)


class Wallet(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Who pays. `buckets` stand in the order in which they pay; `records`, `chain`: its record chain's length and head.

    `credit_limit` >= 0: how far the main bucket may go below zero for new holds (0 = prepaid).
    `release_to`: the state that the end of a quarantine brings back. `product`, `batch`: what it was sold as.
    `entered`: when its state of life began; `used`: when it was last used; `activated`: when first. `max_sessions`: at
    a time, 0: as its product says. `removal_listed`: when its removal was listed; before `entered` it says nothing.
    `other_products`: those of other subscriber accounts that share it, which it lives by, too.
    """

    name: str
    tenant: str
    unit: str
    decimals: int
    credit_limit: int
    buckets: tuple[Bucket, ...]
    state: str = ACTIVE
    expiry: Instant = 0
    next_bucket: int = MAIN_BUCKET + 1
    records: int = 0
    chain: bytes = b""
    release_to: str = ACTIVE
    product: str = ""
    batch: str = ""
    entered: Instant = 0
    activated: Instant = 0
    used: Instant = 0
    max_sessions: int = 0
    removal_listed: Instant = 0
    other_products: tuple[str, ...] = ()

    def balance(self) -> int:
        """The sum of all buckets of money, held money included."""
        return sum(bucket.value for bucket in self.buckets if not bucket.unit)

    def held(self) -> int:
        """The sum of money that sessions hold."""
        return sum(bucket.held for bucket in self.buckets if not bucket.unit)

    def in_range(self) -> bool:
        """Whether it may be installed: each bucket, their sum, and all that may ever be held fit int64."""
        most = self.credit_limit
        for bucket in self.buckets:
            value = bucket.value
            if not fits(value) or not fits(bucket.held):
                return False
            if value > 0:
                most += value
        return fits(most)


class Posting(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`amount` moved into the bucket (> 0) or out of it (< 0), against a counter-account that moved by -amount.

    `unit`: of a bucket that counts something else than the wallet's money; a record fills it in.
    """

    bucket: int
    amount: int
    counter: str
    unit: str = ""


REVENUE: Final = "revenue"
ISSUE: Final = "issue"
EXPIRY: Final = "expiry"
ADJUSTMENT: Final = "adjustment"


def new_wallet(name: str, tenant: str, unit: str, decimals: int, credit_limit: int, order: int) -> Wallet:
    """An empty wallet with its main bucket; `order` is the cascade order of the balance type `cash`."""
    return Wallet(name, tenant, unit, decimals, credit_limit, (Bucket(MAIN_BUCKET, "cash", 0, order=order),))
