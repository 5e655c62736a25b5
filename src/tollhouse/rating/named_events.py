"""Named events: what they cost in each unit, which cascade pays, how long a reservation of them stands.

Source: requirement oracle_vws 1.2 (NamedEvent) and 5.5, cases 56-58.
"""

from __future__ import annotations

from typing import Final

from tollhouse.rating.price import ANYTIME, Part, Price
from tollhouse.rating.unpriced import by_units_alone
from tollhouse.snapshot.products import EVENT_SCALE, EventPrice, NamedEvent
from tollhouse.snapshot.rules import EventRules, RoundingRule
from tollhouse.snapshot.tariff import Interval, Rounding, Slot
from tollhouse.values.commands import Service
from tollhouse.values.instants import SECOND, Instant
from tollhouse.values.money import Unit

_MILLISECOND: Final = SECOND // 1000
_ROUNDINGS: Final = {
    RoundingRule.BANKERS: Rounding.MIDDLE,
    RoundingRule.CEILING: Rounding.UP,
    RoundingRule.FLOOR: Rounding.DOWN,
}
"""What a request of some events costs is rounded once, as a tariff's cost is."""


def event_price(event: NamedEvent, product: str, unit: Unit, rules: EventRules) -> Price:
    """The price of so many of the event for a wallet of the product that holds money in `unit`; where the event has
    none in it, units alone pay."""
    own = _by_unit(event, product)
    money = own.get(unit.name)
    slot = Slot(0, 0, money.price if money is not None else 0, EVENT_SCALE, 1, 1)
    always = Interval(ANYTIME, 0, (slot,), _ROUNDINGS[rules.rounding], unit.decimals, "")
    units = tuple([(name, one.price) for name, one in own.items() if not one.money])
    price = Price(Service.GENERIC, unit.name, unit.decimals, "UTC", (Part(0, "", "", (always,)),), units=units)
    return price if money is not None else by_units_alone(price)


def _by_unit(event: NamedEvent, product: str) -> dict[str, EventPrice]:
    """The product's own prices, and for other units those of every product; in the order of the units' names."""
    found = {one.unit: one for one in event.prices if not one.product}
    found |= {one.unit: one for one in event.prices if product and one.product == product}
    return dict(sorted(found.items()))


def event_cascade(rules: EventRules, promotional: bool) -> str:
    """The name of the cascade that pays for the provider's events, normal or promotional ones (case 57)."""
    return rules.promotional_cascade if promotional else rules.cascade


def event_reservation_end(made: Instant, rules: EventRules) -> Instant:
    """The instant from which a reservation of events can be confirmed no more: its period and the tolerance after it
    was made (case 56)."""
    return made + rules.reservation_milliseconds * _MILLISECOND + rules.reservation_tolerance_seconds * SECOND
