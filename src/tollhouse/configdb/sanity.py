"""What CGRateS's loader calls insane and still has a meaning here: told only where the import asks for it.

Pure functions: a finding is a text for people. Source: requirement cgrates 11 and 15 (fn-010, plan_covers_week).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from tollhouse.configdb import tariff_values as values
from tollhouse.configdb.rows import RateRow, TimingRow
from tollhouse.configdb.tariff_reader import Folder, Line, Problem
from tollhouse.values.uses import Timing

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SECOND: Final = 10**9


class SlotFinding(msgspec.Struct, frozen=True, gc=False):
    """What is odd about a slot: which of the rate's rows, and why."""

    row: int
    text: str


def timing_finding(row: TimingRow) -> str:
    """Why a timing that names days of the week and dates is odd; empty where it does not."""
    timing = values.read_timing(row)
    dated = [
        name
        for name, chosen in (("years", timing.years), ("months", timing.months), ("month days", timing.month_days))
        if chosen
    ]
    if timing.week_days and dated:
        return (
            f"names week days and {' and '.join(dated)}: both must hold, so that most of the days that the dates name"
            " are left out; make it two timings"
        )
    return ""


def slot_findings(rows: Sequence[RateRow]) -> list[SlotFinding]:
    """The odd slots of one rate, whose rows are right by themselves, in order of age."""
    order = sorted(range(len(rows)), key=lambda index: values.duration(rows[index].slot_start))
    findings = []
    if order and values.duration(rows[order[0]].slot_start):
        text = "no slot of this rate starts at 0: this one would be charged from the call's start on"
        findings.append(SlotFinding(order[0], text))
    for before, index in pairwise(order):
        length = values.duration(rows[index].slot_start) - values.duration(rows[before].slot_start)
        step = values.duration(rows[before].rate_increment) or _SECOND
        if length % step:
            text = (
                f"begins {length} ns after the slot before, which is charged in steps of {step} ns:"
                " the step in which it begins is charged whole at the earlier price"
            )
            findings.append(SlotFinding(index, text))
    return findings


def uncovered_days(timings: Iterable[Timing]) -> tuple[int, ...]:
    """The days of the week (1 = Monday) on which none of a plan's timings begins at midnight.

    Timings of some years, months or month days only don't count: another week they are not there.
    """
    covered: set[int] = set()
    for timing in timings:
        if not (timing.years or timing.months or timing.month_days or timing.start):
            covered |= set(timing.week_days or range(1, 8))
    return tuple(day for day in range(1, 8) if day not in covered)


def sanity_problems(folder: Folder) -> Iterator[Problem]:
    """Every finding in the folder, at the line that it concerns."""
    for line, timing in folder.timings:
        if timing.time != values.ASAP and (text := timing_finding(timing)):
            yield Problem(line.file, line.number, "WeekDays", text)
    rates: dict[str, list[tuple[Line, RateRow]]] = {}
    for line, rate in folder.rates:
        rates.setdefault(rate.tag, []).append((line, rate))
    for tag in rates.keys() - folder.broken.get("Rates.csv", frozenset()):
        for finding in slot_findings([rate for _, rate in rates[tag]]):
            line = rates[tag][finding.row][0]
            yield Problem(line.file, line.number, "GroupIntervalStart", finding.text)
    yield from _uncovered(folder)


def _uncovered(folder: Folder) -> Iterator[Problem]:
    known = {row.tag: values.read_timing(row) for _, row in folder.timings if row.time != values.ASAP}
    plans: dict[str, tuple[Line, list[Timing]]] = {}
    unclear = set(folder.broken.get("RatingPlans.csv", frozenset()))
    for line, plan in folder.rating_plans:
        timing = Timing() if plan.timing == values.ANY else known.get(plan.timing)
        if timing is None:
            unclear.add(plan.tag)
        else:
            plans.setdefault(plan.tag, (line, []))[1].append(timing)
    for tag in plans.keys() - unclear:
        line, timings = plans[tag]
        if days := uncovered_days(timings):
            names = ", ".join(DAYS[day - 1] for day in days)
            text = f"the plan {tag!r} has no price that begins at 00:00:00 on {names}: calls may find none there"
            yield Problem(line.file, line.number, "TimingTag", text)
