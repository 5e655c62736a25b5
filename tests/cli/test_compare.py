"""`rating compare`: what a file may hold, what is said of one that is wrong, and how pages add up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.terminal import Desk

from tollhouse.cli import compare
from tollhouse.cli.compare import PAGE, Record
from tollhouse.cli.errors import CommandError

NOON = "2026-11-24T12:00:00Z"
CALLED = "4412345678"
COLUMNS = "time, destination, usage, tor, subject"


def written(folder: Path, text: str) -> Path:
    path = folder / "calls"
    path.write_text(text)
    return path


def test_calls_of_a_csv_file(tmp_path: Path) -> None:
    text = f"usage,time,destination,tor,subject\n85.5,{NOON},{CALLED},,1001\n\n3,{NOON},99,sms,\n"
    assert compare.read(written(tmp_path, text)) == [
        {"usage": "85.5", "time": NOON, "destination": CALLED},
        {"usage": "3", "time": NOON, "destination": "99", "tor": "sms"},
    ]


def test_calls_of_a_page_of_records(tmp_path: Path) -> None:
    session = {"called": CALLED, "began": NOON, "usage": "40", "service": "voice", "price": "67d6"}
    page = {"records": [{"sequence": 1, "kind": "open"}, {"sequence": 2, "session": session}], "next": None}
    expected = {"time": NOON, "destination": CALLED, "usage": "40", "tor": "voice"}
    path = written(tmp_path, json.dumps(page) + "\n" + json.dumps(page["records"][1]) + "\n")  # type: ignore[index]
    assert compare.read(path) == [expected, expected]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "",
            ["1: heading: time, destination, usage: the columns are time, destination, usage, tor, subject, each once"],
        ),
        ("time,destination,usage\n", ["1: holds no call"]),
        (
            f"time,destination,usage,tor\nnoon,44,1,\n{NOON},,1,\n{NOON},44,1.5,data\n{NOON},44,-1,\n1,2\n",
            [
                "2: time: 'noon' is not an ISO 8601 time",
                "3: destination: is empty",
                "4: usage: '1.5' is not a whole number of zero or more",
                "5: usage: '-1' is not a number of seconds of zero or more",
                "6: 2 columns, the heading has 4",
            ],
        ),
        ("{\n", ["1: Input data was truncated"]),
    ],
)
def test_every_wrong_line_is_named(tmp_path: Path, text: str, said: list[str]) -> None:
    path = written(tmp_path, text)
    with pytest.raises(CommandError) as caught:
        compare.read(path)
    assert str(caught.value).splitlines() == [f"{path}:{line}" for line in said]


def test_pages_add_up_exactly_and_the_largest_difference_comes_first(tmp_path: Path) -> None:
    """301 calls: by A 0.1 each, by B 0.3 for prefix 44 and 0.05 for 33, and no price by B for the last one."""
    rows = [f"{NOON},{'44' if n % 2 else '33'},1" for n in range(300)] + [f"{NOON},55,1"]
    sizes: list[int] = []

    def ask(page: list[Record]) -> bytes:
        sizes.append(len(page))
        by_b = {"44": {"cost": "0.3", "prefix": "4"}, "33": {"cost": "0.05", "prefix": "33"}, "55": None}
        calls = [{"a": {"cost": "0.1", "prefix": one["destination"]}, "b": by_b[one["destination"]]} for one in page]
        return json.dumps({"unit": "EUR", "calls": calls}).encode()

    result = compare.compare(written(tmp_path, "time,destination,usage\n" + "\n".join(rows)), ask)
    assert sizes == [PAGE, 301 - PAGE]
    assert result == {
        "calls": 301,
        "total_a": "30.1",
        "total_b": "52.5",
        "difference": "22.5",
        "unit": "EUR",
        "priced_a": 301,
        "priced_b": 300,
        "unpriced_a": 0,
        "unpriced_b": 1,
        "destinations": [
            {"prefix": "44", "calls": 150, "cost_a": "15", "cost_b": "45", "difference": "30"},
            {"prefix": "33", "calls": 150, "cost_a": "15", "cost_b": "7.5", "difference": "-7.5"},
        ],
    }


def test_against_an_engine(desk: Desk, tmp_path: Path) -> None:
    """85 s and 20 s: 0.6417 + 0.6 by both."""
    path = written(tmp_path, f"time,destination,usage\n{NOON},{CALLED},85\n{NOON},{CALLED},20\n{NOON},99,20\n")
    said = desk("rating", "compare", "tariff/RP_VOICE", "tariff/RP_MESSAGE", "--records", str(path), "--json")
    assert (said.json["total_a"], said.json["total_b"]) == ("1.2417", "0")
    assert (said.json["unpriced_a"], said.json["unpriced_b"]) == (1, 3)
    none = desk("rating", "compare", "tariff/RP_VOICE", "tariff/NONE", "--records", str(path))
    assert none.status != 0
    assert "there is no rating plan 'tariff/NONE'" in none.err
    shown = desk("rating", "compare", "tariff/RP_VOICE", "tariff/RP_VOICE", "--records", str(path))
    assert (shown.status, shown.values()["difference"]) == (0, "0")


def test_an_explanation_is_asked_for_by_an_option(desk: Desk) -> None:
    words = f"--subject 1001 --destination {CALLED} --usage 85 --answer-time {NOON}".split()
    said = desk("rating", "cost", *words, "--explain")
    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines()[-1] == ("  0.641666.. rounded up at 4 decimals = 0.6417, by destination DST_UK")
    assert said.out == desk("rating", "explain", *words).out
    assert "looked" not in desk("rating", "cost", *words, "--json").json
