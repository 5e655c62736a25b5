"""An import of subscribers for people: what is wrong, each with its place; what was made; do the totals agree."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

import msgspec

from tollhouse.cli.errors import DONE, FAILED
from tollhouse.cli.show import Json, cell, shown, table
from tollhouse.cli.tariff import NOT_IN_FORCE

TOTALS: Final = ("balance_type", "unit", "before", "after", "difference")


class Problem(msgspec.Struct, frozen=True):
    """What is wrong: where, what stands there, what was expected. Line 0: the file as a whole."""

    file: str = ""
    line: int = 0
    column: str = ""
    value: str = ""
    expected: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        found = f"{self.value!r} is given, expected" if self.value or self.column else "expected"
        parts = [cell(part) for part in (place, self.column) if part]
        return ": ".join([*parts, cell(f"{found} {self.expected}")]) if parts else cell(self.expected)


class Undone(msgspec.Struct, frozen=True):
    """A wallet that the engine refused."""

    wallet: str
    refusal: str


class Report(msgspec.Struct, frozen=True):
    """What this page reads of the result of `wallet.import`."""

    loaded: bool = False
    dry_run: bool = False
    name: str = ""
    in_force: bool = True
    problems: list[Problem] = []
    lines: int = 0
    wallets_new: int = 0
    wallets_known: int = 0
    accounts_new: int = 0
    accounts_known: int = 0
    not_done: list[Undone] = []
    totals: list[dict[str, str]] = []
    balanced: bool = False


def report(result: Json) -> Iterator[str]:
    """The report as text: what was made, and the totals before and after."""
    told = msgspec.convert(result, type=Report)
    if told.problems:
        return
    yield from shown(
        {
            "import": told.name,
            "loaded": "no, a dry run" if told.dry_run else told.loaded,
            "lines": told.lines,
            "new wallets": told.wallets_new,
            "brought over before": told.wallets_known,
            "new accounts": told.accounts_new,
            "accounts there before": told.accounts_known,
        }
    )
    if told.totals:
        yield from table(told.totals, TOTALS)


def judge(result: Json) -> int:
    """The exit status; what is wrong goes to stderr, all at once."""
    told = msgspec.convert(result, type=Report)
    wrong = [str(problem) for problem in told.problems]
    if wrong:
        wrong.append(f"tollhouse: nothing was loaded, problems: {len(wrong)}")
    if told.loaded and not told.in_force:
        wrong.append(f"tollhouse: {NOT_IN_FORCE}")
    wrong += [f"{cell(one.wallet)}: {cell(one.refusal)}" for one in told.not_done]
    if told.not_done:
        wrong.append(f"tollhouse: wallets that were not made: {len(told.not_done)}; run it again")
    if not told.problems and not told.balanced:
        wrong.append("tollhouse: the totals differ")
    for line in wrong:
        print(line, file=sys.stderr)
    return FAILED if wrong else DONE
