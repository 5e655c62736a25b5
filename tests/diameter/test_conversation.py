"""One connection as a transcript: bytes in, bytes out, commands for the engine (RFC 6733 5, RFC 3539 3.4.1)."""

from __future__ import annotations

import struct

import msgspec
import pytest
from tests.diameter import build
from tests.diameter.build import avp, ccr, cer, ims, message, mscc, read, read_all, rsu, subscription, usu

from tollhouse.diameter.conversation import Ask, Conversation, State
from tollhouse.diameter.node import Node
from tollhouse.values.commands import Authorize, CloseClient, Service, Stop
from tollhouse.values.instants import MINUTE, SECOND, Instant, parse_instant
from tollhouse.values.outcomes import Granted, Outcome, Refused
from tollhouse.values.refusals import Refusal

T0 = parse_instant("2026-11-23T10:00:00Z")
GRANT = Granted("s1", Service.VOICE, 60 * SECOND, False, 0, "EUR", 6, 0)
BEGIN = ccr(1, 0, subscription(0, "46700000001"), mscc(rsu(avp(420, 60)), avp(432, 1)), ims("tel:+4420"))
ORIGIN = avp(264, "pgw.example.org") + avp(296, "example.org")


class Peer:
    """The other side of a conversation, and the engine behind it."""

    def __init__(self, node: Node, opened: bool = True, host: str = "pgw.example.org") -> None:
        self.woken = 0
        self.core = Conversation(node, "127.0.0.1", "acme", T0, self.wake)
        if opened:
            assert self.say(cer(host))[0].result == 2001

    def wake(self) -> None:
        self.woken += 1

    def ask(self, raw: bytes, now: Instant = T0) -> list[Ask]:
        return self.core.receive(raw, now)

    def say(self, raw: bytes, now: Instant = T0) -> list[build.Read]:
        assert self.core.receive(raw, now) == []
        return self.heard()

    def heard(self) -> list[build.Read]:
        return read_all(self.core.output())

    def decide(self, asked: Ask, outcome: Outcome = GRANT, now: Instant = T0) -> list[build.Read]:
        assert asked.exchange is not None
        self.core.answer(asked.exchange, outcome, now)
        return self.heard()


def test_capabilities_are_exchanged(node: Node) -> None:
    """Requirement diameter 2.4: what Kamailio and freeDiameter want to see."""
    peer = Peer(node, opened=False)
    (cea,) = peer.say(cer())
    assert (cea.flags, cea.command, cea.hop, cea.end) == (0, 257, 7, 7)
    assert [code for code, _ in cea.avps] == [268, 264, 296, 257, 266, 269, 278, 265, 265, 258, 299, 260, 267]
    assert cea.result == 2001
    assert cea.first(257) == b"\0\1\x7f\0\0\1"
    assert build.avps(cea.first(260)) == [(266, (10415).to_bytes(4, "big")), (258, b"\0\0\0\4")]
    assert peer.core.state is State.OPEN
    assert node.peers() == {"pgw.example.org": 1}


@pytest.mark.parametrize(
    "offer",
    [
        avp(258, 4),
        avp(259, 4),
        avp(258, 0xFFFFFFFF),
        avp(260, avp(266, 10415) + avp(258, 4)),
        avp(258, 16777238) + avp(258, 4),
    ],
)
def test_applications_in_common(offer: bytes, node: Node) -> None:
    assert Peer(node, opened=False).say(cer(applications=offer))[0].result == 2001


def test_no_application_in_common(node: Node) -> None:
    peer = Peer(node, opened=False)
    assert peer.say(cer(applications=avp(258, 16777238)))[0].result == 5010
    assert peer.core.closed()


def test_a_cer_without_a_mandatory_avp_is_shown_what_is_missing(node: Node) -> None:
    peer = Peer(node, opened=False)
    (cea,) = peer.say(message(257, 0, ORIGIN + avp(257, b"\0\1\x7f\0\0\1") + avp(269, "x") + avp(258, 4)))
    assert (cea.result, cea.flags) == (5005, 0)
    assert cea.first(279) == avp(266, 0)
    assert peer.core.closed()


def test_an_unknown_peer_is_told_so(node: Node) -> None:
    strict = Node(
        msgspec.structs.replace(node.settings, peers=("*.Example.net", "pgw.example.com")), node.dictionary, node.tally
    )
    for host, result in (("a.example.net", 2001), ("PGW.example.com", 2001), ("pgw.example.org", 3010)):
        (cea,) = Peer(strict, opened=False).say(cer(host))
        assert cea.result == result
    assert cea.flags == 0x20


