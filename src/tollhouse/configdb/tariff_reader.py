"""How a tariff folder is read: its files, lines and cells, and where in them something is wrong."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

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

COLUMNS: Final = {
    "Destinations.csv": "Tag,Prefix",
    "Timings.csv": "Tag,Years,Months,MonthDays,WeekDays,Time",
    "Rates.csv": "Tag,ConnectFee,Rate,RateUnit,RateIncrement,GroupIntervalStart",
    "DestinationRates.csv": "Tag,DestinationsTag,RatesTag,RoundingMethod,RoundingDecimals,MaxCost,MaxCostStrategy",
    "RatingPlans.csv": "Tag,DestRatesTag,TimingTag,Weight",
    "RatingProfiles.csv": "Tenant,Category,Subject,ActivationTime,RatingPlanTag,FallbackSubjects",
    "Actions.csv": "Tag,Action,ExtraParameters,Filter,BalanceTag,BalanceType,Categories,DestinationTags,RatingSubject,"
    "SharedGroups,ExpiryTime,TimingTags,Units,BalanceWeight,BalanceBlocker,BalanceDisabled,Weight",
    "ActionPlans.csv": "Tag,ActionsTag,TimingTag,Weight",
    "AccountActions.csv": "Tenant,Account,ActionPlanTags,ActionTriggersTag,AllowNegative,Disabled",
}
"""What is loaded, with the columns' names."""

T = TypeVar("T")
R = TypeVar("R")


class Problem(msgspec.Struct, frozen=True, gc=False):
    """What is wrong, and where: line 0 is the file as a whole, an empty column the whole line."""

    file: str
    line: int
    column: str
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.column}: {self.text}" if self.column else f"{place}: {self.text}"


class Line(msgspec.Struct, frozen=True, gc=False):
    """One row of a file: the cells by their columns' names."""

    file: str
    number: int
    cells: dict[str, str]


class ActionRow(msgspec.Struct, frozen=True, gc=False):
    """Money to a wallet; `amount` and `weight` canonical decimals, `expiry` microseconds since 1970 (0 = never)."""

    tag: str
    action: str
    balance: str
    amount: str
    expiry: int
    balance_weight: int
    weight: str


class ActionPlanRow(msgspec.Struct, frozen=True, gc=False):
    """Actions that are done as soon as possible."""

    tag: str
    actions: str
    weight: str


class AccountActionRow(msgspec.Struct, frozen=True, gc=False):
    """A wallet that action plans apply to."""

    tenant: str
    account: str
    plans: tuple[str, ...]


class Folder(msgspec.Struct, frozen=True):
    """A folder's rows, each with the line that it came from."""

    plan: str
    destinations: list[tuple[Line, DestinationRow]]
    timings: list[tuple[Line, TimingRow]]
    rates: list[tuple[Line, RateRow]]
    destination_rates: list[tuple[Line, DestinationRateRow]]
    rating_plans: list[tuple[Line, RatingPlanRow]]
    rating_profiles: list[tuple[Line, RatingProfileRow]]
    actions: list[tuple[Line, ActionRow]]
    action_plans: list[tuple[Line, ActionPlanRow]]
    account_actions: list[tuple[Line, AccountActionRow]]
    not_loaded: tuple[str, ...]
    notes: tuple[Problem, ...]
    """What is left out though the folder loads."""


class Reader:
    """Reads the cells of one folder; what is wrong goes onto `problems`, what is left out onto `notes`."""

    def __init__(self, path: Path) -> None:
        self.plan = path.resolve().name
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []
        self._path = path

    def rows(self, file: str, parse: Callable[[Line], R | None]) -> list[tuple[Line, R]]:
        """The parsed rows of a file; a missing file has none."""
        found = []
        for line in self._lines(file):
            before = len(self.problems)
            row = parse(line)
            if row is not None and len(self.problems) == before:
                found.append((line, row))
        return found

    def cell(self, line: Line, column: str, function: Callable[[str], T], otherwise: T) -> T:
        """The cell through the function; where that raises ValueError, a problem, and `otherwise`."""
        try:
            return function(line.cells[column])
        except ValueError as trouble:
            self.problem(line, column, str(trouble))
            return otherwise

    def text(self, line: Line, column: str, longest: int = 128) -> str:
        """A cell that must hold something."""
        cell = line.cells[column]
        if not cell:
            self.problem(line, column, "is empty")
        elif len(cell.encode("utf-8", "replace")) > longest or not cell.isprintable():
            self.problem(line, column, f"is longer than {longest} octets, or not printable")
        return cell

    def problem(self, line: Line, column: str, text: str) -> None:
        self.problems.append(Problem(line.file, line.number, column, text))

    def _lines(self, file: str) -> Iterator[Line]:
        path = self._path / file
        names = COLUMNS[file].split(",")
        if not path.exists():
            return
        try:
            with path.open(encoding="utf-8-sig", newline="") as text:
                reader = csv.reader(text, strict=True)
                for raw in reader:
                    cells = [cell.strip() for cell in raw]
                    if not any(cells) or cells[0].startswith("#"):
                        continue
                    if len(cells) == len(names):
                        yield Line(file, reader.line_num, dict(zip(names, cells, strict=True)))
                    else:
                        wrong = f"{len(cells)} columns, {len(names)} are expected: {','.join(names)}"
                        self.problems.append(Problem(file, reader.line_num, "", wrong))
        except (OSError, UnicodeDecodeError, csv.Error) as trouble:
            self.problems.append(Problem(file, 0, "", f"can't be read: {trouble}"))


def one_of(text: str, allowed: tuple[str, ...]) -> str:
    """The text, which is one of these; ValueError."""
    if text not in allowed:
        raise ValueError(f"{text!r} is not one of {', '.join(name or 'nothing' for name in allowed)}")
    return text


def weight(text: str) -> str:
    """A weight, zero where there is none, of at most six decimals."""
    values.scaled(text or "0", 6)
    return values.canonical(text or "0")
