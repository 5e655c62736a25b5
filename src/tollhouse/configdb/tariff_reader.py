"""How a tariff folder is read: its files, lines and cells, and where in them something is wrong."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

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
from tollhouse.values.instants import Instant

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
    "SharedGroups.csv": "Tag,Account,Strategy,RatingSubject",
}
"""What is loaded, with the columns' names."""
RC8: Final = {
    "RatingProfiles.csv": "Direction,Tenant,Category,Subject,ActivationTime,RatingPlanTag,FallbackSubjects,"
    "CdrStatQueueIds",
    "Actions.csv": "Tag,Action,ExtraParameters,Filter,BalanceTag,BalanceType,Directions,Categories,DestinationTags,"
    "RatingSubject,SharedGroups,ExpiryTime,TimingTags,Units,BalanceWeight,BalanceBlocker,BalanceDisabled,Weight",
}
"""The files that have other columns in CGRateS 0.9.1~rc8: the number of columns of the first line tells which it is."""

T = TypeVar("T")
R = TypeVar("R")
W = TypeVar("W", RatingPlanRow, "ActionRow", "ActionPlanRow")
Progress: TypeAlias = Callable[[str, int, int], None]
"""(phase, done, total): told now and then how far a phase has come, in lines or rows; it ends with done = total."""
EVERY: Final = 10_000
"""So many lines or rows from one telling to the next."""


def untold(_phase: str, _done: int, _total: int) -> None:
    """`Progress` that nobody looks at."""


class Problem(msgspec.Struct, frozen=True, gc=False):
    """What is wrong, and where: line 0 is the file as a whole, an empty column the whole line."""

    file: str
    line: int
    column: str
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.column}: {self.text}" if self.column else f"{place}: {self.text}"


class Cells(msgspec.Struct, frozen=True, gc=False):
    """A line's texts by their columns' names; where each column is, all lines of a file share."""

    places: dict[str, int]
    texts: tuple[str, ...]

    def __getitem__(self, column: str) -> str:
        return self.texts[self.places[column]]

    def get(self, column: str, otherwise: str = "") -> str:
        """The column's text; in a layout that has no such column, the other."""
        place = self.places.get(column)
        return otherwise if place is None else self.texts[place]


class Line(msgspec.Struct, frozen=True, gc=False):
    """One row of a file."""

    file: str
    number: int
    cells: Cells


class ActionRow(msgspec.Struct, frozen=True, gc=False):
    """Money to a wallet; `amount` and `weight` canonical decimals, `expiry` microseconds since 1970 (0 = never)."""

    tag: str
    action: str
    balance: str
    amount: str
    expiry: int
    balance_weight: int
    weight: str
    relative: str = ""
    """The expiry as the file says it, where that counts from the import."""
    groups: str = ""
    """The shared groups that it is open to, separated by `;`."""


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


class GroupRow(msgspec.Struct, frozen=True, gc=False):
    """How a shared group's members pay for an account, which may be `TENANT:ACCOUNT`, or for `*any`."""

    tag: str
    account: str
    strategy: str
    subject: str


