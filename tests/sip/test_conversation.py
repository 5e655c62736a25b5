"""Transactions by an injected clock (RFC 3261 17.2.1, 17.2.3, 8.2.2.2, 9.2; requirement sheet, section 2)."""

from __future__ import annotations

import msgspec
import pytest
from tests.sip.messages import header, request

from tollhouse.sip.codec import Request, parse
from tollhouse.sip.conversation import Conversation, Phase, Transaction, Verdict
from tollhouse.sip.settings import Settings
from tollhouse.values.instants import SECOND

SOURCE = ("192.0.2.1", 5070)
BEGIN = 1_000 * SECOND
FINAL = b"SIP/2.0 302 the very bytes"
MS = 1000


def conversation(settings: Settings | None = None) -> Conversation:
    fresh = Conversation(b"s" * 16, settings or Settings())
    fresh.timer(BEGIN)
    return fresh


def begun(talk: Conversation, read: Request | None = None) -> Transaction:
    verdict, transaction = talk.invite(read or parse(request()), SOURCE, BEGIN)
    assert verdict is Verdict.NEW
    return transaction


def sendings(talk: Conversation, until: int, step: int = 50 * MS) -> list[tuple[int, bytes]]:
    """What the timer sends, with the milliseconds since BEGIN, looked at every `step`."""
    out = []
    for now in range(BEGIN + step, BEGIN + until + 1, step):
        out += [((now - BEGIN) // MS, datagram) for datagram, _ in talk.timer(now)]
    return out


def test_a_final_answer_is_repeated_by_timer_g_until_timer_h() -> None:
    talk = conversation()
    talk.finish(begun(talk), FINAL, BEGIN)
    # T1 = 500 ms doubling to T2 = 4 s: gaps 500, 1000, 2000, 4000, 4000 ... below 32 s
    expected = [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]
    assert sendings(talk, 40 * SECOND) == [(at, FINAL) for at in expected]
    assert (len(talk), talk.unconfirmed) == (0, 1)


def test_an_ack_ends_the_repetition_and_the_answer_is_kept() -> None:
    talk = conversation()
    transaction = begun(talk)
    talk.finish(transaction, FINAL, BEGIN)
    assert talk.acknowledge(parse(request("ACK")), SOURCE)
    assert talk.acknowledge(parse(request("ACK")), SOURCE)
    assert sendings(talk, 31 * SECOND) == []
    assert talk.invite(parse(request()), SOURCE, BEGIN + 31 * SECOND) == (Verdict.REPEAT, transaction)
    assert transaction.sent == FINAL
    assert sendings(talk, 40 * SECOND) == []
    assert (len(talk), talk.unconfirmed) == (0, 0)


def test_trying_only_after_200_ms() -> None:
    talk = conversation()
    transaction = begun(talk, parse(request(extra="Timestamp: 54\r\n")))
    ((at, trying),) = sendings(talk, 2 * SECOND)
    assert at == 200
    assert trying.startswith(b"SIP/2.0 100 Trying\r\n")
    assert header(trying, "To") == "<sip:441234567890@127.0.0.1>"
    assert header(trying, "Timestamp") == "54"
    assert transaction.sent == trying
    talk.finish(transaction, FINAL, BEGIN + 2 * SECOND)
    assert transaction.sent == FINAL


def test_no_trying_once_the_final_answer_is_out() -> None:
    talk = conversation()
    talk.finish(begun(talk), FINAL, BEGIN + 10 * MS)
    assert sendings(talk, 500 * MS) == []


def test_a_late_look_at_the_clock_sends_each_thing_once() -> None:
    talk = conversation()
    talk.finish(begun(talk), FINAL, BEGIN)
    assert len(talk.timer(BEGIN + 5 * SECOND)) == 1
    assert len(talk) == 1
    talk.timer(BEGIN + 3600 * SECOND)
    assert len(talk) == 0


@pytest.mark.parametrize(
    ("via", "same"),
    [
        ("SIP/2.0/UDP 192.0.2.1:5070;rport;branch=z9hG4bKone", True),
        ("SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKone;other", True),
        ("SIP/2.0/UDP 192.0.2.1:5071;rport;branch=z9hG4bKone", False),
        ("SIP/2.0/UDP 192.0.2.2:5070;rport;branch=z9hG4bKone", False),
        ("SIP/2.0/UDP 192.0.2.1:5070;rport;branch=z9hG4bKtwo", False),
    ],
)
def test_a_transaction_is_branch_and_sent_by(via: str, same: bool) -> None:
    talk = conversation()
    begun(talk)
    verdict, _ = talk.invite(parse(request(via=via)), SOURCE, BEGIN)
    assert verdict is (Verdict.REPEAT if same else Verdict.MERGED)


@pytest.mark.parametrize("via", ["SIP/2.0/UDP 192.0.2.1", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"])
def test_without_a_usable_branch_the_old_key_decides(via: str) -> None:
    talk = conversation()
    talk.finish(begun(talk, parse(request(via=via))), FINAL, BEGIN)
    assert talk.invite(parse(request(via=via)), SOURCE, BEGIN)[0] is Verdict.REPEAT
    assert talk.invite(parse(request(via=via, call_id="other")), SOURCE, BEGIN)[0] is Verdict.NEW
    assert talk.acknowledge(parse(request("ACK", via=via, to="<sip:4@b>;tag=ours")), SOURCE)


def test_another_source_never_meets_our_transactions() -> None:
    talk = conversation()
    begun(talk)
    stranger = ("198.51.100.9", 5070)
    assert talk.cancelled(parse(request("CANCEL")), stranger) is None
    assert not talk.acknowledge(parse(request("ACK")), stranger)


def test_a_request_by_another_way_is_merged_until_its_ack() -> None:
    talk = conversation()
    talk.finish(begun(talk), FINAL, BEGIN)
    other = parse(request(via="SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKtwo"))
    assert talk.invite(other, SOURCE, BEGIN)[0] is Verdict.MERGED
    talk.acknowledge(parse(request("ACK")), SOURCE)
    assert talk.invite(other, SOURCE, BEGIN)[0] is Verdict.NEW


def test_a_cancel_marks_a_pending_invite_only() -> None:
    talk = conversation()
    transaction = begun(talk)
    assert talk.cancelled(parse(request("CANCEL")), SOURCE) is transaction
    assert transaction.phase is Phase.CANCELLED
    talk.finish(transaction, FINAL, BEGIN)
    assert talk.cancelled(parse(request("CANCEL")), SOURCE) is transaction
    assert transaction.phase is Phase.COMPLETED
    assert talk.cancelled(parse(request("CANCEL", call_id="x", via="SIP/2.0/UDP h;branch=z9hG4bKx")), SOURCE) is None


def test_a_dropped_invite_is_new_again() -> None:
    talk = conversation()
    talk.drop(begun(talk))
    assert talk.invite(parse(request()), SOURCE, BEGIN)[0] is Verdict.NEW


def numbered(number: int) -> Request:
    return parse(request(via=f"SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK{number}", call_id=f"c{number}"))


def test_the_cache_is_bounded_in_entries_and_the_oldest_goes() -> None:
    talk = conversation(msgspec.structs.replace(Settings(), cache_entries=3))
    for number in range(5):
        begun(talk, numbered(number))
    assert len(talk) == 3
    assert talk.invite(numbered(4), SOURCE, BEGIN)[0] is Verdict.REPEAT
    assert talk.invite(numbered(0), SOURCE, BEGIN)[0] is Verdict.NEW


def test_the_cache_is_bounded_in_bytes() -> None:
    talk = conversation(msgspec.structs.replace(Settings(), cache_bytes=3 * len(FINAL)))
    for number in range(5):
        talk.finish(begun(talk, numbered(number)), FINAL, BEGIN)
    assert len(talk) == 3
    assert sendings(talk, 500 * MS) == [(500, FINAL)] * 3


def test_answers_without_memory_are_the_same_each_time() -> None:
    talk, options = conversation(), parse(request("OPTIONS"))
    first = talk.immediate(options, SOURCE, b"200 OK")
    assert first == talk.immediate(options, SOURCE, b"200 OK")
    assert first[1] == SOURCE
    other = talk.immediate(
        parse(request("OPTIONS", call_id="b", via="SIP/2.0/UDP h;branch=z9hG4bKb")), SOURCE, b"200 OK"
    )
    assert header(first[0], "To") != header(other[0], "To")
    assert ";tag=" in header(first[0], "To")
