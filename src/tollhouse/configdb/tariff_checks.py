"""Whether the rows of a tariff folder fit together: what they refer to is there, and no two contradict each other."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypeVar

from tollhouse.configdb import tariff_values as values
from tollhouse.configdb.rows import RateRow
from tollhouse.configdb.tariff_reader import Folder, Line, Problem
from tollhouse.snapshot.categories import service_of
from tollhouse.values.commands import Service

R = TypeVar("R")


def check_folder(folder: Folder) -> list[Problem]:
    """All that does not fit."""
    problems: list[Problem] = []
    problems += _duplicates(((line, row.tag) for line, row in folder.timings), "Tag", "this timing is here already")
    problems += _duplicates(
        ((line, (row.tag, values.duration(row.slot_start))) for line, row in folder.rates),
        "GroupIntervalStart",
        "this rate has a slot with this start already",
    )
    problems += _duplicates(
        ((line, (row.tag, row.destination, row.rate)) for line, row in folder.destination_rates),
        "DestinationsTag",
        "this destination is here already at this rate",
    )
    problems += _duplicates(
        (
            (line, (row.tenant, row.category, row.subject, values.moment(row.activation)))
            for line, row in folder.rating_profiles
        ),
        "ActivationTime",
        "this profile has an activation at this time already",
    )
    problems += _references(folder)
    return problems + _rates_by_service(folder)


def _duplicates(rows: Iterable[tuple[Line, object]], column: str, text: str) -> list[Problem]:
    seen: set[object] = set()
    problems = []
    for line, key in rows:
        if key in seen:
            problems.append(Problem(line.file, line.number, column, text))
        seen.add(key)
    return problems


def _references(folder: Folder) -> list[Problem]:
    destinations = {row.tag for _, row in folder.destinations} | {values.ANY}
    timings = {row.tag: row.time for _, row in folder.timings}
    priced = {row.tag for _, row in folder.destination_rates}
    plans = {row.tag for _, row in folder.rating_plans}
    rating = {tag for tag, time in timings.items() if time != values.ASAP} | {values.ANY}
    asap = {tag for tag, time in timings.items() if time == values.ASAP} | {values.ASAP}
    action_plans = {row.tag for _, row in folder.action_plans}
    found = [
        *(_unknown(line, "DestinationsTag", destinations, "destination") for line, _ in folder.destination_rates),
        *(_unknown(line, "RatesTag", _tags(folder.rates), "rate") for line, _ in folder.destination_rates),
        *(_unknown(line, "DestRatesTag", priced, "destination rate") for line, _ in folder.rating_plans),
        *(_unknown(line, "TimingTag", rating, "timing of rates") for line, _ in folder.rating_plans),
        *(_unknown(line, "RatingPlanTag", plans, "rating plan") for line, _ in folder.rating_profiles),
        *(
            _unknown(line, "ActionsTag", {row.tag for _, row in folder.actions}, "actions")
            for line, _ in folder.action_plans
        ),
        *(
            None
            if line.cells["TimingTag"] in asap
            else Problem(line.file, line.number, "TimingTag", "only *asap is supported yet")
            for line, _ in folder.action_plans
        ),
        *(
            Problem(line.file, line.number, "ActionPlanTags", f"there is no action plan {name!r}")
            for line, row in folder.account_actions
            for name in row.plans
            if name not in action_plans
        ),
    ]
    return [problem for problem in found if problem is not None]


def _tags(rows: list[tuple[Line, RateRow]]) -> set[str]:
    return {row.tag for _, row in rows}


def _unknown(line: Line, column: str, known: Collection[str], what: str) -> Problem | None:
    name = line.cells[column]
    return None if name in known else Problem(line.file, line.number, column, f"there is no {what} {name!r}")


def _rates_by_service(folder: Folder) -> list[Problem]:
    """Each rate's slots, read for each service whose profiles lead to it."""
    services: dict[str, set[Service]] = {}
    for _, profile in folder.rating_profiles:
        services.setdefault(profile.rating_plan, set()).add(service_of(profile.category))
    of_priced: dict[str, set[Service]] = {}
    for _, plan in folder.rating_plans:
        of_priced.setdefault(plan.destination_rate, set()).update(services.get(plan.tag, ()))
    of_rate: dict[str, set[Service]] = {}
    for _, priced in folder.destination_rates:
        of_rate.setdefault(priced.rate, set()).update(of_priced.get(priced.tag, ()))
    slots: dict[str, list[tuple[Line, RateRow]]] = {}
    for line, row in folder.rates:
        slots.setdefault(row.tag, []).append((line, row))
    problems = []
    for tag, lines in slots.items():
        for service in sorted(of_rate.get(tag, ()) or {Service.MESSAGE}):
            try:
                values.read_slots([row for _, row in lines], service)
            except ValueError as trouble:
                first = lines[0][0]
                use = f" (used for {service})" if of_rate.get(tag) else ""
                problems.append(Problem(first.file, first.number, "", f"rate {tag}: {trouble}{use}"))
    return problems
