"""rating.*: what usage costs, why, how long money lasts, and what records would cost by another plan."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec.structs import asdict

from tollhouse.console.desk import Desk, Json, ParameterError, instant, steps, usage
from tollhouse.console.params import Answer, Asking, MaybeName, Money, Name, Number, Params, Time, Used
from tollhouse.values.commands import Command, Explain, Limit, PlanQuote, Quote, Service
from tollhouse.values.money import format_amount
from tollhouse.values.outcomes import Outcome, Priced, Refused
from tollhouse.values.refusals import Refusal

Tor: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9_*-]+\Z")]
"""A type of record by name."""
MaybeRate: TypeAlias = Annotated[str, msgspec.Meta(max_length=64)]

PART: Final = 100
"""Prices of a comparison that stand in the engine's queue at a time."""
RECORDS_MAX: Final = 1000
_RATE_DECIMALS: Final = 12
_RATE: Final = re.compile(r"([0-9.]+)/([0-9]+(?:\.[0-9]+)?)(s?)")


def service_of(tor: str) -> Service:
    """CGRateS's type of record: `sms` is `message`; any name that is no service's is generic."""
    known = {**{one.value: one for one in Service}, "sms": Service.MESSAGE}
    return known.get(tor.removeprefix("*"), Service.GENERIC)


def category_of(category: str, tor: str) -> str:
    """What was given; else `call`, and `generic_NAME` of a type of record that is no service's (requirement 2.9)."""
    if category:
        return category
    name = tor.removeprefix("*")
    if service_of(tor) is not Service.GENERIC:
        return "call"
    return "generic" if name == Service.GENERIC else f"generic_{name}"


class RatingAsking(Asking, frozen=True, kw_only=True):
    """Whose price it is."""

    subject: Name
    destination: Number
    answer_time: Time = ""
    tenant: MaybeName = ""
    category: MaybeName = ""
    tor: Tor = "voice"

    def service(self, desk: Desk) -> Service:
        return service_of(self.tor)

    def question(self, desk: Desk, used: int | str) -> Quote:
        """What this usage costs. Raises ParameterError."""
        service = service_of(self.tor)
        return Quote(
            tenant=self.tenant,
            category=category_of(self.category, self.tor),
            subject=self.subject,
            service=service,
            called=self.destination,
            usage=usage("usage", used, service),
            at=instant("answer_time", self.answer_time),
            deadline=desk.deadline(),
        )


class RatingCost(RatingAsking, frozen=True, kw_only=True):
    """What this usage would cost."""

    usage: Used

    def command(self, desk: Desk) -> Command:
        return self.question(desk, self.usage)


class EventQuote(RatingCost, frozen=True, kw_only=True):
    """What a one-shot event would cost: one message where nothing else is said."""

    usage: Used = 1
    tor: Tor = "message"


class RatingExplain(RatingAsking, frozen=True, kw_only=True):
    """What this usage would cost, and why."""

    usage: Used

    def command(self, desk: Desk) -> Command:
        return Explain(**asdict(self.question(desk, self.usage)))


class RatingLimit(RatingAsking, frozen=True, kw_only=True):
    """How long this money would last."""

    money: Money
    usage: Used = 0
    max_rate: MaybeRate = ""

    def command(self, desk: Desk) -> Command:
        ceiling = rate_limit(self.max_rate, service_of(self.tor))
        return Limit(**asdict(self.question(desk, self.usage)), money=self.money, ceiling=ceiling)


def rate_limit(text: str, service: Service) -> tuple[int, int] | None:
    """`0.5/60s` (voice), `0.01/1048576` (units) as units of money per unit of usage; None for an empty text.

    Raises ParameterError.
    """
    if not text:
        return None
    form = _RATE.fullmatch(text)
    voice = service is Service.VOICE
    if form is None or bool(form[3]) is not voice:
        raise ParameterError(f"max_rate: {text!r} is not like {'0.5/60s' if voice else '0.5/1'}")
    unit = usage("max_rate", form[2], service)
    if not unit:
        raise ParameterError("max_rate: its unit is more than nothing")
    return steps("max_rate", form[1], _RATE_DECIMALS), 10**_RATE_DECIMALS * unit


class CallRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call to price: its time, number, and usage."""

    time: Time
    destination: Number
    usage: Used
    tor: Tor = "voice"


Records: TypeAlias = Annotated[list[CallRecord], msgspec.Meta(min_length=1, max_length=RECORDS_MAX)]


class RatingCompare(Params, frozen=True, kw_only=True):
    """What calls would cost by two rating plans."""

    a: Name
    b: Name
    records: Records
    subject: Name = "*any"
    tenant: MaybeName = ""
    category: MaybeName = ""

    def run(self, desk: Desk, answer: Answer) -> None:
        commands = [
            self._command(desk, place, one, plan) for place, one in enumerate(self.records) for plan in self._plans
        ]
        _Comparison(desk, commands, answer).ask()

    @property
    def _plans(self) -> tuple[str, str]:
        return self.a, self.b

    def _command(self, desk: Desk, place: int, record: CallRecord, plan: str) -> Command:
        where = f"records[{place}]"
        at = instant(f"{where}.time", record.time)
        if not at:
            raise ParameterError(f"{where}.time: is required")
        service = service_of(record.tor)
        return PlanQuote(
            tenant=self.tenant,
            category=category_of(self.category, record.tor),
            subject=self.subject,
            service=service,
            called=record.destination,
            usage=usage(f"{where}.usage", record.usage, service),
            at=at,
            deadline=desk.deadline(),
            plan=plan,
        )


@dataclass(slots=True)
class _Comparison:
    """Answers once, when each call has its price by both plans. Asked part by part: others have their turn between."""

    desk: Desk
    commands: list[Command]
    answer: Answer
    found: dict[int, Priced | Refused] = field(default_factory=dict)
    asked: int = 0
    missing: int = 0

    def ask(self) -> None:
        """The next part, or the answer."""
        part = self.commands[self.asked : self.asked + PART]
        if not part:
            self.answer(self._whole())
            return
        first, self.asked, self.missing = self.asked, self.asked + len(part), len(part)
        for place, command in enumerate(part, first):
            self.desk.charging.submit(command, partial(self._take, place))

    def _take(self, place: int, outcome: Outcome) -> None:
        """The price at this place: those by A at the even ones."""
        if isinstance(outcome, Priced | Refused):
            self.found[place] = outcome
        self.missing -= 1
        if not self.missing:
            self.ask()

    def _whole(self) -> Json | Refused:
        for one in self.found.values():
            if isinstance(one, Refused) and one.refusal is not Refusal.NO_RATE:
                return one
        units = sorted({one.unit for one in self.found.values() if isinstance(one, Priced)})
        if len(units) > 1:
            return Refused(Refusal.UNIT_MISMATCH, f"prices in {' and '.join(units)}")
        places = sorted(self.found)
        prices = [_price(self.found[place]) for place in places]
        pairs = zip(prices[::2], prices[1::2], strict=True)
        return {"unit": units[0] if units else "", "calls": [{"a": a, "b": b} for a, b in pairs]}


def _price(outcome: Priced | Refused) -> Json | None:
    if isinstance(outcome, Refused):
        return None
    return {"cost": format_amount(outcome.cost, outcome.decimals), "prefix": outcome.prefix}
