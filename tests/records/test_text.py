"""Records as `TAG=value|...`: requirement oracle_vws 6 and its cases 36, 45-49 and 144."""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction

import pytest
from msgspec.structs import replace

from tollhouse.records.record import Call, Record
from tollhouse.records.text import BucketKind, Event, Owner, Rating, Tags, gather, parse, plain, tags, text
from tollhouse.snapshot.rules import ExpiryRules, RecordRules, Rules
from tollhouse.values.instants import SECOND
from tollhouse.wallet.state import EXPIRY, ISSUE, REVENUE, Posting

OWNER = Owner("e1", "demo", 0, "gold")
AT = 1_795_000_000 * SECOND
"""2026-11-18T11:06:40Z."""
SEVEN = {"CASCADE_ID", "RATES", "LENGTHS", "MAX_CHARGE", "DISCOUNTS", "CBTD_DISCOUNTS", "CBTD_CASCADE_ID"}


def paid(*postings: tuple[int, int], kind: str = "session", sequence: int = 7, call: Call | None = None) -> Record:
    """A record of charges."""
    moved = tuple(Posting(bucket, -cost, REVENUE) for bucket, cost in postings)
    return Record("w", sequence, AT, kind, "nas", "r1", "EUR", moved, 0, b"", "", call)


def call(usage: int, ended: str = "stop", session: str = "s1") -> Call:
    """A voice call of so many seconds."""
    return Call(session, "nas", "acc", "voice", "1001", "4420", AT - usage * SECOND, usage * SECOND, 0, 0, b"", ended)


def told(
    record: Record,
    kinds: Mapping[int, BucketKind],
    before: Mapping[int, int],
    rules: RecordRules = RecordRules(),  # noqa: B008 - a frozen value
    rating: Rating | None = None,
) -> Tags:
    """What is read back from the line."""
    return parse(text(tags(Event(record), OWNER, kinds, before, Rules(record=rules), rating)))


CASCADE = {1: BucketKind("41", "EUR", 0), 2: BucketKind("41", "EUR", 0), 3: BucketKind("40", "EUR", 0)}
BEFORE = {1: 15, 2: 35, 3: 176}


def test_case_46_balances_before_and_costs_stand_side_by_side() -> None:
    """Cascade 41,40; buckets 15+35 and 176; cost 60 = 15 + 35 + 10."""
    line = told(paid((1, 15), (2, 35), (3, 10)), CASCADE, BEFORE)
    assert line["BALANCE_TYPES"] == ("41", "40")
    assert line["BALANCES"] == ("50", "176")
    assert line["COSTS"] == ("50", "10")


def test_the_worked_session_of_the_requirement() -> None:
    """5.7: CR used 250: 60 of free time, 342 of cash; EDR BALANCES=60,500 COSTS=60,342 DURATION=250.00."""
    kinds = {1: BucketKind("free", "second", 0), 2: BucketKind("cash", "EUR", 0)}
    line = text(tags(Event(paid((1, 60), (2, 342), call=call(250))), OWNER, kinds, {1: 60, 2: 500}))
    assert "|BALANCES=60,500|" in line
    assert "|COSTS=60,342|" in line
    assert "|DURATION=250.00|" in line


def test_case_36_a_call_of_45_is_one_line_of_type_1() -> None:
    line = told(paid((1, 45), call=call(45)), CASCADE, {1: 100})
    assert (line["CDR_TYPE"], line["COSTS"], line["BALANCES"]) == (("1",), ("45",), ("100",))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("", {}),
        ("prepaid", {}),
        ("postpaid", {"REQUEST_TYPE": ("postpaid",)}),
        ("rated", {"REQUEST_TYPE": ("rated",), "RATED_CHARGE": ("45",)}),
        ("none", {"REQUEST_TYPE": ("none",)}),
    ],
)
def test_how_a_session_is_paid_for(kind: str, expected: dict[str, tuple[str, ...]]) -> None:
    """Empty: a record of before."""
    line = told(paid(call=replace(call(45), request_type=kind, cost=45)), CASCADE, BEFORE)
    assert {name: line[name] for name in ("REQUEST_TYPE", "RATED_CHARGE") if name in line} == expected


