"""docs/cases.md has each acceptance case of requirement oracle_vws 7 once, with its tests or with what it waits for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "cases.md").read_text()
ROWS = re.findall(r"(?m)^\| (\d+) \| (.+?) \| (.*?) \| (.*?) ?\|$", PAGE)
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


def test_no_number_is_missing_and_none_stands_twice() -> None:
    assert [int(number) for number, *_ in ROWS] == list(range(1, 145))


@pytest.mark.parametrize(("file", "name"), TESTS, ids=[name for _, name in TESTS])
def test_every_test_that_is_named_is_there(file: str, name: str) -> None:
    path = ROOT / file
    assert path.is_file(), file
    assert re.search(rf"(?m)^(async )?def {name}\(", path.read_text()), name


@pytest.mark.parametrize(("number", "what", "tests", "note"), ROWS, ids=[row[0] for row in ROWS])
def test_a_case_has_a_test_or_says_what_it_waits_for(number: str, what: str, tests: str, note: str) -> None:
    assert what
    assert tests or note.startswith(("waits: ", "no meaning: ")), number
    assert re.fullmatch(r"(`tests/[\w/]+\.py::test_\w+`(<br>)?)*", tests), number
