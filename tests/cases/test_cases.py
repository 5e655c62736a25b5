"""The facts about CGRateS: all that can be asked are as stated; the rest are listed; the runner can fail."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from tests.cases.facts import Fact, is_not_yet
from tools.cases import DEFAULT, main, read, run

NOT_YET = [
    "acct-004",
    "acct-007",
    "acct-012",
    "acct-013",
    "acct-014",
    "acct-015",
    "acct-020",
    "acct-021",
    "acct-023",
    "acct-030",
    "acct-032",
    "acct-033",
    "acct-034",
    "acct-035",
    "acct-036",
    "acct-037",
    "acct-038",
    "acct-040",
    "acct-041",
    "acct-043",
    "acct-044",
    "acct-047",
    "acct-049",
    "acct-050",
    "acct-051",
    "acct-052",
    "acct-053",
    "acct-061",
    "acct-064",
    "acct-065",
    "acct-067",
    "cdr-001",
    "fn-003",
    "sched-002",
    "sched-003",
    "sched-005",
    "sched-006",
    "sched-008",
    "sched-010",
    "sched-012",
    "sess-001",
    "sess-003",
    "sess-005",
    "sess-008",
    "sess-010",
    "sess-011",
    "sess-012",
    "sess-014",
    "sess-017",
    "sess-018",
    "sess-019",
    "stat-003",
    "stat-004",
    "stat-006",
    "stat-007",
    "trig-001",
    "trig-002",
    "trig-003",
    "trig-006",
]
"""Unit balances, several balances, blockers, shared groups, prepaid sessions, statistics, schedules."""


def only(facts: Fact, name: str) -> Fact:
    """A copy with one fact."""
    chosen = [deepcopy(case) for case in facts["cases"] if case["id"] == name]
    assert len(chosen) == 1
    return {"plans": facts["plans"], "cases": chosen}


def write(facts: Fact, path: Path) -> Path:
    path.write_bytes(msgspec.json.Encoder(decimal_format="number").encode(facts))
    return path


def test_the_facts() -> None:
    result = run(read(DEFAULT))
    assert [str(one) for one in result.mismatches] == []
    assert list(result.not_yet) == NOT_YET
    assert result.passed == len(read(DEFAULT)["cases"]) - len(NOT_YET)


def test_a_wrong_number_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = only(read(DEFAULT), "rate-010")
    facts["cases"][0]["expect"]["cost"] = Decimal("55.0001")
    assert main(write(facts, tmp_path / "facts.json")) == 1
    assert capsys.readouterr().out.splitlines() == ["rate-010 cost 55.0001 55", "0 passed, 1 failed"]


def test_a_right_number_is_passed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(write(only(read(DEFAULT), "rate-010"), tmp_path / "facts.json")) == 0
    assert capsys.readouterr().out.splitlines() == ["1 passed, 0 failed"]


def test_an_unknown_field_and_an_unknown_op_fail() -> None:
    facts = only(read(DEFAULT), "rate-010")
    facts["cases"][0]["expect"]["colour"] = "red"
    assert [str(one) for one in run(facts).mismatches] == ["rate-010 colour red nothing"]
    facts = only(read(DEFAULT), "rate-010")
    facts["cases"][0]["op"] = "divine"
    (wrong,) = run(facts).mismatches
    assert (wrong.field, run(facts).failed) == ("divine", 1)


def test_a_plan_that_cannot_be_loaded_fails_its_facts() -> None:
    facts = only(read(DEFAULT), "rate-010")
    facts["plans"] = deepcopy(facts["plans"])
    facts["plans"]["engine_lib"]["rates"]["R4"][0]["rate"] = "dear"
    (wrong,) = run(facts).mismatches
    assert (wrong.id, wrong.field) == ("rate-010", "plan")


def test_a_balance_of_money_is_looked_at() -> None:
    facts = only(read(DEFAULT), "acct-017")
    facts["cases"][0]["expect"]["balances"]["cgrates.org:dy"]["*monetary/m"] = Decimal("0.84")
    assert [str(one) for one in run(facts).mismatches] == ["acct-017 cgrates.org:dy/*monetary/m 0.84 0.83"]


def test_what_waits_is_told_by_the_fact_not_by_its_id() -> None:
    facts = only(read(DEFAULT), "acct-017")
    case = facts["cases"][0]
    assert not is_not_yet(case, facts["plans"])
    case["accounts"]["cgrates.org:dy"]["balances"][0]["destinations"] = ["NAT"]
    assert is_not_yet(case, facts["plans"])


def test_a_piece_of_a_call_pays_no_second_connect_fee() -> None:
    """rate-001 from its 1800th second on: half a unit a second, and no fee."""
    facts = only(read(DEFAULT), "rate-001")
    event = facts["cases"][0]["event"]
    event |= {"start": "2012-02-02T18:00:00Z", "duration_index": "1h", "loop_index": 1}
    facts["cases"][0]["expect"] = {"cost": 900}
    assert run(facts).mismatches == ()
