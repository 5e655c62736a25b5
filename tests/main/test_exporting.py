"""Records as lines of tags over a store: whatever the page, each record is in one line, with what stood before it."""

from __future__ import annotations

import base64
from fractions import Fraction

import msgspec
import pytest
from msgspec.structs import replace
from tests.engine.rig import BEGIN, EUR, Rig, authorize, rig_with, start, stop, update
from tests.snapshot_dict import demo_snapshot

from tollhouse.console.reading import NotServedError, RecordsWish, TokenError
from tollhouse.main.naming import Names
from tollhouse.main.reading import StoreReading
from tollhouse.main.tagging import Lost, Progress, Waiting
from tollhouse.records.record import Named
from tollhouse.records.text import BucketKind, parse
from tollhouse.snapshot.accounts import BalanceType
from tollhouse.snapshot.products import Cascade, Product
from tollhouse.snapshot.rules import ExpiryRules, RecordRules, Rules
from tollhouse.values.commands import Caller, Charge, CreateWallet, Recharge
from tollhouse.values.instants import HOUR, SECOND
from tollhouse.values.money import Amount, Unit
from tollhouse.values.recharges import Line
from tollhouse.values.uses import Use
from tollhouse.wallet.state import Posting


def busy(rules: Rules | None = None) -> Rig:
    """1001: 10 euros and 30 free seconds (in tenths); two calls at once, of 85 and 120 seconds, reported in between;
    a charge of 1 among them. 1002: 5 euros."""
    snapshot = demo_snapshot()
    snapshot.units["tick"] = Unit("tick", 1)
    snapshot.balance_types["fine"] = BalanceType("fine", "tick", 0, "voice", SECOND // 10)
    snapshot.tenant_rules["demo"] = rules or Rules()
    rig = rig_with(snapshot=snapshot)
    rig.ask(CreateWallet("api", "1002", "make-1002", "EUR", 5 * EUR))
    free = Line("fine", 300, use=Use(subject="*zero1s"))
    rig.ask(Recharge("api", "1001", "free", Amount(0, "EUR"), lines=(free,)))
    for call in ("c1", "c2"):
        rig.ask(authorize(call, ask=10 * SECOND))
        rig.ask(start(call))
    for moment, command in enumerate(
        (
            update("c1", 40),
            update("c2", 60),
            Charge(Caller("api", wallet="1001"), "one", Amount(EUR, "EUR")),
            update("c1", 82),
            stop("c2", 120),
            stop("c1", 85),
        )
    ):
        rig.later(1 if moment else 0)
        rig.ask(command)
    return rig


def reading(rig: Rig) -> StoreReading:
    return StoreReading(rig.store, lambda: rig.clock, rig.snapshot)


def exported(rig: Rig, wish: RecordsWish) -> list[dict[str, tuple[str, ...]]]:
    """The lines of all pages."""
    text, wish = "", replace(wish, form="text")
    while True:
        page = reading(rig).export(wish)
        assert page.heading == ""
        text += page.text
        if not page.next:
            return [parse(line) for line in text.splitlines()]
        assert page.next != wish.after
        wish = replace(wish, after=page.next)


def numbers(lines: list[dict[str, tuple[str, ...]]]) -> list[tuple[str, tuple[str, ...]]]:
    """Whose, and which records."""
    return [(line["ACCT_ID"][0], line.get("RECORDS", line["SEQUENCE_NUMBER"])) for line in lines]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 7, 1000])
def test_case_45_whatever_the_page_a_session_is_one_line_and_no_number_is_missing(limit: int) -> None:
    rig = busy()
    lines = exported(rig, RecordsWish(limit=limit))
    assert lines == exported(rig, RecordsWish())
    assert numbers(lines) == [
        ("1001", ("1",)),
        ("1001", ("2",)),
        ("1001", ("5",)),
        ("1001", ("4", "7")),
        ("1001", ("3", "6", "8")),
        ("1002", ("1",)),
    ]


@pytest.mark.parametrize("limit", [1, 3, 1000])
@pytest.mark.parametrize("commits", [False, True])
def test_case_144_costs_sum_to_what_each_balance_fell_by(commits: bool, limit: int) -> None:
    """1001 began with nothing; what it has now came by its lines, each in its own unit."""
    rig = busy(Rules(record=RecordRules(mid_session_commits=commits)))
    lines = exported(rig, RecordsWish("1001", limit=limit))
    assert len(lines) == (8 if commits else 5)
    fell: dict[str, Fraction] = {}
    for line in lines:
        for name, cost in zip(line.get("BALANCE_TYPES", ()), line.get("COSTS", ()), strict=True):
            fell[name] = fell.get(name, Fraction(0)) + Fraction(cost)
    now = {bucket.balance_type: bucket for bucket in rig.wallet().buckets}
    assert now["fine"].value < 300
    assert -fell["cash"] == Fraction(now["cash"].value, EUR)
    assert -fell["fine"] == Fraction(now["fine"].value, 10)


