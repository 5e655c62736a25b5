"""Prices between which nothing decides: same plan, destination, weight and start of day, at times that meet.

CGRateS lets the line that comes first win (requirement 2.2); a price that hangs on the order of lines is refused here.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tollhouse.configdb import tariff_values as values
from tollhouse.configdb.rows import DestinationRateRow, TimingRow
from tollhouse.configdb.tariff_reader import Folder, Line, Problem
from tollhouse.values.uses import Timing


class _Use(msgspec.Struct, frozen=True, gc=False):
    """A destination's price at a timing of a rating plan."""

    plan_line: Line
    line: Line
    row: DestinationRateRow
    timing: Timing


def overlaps(folder: Folder) -> list[Problem]:
    """One problem for each pair of lines, at the later one; the first destination that it concerns is named."""
    found: dict[tuple[str, int, int], Problem] = {}
    groups: dict[tuple[str, str, str, int], list[_Use]] = {}
    for tag, weight, use in _uses(folder):
        group = groups.setdefault((tag, weight, use.row.destination, use.timing.start), [])
        for other in group:
            if not _same_price(use.row, other.row) and meet(use.timing, other.timing):
                problem, first = _problem(use, other)
                found.setdefault((problem.file, problem.line, first), problem)
                break
        group.append(use)
    return list(found.values())


def meet(one: Timing, other: Timing) -> bool:
    """Whether there is a day on which both may begin; an empty list is every day."""
    pairs = (
        (one.years, other.years),
        (one.months, other.months),
        (one.month_days, other.month_days),
        (one.week_days, other.week_days),
    )
    return all(not mine or not its or set(mine) & set(its) for mine, its in pairs)


def _uses(folder: Folder) -> Iterator[tuple[str, str, _Use]]:
    timings = {row.tag: values.read_timing(row) for row in _timed(folder)}
    priced: dict[str, list[tuple[Line, DestinationRateRow]]] = {}
    for line, row in folder.destination_rates:
        priced.setdefault(row.tag, []).append((line, row))
    for plan_line, plan in folder.rating_plans:
        timing = Timing() if plan.timing == values.ANY else timings.get(plan.timing)
        if timing is not None:
            for line, row in priced.get(plan.destination_rate, ()):
                yield plan.tag, plan.weight, _Use(plan_line, line, row, timing)


def _timed(folder: Folder) -> Iterator[TimingRow]:
    return (row for _, row in folder.timings if row.time != values.ASAP)


def _same_price(one: DestinationRateRow, other: DestinationRateRow) -> bool:
    """Whether it makes no difference which of the two is taken (CGRateS merges such)."""
    return (one.rate, one.rounding, one.decimals, one.max_cost, one.max_cost_strategy) == (
        *(other.rate, other.rounding, other.decimals, other.max_cost, other.max_cost_strategy),
    )


def _problem(use: _Use, other: _Use) -> tuple[Problem, int]:
    """The problem, and the line that it is with."""
    where = f"for {use.row.destination}"
    if use.plan_line is other.plan_line:
        text = f"another price {where} at the same times is in line {other.line.number}"
        return Problem(use.line.file, use.line.number, "DestinationsTag", text), other.line.number
    first = other.plan_line.number
    text = f"{where} line {first} has another price at times that meet these, with the same weight and start"
    return Problem(use.plan_line.file, use.plan_line.number, "TimingTag", text), first
