"""A wallet's records followed: what every bucket held behind each of them, and what is held now."""

from __future__ import annotations

import pytest
from tests.engine.rig import EUR, Rig, authorize, rig_with, start, stop, update

from tollhouse.engine.book import SESSION, decode_image
from tollhouse.engine.session import Session
from tollhouse.engine.trace import Hold, Move, Standing, begin, follow, holds, resume
from tollhouse.records.forward import NOTHING, BroughtForward
from tollhouse.records.record import Record
from tollhouse.values.commands import Caller, Charge, Recharge
from tollhouse.values.instants import SECOND
from tollhouse.values.money import Amount
from tollhouse.wallet.state import Posting


def record(sequence: int, *postings: tuple[int, int]) -> Record:
    moved = tuple(Posting(bucket, amount, "revenue") for bucket, amount in postings)
    return Record("w", sequence, 5, "charge", "api", f"r{sequence}", "EUR", moved, 0, b"")


def test_each_move_says_what_its_bucket_holds_then() -> None:
    """100 in; 30 and 5 of two buckets out; the first bucket spent."""
    stands, first = follow(begin(NOTHING), record(1, (1, 100), (2, 5)))
    assert first.moves == (Move(1, 100, "revenue", 100), Move(2, 5, "revenue", 5))
    stands, second = follow(stands, record(2, (2, -5), (1, -30), (1, -1)))
    assert [move.value for move in second.moves] == [0, 70, 69]
    assert stands == Standing(2, ((1, 69),))


def test_a_trace_begins_at_what_was_brought_forward() -> None:
    forward = BroughtForward("w", 40, 9, "EUR", ((1, 7), (2, 0)), (("issue", -7),), b"chain")
    stands, line = follow(begin(forward), record(41, (1, -2)))
    assert line.moves == (Move(1, -2, "revenue", 5),)
    assert stands == Standing(41, ((1, 5),))


@pytest.mark.parametrize("stands", [Standing(), Standing(7, ((1, 9_358_300), (2, -500))), Standing(3, ((2**63, 1),))])
def test_a_token_leads_back_to_where_the_trace_stood(stands: Standing) -> None:
    assert resume(stands.token()) == stands
    assert Standing(7, ((1, 9), (2, -5))).token() == "7;1=9;2=-5"


@pytest.mark.parametrize("token", ["", "x", "-1", "1;", "1;2", "1;=", "1;2=x", "9" * 19, "1 2"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(ValueError):
        resume(token)


def busy() -> Rig:
    """A recharge with an expiry, a charge, a call of 85 s that has ended and one that runs."""
    rig = rig_with()
    rig.ask(Recharge("api", "1001", "r", Amount(EUR, "EUR"), "bonus", expiry=rig.clock + 100 * SECOND))
    rig.ask(Charge(Caller("api", wallet="1001"), "c", Amount(2 * EUR, "EUR")))
    rig.ask(authorize("c1", ask=60_000_000))
    rig.ask(start("c1"))
    rig.ask(update("c1", 30))
    rig.ask(stop("c1", 85))
    rig.later(1)
    rig.ask(authorize("c2", ask=60_000_000))
    return rig


def test_a_wallet_s_own_records_come_to_what_its_buckets_hold() -> None:
    rig = busy()
    stands = begin(NOTHING)
    for one in rig.records():
        stands, line = follow(stands, one)
        assert sum(value for _, value in stands.values) == one.balance
        assert line.record is one
    # 10 + 1 - 2 - 0.6417: the bonus of 1 was spent first.
    assert dict(stands.values) == {1: 8_358_300}
    assert {bucket.id: bucket.value for bucket in rig.wallet().buckets if bucket.value} == dict(stands.values)


def sessions(rig: Rig) -> list[Session]:
    found = [decode_image(SESSION, image) for _, image in rig.store.scan(SESSION, b"", 9)]
    return [one for one in found if isinstance(one, Session)]


def test_what_open_sessions_hold_is_told_and_of_ended_ones_nothing() -> None:
    """c2 has asked for a minute: 0.4 + 0.2."""
    rig = busy()
    [hold] = holds(sessions(rig), rig.clock)
    assert (hold.client, hold.called, hold.lines) == ("nas", "4420", ((1, 600_000),))
    assert hold.created == rig.clock
    assert holds(sessions(rig), rig.clock - 1) == ()


def test_holds_stand_in_the_order_in_which_they_began() -> None:
    rig = rig_with()
    for call in ("b", "a"):
        rig.ask(authorize(call, ask=1_000_000))
        rig.later(1)
    found = holds(reversed(sessions(rig)), rig.clock)
    assert all(isinstance(hold, Hold) for hold in found)
    assert [hold.created for hold in found] == sorted(hold.created for hold in found)