def test_what_every_line_has() -> None:
    """The form of the whole line, once."""
    record = replace(paid((3, 10), kind="charge"), note="a=b")
    assert text(tags(Event(record), OWNER, CASCADE, BEFORE)) == (
        "SEQUENCE_NUMBER=7|CDR_TYPE=5|RECORD_DATE=20261118110640|BILLING_ENGINE_ID=e1|ACCT_ID=w|ACCT_REF_ID=|"
        "ACS_CUST_ID=demo|KIND=charge|ACCOUNT_TYPE=gold|PI=nas|REFERENCE=r1|"
        "BALANCE_TYPES=40|BALANCES=176|COSTS=10|UNITS=EUR|EVENT_COST=10|NOTE=a\\eb"
    )


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("session", "1"),
        ("open", "2"),
        ("change", "2"),
        ("expiry", "3"),
        ("voucher", "4"),
        ("charge", "5"),
        ("refund", "5"),
        ("recharge", "8"),
        ("something new", "0"),
    ],
)
def test_the_types(kind: str, number: str) -> None:
    line = told(paid(kind=kind), CASCADE, BEFORE)
    assert (line["CDR_TYPE"], line["KIND"]) == ((number,), (kind,))
    assert "COSTS" not in line


def test_what_comes_in_is_negative() -> None:
    """A recharge of 1.5 euros to what was 10; the opening is one too."""
    kinds = {1: BucketKind("cash", "EUR", 6)}
    record = replace(paid(kind="recharge"), postings=(Posting(1, 1_500_000, ISSUE),))
    line = told(record, kinds, {1: 10_000_000})
    assert (line["BALANCES"], line["COSTS"]) == (("10",), ("-1.5",))


def test_what_expired_on_the_way_is_told_apart() -> None:
    """A charge of 10 finds 5 of another type expired: COSTS have both, EXPIRED what of them was no charge."""
    record = replace(paid(kind="charge"), postings=(Posting(1, -5, EXPIRY), Posting(3, -10, REVENUE)))
    line = told(record, CASCADE, BEFORE)
    assert (line["BALANCE_TYPES"], line["COSTS"], line["EXPIRED"]) == (("41", "40"), ("5", "10"), ("5", "0"))
    assert "EXPIRED" not in told(replace(record, kind="expiry"), CASCADE, BEFORE)


def test_an_expiry_names_its_balances_where_that_is_wanted() -> None:
    record = replace(paid(kind="expiry"), postings=(Posting(1, -5, EXPIRY),))
    named = tags(Event(record), OWNER, CASCADE, BEFORE, Rules(expiry=ExpiryRules(names_balances=True)))
    assert named["BALANCE_TYPE_NAMES"] == ("41",)
    assert "BALANCE_TYPE_NAMES" not in tags(Event(record), OWNER, CASCADE, BEFORE)


def test_case_47_bucket_level_costs_and_their_cap() -> None:
    """Three buckets charged: no cap three entries, a cap of 2 two; no flag no tag; of a recharge none."""
    record = paid((1, 15), (2, 35), (3, 10), call=call(60))
    with_costs = RecordRules(bucket_level_costs=True)
    assert told(record, CASCADE, BEFORE, with_costs)["BUCKET_LEVEL_COSTS"] == ("1:15", "2:35", "3:10")
    capped = replace(with_costs, bucket_level_costs_limit=2)
    assert told(record, CASCADE, BEFORE, capped)["BUCKET_LEVEL_COSTS"] == ("1:15", "2:35")
    assert "BUCKET_LEVEL_COSTS" not in told(record, CASCADE, BEFORE)
    recharge = replace(record, kind="recharge", call=None)
    assert "BUCKET_LEVEL_COSTS" not in told(recharge, CASCADE, BEFORE, with_costs)


