"""`rating compare`: a file of calls, asked page after page, added up exactly."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Final

import msgspec

from tollhouse.cli.errors import FAILED, CommandError
from tollhouse.cli.show import Json
from tollhouse.values.instants import parse_instant
from tollhouse.values.money import DECIMAL

PAGE: Final = 200
SHOWN_DESTINATIONS: Final = 10
_DIGITS: Final = 100
_MUST: Final = ("time", "destination", "usage")
_MAY: Final = ("tor", "subject")
_PROBLEMS_SHOWN: Final = 20

Record = dict[str, str]
Ask = Callable[[list[Record]], bytes]
"""Asks for one page; the result as JSON."""


class Price(msgspec.Struct, frozen=True):
    """What a call costs by one plan."""

    cost: str
    prefix: str


class Pair(msgspec.Struct, frozen=True):
    """By both; None where the plan has no price."""

    a: Price | None
    b: Price | None


class Answer(msgspec.Struct, frozen=True):
    """Of a page."""

    unit: str
    calls: list[Pair]


@dataclass(slots=True)
class Totals:
    """What was added up so far. `destinations`: B - A by the prefix of A, of the calls that both price."""

    unit: str = ""
    calls: int = 0
    a: Decimal = Decimal(0)
    b: Decimal = Decimal(0)
    priced_a: int = 0
    priced_b: int = 0
    difference: Decimal = Decimal(0)
    destinations: dict[str, list[Decimal]] = field(default_factory=dict)

    def add(self, page: Answer) -> None:
        """Raises CommandError where pages come in different units."""
        if page.unit and self.unit and page.unit != self.unit:
            raise CommandError(FAILED, f"calls are priced in {self.unit} and in {page.unit}")
        self.unit = self.unit or page.unit
        for pair in page.calls:
            self._count(pair)

    def _count(self, pair: Pair) -> None:
        self.calls += 1
        a = Decimal(pair.a.cost) if pair.a else None
        b = Decimal(pair.b.cost) if pair.b else None
        if a is not None:
            self.a, self.priced_a = self.a + a, self.priced_a + 1
        if b is not None:
            self.b, self.priced_b = self.b + b, self.priced_b + 1
        if a is None or b is None or pair.a is None:
            return
        self.difference += b - a
        sums = self.destinations.setdefault(pair.a.prefix, [Decimal(0), Decimal(0), Decimal(0)])
        sums[:] = [sums[0] + 1, sums[1] + a, sums[2] + b]

    def result(self) -> Json:
        """All of it, as JSON has it."""
        by_size = sorted(self.destinations.items(), key=lambda one: (-abs(one[1][2] - one[1][1]), one[0]))
        return {
            "calls": self.calls,
            "total_a": _text(self.a),
            "total_b": _text(self.b),
            "difference": _text(self.difference),
            "unit": self.unit,
            "priced_a": self.priced_a,
            "priced_b": self.priced_b,
            "unpriced_a": self.calls - self.priced_a,
            "unpriced_b": self.calls - self.priced_b,
            "destinations": [
                {
                    "prefix": prefix,
                    "calls": int(count),
                    "cost_a": _text(a),
                    "cost_b": _text(b),
                    "difference": _text(b - a),
                }
                for prefix, (count, a, b) in by_size[:SHOWN_DESTINATIONS]
            ],
        }


def compare(path: Path, ask: Ask) -> Json:
    """The totals of the file's calls. Raises CommandError: every line that is wrong, before anything is asked."""
    records = read(path)
    with localcontext() as context:
        context.prec = _DIGITS
        totals = Totals()
        for first in range(0, len(records), PAGE):
            totals.add(msgspec.json.decode(ask(records[first : first + PAGE]), type=Answer))
        return totals.result()


def read(path: Path) -> list[Record]:
    """The calls of a CSV file with a heading, or of JSON lines. Raises CommandError with every wrong line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CommandError(FAILED, f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(FAILED, f"{path}: is not UTF-8") from None
    problems: list[str] = []
    found = list(_json(text, problems) if text.lstrip().startswith("{") else _csv(text, problems))
    if not found and not problems:
        problems.append("1: holds no call")
    if problems:
        more = len(problems) - _PROBLEMS_SHOWN
        told = problems[:_PROBLEMS_SHOWN] + ([f"and {more} more"] if more > 0 else [])
        raise CommandError(FAILED, "\n".join(f"{path}:{one}" for one in told))
    return found


def _csv(text: str, problems: list[str]) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        wrong = [name for name in _MUST if name not in names]
        wrong += [name for name in names if name not in (*_MUST, *_MAY) or names.count(name) > 1]
        if wrong:
            known = ", ".join((*_MUST, *_MAY))
            problems.append(f"1: heading: {', '.join(dict.fromkeys(wrong))}: the columns are {known}, each once")
            return
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                problems.append(f"{reader.line_num}: {len(cells)} columns, the heading has {len(names)}")
                continue
            row = dict(zip(names, (cell.strip() for cell in cells), strict=True))
            yield from _checked(row, reader.line_num, problems)
    except csv.Error as error:
        problems.append(f"{reader.line_num}: {error}")


class _Session(msgspec.Struct, frozen=True):
    called: str
    began: str
    usage: str
    service: str


class _Record(msgspec.Struct, frozen=True):
    session: _Session | None = None
    records: list[_Record] = msgspec.field(default_factory=list)


def _json(text: str, problems: list[str]) -> Iterator[Record]:
    """A record, or a page of them, a line; those without a session moved money otherwise."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            page = msgspec.json.decode(line, type=_Record)
        except (msgspec.DecodeError, RecursionError) as error:
            problems.append(f"{number}: {error}")
            continue
        sessions: Sequence[_Session | None] = [one.session for one in (page, *page.records)]
        for one in sessions:
            if one is not None:
                row = {"time": one.began, "destination": one.called, "usage": one.usage, "tor": one.service}
                yield from _checked(row, number, problems)


def _checked(row: Record, number: int, problems: list[str]) -> Iterator[Record]:
    wrong = []
    try:
        parse_instant(row["time"])
    except (ValueError, OverflowError):
        wrong.append(f"{number}: time: {row['time']!r} is not an ISO 8601 time")
    if not row["destination"]:
        wrong.append(f"{number}: destination: is empty")
    whole = row.get("tor", "") not in ("", "voice", "*voice")
    if not DECIMAL.fullmatch(row["usage"]) or row["usage"].startswith("-") or (whole and "." in row["usage"]):
        wants = "a whole number" if whole else "a number of seconds"
        wrong.append(f"{number}: usage: {row['usage']!r} is not {wants} of zero or more")
    problems += wrong
    if not wrong:
        yield {name: value for name, value in row.items() if name != "subject" and (value or name != "tor")}


def _text(amount: Decimal) -> str:
    """Without exponent and without zeros behind the point."""
    text = f"{amount:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
