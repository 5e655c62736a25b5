"""Prices of what no tariff prices: of sessions that cost nothing, and of those that only units can pay.

A wallet's units pay for whole increments whatever a call costs, even to numbers that no plan knows (requirement cgrates
3.3). Such a session has a price that ends before it begins: nothing is granted by it, so no money is held for it, and
what is used all the same costs nothing.
"""

from __future__ import annotations

from typing import Final

import msgspec

from tollhouse.rating.price import ANYONE, ANYTIME, Part, Price
from tollhouse.snapshot.lookups import Snapshot
from tollhouse.snapshot.tariff import Interval, Rounding, Slot
from tollhouse.values.commands import Service
from tollhouse.values.instants import Instant
from tollhouse.values.money import Unit

_ENDED: Final[Instant] = 1
"""Before any session."""


def free(service: Service, unit: Unit) -> Price:
    """The price by which nothing costs anything, ever."""
    return _nothing(service, unit, "UTC", "")


def unpriced(
    snapshot: Snapshot, tenant: str, category: str, service: Service, subject: str, start: Instant, unit: Unit
) -> Price:
    """The price of a session that no plan prices, in the wallet's `unit` and the zone of its subject's profile, if any.

    Its plan is the one in force at `start`: its import knows the destinations that units are for.
    """
    profile = snapshot.profile(tenant, category, service, subject)
    profile = profile or snapshot.profile(tenant, category, service, ANYONE)
    plans = [one.plan for one in profile.activations if one.at <= start] if profile is not None else []
    zone = profile.zone if profile is not None else "UTC"
    return by_units_alone(_nothing(service, unit, zone, plans[-1] if plans else ""))


def by_units_alone(price: Price) -> Price:
    """The same where no money may pay for it."""
    return msgspec.structs.replace(price, ends=_ENDED)


def is_unpriced(price: Price) -> bool:
    """Whether only units pay for it."""
    return price.ends == _ENDED


def _nothing(service: Service, unit: Unit, zone: str, plan: str) -> Price:
    always = Interval(ANYTIME, 0, (Slot(0, 0, 0, 0, 1, 1),), Rounding.UP, unit.decimals, "")
    return Price(service, unit.name, unit.decimals, zone, (Part(0, plan, "", (always,)),))