def test_case_47_with_mid_session_lines_the_last_one_has_no_bucket_level_costs() -> None:
    rules = RecordRules(bucket_level_costs=True, mid_session_commits=True)
    assert "BUCKET_LEVEL_COSTS" in told(paid((1, 15), call=call(15, ended="")), CASCADE, BEFORE, rules)
    assert "BUCKET_LEVEL_COSTS" not in told(paid((1, 15), call=call(30)), CASCADE, BEFORE, rules)


def test_case_48_a_call_of_several_tariffs_may_lack_the_seven_tags() -> None:
    """A call of one tariff has them always."""
    several = Rating((60 * SECOND, 25 * SECOND), ("2", "1"), 0, "main", "500", ("10",), ("50",), "promo")
    one = replace(several, lengths=(85 * SECOND,), rates=("2",))
    record = paid((3, 10), call=call(85))
    suppress = RecordRules(suppress_rating_details=True)
    assert told(record, CASCADE, BEFORE, suppress, several).keys() & SEVEN == set()
    assert told(record, CASCADE, BEFORE, suppress, one).keys() >= SEVEN
    whole = told(record, CASCADE, BEFORE, RecordRules(), several)
    assert whole.keys() >= SEVEN
    assert (whole["LENGTHS"], whole["RATES"]) == (("60.00", "25.00"), ("2", "1"))


def test_case_49_display_ratios() -> None:
    """Three balances: DISPLAY_SPEND_RATIO=1.0,2.0,1.0; false: absent."""
    kinds = {
        1: BucketKind("a", "EUR", 2),
        2: BucketKind("b", "second", 0, 2000),
        3: BucketKind("c", "octet", 0),
    }
    record = paid((1, 125), (2, 30), (3, 7))
    shown = told(record, kinds, {}, RecordRules(display_spend_ratio=True))
    assert shown["DISPLAY_SPEND_RATIO"] == ("1.0", "2.0", "1.0")
    assert shown["COSTS"] == ("1.25", "30", "7")
    assert "DISPLAY_SPEND_RATIO" not in told(record, kinds, {})
    scaled = told(record, kinds, {}, RecordRules(costs_by_display_ratio=True))
    assert scaled["COSTS"] == ("1.25", "60", "7")


def test_case_53_what_is_charged_is_never_less_than_what_was_used() -> None:
    """22.5 s at a resolution of 1 s is 23; unknown is taken for what was used."""
    used = replace(call(0), usage=22_500_000)
    line = told(paid((1, 23), call=used), CASCADE, BEFORE, rating=Rating((23 * SECOND,), charged=23 * SECOND))
    assert (line["DURATION"], line["DURATION_CHARGED"]) == (("22.50",), ("23.00",))
    assert told(paid((1, 23), call=used), CASCADE, BEFORE)["DURATION_CHARGED"] == ("22.50",)


def test_data_has_a_usage_and_no_duration_and_what_was_not_paid_is_told() -> None:
    data = replace(call(0), service="data", usage=1_048_577, overdrawn=3, forgone=4)
    line = told(paid(call=data), CASCADE, BEFORE)
    assert line["USAGE"] == ("1048577",)
    assert "DURATION" not in line
    assert (line["OVERDRAWN_AMOUNT"], line["REMAINING_CHARGE"]) == (("3",), ("4",))


def lines(records: list[Record], rules: RecordRules) -> list[Tags]:
    """A wallet's records in their order; bucket 1 holds 100 before the first."""
    waiting: Mapping[str, Event] = {}
    value, found = 100, []
    for record in records:
        waiting, event = gather(waiting, record, rules)
        if event is not None:
            found.append(parse(text(tags(event, OWNER, CASCADE, {1: value}, Rules(record=rules)))))
        value += sum(posting.amount for posting in record.postings)
    return found


