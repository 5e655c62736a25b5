"""Traces and exports over a store: pages, times, what is damaged, and what was brought forward."""

from __future__ import annotations

import csv
import io
from fractions import Fraction

import pytest
from msgspec.structs import replace
from tests.engine.rig import EUR, Rig, authorize, rig_with, start, stop

from tollhouse.console.reading import RecordsWish, TokenError
from tollhouse.engine.book import DamagedError
from tollhouse.engine.retention import Retention
from tollhouse.main.exporting import LOOKS
from tollhouse.main.reading import StoreReading
from tollhouse.values.commands import Caller, Charge, CreateWallet
from tollhouse.values.instants import DAY, SECOND
from tollhouse.values.money import Amount


def with_charges(*wallets: str, each: int = 5) -> Rig:
    """Wallets of 10 euros; second after second each is charged 0.01, 0.02, ..."""
    rig = rig_with()
    for name in wallets:
        if name != "1001":
            rig.ask(CreateWallet("api", name, f"make-{name}", "EUR", 10 * EUR))
    for number in range(1, each + 1):
        rig.later(1)
        for name in wallets:
            rig.ask(Charge(Caller("api", wallet=name), f"{name}:{number}", Amount(number * 10_000, "EUR")))
    return rig


def reading(rig: Rig) -> StoreReading:
    return StoreReading(rig.store, lambda: rig.clock)


def exported(rig: Rig, wish: RecordsWish) -> list[dict[str, str]]:
    """All pages, as any program reads them."""
    text, heading = "", ""
    while True:
        page = reading(rig).export(wish)
        heading, text = page.heading, text + page.text
        assert page.text.count("\n") <= wish.limit
        if not page.next:
            return list(csv.DictReader(io.StringIO(heading + text, newline="")))
        assert page.next != wish.after
        wish = replace(wish, after=page.next)


def places(rows: list[dict[str, str]]) -> list[tuple[str, int]]:
    return [(row["wallet"], int(row["sequence"])) for row in rows]


ALL = [(name, number) for name in ("1001", "1002", "1003") for number in range(1, 7)]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 7, 12, 18, 19, 1000])
def test_whatever_the_page_an_export_has_every_record_once_in_order(limit: int) -> None:
    rig = with_charges("1001", "1002", "1003")
    assert places(exported(rig, RecordsWish(limit=limit))) == ALL
    assert places(exported(rig, RecordsWish("1002", limit=limit))) == ALL[6:12]


def test_case_144_the_amounts_sum_to_what_the_balance_moved() -> None:
    """10 - (0.01 + 0.02 + 0.03 + 0.04 + 0.05) = 9.85."""
    rows = exported(with_charges("1001"), RecordsWish("1001"))
    assert sum(Fraction(row["amount"]) for row in rows) == Fraction("9.85")
    assert (rows[-1]["balance"], rows[-1]["balance_type"], rows[-1]["balance_unit"]) == ("9.85", "cash", "EUR")


@pytest.mark.parametrize("limit", [1, 4, 1000])
@pytest.mark.parametrize(
    ("since", "until", "numbers"),
    [
        (0, 0, range(1, 7)),
        (1, 0, range(2, 7)),
        (3, 4, range(4, 5)),
        (0, 1, range(1, 2)),
        (5, 0, range(6, 7)),
        (6, 0, range(0)),
        (2, 2, range(0)),
        (-5, 9, range(1, 7)),
    ],
)
def test_a_time_has_its_beginning_and_not_its_end(since: int, until: int, numbers: range, limit: int) -> None:
    """Record n + 1 is of second n; whoever asks day after day gets every record once."""
    rig = with_charges("1001", "1002")
    begin = rig.clock - 5 * SECOND
    moments = [begin + seconds * SECOND if seconds else 0 for seconds in (since, until)]
    rows = exported(rig, RecordsWish("", moments[0], moments[1], limit=limit))
    assert places(rows) == [(name, number) for name in ("1001", "1002") for number in numbers]


def test_a_page_looks_at_few_wallets() -> None:
    """Each costs a search through the files of all days; an empty page is not the last."""
    rig = with_charges(*(f"{number}" for number in range(1001, 1041)), each=0)
    page = reading(rig).export(RecordsWish(since=rig.clock + 1))
    assert (page.text, page.next) == ("", f"0 {1001 + LOOKS}")
    assert exported(rig, RecordsWish(since=rig.clock + 1)) == []
    assert len(exported(rig, RecordsWish())) == 40


def test_an_export_of_no_wallet_is_a_heading() -> None:
    page = reading(with_charges("1001")).export(RecordsWish("nobody"))
    assert (page.text, page.next) == ("", "")
    assert page.heading.startswith("wallet,sequence,posting,")


@pytest.mark.parametrize("token", ["x", "5", "5 ", " 1001", "-1 1001", "９ 1001", "9" * 30 + " 1001"])
def test_what_is_no_token_is_refused(token: str) -> None:
    at = reading(with_charges("1001"))
    with pytest.raises(TokenError):
        at.export(RecordsWish(after=token))
    with pytest.raises(TokenError):
        at.trace("1001", 0, f"{token};", 10)


@pytest.mark.parametrize("gone", ["2:tick", "2:tick:x:fine", "2:tick:999999999:fine", "2:tick:-1:fine"])
def test_a_token_that_names_no_bucket_is_refused(gone: str) -> None:
    with pytest.raises(TokenError):
        reading(with_charges("1001")).trace("1001", 0, f"2;1=9990000;{gone}", 10)


