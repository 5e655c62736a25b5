"""The shell over loopback UDP: a private reactor turned by hand, a clock turned by hand, a scripted engine."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from tests.sip.charging import Script, granted
from tests.sip.messages import header, request
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.task import Clock

from tollhouse.engine.tally import Tally
from tollhouse.sip.server import SipServer
from tollhouse.sip.settings import Settings
from tollhouse.values.commands import Authorize, Release
from tollhouse.values.outcomes import Refused, Route
from tollhouse.values.refusals import Refusal


class Bench:
    """A server on a port that the kernel picked, and one client."""

    def __init__(self) -> None:
        self.reactor, self.clock, self.tally, self.script = SelectReactor(), Clock(), Tally(), Script()
        self.server = SipServer(self.script, self.tally, Settings(), self.clock, b"s" * 16)
        self.port = self.reactor.listenUDP(0, self.server, "127.0.0.1")
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.connect(("127.0.0.1", self.port.getHost().port))
        self.client.setblocking(False)

    def say(self, datagram: bytes) -> list[bytes]:
        self.client.send(datagram)
        self.reactor.doIteration(0.5)
        return self.heard()

    def heard(self) -> list[bytes]:
        answers = []
        while True:
            try:
                answers.append(self.client.recv(65_535))
            except BlockingIOError:
                return answers

    def decide(self) -> list[bytes]:
        self.script.answer()
        return self.heard()

    def wait(self, seconds: float) -> list[bytes]:
        """Let the clock run, in the wheel's steps."""
        self.clock.pump([0.05] * round(seconds * 20))
        return self.heard()

    def close(self) -> None:
        self.client.close()
        self.port.stopListening()
        self.reactor.runUntilCurrent()
        self.reactor.disconnectAll()
        for reader in self.reactor.removeAll():
            reader.connectionLost(None)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()
    assert made.clock.getDelayedCalls() == []


def statuses(answers: list[bytes]) -> list[str]:
    return [answer[8:11].decode() for answer in answers]


def test_an_invite_is_redirected_once_decided(bench: Bench) -> None:
    assert bench.say(request()) == []
    assert bench.say(request()) == []  # in progress: swallowed
    (answer,) = bench.decide()
    assert answer.startswith(b"SIP/2.0 302 Moved Temporarily\r\n")
    assert (
        header(answer, "Contact") == "<sip:441234567890@a.invalid:5080>;q=0.99, <sip:00441234567890@b.invalid>;q=0.98"
    )
    assert bench.say(request()) == [answer]  # the same bytes, and nothing asked twice
    assert len(bench.script.commands) == 1
    assert bench.wait(0.6) == [answer]
    assert bench.say(request("ACK")) == []
    assert bench.wait(40) == []
    assert bench.tally.counts[("sip_repeats", "")] == 2


def test_a_refusal_has_its_status_and_reason(bench: Bench) -> None:
    bench.script.outcome = Refused(Refusal.NO_FUNDS)
    bench.say(request())
    (answer,) = bench.decide()
    assert answer.startswith(b"SIP/2.0 402 Payment Required\r\n")
    assert header(answer, "Reason") == 'Q.850;cause=21;text="no funds"'


def test_a_slow_decision_gets_trying_first(bench: Bench) -> None:
    bench.say(request())
    (trying,) = bench.wait(0.3)
    assert statuses([trying]) == ["100"]
    assert bench.say(request()) == [trying]
    assert statuses(bench.decide()) == ["302"]


def test_too_late_is_silence_and_forgotten(bench: Bench) -> None:
    bench.script.outcome = Refused(Refusal.TOO_LATE)
    bench.say(request())
    assert bench.decide() == []
    bench.script.outcome = granted()
    bench.say(request())
    assert statuses(bench.decide()) == ["302"]


