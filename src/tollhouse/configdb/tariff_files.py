"""A tariff folder in CGRateS's CSV layout (v0.10), read whole and checked: everything wrong is told at once."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import msgspec

from tollhouse.configdb import tariff_values as values
from tollhouse.configdb.rows import (
    DestinationRateRow,
    DestinationRow,
    RateRow,
    RatingPlanRow,
    RatingProfileRow,
    TimingRow,
)
from tollhouse.configdb.tariff_checks import check_folder
from tollhouse.configdb.tariff_money import MoneyRows
from tollhouse.configdb.tariff_reader import COLUMNS, Folder, Line, Problem, Reader, one_of, weight
from tollhouse.values.instants import format_instant


def read_folder(path: Path) -> Folder:
    """The folder's rows, and all that is wrong with each by itself or with how they fit together."""
    from_files = Reader(path)
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
        destinations=from_files.rows("Destinations.csv", rows.destination),
        timings=from_files.rows("Timings.csv", rows.timing),
        rates=_fees_in_first_slot(from_files.rows("Rates.csv", rows.rate)),
        destination_rates=from_files.rows("DestinationRates.csv", rows.destination_rate),
        rating_plans=from_files.rows("RatingPlans.csv", rows.rating_plan),
        rating_profiles=from_files.rows("RatingProfiles.csv", rows.rating_profile),
        actions=from_files.rows("Actions.csv", money.action),
        action_plans=from_files.rows("ActionPlans.csv", money.action_plan),
        account_actions=from_files.rows("AccountActions.csv", money.account_action),
        not_loaded=tuple([name for name in names if name not in COLUMNS]),
        notes=tuple(from_files.notes),
        broken={file: frozenset(tags) for file, tags in from_files.broken.items()},
        unread=frozenset(from_files.unread),
    )
    return msgspec.structs.replace(folder, problems=(*from_files.problems, *check_folder(folder)))


def _no_folder(path: Path, text: str) -> Folder:
    """A folder of which nothing can be read."""
    problem = Problem(str(path), 0, "", text)
    return Folder(path.resolve().name, [], [], [], [], [], [], [], [], [], problems=(problem,))


def _fees_in_first_slot(rows: list[tuple[Line, RateRow]]) -> list[tuple[Line, RateRow]]:
    """CGRateS charges the connect fee of a rate's first row in the file, wherever that row's slot starts; no other."""
    fees: dict[str, str] = {}
    for _, row in rows:
        fees.setdefault(row.tag, row.connect_fee)
    return [
        (line, msgspec.structs.replace(row, connect_fee="0" if values.duration(row.slot_start) else fees[row.tag]))
        for line, row in rows
    ]


class _TariffRows:
    """The files about prices, line by line."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

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
        rounding = reader.cell(line, "RoundingMethod", lambda text: one_of(text, tuple(values.ROUNDINGS)), "")
        return DestinationRateRow(
            plan=reader.plan,
            tag=reader.text(line, "Tag"),
            destination=reader.text(line, "DestinationsTag"),
            rate=reader.text(line, "RatesTag"),
            rounding=rounding,
            decimals=reader.cell(line, "RoundingDecimals", _decimals, 0),
            max_cost=reader.cell(line, "MaxCost", _max_cost, ""),
            max_cost_strategy=reader.cell(line, "MaxCostStrategy", lambda text: one_of(text, values.STRATEGIES), ""),
        )

    def rating_plan(self, line: Line) -> RatingPlanRow:
        reader = self._reader
        tag, rates, timing = (reader.text(line, column) for column in ("Tag", "DestRatesTag", "TimingTag"))
        return RatingPlanRow(reader.plan, tag, rates, timing, reader.cell(line, "Weight", weight, ""))

    def rating_profile(self, line: Line) -> RatingProfileRow:
        reader = self._reader
        activation = reader.cell(line, "ActivationTime", values.moment, 0)
        return RatingProfileRow(
            plan=reader.plan,
            tenant=reader.text(line, "Tenant", 64),
            category=reader.text(line, "Category", 64),
            subject=reader.text(line, "Subject"),
            activation=format_instant(activation),
            rating_plan=reader.text(line, "RatingPlanTag"),
            fallback=line.cells["FallbackSubjects"],
        )


def _zero_if_empty(text: str) -> str:
    return values.canonical(text or "0")


def _decimals(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:4]) <= 12 and len(text) <= 4):
        raise ValueError(f"{text!r} is no whole number from 0 to 12")
    return int(text)


def _max_cost(text: str) -> str:
    values.scaled(text or "0", 9)
    return values.canonical(text or "0")
