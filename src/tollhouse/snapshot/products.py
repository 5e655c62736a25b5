"""What wallets are sold as: products with their periods, batches, cascades. Source: requirement oracle_vws 3 and 4."""

from __future__ import annotations

import msgspec

from tollhouse.values.instants import Duration, Instant


class Promotion(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What activation credits: an amount in steps of the balance type's unit; `lasts` 0: it never expires."""

    balance_type: str
    amount: int
    lasts: Duration = 0


class Product(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A product type. Periods in microseconds; 0: that never happens.

    `initial`: how long a wallet lives from its activation. `preuse`: unused for so long, it ends before its first use.
    `dormant`: unused for so long, an active wallet sleeps. `terminated`: so long asleep, it ends. `removed`: so long
    ended, it goes. `bucket_lasts`: balance type to how long its buckets live from activation. `cascades`: service to
    the name of the cascade that pays. `max_sessions`: at a time; 0: any number.
    """

    name: str
    initial: Duration = 0
    preuse: Duration = 0
    dormant: Duration = 0
    terminated: Duration = 0
    removed: Duration = 0
    max_sessions: int = 0
    promotions: tuple[Promotion, ...] = ()
    bucket_lasts: tuple[tuple[str, Duration], ...] = ()
    cascades: tuple[tuple[str, str], ...] = ()


class Batch(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Subscriber accounts that were made together: nobody of an inactive one may do anything; `expiry` 0: never."""

    name: str
    product: str
    active: bool = True
    expiry: Instant = 0


class Cascade(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Balance types in the order in which they pay; what is not in it does not."""

    name: str
    balance_types: tuple[str, ...]
