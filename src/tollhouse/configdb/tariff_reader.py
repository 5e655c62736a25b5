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
    not_loaded: tuple[str, ...] = ()
    notes: tuple[Problem, ...] = ()
    """What is left out though the folder loads."""
    problems: tuple[Problem, ...] = ()
    """What keeps it from loading. The rows above are then those that are right by themselves."""
    broken: dict[str, frozenset[str]] = {}
    """By file, the tags of lines that are wrong: they are there, so that to name one is no mistake."""
    unread: frozenset[str] = frozenset()
    """Files of which not every line could be made out."""


class Reader:
    """Reads the cells of one folder; what is wrong goes onto `problems`, what is left out onto `notes`."""

    def __init__(self, path: Path) -> None:
        self.plan = path.resolve().name
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []
        self.broken: dict[str, set[str]] = {}
        self.unread: set[str] = set()
        self._path = path

    def rows(self, file: str, parse: Callable[[Line], R | None]) -> list[tuple[Line, R]]:
        """The parsed rows of a file; a missing file has none."""
        found = []
        for line in self._lines(file):
            before = len(self.problems)
            row = parse(line)
            if row is None or len(self.problems) > before:
                self._breaks(file, next(iter(line.cells.values())))
            else:
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
        elif len(cell.encode()) > longest:
            self.problem(line, column, f"is longer than {longest} octets")
        return cell

    def problem(self, line: Line, column: str, text: str) -> None:
        self.problems.append(Problem(line.file, line.number, column, text))

    def _breaks(self, file: str, tag: str) -> None:
        self.broken.setdefault(file, set()).add(tag)

    def _lines(self, file: str) -> Iterator[Line]:
        """The file's lines. Octets that are no UTF-8 come as lone surrogates, which `_line` finds in their cell."""
        path = self._path / file
        if not path.exists():
            return
        number = 1
        try:
            with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
                reader = csv.reader(text, strict=True)
                for raw in reader:
                    cells = [cell.strip() for cell in raw]
                    if any(cells) and not cells[0].startswith("#"):
                        line = self._line(file, number, cells)
                        if line is not None:
                            yield line
                    number = reader.line_num + 1
        except OSError as trouble:
            self.unread.add(file)
            self.problems.append(Problem(file, 0, "", f"can't be read: {trouble.strerror}"))
        except csv.Error as trouble:
            self.unread.add(file)
            self.problems.append(Problem(file, number, "", f"is no CSV from here on: {trouble}"))

    def _line(self, file: str, number: int, cells: list[str]) -> Line | None:
        """The line, where it has as many cells as it should, all printable."""
        names = COLUMNS[file].split(",")
        if len(cells) != len(names):
            column = names[len(cells)] if len(cells) < len(names) else f"column {len(names) + 1}"
            wrong = f"{len(cells)} columns, {len(names)} are expected: {','.join(names)}"
            self.problems.append(Problem(file, number, column, wrong))
            self._breaks(file, cells[0])
            return None
        odd = [name for name, cell in zip(names, cells, strict=True) if not cell.isprintable()]
        for name in odd:
            self.problems.append(Problem(file, number, name, "holds what is not printable, or not UTF-8"))
        if odd:
            self._breaks(file, cells[0])
            return None
        return Line(file, number, dict(zip(names, cells, strict=True)))


def one_of(text: str, allowed: tuple[str, ...]) -> str:
    """The text, which is one of these; ValueError."""
    if text not in allowed:
        raise ValueError(f"{text!r} is not one of {', '.join(name or 'nothing' for name in allowed)}")
    return text


def weight(text: str) -> str:
    """A weight, zero where there is none, of at most six decimals."""
    values.scaled(text or "0", 6)
    return values.canonical(text or "0")
