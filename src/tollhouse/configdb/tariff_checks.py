"""Whether the rows of a tariff folder fit together: what they refer to is there, and no two contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tollhouse.configdb import tariff_values as values
from tollhouse.configdb.rows import RateRow
from tollhouse.configdb.tariff_overlaps import overlaps
from tollhouse.configdb.tariff_reader import Folder, Line, Problem
from tollhouse.snapshot.categories import service_of
from tollhouse.values.commands import Service

_SLOT_COLUMNS = {
    "connect_fee": "ConnectFee",
    "rate": "Rate",
    "rate_unit": "RateUnit",
    "rate_increment": "RateIncrement",
    "slot_start": "GroupIntervalStart",
}


def check_folder(folder: Folder) -> list[Problem]:
    """All that does not fit, among the rows that are right by themselves."""
    problems = [*_all_duplicates(folder), *_references(folder), *_action_times(folder), *_slots(folder)]
    return problems + overlaps(folder)


def _all_duplicates(folder: Folder) -> Iterator[Problem]:
    timings = ((line, row.tag) for line, row in folder.timings)
    yield from _duplicates(timings, "Tag", "this timing is already in line {}")
    priced = ((line, (row.tag, row.destination, row.rate)) for line, row in folder.destination_rates)
    yield from _duplicates(priced, "DestinationsTag", "this destination is at this rate already in line {}")
    profiles = (
        (line, (row.tenant, row.category, row.subject, values.moment(row.activation)))
        for line, row in folder.rating_profiles
    )
    yield from _duplicates(profiles, "ActivationTime", "this profile has an activation at this time already in line {}")
    yield from _duplicates(folder.actions, "Tag", "this action is already in line {}: give the sum at once")
    steps = ((line, (row.tag, row.actions)) for line, row in folder.action_plans)
    yield from _duplicates(steps, "ActionsTag", "this action plan has these actions already in line {}")
    accounts = ((line, (row.tenant, row.account)) for line, row in folder.account_actions)
    yield from _duplicates(accounts, "Account", "this account is already in line {}: name all its plans there")


def _duplicates(rows: Iterable[tuple[Line, object]], column: str, text: str) -> Iterator[Problem]:
    seen: dict[object, int] = {}
    for line, key in rows:
        first = seen.setdefault(key, line.number)
        if first != line.number:
            yield Problem(line.file, line.number, column, text.format(first))


def _references(folder: Folder) -> Iterator[Problem]:
    """Tags that no line of the file has which defines them; where a line is wrong, its tag is there all the same."""
    timings = {row.tag for _, row in folder.timings if row.time != values.ASAP}
    for rows, column, tags, file, what in (
        (
            folder.destination_rates,
            "DestinationsTag",
            {row.tag for row in folder.destinations},
            "Destinations.csv",
            "destination",
        ),
        (folder.destination_rates, "RatesTag", _tags(folder.rates), "Rates.csv", "rate"),
        (folder.rating_plans, "DestRatesTag", _tags(folder.destination_rates), "DestinationRates.csv", "priced tag"),
        (folder.rating_plans, "TimingTag", timings, "Timings.csv", "timing of rates"),
        (folder.rating_profiles, "RatingPlanTag", _tags(folder.rating_plans), "RatingPlans.csv", "rating plan"),
        (folder.action_plans, "ActionsTag", _tags(folder.actions), "Actions.csv", "action"),
        (folder.account_actions, "ActionPlanTags", _tags(folder.action_plans), "ActionPlans.csv", "action plan"),
    ):
        if file in folder.unread:
            continue
        known = tags | folder.broken.get(file, frozenset())
        if column in ("DestinationsTag", "TimingTag"):
            known |= {values.ANY}
        for line, _ in rows:
            yield from _unknown(line, column, known, f"there is no {what}", file)


def _unknown(line: Line, column: str, known: set[str], missing: str, file: str) -> Iterator[Problem]:
    cell = line.cells[column]
    names = (cell.split(";") if cell else []) if column == "ActionPlanTags" else [cell]
    for name in dict.fromkeys(names):
        if name not in known:
            yield Problem(line.file, line.number, column, f"{missing} {name!r} in {file}")
        if names.count(name) > 1:
            yield Problem(line.file, line.number, column, f"{name!r} is named twice")


def _action_times(folder: Folder) -> Iterator[Problem]:
    """Action plans are done as soon as possible: by `*asap` itself, or by a timing whose time it is."""
    timings = {row.tag: row.time for _, row in folder.timings}
    broken = folder.broken.get("Timings.csv", frozenset())
    for line, _ in folder.action_plans:
        name = line.cells["TimingTag"]
        if name == values.ASAP or timings.get(name) == values.ASAP or name in broken:
            continue
        if name in timings or name.startswith("*"):
            yield Problem(line.file, line.number, "TimingTag", f"{name!r}: only *asap is supported yet")
        elif "Timings.csv" not in folder.unread:
            yield Problem(line.file, line.number, "TimingTag", f"there is no timing {name!r} in Timings.csv")


def _tags(rows: Iterable[tuple[Line, object]]) -> set[str]:
    return {line.cells["Tag"] for line, _ in rows}


def _slots(folder: Folder) -> Iterator[Problem]:
    """Each whole rate's slots, read for each service whose profiles lead to it; for any service where none does."""
    services = _services(folder)
    slots: dict[str, list[tuple[Line, RateRow]]] = {}
    for line, row in folder.rates:
        slots.setdefault(row.tag, []).append((line, row))
    for tag in slots.keys() - folder.broken.get("Rates.csv", frozenset()):
        rows = [row for _, row in slots[tag]]
        used = sorted(services.get(tag, ()))
        found = {service: values.slot_faults(rows, service) for service in used or (Service.VOICE, Service.MESSAGE)}
        if not used and not all(found.values()):
            continue
        for service in used or (Service.VOICE,):
            for fault in found[service]:
                line = slots[tag][fault.row][0]
                yield Problem(line.file, line.number, _SLOT_COLUMNS[fault.field], f"{fault.text} (as {service})")


def _services(folder: Folder) -> dict[str, set[Service]]:
    """What each rate is used for, by way of destination rates, rating plans and profiles."""
    of_plan: dict[str, set[Service]] = {}
    for _, profile in folder.rating_profiles:
        of_plan.setdefault(profile.rating_plan, set()).add(service_of(profile.category))
    of_priced: dict[str, set[Service]] = {}
    for _, plan in folder.rating_plans:
        of_priced.setdefault(plan.destination_rate, set()).update(of_plan.get(plan.tag, ()))
    of_rate: dict[str, set[Service]] = {}
    for _, priced in folder.destination_rates:
        of_rate.setdefault(priced.rate, set()).update(of_priced.get(priced.tag, ()))
    return of_rate
