"""Results as text."""

from __future__ import annotations

from tollhouse.cli.show import cell, shown, table


def test_numbers_stand_right_and_words_left() -> None:
    rows = [
        {"wallet": "1001", "balance": "9.3583", "call": {"to": "44"}, "note": ""},
        {"wallet": "acme", "balance": "-10", "call": None, "note": "a word"},
    ]
    assert list(table(rows, ("wallet", "balance", "call.to", "note"))) == [
        "wallet  balance  to  note",
        "1001     9.3583  44  -",
        "acme        -10   -  a word",
    ]


def test_no_rows_are_a_heading() -> None:
    assert list(table([], ("wallet", "unit"))) == ["wallet  unit"]


def test_an_object_with_lists_and_objects_in_it() -> None:
    result = {"wallet": "1001", "final": False, "expiry": None, "buckets": [{"id": 1}], "peers": ["a", "b"], "none": []}
    assert list(shown(result)) == [
        "wallet  1001",
        "final   no",
        "expiry  -",
        "none    -",
        "buckets",
        "  id",
        "   1",
        "peers",
        "  a",
        "  b",
    ]


def test_a_terminal_is_told_nothing_but_text() -> None:
    assert cell("a\x1b[31mb\x9bc\u202ed") == "a?[31mb?c?d"


def test_what_has_parts_is_one_line() -> None:
    """A list of amounts, and an object in a table's cell."""
    assert cell([{"unit": "second", "amount": "-60"}, {"unit": "octet", "amount": "5"}]) == "-60 second, 5 octet"
    assert cell({"destinations": ["A", "!B"], "timings": [{"week_days": [6, 7]}]}) == (
        "destinations A, !B; timings (week_days 6, 7)"
    )
