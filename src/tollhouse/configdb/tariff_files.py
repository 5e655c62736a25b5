"""A tariff folder in either CSV layout of CGRateS (v0.10, 0.9.1~rc8), read whole; all that is wrong is told at once."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from tollhouse.configdb import tariff_values as values
from tollhouse.configdb.moments import activation
from tollhouse.configdb.rows import (
    DestinationRateRow,
    DestinationRow,
    RateRow,
    RatingPlanRow,
    RatingProfileRow,
    TimingRow,
)
from tollhouse.configdb.sanity import sanity_problems
from tollhouse.configdb.shared_groups import group_row
from tollhouse.configdb.tariff_checks import check_folder
from tollhouse.configdb.tariff_money import MoneyRows
from tollhouse.configdb.tariff_reader import (
    COLUMNS,
    Folder,
    Line,
    Problem,
    Progress,
    Reader,
    inverted,
    one_of,
    untold,
    weight,
)
from tollhouse.values.commands import Service
from tollhouse.values.instants import Instant, format_instant

_SERVICES: Final = frozenset(service.value for service in Service)


def read_folder(
    path: Path,
    now: Instant | None = None,
    *,
    manual_weights: bool = False,
    sanity: bool = False,
    progress: Progress = untold,
) -> Folder:
    """The folder's rows, and all that is wrong with each by itself or with how they fit together.

    Relative times count from `now`. `manual_weights`: the lowest wins. `sanity`: what CGRateS's loader calls
    insane is a problem too. `progress`: told how far it is.
    """
    from_files = Reader(path, now, progress)
    if not path.is_dir():
        return _no_folder(path, "is no folder")
    names = sorted(item.name for item in path.iterdir() if item.is_file())
    if not COLUMNS.keys() & set(names):
        return _no_folder(path, f"holds none of {', '.join(COLUMNS)}")
    if not (1 <= len(from_files.plan) <= 64 and from_files.plan.isprintable()):
        return _no_folder(path, "the folder's name, which names the import, is to have 1 to 64 printable characters")
    rows = _TariffRows(from_files)
    money = MoneyRows(from_files)
    folder = Folder(
        plan=from_files.plan,
        destinations=from_files.destinations("Destinations.csv", rows.destination),
        timings=from_files.rows("Timings.csv", rows.timing),
        rates=_fees_in_first_slot(from_files.rows("Rates.csv", rows.rate)),
        destination_rates=from_files.rows("DestinationRates.csv", rows.destination_rate),
        rating_plans=from_files.rows("RatingPlans.csv", rows.rating_plan),
        rating_profiles=from_files.rows("RatingProfiles.csv", rows.rating_profile),
        actions=from_files.rows("Actions.csv", money.action),
        action_plans=from_files.rows("ActionPlans.csv", money.action_plan),
        account_actions=from_files.rows("AccountActions.csv", money.account_action),
        shared_groups=from_files.rows("SharedGroups.csv", partial(group_row, from_files)),
        not_loaded=tuple([name for name in names if name not in COLUMNS]),
        notes=tuple(from_files.notes),
        broken={file: frozenset(tags) for file, tags in from_files.broken.items()},
        unread=frozenset(from_files.unread),
    )
    if manual_weights:
        folder = msgspec.structs.replace(
            folder,
            rating_plans=inverted(folder.rating_plans),
            actions=inverted(folder.actions),
            action_plans=inverted(folder.action_plans),
        )
    rows_in_all = _count(folder)
    progress("checking", 0, rows_in_all)
    problems = [*from_files.problems, *check_folder(folder)]
    if sanity:
        problems += sanity_problems(folder)
    progress("checking", rows_in_all, rows_in_all)
    return msgspec.structs.replace(folder, problems=tuple(problems))


def _count(folder: Folder) -> int:
    """The rows of all files."""
    return sum(len(rows) for rows in msgspec.structs.astuple(folder) if isinstance(rows, list))


def _no_folder(path: Path, text: str) -> Folder:
    """A folder of which nothing can be read."""
    problem = Problem(str(path), 0, "", text)
    return Folder(path.resolve().name, [], [], [], [], [], [], [], [], [], problems=(problem,))


def _fees_in_first_slot(rows: list[tuple[Line, RateRow]]) -> list[tuple[Line, RateRow]]:
    """CGRateS charges the fee of a rate's first row in the file and no other: it lands on the earliest slot."""
    fees: dict[str, str] = {}
    first: dict[str, int] = {}
    for _, row in rows:
        fees.setdefault(row.tag, row.connect_fee)
        start = values.duration(row.slot_start)
        first[row.tag] = min(start, first.setdefault(row.tag, start))
    return [
        (line, msgspec.structs.replace(row, connect_fee=fees[row.tag] if starts_first else "0"))
        for line, row in rows
        for starts_first in [values.duration(row.slot_start) == first[row.tag]]
    ]