def spoilt() -> Rig:
    """1001's third record is damaged."""
    rig = with_charges("1001")
    chain = rig.store.chains["1001"]
    chain[2] = replace(chain[2], body=chain[2].body[:-1])
    return rig


def test_a_damaged_record_is_an_error_and_not_left_out() -> None:
    at = reading(spoilt())
    with pytest.raises(DamagedError, match="wallet 1001: record 3"):
        at.export(RecordsWish())
    with pytest.raises(DamagedError, match="wallet 1001: record 3"):
        at.trace("1001", 0, "", 10)
    page = at.trace("1001", 0, "", 2)
    assert page is not None
    assert page["next"] == "2;1=9990000"


def test_records_of_a_day_that_cannot_be_read_are_an_error() -> None:
    rig = with_charges("1001")
    chain = rig.store.chains["1001"]
    chain[5] = replace(chain[5], at=chain[5].at + DAY)
    rig.store.ruined["2026-11-19"] = "records of 2026-11-19 cannot be read: for a test"
    with pytest.raises(DamagedError, match="for a test"):
        reading(rig).export(RecordsWish())
    with pytest.raises(DamagedError, match="for a test"):
        reading(rig).trace("1001", 0, "", 10)


def traced(rig: Rig, at: int = 0, limit: int = 100) -> tuple[list[dict[str, object]], dict[str, object]]:
    """All entries, and the last page."""
    entries: list[dict[str, object]] = []
    token = ""
    while True:
        page = reading(rig).trace("1001", at, token, limit)
        assert page is not None
        assert isinstance(page["entries"], list)
        entries += page["entries"]
        if page["next"] is None:
            return entries, page
        assert (page["buckets"], page["holds"]) == ([], [])
        token = str(page["next"])


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 100])
def test_a_trace_runs_on_from_page_to_page(limit: int) -> None:
    """10 - 0.01 - 0.02 - 0.03 - 0.04 - 0.05."""
    entries, last = traced(with_charges("1001", "1002"), limit=limit)
    values = [entry["moves"][0]["value"] for entry in entries]  # type: ignore[index]
    assert values == ["10", "9.99", "9.97", "9.94", "9.9", "9.85"]
    assert [entry["request_id"] for entry in entries] == ["make-1001", *(f"1001:{number}" for number in range(1, 6))]
    assert last["buckets"] == [{"bucket": 1, "balance_type": "cash", "unit": "EUR", "value": "9.85"}]


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_a_trace_tells_how_the_wallet_stood_at_any_time(limit: int) -> None:
    """Two seconds before the end: 0.01 + 0.02 + 0.03 were taken."""
    rig = with_charges("1001")
    entries, last = traced(rig, rig.clock - 2 * SECOND, limit)
    assert len(entries) == 4
    assert last["buckets"] == [{"bucket": 1, "balance_type": "cash", "unit": "EUR", "value": "9.94"}]
    before, empty = traced(rig, rig.clock - 6 * SECOND, limit)
    assert (before, empty["buckets"]) == ([], [])


def test_a_trace_tells_what_is_reserved_by_whom() -> None:
    """A call of 85 s has cost 0.6417; another one holds a minute: 0.4 + 0.2."""
    rig = rig_with()
    rig.ask(authorize("c1", ask=60_000_000))
    rig.ask(start("c1"))
    rig.ask(stop("c1", 85))
    rig.later(1)
    rig.ask(authorize("c2", ask=60_000_000))
    entries, last = traced(rig)
    assert [entry["kind"] for entry in entries] == ["open", "session"]
    assert (entries[1]["client"], entries[1]["request_id"]) == ("nas", "stop:c1")
    assert entries[1]["session"]
    [hold] = last["holds"]  # type: ignore[misc]
    assert (hold["client"], hold["destination"], hold["bucket"], hold["amount"]) == ("nas", "4420", 1, "0.6")
    assert traced(rig, rig.clock - SECOND)[1]["holds"] == []


def test_a_trace_of_no_wallet_is_none() -> None:
    assert reading(with_charges("1001")).trace("nobody", 0, "", 10) is None


def test_both_begin_behind_what_was_brought_forward() -> None:
    """The first six records go with their day; one more of 400 days later stays: 9.85 - 1 = 8.85."""
    rig = with_charges("1001")
    rig.later(401 * 86_400)
    rig.ask(Charge(Caller("api", wallet="1001"), "late", Amount(EUR, "EUR")))
    retention = Retention(rig.store, rig.engine.now, rig.tally)
    while retention.step():
        pass
    entries, last = traced(rig)
    assert [entry["sequence"] for entry in entries] == [7]
    assert last["buckets"] == [{"bucket": 1, "balance_type": "cash", "unit": "EUR", "value": "8.85"}]
    assert places(exported(rig, RecordsWish())) == [("1001", 7)]
    assert places(exported(rig, RecordsWish(since=rig.clock))) == [("1001", 7)]
    assert places(exported(rig, RecordsWish(after="2 1001"))) == [("1001", 7)]
    resumed = reading(rig).trace("1001", 0, "2;1=9990000", 10)
    assert resumed is not None
    assert (resumed["entries"], resumed["buckets"]) == (entries, last["buckets"])
