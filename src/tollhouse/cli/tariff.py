"""A tariff import or export for people: what is wrong, each with its place; what was loaded; whose money moved."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

import msgspec

from tollhouse.cli.errors import DONE, FAILED
from tollhouse.cli.show import Json, cell, shown, table


class Problem(msgspec.Struct, frozen=True):
    """What is wrong, and where: line 0 is the file as a whole, no file the import as a whole."""

    text: str
    file: str = ""
    line: int = 0
    column: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(cell(part) for part in (place, self.column, self.text) if part)


class Task(msgspec.Struct, frozen=True):
    """Money that the folder gives to a wallet, and what became of it."""

    wallet: str = ""
    amount: str = ""
    done: bool = True
    refusal: str = ""


class Report(msgspec.Struct, frozen=True):
    """What this page reads of the result of `tariff.import`."""

    loaded: bool = False
    written: bool = False
    dry_run: bool = False
    in_force: bool = True
    plan: str = ""
    problems: list[Problem] = []
    counts: dict[str, int] = {}
    added: int = 0
    removed: int = 0
    tasks_new: int = 0
    tasks_waiting: int = 0
    tasks: list[Task] = []
    already_done: list[Task] = []
    not_loaded: list[str] = []
    notes: list[Problem] = []


NOT_IN_FORCE: Final = "loaded, and not in force: `tollhouse system status` says what is wrong with the configuration"


def report(result: Json) -> Iterator[str]:
    """The report as text."""
    told = msgspec.convert(result, type=Report)
    if told.problems:
        return
    yield from shown(
        {
            "plan": told.plan,
            "loaded": "no, a dry run" if told.dry_run else told.loaded,
            **told.counts,
            "rows added": told.added,
            "rows removed": told.removed,
            "not loaded yet": ", ".join(told.not_loaded),
        }
    )
    for note in told.notes:
        yield f"note: {note}"
    if told.dry_run:
        yield f"top-ups to do: {told.tasks_new + told.tasks_waiting}, already done: {len(told.already_done)}"
        return
    yield from _tasks(told)


def _tasks(told: Report) -> Iterator[str]:
    rows = [(one, "already done") for one in told.already_done]
    rows += [(one, "done" if one.done else one.refusal) for one in told.tasks]
    if rows:
        yield "top-ups"
        cells = [{"wallet": one.wallet, "amount": one.amount, "outcome": outcome} for one, outcome in rows]
        yield from (f"  {line}" for line in table(cells, ("wallet", "amount", "outcome")))


def judge(result: Json) -> int:
    """The exit status; what is wrong goes to stderr, all at once."""
    told = msgspec.convert(result, type=Report)
    wrong = [str(problem) for problem in told.problems]
    if wrong:
        wrong.append(f"tollhouse: nothing was {'written' if 'written' in result else 'loaded'}, problems: {len(wrong)}")
    if told.loaded and not told.in_force:
        wrong.append(f"tollhouse: {NOT_IN_FORCE}")
    undone = [one for one in told.tasks if not one.done]
    if undone:
        wrong.append(f"tollhouse: top-ups that were not done: {len(undone)}; the next import or start tries them again")
    for line in wrong:
        print(line, file=sys.stderr)
    return FAILED if wrong else DONE
