"""Event records: what is stored is what was entered, in a chain that a change breaks."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tollhouse.records.record import Call, Named, decode, digest, encode, enter
from tollhouse.values.money import INT64_MAX, AmountError
from tollhouse.wallet.funds import credit
from tollhouse.wallet.state import Bucket, Posting, Wallet, new_wallet

CALL = Call("s1", "nas", "1001", "voice", "1", "4420", 5, 85, 641_700, 0, b"price", "stop", 3)


def wallet(value: int = 0) -> Wallet:
    return credit(new_wallet("w", "t", "EUR", 6, 0, 10), value, "issue")[0]


def test_a_record_is_numbered_linked_and_states_the_balance_after_it() -> None:
    paid, first, body = enter(wallet(70), 9, "recharge", "api", "r1", (Posting(1, 70, "issue"),), "a note")
    assert (first.sequence, first.previous, first.balance) == (1, b"", 70)
    assert (paid.records, paid.chain) == (1, digest(body))
    spent, second, more = enter(paid, 10, "session", "nas", "stop", (), call=CALL)
    assert (second.sequence, second.previous, second.call) == (2, digest(body), CALL)
    assert (spent.records, spent.chain) == (2, digest(more))


def test_what_is_stored_is_what_was_entered() -> None:
    _, record, body = enter(wallet(70), 9, "session", "nas", "stop", (Posting(1, -7, "revenue"),), "n", CALL)
    assert decode(body) == record
    assert encode(record) == body
    assert body[0] == 1


def test_a_record_names_the_buckets_that_it_moved() -> None:
    """Tenths of a second (steps of 100,000 us) have one decimal, money the wallet's six; the main bucket is `cash`."""
    tenths = Bucket(2, "free", 50, unit="second", service="voice", step=100_000)
    idle = Bucket(4, "seen", 7, unit="EUR", idle=True)
    rich = replace(wallet(70), buckets=(tenths, Bucket(3, "bonus", 5), *wallet(70).buckets, idle))
    moved = (Posting(2, -5, "revenue"), Posting(3, -5, "revenue"), Posting(1, -1, "revenue"))
    _, record, _ = enter(rich, 9, "session", "nas", "stop", moved)
    assert record.buckets == (Named(2, "free", 1), Named(3, "bonus", 6))
    assert [one.unit for one in record.postings] == ["second", "", ""]
    assert record.decimals == record.places(9) == 6
    assert replace(record, decimals=-1).places(9) == 9


def test_any_change_is_another_place_in_the_chain() -> None:
    _, record, body = enter(wallet(70), 9, "session", "nas", "stop", (), call=CALL)
    changed = [
        replace(record, at=10),
        replace(record, note="x"),
        replace(record, balance=71),
        replace(record, call=replace(CALL, cost=1)),
        replace(record, postings=(Posting(1, 1, "issue"),)),
    ]
    places = {digest(encode(one)) for one in changed} | {digest(body)}
    assert len(places) == 6


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x02\x90", b"\xff" * 9])
def test_another_format_is_refused_by_its_number(body: bytes) -> None:
    with pytest.raises(ValueError, match="format"):
        decode(body)


def test_a_wallet_out_of_range_gets_no_record() -> None:
    enter(wallet(INT64_MAX), 9, "refund", "api", "k", ())
    with pytest.raises(AmountError):
        enter(wallet(INT64_MAX + 1), 9, "refund", "api", "k", ())