CALLS = [
    paid((1, 10), sequence=1, call=call(10, "", "s1")),
    paid((1, 7), sequence=2, kind="charge"),
    paid((1, 20), sequence=3, call=call(20, "", "s2")),
    paid((1, 5), sequence=4, call=call(15, "", "s1")),
    paid((1, 1), sequence=5, call=call(16, "stop", "s1")),
    paid((1, 2), sequence=6, call=call(22, "stop", "s2")),
]


def test_case_45_each_commit_of_a_session_is_a_line_where_that_is_wanted() -> None:
    found = lines(CALLS, RecordRules(mid_session_commits=True))
    assert [line["SEQUENCE_NUMBER"][0] for line in found] == ["1", "2", "3", "4", "5", "6"]
    assert [line["COSTS"][0] for line in found] == ["10", "7", "20", "5", "1", "2"]
    assert [line["ENDED"] for line in found if "ENDED" in line] == [("",), ("",), ("",), ("stop",), ("stop",)]


def test_case_45_else_only_the_last_line_which_has_all_of_it() -> None:
    """s1 cost 10 + 5 + 1 = 16: 58 stood before its last record (100 - 42), 73 without what it had taken (58 + 15)."""
    charge, first, second = lines(CALLS, RecordRules())
    assert (charge["COSTS"], charge["SEQUENCE_NUMBER"]) == (("7",), ("2",))
    assert (first["COSTS"], first["BALANCES"], first["RECORDS"]) == (("16",), ("73",), ("1", "4", "5"))
    assert (second["COSTS"], second["BALANCES"], second["RECORDS"]) == (("22",), ("77",), ("3", "6"))


@pytest.mark.parametrize("rules", [RecordRules(), RecordRules(mid_session_commits=True)])
def test_case_144_costs_sum_to_what_the_balance_fell(rules: RecordRules) -> None:
    """100 less 45; every record is in exactly one line."""
    found = lines(CALLS, rules)
    assert sum(Fraction(line["COSTS"][0]) for line in found) == 10 + 7 + 20 + 5 + 1 + 2
    numbers = [number for line in found for number in line.get("RECORDS", line["SEQUENCE_NUMBER"])]
    assert sorted(numbers) == ["1", "2", "3", "4", "5", "6"]


def test_a_bucket_that_nobody_knows_any_more_is_money_of_no_type() -> None:
    line = told(paid((9, 10)), CASCADE, BEFORE)
    assert (line["BALANCE_TYPES"], line["COSTS"]) == (("",), ("10",))


@pytest.mark.parametrize("value", ["", "a|b", "a=b", "a,b", "a\nb\r", "\\", "\\p", "\\\\n", "é\u2028\x00", "|=,\n\r\\"])
def test_any_value_comes_back(value: str) -> None:
    line = {"NOTE": (value, value), "KIND": (value,)}
    written = text(line)
    assert parse(written) == line
    assert "\n" not in written
    assert "\r" not in written
    assert written.count("|") == 1


@pytest.mark.parametrize("seed", range(4))
def test_random_values_come_back(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(2000):
        values = ["".join(dice.choices("\\|=,\n\rpecnra", k=dice.randrange(8))) for _ in range(dice.randrange(1, 5))]
        line = {"A": tuple(values), "B_2": (values[0],)}
        assert parse(text(line)) == line


@pytest.mark.parametrize("line", ["", "A", "A=1|", "a=1", "A=1|A=2", "=1", "A=1=2", "A=\\", "A=\\x", "A=1\n", "A B=1"])
def test_what_is_no_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        parse(line)


def test_what_is_no_tag_is_not_written() -> None:
    for bad in ({"a": ("1",)}, {"A": ()}, {"A|B": ("1",)}):
        with pytest.raises(ValueError, match="no tag"):
            text(bad)
    with pytest.raises(ValueError, match="separator"):
        plain("a,b")
