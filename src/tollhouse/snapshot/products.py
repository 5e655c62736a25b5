"""What wallets are sold as: products with their periods and discounts, batches, cascades, named events.

Source: requirement oracle_vws 1.2, 3, 4 and 5.5.
"""

from __future__ import annotations

from typing import Final

import msgspec

from tollhouse.values.instants import Duration, Instant
from tollhouse.values.uses import Timing

EVENT_SCALE: Final = 9
"""Decimals of a named event's price in money."""
DAY_SECONDS: Final = 86_400


class Promotion(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What activation credits: an amount in steps of the balance type's unit; `lasts` 0: it never expires."""

    balance_type: str
    amount: int
    lasts: Duration = 0


class RatingDiscount(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a product's wallets pay less at a time of the day: from `timing.start` to `until`, in seconds into the local
    day. `share` in hundredths of a percent; `service` empty: of whatever is charged."""

    timing: Timing
    share: int
    until: int = DAY_SECONDS
    service: str = ""


class Product(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A product type. Periods in microseconds; 0: that never happens.

    `initial`: how long a wallet lives from its activation. `preuse`: unused for so long, it ends before its first use.
    `dormant`: unused for so long, an active wallet sleeps. `terminated`: so long asleep, it ends. `removed`: so long
    ended, it goes. `bucket_lasts`: balance type to how long its buckets live from activation. `cascades`: service to
    the name of the cascade that pays. `max_sessions`: at a time; 0: any number. `discounts`: the first that holds by
    the clock of `zone` counts.
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
    discounts: tuple[RatingDiscount, ...] = ()
    zone: str = "UTC"


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


class EventPrice(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What one event costs in a unit: in `money` over 10^`EVENT_SCALE`, in anything else whole steps of the unit."""

    product: str
    unit: str
    price: int
    money: bool = True


class NamedEvent(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An event of a provider's catalogue, by class and name, with its prices for wallets of each product; of product ""
    for those whose own names none in that unit."""

    event_class: str
    name: str
    prices: tuple[EventPrice, ...] = ()
