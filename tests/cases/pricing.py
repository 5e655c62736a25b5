"""Facts about prices: what a call costs, and what is known of its price."""

from __future__ import annotations

from decimal import Decimal

from tests.cases.accounts import DECIMALS
from tests.cases.desk import Asking
from tests.cases.facts import Call, Fact

from tollhouse.rating.spans import spans
from tollhouse.snapshot.tariff import Interval, Slot
from tollhouse.values.commands import Service
from tollhouse.values.outcomes import Priced, Refused


def get_cost(asking: Asking, call: Call) -> Fact:
    priced = asking.ask(call.quote(call.whole), call.start)
    if isinstance(priced, Refused):
        return {"cost": -1, "error": error_of(asking, call)}
    assert isinstance(priced, Priced), priced
    value = priced.cost
    if call.before:
        earlier = asking.ask(call.quote(call.before), call.start)
        assert isinstance(earlier, Priced), earlier
        value -= earlier.cost - (priced.fee if call.first else 0)
    elif not call.first and value:
        value -= priced.fee
    found = about(asking, call)
    found |= {"cost": money(value), "connect_fee": money(priced.fee), "matched_prefix": priced.prefix}
    return found


def error_of(asking: Asking, call: Call) -> str:
    known = [
        asking.snapshot.profile(call.tenant, call.category, call.service, subject) for subject in (call.subject, "*any")
    ]
    return "UNAUTHORIZED_DESTINATION" if any(known) else "RATING_PLAN_NOT_FOUND"


def about(asking: Asking, call: Call) -> Fact:
    """What can be said of a price besides its amount."""
    price = call.price(asking.snapshot)
    if isinstance(price, Refused):
        return {"rating_infos": 0, "covers_call": False, "error": error_of(asking, call)}
    runs: list[tuple[Interval, Slot]] = []
    charged = 0
    for age, count, interval, slot in spans(price, call.began, call.whole):
        charged = age + count * slot.increment
        if charged > call.before and (not runs or runs[-1] != (interval, slot)):
            runs.append((interval, slot))
    covers = not price.ends or price.ends >= call.start + call.usage
    return {
        "rating_infos": len(price.parts),
        "covers_call": covers,
        "matched_prefix": price.prefix,
        "timespans": max(len(runs), 1),
        "charged_duration": nanoseconds(max(charged - call.before, 0), call.service),
    }


def money(value: int) -> Decimal:
    return Decimal(value).scaleb(-DECIMALS)


def nanoseconds(units: int, service: Service) -> int:
    """In the nanoseconds of the facts."""
    return units * 1000 if service is Service.VOICE else units
