"""The facts about CGRateS: each is as stated, or as the README says otherwise with its reason; the runner can fail."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from tests.cases.answers import OTHERWISE, README, RENAMED, SCALED, read_answers
from tests.cases.facts import Fact
from tools.cases import DEFAULT, main, read, run

REASON = "it is better so"


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
    assert result.passed == len(read(DEFAULT)["cases"])


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


def test_a_bucket_of_units_is_looked_at() -> None:
    facts = only(read(DEFAULT), "acct-033")
    facts["cases"][0]["expect"]["balances"]["vdf:other"]["*voice/testb"] = "11s"
    assert [str(one) for one in run(facts).mismatches] == ["acct-033 vdf:other/*voice/testb 11s 10000000000"]


def test_what_a_member_of_a_group_lends_is_looked_at() -> None:
    facts = only(read(DEFAULT), "acct-021")
    facts["cases"][0]["expect"]["balances"]["vdf:empty10"] |= {"*monetary/s": 8, "*monetary/m": 10}
    assert [str(one) for one in run(facts).mismatches] == ["acct-021 vdf:empty10/*monetary/s 8 7.5"]


def test_a_step_of_a_session_is_looked_at() -> None:
    facts = only(read(DEFAULT), "sess-008")
    facts["cases"][0]["steps"][2]["expect"]["balances"]["cgrates.org:1001"]["*data"] = 93185
    assert [str(one) for one in run(facts).mismatches] == ["sess-008 cgrates.org:1001/*data 93185 93184"]


@pytest.mark.parametrize(
    ("name", "field", "place", "wrong"),
    [
        ("stat-003", "values", 5, "2m31s"),
        ("trig-001", "after", 0, {"*monetary": 111, "*voice": "20s"}),
        ("fn-003", "results", 3, "6m"),
    ],
)
def test_a_place_in_a_list_is_looked_at(name: str, field: str, place: int, wrong: object) -> None:
    facts = only(read(DEFAULT), name)
    facts["cases"][0]["expect"][field][place] = wrong
    assert run(facts).failed == 1


def table(heading: str, *rows: str) -> str:
    return "\n".join(["# Facts", "", f"## {heading}", "", *rows, ""])


def answered(fact: str, row: str) -> list[str]:
    """What one fact comes to by a page of one row."""
    return [str(one) for one in run(only(read(DEFAULT), fact), read_answers(table(OTHERWISE, row))).mismatches]


def test_our_own_answer_is_compared() -> None:
    row = "| acct-043 | `vdf:other/*generic/testm` | 99.49999 | {} | {} |"
    assert answered("acct-043", row.format("99.5", REASON)) == []
    assert answered("acct-043", row.format("99.4", REASON)) == ["acct-043 vdf:other/*generic/testm 99.4 99.5"]


def test_an_answer_without_a_reason_is_none() -> None:
    row = "| acct-043 | `vdf:other/*generic/testm` | 99.49999 | 99.5 | |"
    assert answered("acct-043", row) == ["acct-043 vdf:other/*generic/testm 99.49999 99.5"]


def test_an_answer_to_what_the_fact_does_not_say_fails() -> None:
    row = f"| acct-043 | `vdf:other/*generic/testm` | 99.4 | 99.5 | {REASON} |"
    said, stale = answered("acct-043", row)
    assert said == "acct-043 vdf:other/*generic/testm 99.49999 99.5"
    assert stale.startswith("acct-043 vdf:other/*generic/testm 99.4")


def test_another_scale_needs_its_reason_and_is_looked_at() -> None:
    facts = only(read(DEFAULT), "acct-061")
    row = "| acct-061 | {} |"
    assert run(facts, read_answers(table(SCALED, row.format("")))).failed == 1
    assert run(facts, read_answers(table(SCALED, row.format(REASON)))).failed == 0
    facts["cases"][0]["expect"]["max_usage"] = "8ns"
    (wrong,) = run(facts, read_answers(table(SCALED, row.format(REASON)))).mismatches
    assert str(wrong) == "acct-061 max_usage 8us 9000"


def test_another_category_needs_its_reason() -> None:
    facts = only(read(DEFAULT), "acct-041")
    assert run(facts, read_answers(table(RENAMED, "| acct-041 | `sms` | |"))).failed == 1
    assert run(facts, read_answers(table(RENAMED, f"| acct-041 | `sms` | {REASON} |"))).failed == 0


def test_every_row_of_the_page_is_about_a_fact() -> None:
    page, known = read_answers(README.read_text()), {case["id"] for case in read(DEFAULT)["cases"]}
    listed = {one.fact for one in page.otherwise} | page.scaled | set(page.categories)
    assert listed <= known


def test_a_piece_of_a_call_pays_no_second_connect_fee() -> None:
    """rate-001 from its 1800th second on: half a unit a second, and no fee."""
    facts = only(read(DEFAULT), "rate-001")
    event = facts["cases"][0]["event"]
    event |= {"start": "2012-02-02T18:00:00Z", "duration_index": "1h", "loop_index": 1}
    facts["cases"][0]["expect"] = {"cost": 900}
    assert run(facts).mismatches == ()
