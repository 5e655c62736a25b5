"""Records as CSV: a heading, a line for each record and posting."""

from __future__ import annotations

import csv
import io

from msgspec.structs import replace

from tollhouse.records.export import COLUMNS, heading, lines
from tollhouse.records.record import Call, Record
from tollhouse.records.text import BucketKind
from tollhouse.values.instants import SECOND
from tollhouse.wallet.state import ISSUE, REVENUE, Posting

AT = 1_795_000_000 * SECOND
KINDS = {1: BucketKind("cash", "EUR", 6), 2: BucketKind("free", "second", 0)}
CALL = Call("s1", "nas", "acc", "voice", "1001", "4420", AT, 85_500_000, 641_700, 0, b"", "stop", 3)
RECORD = Record(
    "w",
    2,
    AT + 1,
    "session",
    "nas",
    "stop:1",
    "EUR",
    (Posting(2, -60, REVENUE), Posting(1, -641_700, REVENUE)),
    9_358_300,
    b"x",
    "",
    CALL,
)


def read(record: Record) -> list[dict[str, str]]:
    """As any program reads it."""
    return list(csv.DictReader(io.StringIO(heading() + "".join(lines(record, KINDS, 6)), newline="")))


def test_a_line_for_each_posting_in_its_own_unit() -> None:
    first, second = read(RECORD)
    assert (first["posting"], first["balance_type"], first["unit"], first["amount"]) == ("1", "free", "second", "-60")
    assert (second["posting"], second["balance_type"], second["unit"], second["amount"]) == (
        "2",
        "cash",
        "EUR",
        "-0.6417",
    )
    for line in (first, second):
        assert (line["wallet"], line["sequence"], line["type"], line["kind"]) == ("w", "2", "1", "session")
        assert (line["balance"], line["balance_unit"], line["at"]) == ("9.3583", "EUR", "2026-11-18T11:06:40.000001Z")
        assert (line["session"], line["usage"], line["cost"], line["forgone"]) == ("s1", "85.5", "0.6417", "0.000003")


def test_how_a_session_is_paid_for() -> None:
    """One line of a rated session: its cost moved nothing. A record of before says nothing: prepaid."""
    [line] = read(replace(RECORD, postings=(), call=replace(CALL, request_type="rated")))
    assert (line["posting"], line["amount"], line["cost"], line["request_type"]) == ("0", "", "0.6417", "rated")
    assert {line["request_type"] for line in read(RECORD)} == {"prepaid"}


def test_a_record_that_moved_nothing_is_one_line_with_posting_0() -> None:
    [line] = read(replace(RECORD, kind="change", postings=(), call=None, note="state=suspended"))
    assert (line["posting"], line["bucket"], line["amount"], line["session"]) == ("0", "", "", "")
    assert line["note"] == "state=suspended"


def test_a_bucket_that_nobody_knows_any_more_is_money() -> None:
    [line] = read(replace(RECORD, postings=(Posting(9, 1_500_000, ISSUE),)))
    assert (line["bucket"], line["balance_type"], line["unit"], line["amount"]) == ("9", "", "EUR", "1.5")


def test_any_text_comes_back() -> None:
    for text in ('a,"b"', "a\nb", "a\rb", "\r\n", "é;|", " '"):
        [line] = read(replace(RECORD, postings=(), note=text, request=text))
        assert (line["note"], line["request_id"]) == (text, text)


def test_the_same_record_is_the_same_line_and_ends_with_one_line_feed() -> None:
    assert list(lines(RECORD, KINDS, 6)) == list(lines(RECORD, KINDS, 6))
    assert all(line.endswith("\n") and "\r" not in line for line in (heading(), *lines(RECORD, KINDS, 6)))
    assert [line[-2:] for line in lines(replace(RECORD, postings=(), note="a\rb"), KINDS, 6)] != ["\r\n"]
    assert heading().strip().split(",") == list(COLUMNS)
    assert len(set(COLUMNS)) == len(COLUMNS)
