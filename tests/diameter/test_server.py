"""The Twisted shell over loopback TCP: bytes carried, reading paced, peers parted from."""

from __future__ import annotations

import socket
from collections.abc import Callable

import msgspec
import pytest
import pytest_twisted
from tests.diameter import build
from tests.diameter.build import avp, ccr, cer, ims, message, mscc, read, rsu, subscription
from tests.diameter.serving import DICTIONARIES, SETTINGS, serving
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tollhouse.diameter.dictionary import load_dictionary
from tollhouse.diameter.probe import ProbeError, ProbePlan, new_session_id, run_probe
from tollhouse.values.commands import Authorize, Stop, Update
from tollhouse.values.instants import SECOND

PLAN = ProbePlan(
    origin_host="probe.example.org",
    origin_realm="example.org",
    destination_realm="example.net",
    subscriber="1001",
    called="4420",
    seconds=85,
    session_id="probe.example.org;1;1",
)
ORIGIN = avp(264, "pgw.example.org") + avp(296, "example.org")


class Client:
    """A blocking peer, used in a thread."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 5)

    def say(self, raw: bytes, answers: int = 1) -> list[build.Read]:
        self.socket.sendall(raw)
        return [self.hear() for _ in range(answers)]

    def hear(self) -> build.Read:
        head = self.socket.recv(20, socket.MSG_WAITALL)
        rest = self.socket.recv(int.from_bytes(head[1:4], "big") - 20, socket.MSG_WAITALL)
        return read(head + rest)

    def ended(self) -> bool:
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def begin(number: int) -> bytes:
    asks = mscc(rsu(avp(420, 60)), avp(432, 1))
    return ccr(
        1, 0, subscription(0, "1001"), asks, ims("tel:+4420"), session=f"s{number}", end=number, realm="example.net"
    )


@pytest_twisted.ensureDeferred
async def test_the_probe_shows_a_whole_session() -> None:
    """0.4 and 85 s at 0.01 are 1.25: 1250000 x 10^-6."""
    dictionary = load_dictionary(DICTIONARIES)
    async with serving(reactor) as (port, _, engine):
        steps = await deferToThread(run_probe, dictionary, "127.0.0.1", port, PLAN)
    assert [(step.title, step.result) for step in steps] == [
        ("CER", 2001),
        ("CCR-I", 2001),
        ("CCR-U", 2001),
        ("CCR-T", 2001),
        ("DPR", 2001),
    ]
    assert [step.granted for step in steps] == [None, 60, 60, None, None]
    assert [type(command) for command in engine.commands] == [Authorize, Update, Stop]
    assert "Session-Id = probe.example.org;1;1" in steps[1].lines
    assert "    CC-Time = 60" in steps[1].lines
    assert "  Final-Unit-Indication" in steps[2].lines
    assert "    Value-Digits = 1250000" in steps[3].lines
    assert "Host-IP-Address = 127.0.0.1" in steps[0].lines
    assert all(step.elapsed_us > 0 for step in steps)


@pytest_twisted.ensureDeferred
async def test_the_probe_stops_at_a_refusal_and_says_when_nobody_is_there() -> None:
    dictionary = load_dictionary(DICTIONARIES)
    plan = msgspec.structs.replace(PLAN, subscriber="nobody", session_id=new_session_id("probe.example.org"))
    async with serving(reactor) as (port, _, _):
        steps = await deferToThread(run_probe, dictionary, "127.0.0.1", port, plan)
        assert [(step.title, step.result) for step in steps] == [("CER", 2001), ("CCR-I", 5030), ("DPR", 2001)]
    with pytest.raises(ProbeError):
        await deferToThread(run_probe, dictionary, "127.0.0.1", port, plan)


@pytest_twisted.ensureDeferred
async def test_many_requests_of_one_segment_are_answered() -> None:
    async with serving(reactor) as (port, _, engine):
        client = Client(port)
        stream = cer() + b"".join(begin(number) for number in range(100))
        answers = await deferToThread(client.say, stream, 101)
        assert [answer.result for answer in answers] == [2001] * 101
        assert [answer.end for answer in answers[1:]] == list(range(100))
        assert len(engine.commands) == 100
        client.socket.close()


@pytest_twisted.ensureDeferred
async def test_an_address_that_no_gateway_covers_is_closed_and_counted() -> None:
    async with serving(reactor, gateway=None) as (port, server, _):
        client = Client(port)
        assert await deferToThread(client.ended)
        assert server.tally.counts["diameter_dropped", "unknown_address"] == 1
        client.socket.close()


@pytest_twisted.ensureDeferred
async def test_stopping_answers_parts_and_closes() -> None:
    async with serving(reactor) as (port, server, engine):
        client = Client(port)
        await deferToThread(client.say, cer())
        engine.holding = True
        client.socket.sendall(begin(1))
        await _until(lambda: engine.held)
        stopped = server.stop()
        assert not stopped.called
        engine.held.pop()()
        answer, dpr = await deferToThread(client.say, b"", 2)
        assert (answer.result, dpr.command, dpr.flags) == (2001, 282, 0x80)
        client.socket.sendall(message(282, 0, avp(268, 2001) + ORIGIN, flags=0, hop=dpr.hop, end=dpr.end))
        assert await deferToThread(client.ended)
        await stopped
        assert server.connections == set()
        client.socket.close()


@pytest_twisted.ensureDeferred
async def test_a_peer_with_too_much_in_hand_is_not_read() -> None:
    few = msgspec.structs.replace(SETTINGS, in_hand_limit=2)
    async with serving(reactor, settings=few) as (port, _, engine):
        client = Client(port)
        await deferToThread(client.say, cer())
        engine.holding = True
        client.socket.sendall(begin(1) + begin(2))
        await _until(lambda: len(engine.held) == 2)
        client.socket.sendall(begin(3))
        await _turns(20)
        assert len(engine.held) == 2
        engine.holding = False
        for answer in engine.held:
            answer()
        assert [a.result for a in await deferToThread(client.say, b"", 3)] == [2001] * 3
        client.socket.close()


@pytest_twisted.ensureDeferred
async def test_a_silent_connection_is_ended_by_the_timer() -> None:
    hasty = msgspec.structs.replace(SETTINGS, capabilities_wait=SECOND // 20)
    async with serving(reactor, settings=hasty) as (port, server, _):
        client = Client(port)
        assert await deferToThread(client.ended)
        assert server.tally.counts["diameter_closed", "no_capabilities"] == 1
        client.socket.close()


async def _turns(count: int) -> None:
    """Let the reactor turn, without waiting for time to pass."""
    for _ in range(count):
        await deferLater(reactor, 0)


async def _until(happened: Callable[[], object]) -> None:
    while not happened():
        await _turns(1)