class _TariffRows:
    """The files about prices, line by line."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._roundings: dict[tuple[str, ...], tuple[str, int, str, str]] = {}
        """What was read of the four cells already: a million lines have few of them."""

    def destination(self, line: Line) -> DestinationRow:
        reader = self._reader
        return DestinationRow(reader.plan, reader.text(line, "Tag"), reader.cell(line, "Prefix", values.prefix, ""))

    def timing(self, line: Line) -> TimingRow:
        reader = self._reader
        nothing: tuple[int, ...] = ()
        for column, low, high in (("Years", 1970, 9999), ("Months", 1, 12), ("MonthDays", 1, 31)):
            reader.cell(line, column, partial(values.choices, low=low, high=high), nothing)
        reader.cell(line, "WeekDays", values.week_days, nothing)
        if line.cells["Time"] != values.ASAP:
            reader.cell(line, "Time", values.clock, 0)
        cells = [line.cells[column] for column in ("Years", "Months", "MonthDays", "WeekDays", "Time")]
        return TimingRow(reader.plan, reader.text(line, "Tag"), *cells)

    def rate(self, line: Line) -> RateRow:
        reader = self._reader
        for column in ("RateUnit", "RateIncrement", "GroupIntervalStart"):
            reader.cell(line, column, values.duration, 0)
        return RateRow(
            plan=reader.plan,
            tag=reader.text(line, "Tag"),
            connect_fee=reader.cell(line, "ConnectFee", _zero_if_empty, ""),
            rate=reader.cell(line, "Rate", values.canonical, ""),
            rate_unit=line.cells["RateUnit"],
            rate_increment=line.cells["RateIncrement"],
            slot_start=line.cells["GroupIntervalStart"],
        )

    def destination_rate(self, line: Line) -> DestinationRateRow:
        reader = self._reader
        (tag, destination, rate), how = line.cells.texts[:3], line.cells.texts[3:]
        if not (0 < len(tag) <= 32 and 0 < len(destination) <= 32 and 0 < len(rate) <= 32):  # else plainly right
            for column in ("Tag", "DestinationsTag", "RatesTag"):
                reader.text(line, column)
        if how not in self._roundings:
            before = len(reader.problems)
            read = (
                reader.cell(line, "RoundingMethod", lambda text: one_of(text, tuple(values.ROUNDINGS)), ""),
                reader.cell(line, "RoundingDecimals", _decimals, 0),
                reader.cell(line, "MaxCost", _max_cost, ""),
                reader.cell(line, "MaxCostStrategy", lambda text: one_of(text, values.STRATEGIES), ""),
            )
            if len(reader.problems) > before:
                return DestinationRateRow(reader.plan, tag, destination, rate, *read)
            self._roundings[how] = read
        return DestinationRateRow(reader.plan, tag, destination, rate, *self._roundings[how])

    def rating_plan(self, line: Line) -> RatingPlanRow:
        reader = self._reader
        tag, rates, timing = (reader.text(line, column) for column in ("Tag", "DestRatesTag", "TimingTag"))
        if tag.rpartition(":")[2] in _SERVICES and ":" in tag:
            reader.problem(line, "Tag", f"{tag!r} ends like the name of a plan for another service")
        return RatingPlanRow(reader.plan, tag, rates, timing, reader.cell(line, "Weight", weight, ""))

    def rating_profile(self, line: Line) -> RatingProfileRow:
        reader = self._reader
        begin = reader.cell(line, "ActivationTime", partial(activation, now=reader.now), 0)
        if line.cells.get("Direction", "*out") not in ("", "*out"):
            reader.problem(line, "Direction", f"{line.cells['Direction']!r}: only *out is supported, or nothing")
        if queues := line.cells.get("CdrStatQueueIds"):
            text = f"the statistics queues {queues} are not loaded yet"
            reader.notes.append(Problem(line.file, line.number, "CdrStatQueueIds", text))
        return RatingProfileRow(
            plan=reader.plan,
            tenant=reader.text(line, "Tenant", 64),
            category=reader.text(line, "Category", 64),
            subject=reader.text(line, "Subject"),
            activation=format_instant(begin),
            rating_plan=reader.text(line, "RatingPlanTag"),
            fallback=";".join(reader.cell(line, "FallbackSubjects", values.subjects, ())),
        )


def _zero_if_empty(text: str) -> str:
    return values.canonical(text or "0")


def _decimals(text: str) -> int:
    """Money has at most 12 decimals: more mean 12."""
    if not (text.isascii() and text.isdigit() and int(text[:4]) <= 20 and len(text) <= 4):
        raise ValueError(f"{text!r} is no whole number from 0 to 20")
    return min(int(text), 12)


def _max_cost(text: str) -> str:
    values.scaled(text or "0", 9)
    return values.canonical(text or "0")