@pytest.mark.parametrize(
    "first", [BEGIN, message(280, 0, ORIGIN), b"\1\0\0\x14" + b"\0" * 16, b"GET / HTTP/1.1\r\n\r\n..."]
)
def test_before_a_cer_nothing_is_served(first: bytes, node: Node) -> None:
    peer = Peer(node, opened=False)
    assert peer.say(first) == []
    assert peer.core.closed()


def test_a_connection_without_a_cer_ends_in_time(node: Node) -> None:
    peer = Peer(node, opened=False)
    peer.core.timer(T0 + 9 * SECOND)
    assert not peer.core.closed()
    assert peer.core.next_timer() == T0 + 10 * SECOND
    peer.core.timer(T0 + 10 * SECOND)
    assert peer.core.closed()


def test_messages_arrive_split_and_joined_at_will(node: Node) -> None:
    stream = cer() + BEGIN + ccr(3, 1, usu(avp(420, 5)), end=22)
    whole = Peer(node, opened=False)
    expected = [type(asked.command) for asked in whole.ask(stream)]
    assert expected == [Authorize, Stop]
    for size in (1, 3, 20, 333):
        peer = Peer(Node(node.settings, node.dictionary, node.tally), opened=False)
        got = [a for at in range(0, len(stream), size) for a in peer.ask(stream[at : at + size])]
        assert [type(asked.command) for asked in got] == expected
        assert len(peer.heard()) == 1


def test_a_request_is_asked_and_answered(node: Node) -> None:
    peer = Peer(node)
    (asked,) = peer.ask(BEGIN)
    assert isinstance(asked.command, Authorize)
    assert asked.command.deadline == T0 + 4 * SECOND
    assert peer.heard() == []
    (cca,) = peer.decide(asked)
    assert (cca.result, cca.hop, cca.end, cca.flags) == (2001, 11, 21, 0x40)
    assert peer.woken == 1


def test_a_repeat_gets_the_same_bytes_under_its_own_hop_by_hop(node: Node) -> None:
    """Requirement diameter 4.1 (a), 3.11: by another connection, marked as resent, through an agent."""
    peer = Peer(node)
    peer.decide(*peer.ask(BEGIN))
    other = Peer(node, host="dra.example.org")
    resent = bytearray(BEGIN)
    resent[4] |= 0x10
    resent[12:16] = struct.pack("!I", 99)
    (again,) = other.say(bytes(resent), T0 + 9 * MINUTE)
    assert (again.result, again.hop, again.flags) == (2001, 99, 0x40)
    assert node.tally.counts["diameter_repeats", "same"] == 1
    assert node.tally.counts["diameter_requests", "INITIAL"] == 1
    assert len(other.ask(bytes(resent), T0 + 11 * MINUTE)) == 1


def test_a_repeat_of_a_request_in_hand_waits_for_the_same_answer(node: Node) -> None:
    peer, other = Peer(node), Peer(node, host="dra.example.org")
    (asked,) = peer.ask(BEGIN)
    assert other.say(BEGIN) == []
    assert len(peer.decide(asked)) == 1
    assert [cca.result for cca in other.heard()] == [2001]
    assert other.woken == 1


def test_another_body_under_the_key_gets_the_stored_answer_and_is_counted(node: Node) -> None:
    peer = Peer(node)
    peer.decide(*peer.ask(BEGIN))
    changed = ccr(1, 0, subscription(0, "46700000002"), ims("tel:+4420"))
    assert peer.say(changed)[0].result == 2001
    assert node.tally.counts["diameter_repeats", "changed"] == 1


def test_an_end_to_end_id_used_anew_for_another_session_is_no_repeat(node: Node) -> None:
    """A client that counts from 1 after each restart must not be given another session's money."""
    peer = Peer(node)
    peer.decide(*peer.ask(BEGIN))
    assert len(peer.ask(ccr(1, 0, subscription(0, "46700000001"), ims("tel:+4420"), session="new;1"))) == 1


def test_refusals_of_the_moment_are_not_remembered(node: Node) -> None:
    peer = Peer(node)
    assert peer.decide(*peer.ask(BEGIN), Refused(Refusal.OVERLOADED))[0].result == 3004
    (asked,) = peer.ask(BEGIN)
    assert peer.decide(asked, Refused(Refusal.TOO_LATE)) == []
    assert peer.core.in_hand == 0
    assert len(peer.ask(BEGIN)) == 1