@pytest.mark.parametrize("commits", [False, True])
def test_case_48_lines_of_sessions_tell_their_rates(commits: bool) -> None:
    """c2: free seconds paid the first of its 120 s, 60 s at 0.2 a minute, 60 s at 0.1: what the price says of it."""
    rig = busy(Rules(record=RecordRules(mid_session_commits=commits)))
    ended = [line for line in exported(rig, RecordsWish("1001", limit=2)) if line.get("ENDED") == ("stop",)]
    assert [line["DURATION"] for line in ended] == [("120.00",), ("85.00",)]
    assert [line["RATES"] for line in ended] == [("0.2/60s", "0.1/60s")] * 2
    assert [line["LENGTHS"] for line in ended] == [("60.00", "60.00"), ("60.00", "25.00")]
    assert not {"CASCADE_ID", "MAX_CHARGE", "DISCOUNTS"} & ended[0].keys()
    quiet = busy(Rules(record=RecordRules(suppress_rating_details=True)))
    assert all("RATES" not in line for line in exported(quiet, RecordsWish("1001")))


def test_a_line_names_the_cascade_of_the_product_and_the_discount_of_the_request() -> None:
    """Half a percent is 50 hundredths of one."""
    snapshot = demo_snapshot()
    snapshot.products["demo", "gold"] = Product("gold", cascades=(("voice", "GOLD"),))
    snapshot.cascades["demo", "GOLD"] = Cascade("GOLD", ("cash",))
    rig = rig_with(snapshot=snapshot)
    rig.ask(CreateWallet("api", "1002", "make-1002", "EUR", 5 * EUR, product="gold", state="active"))
    rig.ask(replace(authorize("c1", name="1002"), discount=50))
    rig.ask(stop("c1", 60, name="1002"))
    [line] = exported(rig, RecordsWish("1002"))[1:]
    assert (line["CASCADE_ID"], line["DISCOUNTS"], line["RATES"]) == (("GOLD",), ("0.5",), ("0.2/60s",))


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_balances_are_those_before_in_the_unit_of_each(limit: int) -> None:
    """The recharge finds 10 euros and no seconds; 30 seconds are 300 tenths. The charge of 1 finds what the reports
    before it left, and leaves 1 less."""
    lines = exported(busy(), RecordsWish("1001", limit=limit))
    recharge = lines[1]
    assert (recharge["BALANCE_TYPES"], recharge["UNITS"]) == (("fine",), ("tick",))
    assert (recharge["BALANCES"], recharge["COSTS"]) == (("0",), ("-30",))
    charge = lines[2]
    assert (charge["BALANCE_TYPES"], charge["COSTS"], charge["EVENT_COST"]) == (("cash",), ("1",), ("1",))


@pytest.mark.parametrize("limit", [1, 3, 1000])
@pytest.mark.parametrize(
    ("since", "until", "found"), [(2, 4, [("5",)]), (4, 5, [("4", "7")]), (5, 9, [("3", "6", "8")])]
)
def test_a_line_is_of_the_time_of_its_last_record(since: int, until: int, found: object, limit: int) -> None:
    """The charge comes two seconds after the first report, then the second report of c1, and a second each the ends:
    whoever exports time after time has every line once."""
    rig = busy()
    lines = exported(rig, RecordsWish("", BEGIN + since * SECOND, BEGIN + until * SECOND, limit=limit))
    assert [number for _, number in numbers(lines)] == found


def test_what_is_over_before_the_time_is_not_read() -> None:
    rig = busy()
    assert exported(rig, RecordsWish(since=rig.clock + SECOND)) == []


