"""An explanation as sentences that can be read aloud."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tollhouse.rating.cost import Exact
from tollhouse.rating.explain import Item, Line, Sum, reduced
from tollhouse.rating.explain_search import Kind, Look, Reason
from tollhouse.rating.price import Price
from tollhouse.snapshot.tariff import EXACT, Interval
from tollhouse.values.commands import Service
from tollhouse.values.instants import format_instant, format_seconds
from tollhouse.values.money import format_amount
from tollhouse.values.uses import Timing

_WEEK: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SHOWN_DECIMALS: Final = 15
_BEGUN_DECIMALS: Final = 6
_WHY: Final = {
    Reason.TAKEN: "taken",
    Reason.NO_PROFILE: "has no rating profile",
    Reason.LEAVES_GAPS: "its profile leaves some of the time without a price",
    Reason.TOO_LATE: "begins after the call",
    Reason.REPLACED: "was replaced by a later activation",
    Reason.NONE_YET: "no activation has begun yet, so subject *any is tried",
    Reason.NOT_IN_PLAN: "a destination of the tariff has it, but the plan has no price for it",
    Reason.NO_PRICE: "has no price for this number at this time",
    Reason.NOTHING_ACTIVE: "none of its prices is active at this time",
    Reason.LONGER_TAKEN: "a longer prefix was taken",
}


def look_text(look: Look) -> str:
    """`subject 1001: has no rating profile`; one candidate with its reason, further in where it is a fallback's."""
    return f"{'  ' * look.depth}{_named(look)}: {_why(look)}"


def _named(look: Look) -> str:
    if look.kind is Kind.SUBJECT:
        return f"{'fallback ' if look.depth else ''}subject {look.name}"
    if look.kind is Kind.ACTIVATION:
        return f"activation {format_instant(look.at)} of plan {look.name}" if look.name else "activations"
    if look.kind is Kind.PLAN:
        return f"plan {look.name}"
    if look.kind is Kind.PREFIX:
        return f"prefix {look.name}" if look.name else "the plan's destination *any"
    return f"rate {look.name} ({timing_text(look.interval.timing)})" if look.interval else f"rate {look.name}"


def _why(look: Look) -> str:
    own, over = look.interval, look.over
    if look.kind is Kind.ACTIVATION and look.reason is Reason.TAKEN:
        return "in force"
    if own is None or look.reason is Reason.TAKEN:
        return _WHY[look.reason]
    if look.reason is Reason.WRONG_DAY:
        return "not active on this day"
    if look.reason is Reason.NOT_BEGUN or over is None:
        return f"starts at {_clock(own.timing.start)}"
    if look.reason is Reason.LIGHTER:
        return f"lighter ({_weight(own)}) than rate {over.rate} ({_weight(over)})"
    if look.reason is Reason.EARLIER:
        return f"begins earlier ({_clock(own.timing.start)}) than rate {over.rate} ({_clock(over.timing.start)})"
    return f"as heavy as rate {over.rate} and begins with it, but is listed later"


def timing_text(timing: Timing) -> str:
    """`always`, `Mon-Fri from 08:00`, `months 1, 2 days 24`."""
    words = [f"years {_numbers(timing.years)}"] if timing.years else []
    words += [f"months {_numbers(timing.months)}"] if timing.months else []
    words += [f"days {_numbers(timing.month_days)}"] if timing.month_days else []
    words += [_week(timing.week_days)] if timing.week_days else []
    words += [f"from {_clock(timing.start)}"] if timing.start else []
    return " ".join(words) or "always"


def line_text(line: Line, service: Service) -> str:
    """`from second 60, 25 x 1 s at 0.1 per 60 s (rate RT slot 2, destination DST, always) = 0.041666..`."""
    slot, interval = line.slot, line.interval
    amount = decimal_text(line.cost)
    if line.item is Item.FEE:
        return f"connect fee (rate {interval.rate}) = {amount}"
    if line.item is Item.CAP:
        most = decimal_text((interval.max_cost, 10**9))
        return f"the call costs {most} at most by destination {line.destination}: {amount}"
    place = interval.slots.index(slot) + 1
    by = f"(rate {interval.rate} slot {place}, destination {line.destination}, {timing_text(interval.timing)})"
    price = decimal_text((slot.price, 10**slot.scale))
    unit, step = usage_text(slot.unit, service), usage_text(slot.increment, service)
    begin = f"from {'second' if service is Service.VOICE else 'unit'} {usage_number(line.age, service)}"
    if interval.places == EXACT:
        return f"{begin}, {line.count} x {step} at {price} per {unit} {by} = {amount}"
    each = decimal_text((line.cost[0], line.cost[1] * line.count))
    rounded = f"{each} ({step} at {price} per {unit}, rounded at {interval.places} decimals)"
    return f"{begin}, {line.count} x {rounded} {by} = {amount}"


def rounding_text(total: Sum, price: Price) -> str:
    """`0.641666.. rounded up at 4 decimals = 0.6417, by destination DST`."""
    cost = format_amount(total.cost, price.decimals)
    if total.rule is None:
        return f"no usage costs nothing = {cost}"
    places = min(total.rule.decimals, price.decimals)
    how = {"up": "up", "down": "down", "middle": "to the nearest, half up,"}[total.rule.rounding.value]
    sum_ = f"{decimal_text(total.total)} rounded {how} at {places} decimals"
    return f"{sum_} = {cost}, by destination {total.destination}"


def decimal_text(amount: Exact) -> str:
    """A decimal where one of at most 15 places is exact, else its first six decimals and `..`."""
    numerator, denominator = reduced(amount)
    if 10**_SHOWN_DECIMALS % denominator == 0:
        return format_amount(numerator * (10**_SHOWN_DECIMALS // denominator), _SHOWN_DECIMALS)
    sign = "-" if numerator < 0 else ""
    begun = abs(numerator) * 10**_BEGUN_DECIMALS // denominator
    whole, rest = divmod(begun, 10**_BEGUN_DECIMALS)
    return f"{sign}{whole}.{rest:0{_BEGUN_DECIMALS}d}.."


def usage_text(units: int, service: Service) -> str:
    """`60 s`, `1048576 octets`, `1 message`."""
    if service is Service.VOICE:
        return f"{format_seconds(units)} s"
    word = {Service.DATA: "octet", Service.GENERIC: "unit"}.get(service, "message")
    return f"{units} {word}{'' if units == 1 else 's'}"


def usage_number(units: int, service: Service) -> str:
    """Seconds for voice, else whole units."""
    return format_seconds(units) if service is Service.VOICE else str(units)


def _numbers(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))


def _week(days: tuple[int, ...]) -> str:
    """Runs of three days and more as `Mon-Fri`."""
    runs: list[list[int]] = []
    for day in sorted(set(days)):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(
        f"{_WEEK[run[0] - 1]}-{_WEEK[run[-1] - 1]}" if len(run) > 2 else ", ".join(_WEEK[day - 1] for day in run)
        for run in runs
    )


def _clock(second: int) -> str:
    hour, rest = divmod(second, 3600)
    minute, seconds = divmod(rest, 60)
    return f"{hour:02}:{minute:02}" + (f":{seconds:02}" if seconds else "")


def _weight(interval: Interval) -> str:
    return f"weight {format_amount(interval.weight, 6)}"