def test_answers_remembered_are_bounded(node: Node) -> None:
    small = Node(msgspec.structs.replace(node.settings, remember_entries=3), node.dictionary, node.tally)
    peer = Peer(small)
    for end in range(10):
        peer.decide(*peer.ask(ccr(3, 1, end=end, session=f"s{end}")))
    assert len(small.duplicates) == 3


@pytest.mark.parametrize(
    ("raw", "result", "flags"),
    [
        pytest.param(message(272, 4, b"", 0xE0), 3008, 0x60, id="E in a request"),
        pytest.param(message(272, 4, b"", 0xC1), 3008, 0x60, id="a reserved bit"),
        pytest.param(message(280, 0, ORIGIN, 0xC0), 3008, 0x60, id="a proxiable watchdog"),
        pytest.param(message(272, 16777238, b"", 0xC0), 3007, 0x60, id="another application"),
        pytest.param(message(271, 4, b"", 0xC0), 3001, 0x60, id="another command"),
        pytest.param(message(272, 4, b"\0\0\0\1\0\0\0\7", 0xC0), 5014, 0x60, id="a broken AVP"),
        pytest.param(BEGIN[:4] + b"\xc0" + BEGIN[5:], None, 0, id="nothing wrong"),
        pytest.param(ccr(1, 0, avp(293, "other.example")), 3002, 0x60, id="another host"),
        pytest.param(ccr(1, 0, realm="other.example"), 3003, 0x60, id="another realm"),
        pytest.param(ccr(1, 0, avp(282, "OCS.demo.invalid")), 3005, 0x60, id="a loop"),
        pytest.param(ccr(1, 0, avp(4095, b"")), 5001, 0x40, id="an unknown AVP with M"),
        pytest.param(ccr(9, 0), 5004, 0x40, id="a bad value"),
        pytest.param(message(272, 4, avp(263, "s") + ORIGIN, 0xC0), 5005, 0x60, id="no request type: E"),
        pytest.param(message(282, 0, avp(264, "x")), 5005, 0, id="a DPR without realm"),
    ],
)
def test_requests_that_are_wrong(raw: bytes, result: int | None, flags: int, node: Node) -> None:
    """Requirement diameter 3.3 to 3.6: the result, and E for protocol errors or where the grammar cannot be met."""
    peer = Peer(node)
    if result is None:
        assert len(peer.ask(raw)) == 1
        return
    (reply,) = peer.say(raw)
    assert (reply.result, reply.flags) == (result, flags)
    assert reply.has(264)
    assert peer.core.state is State.OPEN


def test_an_error_answer_keeps_the_session_and_the_proxies(node: Node) -> None:
    proxy = avp(284, avp(280, "dra") + avp(33, b"x"))
    (reply,) = Peer(node).say(ccr(1, 5, avp(4095, b"!"), proxy))
    assert [code for code, _ in reply.avps] == [263, 268, 264, 296, 258, 416, 415, 281, 279, 284]
    assert reply.first(279) == avp(4095, b"!")


@pytest.mark.parametrize(("word", "result"), [(2 << 24 | 20, 5011), (1 << 24 | 19, 5015), (1 << 24 | 0xFFFFFC, 5015)])
def test_a_stream_that_cannot_be_followed_ends(word: int, result: int, node: Node) -> None:
    peer = Peer(node)
    asks = peer.ask(BEGIN + struct.pack("!I", word) + BEGIN[4:])
    assert len(asks) == 1
    (reply,) = peer.heard()
    assert reply.result == result
    assert peer.core.closed()


def test_watchdogs_are_answered(node: Node) -> None:
    (dwa,) = Peer(node).say(message(280, 0, ORIGIN, hop=5, end=6))
    assert (dwa.result, dwa.hop, dwa.end, dwa.flags) == (2001, 5, 6, 0)
    assert dwa.has(278)


def test_silence_is_answered_by_a_watchdog_then_suspicion_then_the_end(node: Node) -> None:
    """RFC 3539 3.4.1: DWR after Tw, suspect after a second Tw, down after a third."""
    peer = Peer(node)
    peer.core.timer(T0 + 30 * SECOND)
    (dwr,) = peer.heard()
    assert (dwr.command, dwr.flags) == (280, 0x80)
    peer.core.timer(T0 + 60 * SECOND)
    assert not peer.core.closed()
    peer.core.timer(T0 + 90 * SECOND)
    assert peer.core.closed()
    assert node.peers() == {}


