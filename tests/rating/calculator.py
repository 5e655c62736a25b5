"""A second calculator, second by second and in fractions, written from the requirement text (cgrates 2.1 to 2.7).

It reads a plan as a tariff folder says it, shares no code with the product, and is as slow as it is plain.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import TypeAlias
from zoneinfo import ZoneInfo

MONEY_DECIMALS = 6
DEPTH = 3


@dataclass(frozen=True)
class When:
    """A timing; an empty tuple restricts nothing. `start` in seconds of the day."""

    years: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    week_days: tuple[int, ...] = ()
    start: int = 0

    def active(self, local: datetime) -> bool:
        clock = local.hour * 3600 + local.minute * 60 + local.second
        fields = (
            (self.years, local.year),
            (self.months, local.month),
            (self.month_days, local.day),
            (self.week_days, local.isoweekday()),
        )
        return clock >= self.start and all(not allowed or value in allowed for allowed, value in fields)


@dataclass(frozen=True)
class Step:
    """A slot: price of `unit` seconds, charged in begun `increment`s, from age `start` on."""

    start: int
    price: Fraction
    unit: int
    increment: int


@dataclass(frozen=True)
class Rate:
    fee: Fraction
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Priced:
    """A row of destination rates. `free_above`: the cap of strategy *free, 0 = none."""

    destination: str
    rate: str
    method: str
    decimals: int
    free_above: Fraction


@dataclass(frozen=True)
class Choice:
    """What a plan row makes of a destination: the price in force at a timing with a weight."""

    when: When
    weight: int
    row: Priced


@dataclass(frozen=True)
class Activation:
    at: datetime
    plan: str
    fallback: tuple[str, ...]


@dataclass(frozen=True)
class Tariff:
    zone: str
    destinations: dict[str, tuple[str, ...]]
    rates: dict[str, Rate]
    plans: dict[str, tuple[Choice, ...]]
    profiles: dict[str, tuple[Activation, ...]]

    def choices(self, plan: str, called: str, at: datetime) -> tuple[Choice, ...]:
        """2.1 3: the longest prefix that has a price at this time; of several destinations that of the heaviest."""
        rows = self.plans[plan] if plan else ()
        local = at.astimezone(ZoneInfo(self.zone))
        for length in range(len(called), -1, -1):
            here = [
                choice
                for choice in rows
                if (
                    called[:length] in self.destinations.get(choice.row.destination, ())
                    if length
                    else choice.row.destination == "*any"
                )
            ]
            now = [choice for choice in here if choice.when.active(local)]
            if now:
                heaviest = max(now, key=lambda choice: (choice.weight, choice.when.start))
                return tuple(choice for choice in here if choice.row.destination == heaviest.row.destination)
        return ()

    def periods(
        self, subject: str, called: str, start: datetime, end: datetime, depth: int = DEPTH
    ) -> list[tuple[datetime, tuple[Choice, ...]]] | None:
        """2.1 1, 2, 4: what prices the call from when on; None where the subject has no profile."""
        activations = self.profiles.get(subject)
        if activations is None:
            return None
        past = [one for one in activations if one.at <= start]
        used = ([past[-1]] if past else [Activation(start, "", ("*any",))]) + [
            one for one in activations if start < one.at <= end
        ]
        found: list[tuple[datetime, tuple[Choice, ...]]] = []
        for place, one in enumerate(used):
            begin = max(one.at, start)
            until = used[place + 1].at - timedelta(microseconds=1) if place + 1 < len(used) else end
            choices = self.choices(one.plan, called, begin)
            filled = None if choices or not depth else self._fallback(one.fallback, called, begin, until, depth - 1)
            found += filled or [(begin, choices)]
        return found

    def _fallback(
        self, subjects: tuple[str, ...], called: str, start: datetime, end: datetime, depth: int
    ) -> list[tuple[datetime, tuple[Choice, ...]]] | None:
        for subject in subjects:
            found = self.periods(subject, called, start, end, depth)
            if found is not None and all(choices for _, choices in found):
                return found
        return None


@dataclass
class _Run:
    """Increments in a row that one slot of one choice charges."""

    choice: Choice
    step: Step
    day: date
    period: int
    count: int


def cost(tariff: Tariff, subject: str, called: str, start: datetime, usage: int, places: int | None) -> int | None:
    """In millionths; None where nothing prices it. `places`: price mode cgrates, at how many decimals."""
    known = subject if subject in tariff.profiles else "*any"
    periods = tariff.periods(known, called, start, start + timedelta(seconds=usage))
    if not periods or not all(choices for _, choices in periods):
        return None
    runs = _runs(tariff, periods, start, usage)
    if not runs:
        return 0
    total = Fraction(0)
    rule = runs[0].choice.row
    charges = [(rule, tariff.rates[rule.rate].fee)]
    for run in runs:
        row = run.choice.row
        if row.decimals > rule.decimals:
            rule = row
        increment = run.step.price * run.step.increment / run.step.unit
        if places is None:
            charges += [(row, increment)] * run.count
        else:
            span = _round("*middle", run.count * increment, places)
            charges += [(row, _round("*middle", span / run.count, places))] * run.count
    for row, charge in charges:
        total = max(total, min(total + charge, row.free_above)) if row.free_above else total + charge
    return int(_round(rule.method, total, min(rule.decimals, MONEY_DECIMALS)) * 10**MONEY_DECIMALS)


Periods: TypeAlias = list[tuple[datetime, tuple[Choice, ...]]]


def _runs(tariff: Tariff, periods: Periods, start: datetime, usage: int) -> list[_Run]:
    zone = ZoneInfo(tariff.zone)
    runs: list[_Run] = []
    paid = 0
    before: Choice | None = None
    for age in range(usage):
        if age < paid:
            continue
        at = start + timedelta(seconds=age)
        local = at.astimezone(zone)
        period, choices = [(n, one) for n, (begin, one) in enumerate(periods) if begin <= at][-1]
        active = [choice for choice in choices if choice.when.active(local)]
        if active:
            before = max(active, key=lambda choice: (choice.weight, choice.when.start))
        elif before not in choices:
            before = max(choices, key=lambda choice: choice.weight)
        assert before is not None
        step = [step for step in tariff.rates[before.row.rate].steps if step.start <= age][-1]
        last = runs[-1] if runs else None
        here = (before, step, local.date(), period)
        if last is not None and (last.choice, last.step, last.day, last.period) == here:
            last.count += 1
        else:
            runs.append(_Run(*here, 1))
        paid = age + step.increment
    return runs


def _round(method: str, amount: Fraction, decimals: int) -> Fraction:
    whole = amount * 10**decimals
    by_method = {"*up": ceil(whole), "*down": floor(whole), "*middle": floor(whole + Fraction(1, 2))}
    return Fraction(by_method[method], 10**decimals)