def test_too_late_after_a_trying_is_said(bench: Bench) -> None:
    bench.script.outcome = Refused(Refusal.TOO_LATE)
    bench.say(request())
    bench.wait(0.3)
    assert statuses(bench.decide()) == ["503"]


def test_cancel_of_a_pending_invite_releases_before_it_answers(bench: Bench) -> None:
    bench.say(request())
    assert bench.say(request("CANCEL")) == []
    authorized, released = bench.script.commands
    assert isinstance(authorized, Authorize)
    assert isinstance(released, Release)
    assert (released.caller, released.session_keys) == (authorized.caller, authorized.session_keys[:1])
    cancelled, terminated = bench.decide()
    assert statuses([cancelled, terminated]) == ["200", "487"]
    assert (header(cancelled, "CSeq"), header(terminated, "CSeq")) == ("1 CANCEL", "1 INVITE")
    assert header(cancelled, "To") == header(terminated, "To")


def test_cancel_after_the_final_answer_releases_too(bench: Bench) -> None:
    bench.say(request())
    bench.decide()
    bench.say(request("CANCEL"))
    assert isinstance(bench.script.commands[1], Release)
    assert statuses(bench.decide()) == ["200"]


def test_cancel_of_nothing(bench: Bench) -> None:
    assert statuses(bench.say(request("CANCEL"))) == ["481"]
    assert bench.script.commands == []


def test_where_only_we_are_left_all_is_given_back(bench: Bench) -> None:
    bench.script.outcome = granted((Route("us", f"127.0.0.1:{bench.port.getHost().port}", "1", 1),))
    bench.say(request())
    assert statuses(bench.decide()) == ["480"]
    assert isinstance(bench.script.commands[1], Release)


def test_options(bench: Bench) -> None:
    (answer,) = bench.say(request("OPTIONS"))
    assert answer.startswith(b"SIP/2.0 200 OK\r\n")
    assert header(answer, "Allow") == "INVITE, ACK, CANCEL, OPTIONS"
    bench.script.open = False
    (answer,) = bench.say(request("OPTIONS"))
    assert statuses([answer]) == ["503"]
    assert header(answer, "Retry-After") == "5"


@pytest.mark.parametrize("method", ["INVITE", "BYE", "UPDATE", "PRACK", "INFO", "NOTIFY"])
def test_there_is_no_dialog(bench: Bench, method: str) -> None:
    assert statuses(bench.say(request(method, to="<sip:1@b>;tag=x"))) == ["481"]


@pytest.mark.parametrize("method", ["REGISTER", "SUBSCRIBE", "MESSAGE", "NOTIFY", "NEWMETHOD"])
def test_other_methods(bench: Bench, method: str) -> None:
    (answer,) = bench.say(request(method))
    assert statuses([answer]) == ["405"]
    assert header(answer, "Allow") == "INVITE, ACK, CANCEL, OPTIONS"


def test_a_merged_request(bench: Bench) -> None:
    bench.say(request())
    assert statuses(bench.say(request(via="SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bKother"))) == ["482"]
    assert len(bench.script.commands) == 1


def test_malformed_is_answered_where_it_can_be(bench: Bench) -> None:
    (answer,) = bench.say(request().replace(b"Max-Forwards: 70", b"Max-Forwards: x"))
    assert answer.startswith(b"SIP/2.0 400 Bad Request - malformed Max-Forwards\r\n")
    assert bench.say(b"junk") == []
    assert bench.say(b"\r\n\r\n") == []
    assert statuses(bench.say(request(target="sip:host.invalid"))) == ["484"]
    assert bench.tally.counts[("sip_malformed", "malformed Max-Forwards")] == 1
    assert bench.tally.counts[("sip_keepalives", "")] == 1
    assert bench.script.commands == []


def test_unknown_sources_hear_nothing(bench: Bench) -> None:
    bench.script.known = False
    assert bench.say(request("OPTIONS")) == []
    assert bench.tally.counts == {("sip_dropped", "unknown source"): 1}
