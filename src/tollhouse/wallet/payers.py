"""Which buckets may pay for a call, and in which order: one order for every kind of wallet.

The cascade decides, then the precision of the destination, the weight, the soonest expiry and the id (requirements
oracle_vws 5.4, cgrates 3.2). What may not begin to pay now is left out; when a bucket's timings hold is asked anew for
every stretch of the call.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from tollhouse.snapshot.tariff import ANY
from tollhouse.values.commands import Service
from tollhouse.values.instants import Instant
from tollhouse.wallet.state import Bucket, Wallet

ANYONE_S: Final = "generic"
"""The service of units that pay for any usage, by their factors."""
_NEVER: Final = 2**63 - 1


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What is to be paid for. `known`: the prefixes of the number that the tariff has, the longest first, each with its
    destinations. `worst`: the latest end of a call that begins now; 0: it has begun, so what is there may pay.
    `going`: who pays already, and may go on when empty. `units`: of a named event, those that pay for it, whatever
    usage they count otherwise; None: it is none."""

    service: Service
    category: str
    known: Sequence[tuple[str, Sequence[str]]]
    worst: Instant = 0
    going: Sequence[int] = ()
    units: Collection[str] | None = None


def payers(wallet: Wallet, asked: Asked, cascade: Sequence[str], now: Instant) -> list[Bucket]:
    """The buckets that may pay, in their order. `cascade`: the balance types that do, in theirs (empty: all of them, as
    each bucket says)."""
    places = {name: place for place, name in enumerate(cascade)}
    found: list[tuple[tuple[int, int, int, int, int], Bucket]] = []
    for bucket in wallet.buckets:
        place = places.get(bucket.balance_type, -1) if places else bucket.order
        exact = precision(bucket, asked.known)
        if place >= 0 and exact is not None and _may_pay(bucket, asked, now):
            found.append(((place, -exact, -bucket.weight, bucket.expiry or _NEVER, bucket.id), bucket))
    return [bucket for _, bucket in sorted(found, key=lambda one: one[0])]


def _may_pay(bucket: Bucket, asked: Asked, now: Instant) -> bool:
    use = bucket.use
    empty = bucket.value <= bucket.held and bucket.id not in asked.going
    if (
        (empty and not (use is not None and (use.blocker or use.groups)))
        or bucket.idle
        or not bucket.usable(now)
        or not _counts(bucket, asked)
    ):
        return False
    if asked.worst and not bucket.start and bucket.expiry and bucket.expiry < asked.worst:
        return False
    if use is None:
        return True
    return not use.disabled and (not use.categories or asked.category in use.categories)


def _counts(bucket: Bucket, asked: Asked) -> bool:
    """Whether it is money, or counts what is asked for."""
    if asked.units is not None:
        return not bucket.service or bucket.unit in asked.units
    return bucket.service in ("", asked.service, ANYONE_S)


def precision(bucket: Bucket, known: Sequence[tuple[str, Sequence[str]]]) -> int | None:
    """The length of the prefix by which the bucket pays for the number; None: it does not.

    The longest prefix decides that the bucket names a destination of; where it names only what it excludes, the longest
    that is known (requirement cgrates 3.2). Without destinations it pays for any number.
    """
    named = bucket.use.destinations if bucket.use is not None else ()
    if not named or ANY in named:
        return 0
    only_excludes = all(name.startswith("!") for name in named)
    for prefix, destinations in known:
        matching = [name for name in named if name.removeprefix("!") in destinations]
        if matching or only_excludes:
            return None if any(name.startswith("!") for name in matching) else len(prefix)
    return 0 if only_excludes else None
