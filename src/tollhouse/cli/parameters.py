"""An import of the source's parameters for people: what was set, what sets nothing and why, and what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

import msgspec

from tollhouse.cli.errors import DONE, FAILED
from tollhouse.cli.show import Json, cell, shown, table
from tollhouse.cli.tariff import NOT_IN_FORCE

COLUMNS: Final = ("line", "source", "name", "before", "value", "note")


class Problem(msgspec.Struct, frozen=True):
    """What is wrong, and where: line 0 is the file as a whole, no file the import as a whole."""

    text: str
    file: str = ""
    line: int = 0
    name: str = ""
    value: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(cell(part) for part in (place, self.text) if part)


class Left(msgspec.Struct, frozen=True):
    """A parameter of the source that sets nothing here."""

    line: int
    source: str
    note: str

    def __str__(self) -> str:
        return cell(f"line {self.line}: {self.source} sets nothing: {self.note}")


class Report(msgspec.Struct, frozen=True):
    """What this page reads of the result of `config.import_parameters`."""

    loaded: bool = False
    dry_run: bool = False
    in_force: bool = True
    tenant: str = ""
    problems: list[Problem] = []
    taken: list[dict[str, object]] = []
    left: list[Left] = []
    changed: int = 0


def report(result: Json) -> Iterator[str]:
    """The report as text: a line for each parameter of the file."""
    told = msgspec.convert(result, type=Report)
    if told.problems:
        return
    yield from shown(
        {
            "tenant": told.tenant,
            "loaded": "no, a dry run" if told.dry_run else told.loaded,
            "parameters": len(told.taken),
            "to change" if told.dry_run else "changed": told.changed,
        }
    )
    if told.taken:
        yield from table(told.taken, COLUMNS)
    yield from map(str, told.left)


def judge(result: Json) -> int:
    """The exit status; what is wrong goes to stderr, all at once."""
    told = msgspec.convert(result, type=Report)
    wrong = [str(problem) for problem in told.problems]
    if wrong:
        wrong.append(f"tollhouse: nothing was set, problems: {len(wrong)}")
    if told.loaded and not told.in_force:
        wrong.append(f"tollhouse: {NOT_IN_FORCE}")
    for line in wrong:
        print(line, file=sys.stderr)
    return FAILED if wrong else DONE
