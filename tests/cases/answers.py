"""What we answer otherwise than the facts: the tables of README.md, each row with its reason.

A row counts only for a fact that still says what the row says that it says; then our own answer is what is compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
from tests.cases.facts import Fact

from tollhouse.configdb.tariff_values import duration
from tollhouse.values.money import DECIMAL

README: Final = Path(__file__).parent / "README.md"
OTHERWISE: Final = "Answered otherwise"
SCALED: Final = "Asked on another scale"
RENAMED: Final = "Asked under another category"
_NANOSECONDS: Final = re.compile(r"([0-9]+)ns")


class Otherwise(msgspec.Struct, frozen=True):
    """One field of a fact: what the fact says, and what we do."""

    fact: str
    field: str
    says: str
    ours: str


class Answers(msgspec.Struct, frozen=True):
    """All that is listed with a reason.

    `scaled`: facts whose nanoseconds are asked as microseconds; `categories`: by the fact, under which one it is asked.
    """

    otherwise: tuple[Otherwise, ...] = ()
    scaled: frozenset[str] = frozenset()
    categories: dict[str, str] = {}

    def expected(self, case: str, wanted: dict[str, Any]) -> dict[str, Any]:
        """The fields of a step with our own answers in their places."""
        own = {(one.field, canonical(one.says)): one.ours for one in self.otherwise if one.fact == case}
        return {field: own.get((field, canonical(value)), value) for field, value in wanted.items()}

    def unused(self, case: str, wanted: list[dict[str, Any]]) -> list[Otherwise]:
        """Rows about the fact that none of its steps says any more."""
        said = {(field, canonical(value)) for step in wanted for field, value in step.items()}
        return [one for one in self.otherwise if one.fact == case and (one.field, canonical(one.says)) not in said]


def read_answers(text: str) -> Answers:
    """The tables of the page; a row without a reason is none."""
    otherwise = [
        Otherwise(fact, field.strip("`"), says, ours)
        for fact, field, says, ours, why in _rows(text, OTHERWISE, 5)
        if why
    ]
    moved = frozenset(fact for fact, why in _rows(text, SCALED, 2) if why)
    return Answers(
        tuple(otherwise), moved, {fact: name.strip("`") for fact, name, why in _rows(text, RENAMED, 3) if why}
    )


def _rows(text: str, heading: str, columns: int) -> Iterator[list[str]]:
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == columns and re.fullmatch(r"[a-z]+-[0-9]+", cells[0]):
            yield cells


def scaled(fact: Any) -> Any:
    """A fact, a plan, or a part of one, a thousand times as long: each of its nanoseconds is a microsecond."""
    if isinstance(fact, dict):
        return {key: scaled(value) for key, value in fact.items()}
    if isinstance(fact, list):
        return [scaled(one) for one in fact]
    return _NANOSECONDS.sub(r"\1us", fact) if isinstance(fact, str) else fact


def flat(expect: Fact) -> dict[str, Any]:
    """The fields of an expectation, each with its path: `balances` by account and balance, lists by place.

    What a list leaves open (null) is no field.
    """
    found: dict[str, Any] = {}
    for field, value in expect.items():
        if field == "balances":
            found |= {f"{name}/{key}": each for name, own in value.items() for key, each in own.items()}
        elif field != "balance_decimals":
            found |= _flat(field, value)
    return found


def _flat(field: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict | list):
        return {} if value is None else {field: value}
    found: dict[str, Any] = {}
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        found |= _flat(f"{field}/{key}", each)
    return found or {field: str(value)}


def canonical(value: Any) -> str:
    """By which two answers are compared: a duration in nanoseconds, a number without trailing zeros."""
    text = str(value)
    try:
        return str(duration(text))
    except ValueError:
        return shown(value)


def shown(value: Any) -> str:
    """A number without trailing zeros, all else as it is."""
    text = str(value)
    return format(Decimal(text).normalize(), "f") if DECIMAL.fullmatch(text) else text