class Folder(msgspec.Struct, frozen=True):
    """A folder's rows, each with the line that it came from; destinations, which may be millions, without."""

    plan: str
    destinations: list[DestinationRow]
    timings: list[tuple[Line, TimingRow]]
    rates: list[tuple[Line, RateRow]]
    destination_rates: list[tuple[Line, DestinationRateRow]]
    rating_plans: list[tuple[Line, RatingPlanRow]]
    rating_profiles: list[tuple[Line, RatingProfileRow]]
    actions: list[tuple[Line, ActionRow]]
    action_plans: list[tuple[Line, ActionPlanRow]]
    account_actions: list[tuple[Line, AccountActionRow]]
    shared_groups: list[tuple[Line, GroupRow]] = []
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

    def __init__(self, path: Path, now: Instant | None = None, progress: Progress = untold) -> None:
        self.plan = path.resolve().name
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []
        self.broken: dict[str, set[str]] = {}
        self.unread: set[str] = set()
        self.now = now
        self._path = path
        self._progress = progress
        self._layouts: dict[str, dict[str, int]] = {}
        self._texts: dict[str, str] = {}
        """Each text once: millions of lines have few, or those that other files have too."""

    def rows(self, file: str, parse: Callable[[Line], R | None]) -> list[tuple[Line, R]]:
        """The parsed rows of a file; a missing file has none."""
        found = []
        for number, cells in self._cells(file):
            line = self._line(file, number, cells)
            if line is None:
                continue
            before = len(self.problems)
            row = parse(line)
            if row is None or len(self.problems) > before:
                self._breaks(file, line.cells.texts[0])
            else:
                found.append((line, row))
        return found

    def destinations(self, file: str, parse: Callable[[Line], DestinationRow]) -> list[DestinationRow]:
        """The rows of Destinations.csv. Lines that are plainly right, of millions, take the short way."""
        found, keep, plan = [], self._texts.setdefault, self.plan
        for number, cells in self._cells(file):
            if len(cells) == 2 and values.PREFIX.fullmatch(cells[1]):
                tag = cells[0]
                if 0 < len(tag) <= 32 and tag.isprintable():
                    found.append(DestinationRow(plan, keep(tag, tag), cells[1]))
                    continue
            line = self._line(file, number, cells)
            if line is not None:
                before = len(self.problems)
                row = parse(line)
                if len(self.problems) > before:
                    self._breaks(file, cells[0])
                else:
                    found.append(row)
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
        elif 4 * len(cell) > longest and len(cell.encode()) > longest:
            self.problem(line, column, f"is longer than {longest} octets")
        return cell

    def problem(self, line: Line, column: str, text: str) -> None:
        self.problems.append(Problem(line.file, line.number, column, text))

    def _breaks(self, file: str, tag: str) -> None:
        self.broken.setdefault(file, set()).add(tag)

    def _cells(self, file: str) -> Iterator[tuple[int, list[str]]]:
        """The lines' numbers and cells. What is no UTF-8 comes as lone surrogates, which `_line` finds."""
        path = self._path / file
        if not path.exists():
            return
        if not path.is_file():
            self.unread.add(file)
            self.problems.append(Problem(file, 0, "", "is no file"))
            return
        number, phase, next_told = 1, f"reading {file}", EVERY
        try:
            total = _line_count(path)
            self._progress(phase, 0, total)
            with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
                reader = csv.reader(text, strict=True)
                for raw in reader:
                    cells = [cell.strip() for cell in raw]
                    if any(cells) and not cells[0].startswith("#"):
                        yield number, cells
                    number = reader.line_num + 1
                    if number > next_told:
                        next_told = number - 1 + EVERY
                        self._progress(phase, number - 1, max(total, number - 1))
        except OSError as trouble:
            self.unread.add(file)
            self.problems.append(Problem(file, 0, "", f"can't be read: {trouble.strerror}"))
        except csv.Error as trouble:
            self.unread.add(file)
            self.problems.append(Problem(file, number, "", f"is no CSV from here on: {trouble}"))
        self._progress(phase, number - 1, number - 1)

    def _places(self, file: str, count: int) -> dict[str, int]:
        """The columns of the file's layout: the first line that has as many columns as one of the two decides."""
        if file not in self._layouts:
            for layout in (COLUMNS, RC8):
                places = _places(layout[file]) if file in layout else {}
                if len(places) == count:
                    self._layouts[file] = places
                    break
            else:
                return _places(COLUMNS[file])
        return self._layouts[file]

    def _line(self, file: str, number: int, cells: list[str]) -> Line | None:
        """The line, where it has as many cells as it should, all printable."""
        places = self._places(file, len(cells))
        if len(cells) != len(places):
            names = list(places)
            column = names[len(cells)] if len(cells) < len(names) else f"column {len(names) + 1}"
            wrong = f"{len(cells)} columns, {len(names)} are expected: {','.join(names)}"
            if file in RC8 and file not in self._layouts:
                wrong += f" (or, of CGRateS 0.9.1~rc8, {RC8[file].count(',') + 1}: {RC8[file]})"
            self.problems.append(Problem(file, number, column, wrong))
            self._breaks(file, cells[0])
            return None
        if not "".join(cells).isprintable():
            odd = [name for name, cell in zip(places, cells, strict=True) if not cell.isprintable()]
            for name in odd:
                self.problems.append(Problem(file, number, name, "holds what is not printable, or not UTF-8"))
            self._breaks(file, cells[0])
            return None
        keep = self._texts.setdefault
        return Line(file, number, Cells(places, tuple([keep(cell, cell) for cell in cells])))


def _line_count(path: Path) -> int:
    """How many lines the file has, or nearly: what a bar is drawn by. Raises OSError."""
    with path.open("rb") as octets:
        return sum(block.count(b"\n") for block in iter(lambda: octets.read(1 << 20), b""))


def _places(columns: str) -> dict[str, int]:
    return {name: place for place, name in enumerate(columns.split(","))}


def one_of(text: str, allowed: tuple[str, ...]) -> str:
    """The text, which is one of these; ValueError."""
    if text not in allowed:
        raise ValueError(f"{text!r} is not one of {', '.join(name or 'nothing' for name in allowed)}")
    return text


def weight(text: str) -> str:
    """A weight, zero where there is none, of at most six decimals."""
    values.scaled(text or "0", 6)
    return values.canonical(text or "0")


def inverted(rows: list[tuple[Line, W]]) -> list[tuple[Line, W]]:
    """The rows with the order of their weights turned round: highest + lowest - weight.

    CGRateS's manual says that the lowest weight wins; its code, and Tollhouse, take the highest.
    """
    weights = [values.scaled(row.weight, 6) for _, row in rows]
    ends = max(weights, default=0) + min(weights, default=0)
    return [
        (line, msgspec.structs.replace(row, weight=_millionths(ends - held)))
        for (line, row), held in zip(rows, weights, strict=True)
    ]


def _millionths(number: int) -> str:
    whole, rest = divmod(number, 10**6)
    return values.canonical(f"{whole}.{rest:06d}")