def test_a_bucket_that_is_gone_is_named_by_its_records() -> None:
    """Two balances of different units go with their last buckets, and so does the configuration of one."""
    rig = busy(Rules(expiry=ExpiryRules(delete_empty_balances=True)))
    dated = Recharge("api", "1002", "b", Amount(EUR, "EUR"), "bonus", expiry=rig.clock + HOUR)
    rig.ask(dated)
    rig.ask(replace(dated, key="f", amount=Amount(25, "tick"), balance_type="fine"))
    rig.later(2 * 3600)
    rig.sweep()
    del rig.snapshot.units["tick"], rig.snapshot.balance_types["fine"]
    lines = exported(rig, RecordsWish("1002"))[1:]
    told = [(line["BALANCE_TYPES"], line["BALANCES"], line["COSTS"], line["UNITS"]) for line in lines]
    assert told[:2] == [(("bonus",), ("0",), ("-1",), ("EUR",)), (("fine",), ("0",), ("-2.5",), ("tick",))]
    assert sorted(told[2:]) == [(("bonus",), ("1",), ("1",), ("EUR",)), (("fine",), ("2.5",), ("2.5",), ("tick",))]
    page = StoreReading(rig.store, lambda: rig.clock).export(RecordsWish("1002"))  # no engine, no configuration
    assert ",3,fine,tick,2.5,issue," in page.text


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_what_is_gone_is_named_on_the_next_page_too(limit: int) -> None:
    """A trace whose page ends while bucket 2, which is gone by now, still has something: 2.5 of the tenths."""
    rig = busy()
    fine = Recharge("api", "1002", "f", Amount(25, "tick"), "fine", expiry=rig.clock + HOUR)
    rig.ask(fine)
    rig.later(2 * 3600)
    rig.sweep()
    moves, token = [], ""
    while True:
        page = StoreReading(rig.store, lambda: rig.clock).trace("1002", 0, token, limit)
        assert page is not None
        assert isinstance(page["entries"], list)
        moves += [move for entry in page["entries"] for move in entry["moves"]]
        if page["next"] is None:
            break
        token = str(page["next"])
    assert [(move["balance_type"], move["amount"], move["unit"]) for move in moves] == [
        ("cash", "5", "EUR"),
        ("fine", "2.5", "tick"),
        ("fine", "-2.5", "tick"),
    ]


def test_a_record_that_does_not_name_a_gone_bucket_is_told_by_its_number() -> None:
    """Such as one that was brought forward: nothing of two units is ever added up."""
    rig = busy()
    record = rig.records("1002")[0]
    silent = replace(record, postings=(Posting(9, 25, "issue", "tick"),), buckets=())
    names = Names(None, {"tick": 1}.get)
    names.meet(silent)
    assert names.kinds == {9: BucketKind("", "tick", 1)}
    names.meet(replace(silent, buckets=(Named(9, "fine", 2),)))
    assert names.kinds == {9: BucketKind("fine", "tick", 2)}


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "5 1001",
        base64.urlsafe_b64encode(b"\x91").decode(),
        base64.urlsafe_b64encode(b"\x91" * 5000).decode(),
        base64.urlsafe_b64encode(msgspec.msgpack.encode(["1001", "x"])).decode(),
        Progress("1001", 3, (), (Waiting("s", (), ()),)).token(),
        Progress("1001", 3, (), (), (Lost(2, "fine", "tick", 10**9),)).token(),
    ],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(TokenError):
        reading(busy()).export(RecordsWish(after=token, form="text"))


def test_a_token_that_would_be_too_long_is_said_so() -> None:
    """40,000 sessions that run, each with a name of 8 characters."""
    waiting = tuple(Waiting(f"{number:08d}", (number,), ()) for number in range(40_000))
    with pytest.raises(NotServedError, match="mid_session_commits"):
        Progress("1001", 40_000, (), waiting).token()


def test_without_rules_no_tags_are_told() -> None:
    rig = busy()
    with pytest.raises(NotServedError, match="no engine is running"):
        StoreReading(rig.store, lambda: rig.clock).export(RecordsWish(form="text"))
    assert StoreReading(rig.store, lambda: rig.clock).export(RecordsWish("1002")).text


def test_a_csv_names_each_posting_s_unit() -> None:
    rig = busy()
    page = reading(rig).export(RecordsWish("1001"))
    [recharge] = [line for line in page.text.splitlines() if ",recharge," in line]
    assert ",fine,tick,30,issue,10,EUR," in recharge


def test_a_token_of_a_wallet_that_is_gone_goes_on_behind_it() -> None:
    """1001 was removed meanwhile: the page begins with 1002, from its first record on."""
    rig = busy()
    del rig.store.entries[1, b"1001"]
    for wish in (RecordsWish(after="5 1001"), RecordsWish(after=Progress("1001", 5).token(), form="text")):
        assert reading(rig).export(wish).text.count("\n") == 1
