"""`make cases`: facts about CGRateS against the real path from CSV files to the engine's answer.

    TOLLHOUSE_CASES=FILE make -s cases

Each plan of the file is written as a CGRateS CSV folder, imported into a config database, compiled into a snapshot, and
asked through the engine on an embedded store. Where `tests/cases/README.md` lists an answer of our own with its reason,
that is what is compared. One line a mismatch: `id field expected got`; last `N passed, M failed`. Exit 0 only when
nothing failed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
from tests.cases import pure
from tests.cases.answers import README, Answers, canonical, flat, read_answers, scaled, shown
from tests.cases.charging import CHARGING, Charging
from tests.cases.desk import Asking, Desk, Unanswerable
from tests.cases.facts import Call, Fact, in_category, steps_of, with_notes
from tests.cases.pricing import about, get_cost

DEFAULT: Final = Path(__file__).parents[1] / "tests" / "cases" / "cgrates_cases.json"


class Mismatch(msgspec.Struct, frozen=True):
    """A field that is not as the fact says."""

    id: str
    field: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.id} {self.field} {self.expected} {self.got}"


class Result(msgspec.Struct, frozen=True):
    """What a file of facts came to. `passed` counts facts, not fields."""

    passed: int
    mismatches: tuple[Mismatch, ...]

    @property
    def failed(self) -> int:
        return len({one.id for one in self.mismatches})


def run(facts: Fact, answers: Answers | None = None) -> Result:
    """All facts of a file, plan by plan. `answers`: our own (None: those of the README)."""
    answers = read_answers(README.read_text()) if answers is None else answers
    cases = [with_notes(case) for case in facts["cases"]]
    plans, mismatches = facts["plans"], list[Mismatch]()
    for scale, category in dict.fromkeys(_way(case, answers) for case in cases):
        own = [case for case in cases if _way(case, answers) == (scale, category)]
        for name in dict.fromkeys(case.get("plan_ref", "") for case in own):
            asked = [case for case in own if case.get("plan_ref", "") == name]
            mismatches += _run_plan(name, *_as_asked(asked, plans.get(name), scale, category), answers)
    order = {case["id"]: place for place, case in enumerate(cases)}
    mismatches.sort(key=lambda one: order[one.id])
    failed = len({one.id for one in mismatches})
    return Result(len(cases) - failed, tuple(mismatches))


def _way(case: Fact, answers: Answers) -> tuple[bool, str]:
    """Whether a fact is asked on another scale, and under which category (empty: its own)."""
    return case["id"] in answers.scaled, answers.categories.get(case["id"], "")


def _as_asked(cases: list[Fact], plan: Fact | None, scale: bool, category: str) -> tuple[list[Fact], Fact | None]:
    """The facts and their plan in the form in which they are asked."""
    if scale:
        cases, plan = scaled(cases), scaled(plan)
    if category and plan is not None:
        pairs = [in_category(case, plan, category) for case in cases]
        cases, plan = [case for case, _ in pairs], pairs[-1][1]
    return cases, plan


def _run_plan(name: str, cases: list[Fact], plan: Fact | None, answers: Answers) -> list[Mismatch]:
    if plan is None:
        return [one for case in cases for one in _run_case(None, case, answers)]
    with tempfile.TemporaryDirectory(prefix="cases-") as directory, ExitStack() as closing:
        try:
            desk = Desk(name, plan, cases, Path(directory), closing)
        except Unanswerable as trouble:
            return [Mismatch(case["id"], "plan", f"{name} in force", str(trouble)) for case in cases]
        return [one for case in cases for one in _run_case(desk, case, answers)]


def _run_case(desk: Desk | None, case: Fact, answers: Answers) -> list[Mismatch]:
    wrong: list[Mismatch] = []
    name, wanted = case["id"], [flat(step["expect"]) for step in steps_of(case)]
    with ExitStack() as closing:
        asking = closing.enter_context(desk.asking()) if desk is not None else None
        charging = Charging(asking, case) if asking is not None else None
        for number, (step, expected) in enumerate(zip(steps_of(case), wanted, strict=True)):
            try:
                got = flat(answer(asking, charging, number, step))
            except (Unanswerable, KeyError, ValueError, AssertionError) as trouble:
                wrong.append(Mismatch(name, str(step["op"]), "an answer", repr(trouble)))
            else:
                wrong += compare(name, answers.expected(name, expected), got)
    return wrong + [
        Mismatch(name, one.field, f"{one.says}, says the README", "no such field")
        for one in answers.unused(name, wanted)
    ]


def answer(asking: Asking | None, charging: Charging | None, number: int, step: Fact) -> Fact:
    """What we say to a step, by the names of the facts. Raises Unanswerable for an op that we do not know."""
    op = step["op"]
    found = pure.answer(asking, step)
    if found is not None:
        return found
    if asking is not None and charging is not None:
        if op == "get_cost":
            return get_cost(asking, Call(step["event"]))
        if op == "rating_infos":
            return about(asking, Call(step["event"]))
        if op in CHARGING:
            return charging.answer(number, step)
    raise Unanswerable(f"nothing answers the op {op}")


def compare(case: str, expected: dict[str, Any], got: dict[str, Any]) -> list[Mismatch]:
    """Every field that differs."""
    return [
        Mismatch(case, field, shown(want), shown(got.get(field, "nothing")))
        for field, want in expected.items()
        if field not in got or canonical(want) != canonical(got[field])
    ]


def read(path: Path) -> Fact:
    """The file, its numbers exact."""
    facts: Fact = json.loads(path.read_text(), parse_float=Decimal)
    return facts


def main(path: Path) -> int:
    """Run the file, print what it came to: the exit code."""
    result = run(read(path))
    for one in result.mismatches:
        print(one)
    print(f"{result.passed} passed, {result.failed} failed")
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(os.environ.get("TOLLHOUSE_CASES") or DEFAULT)))