def test_any_word_of_the_peer_ends_suspicion(node: Node) -> None:
    peer = Peer(node)
    peer.core.timer(T0 + 30 * SECOND)
    (dwr,) = peer.heard()
    peer.core.timer(T0 + 60 * SECOND)
    peer.say(message(280, 0, avp(268, 2001) + ORIGIN, flags=0, hop=dwr.hop, end=dwr.end), T0 + 61 * SECOND)
    assert peer.core.next_timer() == T0 + 91 * SECOND
    peer.core.timer(T0 + 91 * SECOND)
    assert [m.command for m in peer.heard()] == [280]


def test_answers_that_nobody_asked_for_are_counted(node: Node) -> None:
    peer = Peer(node)
    assert peer.say(message(272, 4, b"", flags=0x40)) == []
    assert peer.say(message(280, 0, b"", flags=0, hop=77)) == []
    assert node.tally.counts["diameter_answers_unasked", ""] == 2


def test_a_peer_that_comes_again_challenges_its_old_connection(node: Node) -> None:
    """Requirement diameter 1.7: the old connection gets a DWR and two seconds."""
    old, alive = Peer(node), Peer(node)
    assert [m.command for m in old.heard()] == [280]
    assert node.peers() == {"pgw.example.org": 2}
    old.core.timer(T0 + 2 * SECOND)
    assert old.core.closed()
    assert node.peers() == {"pgw.example.org": 1}
    Peer(node)
    (dwr,) = alive.heard()
    alive.say(message(280, 0, avp(268, 2001), flags=0, hop=dwr.hop), T0 + SECOND)
    alive.core.timer(T0 + 2 * SECOND)
    assert not alive.core.closed()


def test_a_peer_may_part(node: Node) -> None:
    peer = Peer(node)
    (dpa,) = peer.say(message(282, 0, ORIGIN + avp(273, 0), hop=3))
    assert (dpa.command, dpa.result, dpa.hop) == (282, 2001, 3)
    assert peer.core.state is State.PARTING
    assert peer.say(BEGIN)[0].result == 3004
    peer.core.timer(T0 + 2 * SECOND)
    assert peer.core.closed()


def test_stopping_answers_what_is_in_hand_and_parts(node: Node) -> None:
    peer = Peer(node)
    (asked,) = peer.ask(BEGIN)
    peer.core.shut(T0)
    assert peer.heard() == []
    cca, dpr = peer.decide(asked)
    assert cca.result == 2001
    assert (dpr.command, dpr.flags, dpr.first(273)) == (282, 0x80, bytes(4))
    peer.say(message(282, 0, avp(268, 2001), flags=0, hop=dpr.hop))
    assert peer.core.closed()


def test_stopping_does_not_wait_for_ever(node: Node) -> None:
    peer = Peer(node)
    peer.ask(BEGIN)
    peer.core.shut(T0)
    peer.core.timer(T0 + 2 * SECOND)
    assert [m.command for m in peer.heard()] == [282]
    peer.core.timer(T0 + 4 * SECOND)
    assert peer.core.closed()


def test_a_client_that_restarted_has_lost_its_sessions(node: Node) -> None:
    """RFC 6733 8.16; never inferred from the first value or from its absence (requirement diameter 2.8)."""
    peer = Peer(node, opened=False)
    assert peer.ask(cer(extra=avp(278, 100))) == []
    assert peer.ask(message(280, 0, ORIGIN)) == []
    assert peer.ask(cer(extra=avp(278, 100))) == []
    (closing,) = peer.ask(message(280, 0, ORIGIN + avp(278, 101)))
    assert closing.exchange is None
    assert closing.command == CloseClient("pgw.example.org", "origin_state_id=101", "origin_state_id", T0)
    first, second = peer.ask(ccr(3, 1, avp(278, 102)))
    assert isinstance(first.command, CloseClient)
    assert isinstance(second.command, Stop)


def test_an_answer_after_the_connection_is_kept_for_the_repeat(node: Node) -> None:
    peer = Peer(node)
    (asked,) = peer.ask(BEGIN)
    peer.core.lost(T0)
    assert peer.decide(asked) == []
    assert Peer(node).say(BEGIN)[0].result == 2001


def test_requests_in_hand_are_bounded(node: Node) -> None:
    peer = Peer(node)
    for number in range(1024):
        assert not peer.core.crowded
        peer.ask(ccr(2, number, end=number))
    assert peer.core.crowded


def test_answers_read_back(node: Node) -> None:
    """The answer of one conversation is one message, nothing before or after it."""
    peer = Peer(node)
    (asked,) = peer.ask(BEGIN)
    assert asked.exchange is not None
    peer.core.answer(asked.exchange, GRANT, T0)
    assert read(peer.core.output()).result == 2001
