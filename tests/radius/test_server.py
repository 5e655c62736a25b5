"""The ports over real loopback sockets, with a scripted engine behind them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import msgspec
import pytest
import pytest_twisted
from tests.radius.support import (
    DICTIONARIES,
    GATEWAY,
    NAMES,
    SECRET,
    ScriptedEngine,
    access,
    accounting,
    put,
)
from twisted.internet import reactor, threads
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import deferLater

from tollhouse.engine.tally import Tally
from tollhouse.radius.codec import parse
from tollhouse.radius.probe import Call, access_request, run_probe, status_request, verify_reply
from tollhouse.radius.server import RadiusServer
from tollhouse.radius.settings import RadiusSettings
from tollhouse.values.commands import Authorize, Start, Stop
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal

CALL = Call("1001", "secret", "4420", "15550100", "sid-1")
START = (put("Acct-Status-Type", 1), put("Acct-Session-Id", "sid-1"), put("Called-Station-Id", "4420"))


class Switch(DatagramProtocol):
    """Sends, and waits for one answer."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._waiting: Deferred[bytes] | None = None

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.heard.append(datagram)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(datagram)

    def ask(self, data: bytes, port: int) -> Deferred[bytes]:
        self._waiting = Deferred()
        self.send(data, port)
        return self._waiting.addTimeout(5, reactor)  # type: ignore[arg-type]

    def send(self, data: bytes, port: int) -> None:
        self.transport.write(data, ("127.0.0.1", port))  # type: ignore[union-attr]


class Stand:
    """A server and a switch on ports that the kernel picked."""

    def __init__(self) -> None:
        self.engine = ScriptedEngine()
        self.tally = Tally()
        self.server = RadiusServer(self.engine, self.tally, NAMES, RadiusSettings())
        self.switch = Switch()
        listen: Callable[..., Any] = reactor.listenUDP  # type: ignore[attr-defined]
        self.ports = [
            listen(0, one, interface="127.0.0.1") for one in (self.server.auth, self.server.acct, self.switch)
        ]
        self.auth, self.acct = (port.getHost().port for port in self.ports[:2])

    async def silence(self, data: bytes, port: int) -> None:
        """The datagram is handled (a Status-Server sent behind it is answered) and nothing came back for it."""
        before = len(self.switch.heard)
        self.switch.send(data, port)
        identifier = (len(self.switch.heard) + data[1]) % 256 if len(data) > 1 else 0
        await self.switch.ask(status_request(SECRET, identifier, bytes(16)), port)
        assert len(self.switch.heard) == before + 1


@pytest.fixture
def stand() -> Iterator[Stand]:
    made = Stand()
    yield made
    for port in made.ports:
        pytest_twisted.blockon(port.stopListening())


Test = Callable[[Stand], Coroutine[Any, Any, None]]


def turning(test: Test) -> Callable[[Stand], Any]:
    """The test runs in the reactor."""
    wrapped: Callable[[Stand], Any] = pytest_twisted.ensureDeferred(test)
    return wrapped


@turning
async def test_a_call(stand: Stand) -> None:
    steps = await threads.deferToThread(
        run_probe, "127.0.0.1", stand.auth, stand.acct, b"testing123", "1001", "secret", "4420", "15550100", 85, 5.0,
        dictionaries=DICTIONARIES,
    )  # fmt: skip
    assert [step.code for step in steps] == [2, 5, 5]
    assert steps[0].reply[0] == "Access-Accept"
    assert "Session-Timeout = 5700" in steps[0].reply
    assert not any("secret" in step.request for step in steps)
    assert [type(command) for command in stand.engine.commands] == [Authorize, Start, Stop]
    assert stand.engine.commands[2].session_keys[0] == "class:s-1"  # type: ignore[union-attr]


@turning
async def test_a_probe_names_the_refusal(stand: Stand) -> None:
    stand.engine.answer = lambda command: Refused(Refusal.BAD_PASSWORD)
    steps = await threads.deferToThread(
        run_probe, "127.0.0.1", stand.auth, stand.acct, b"testing123", "1001", "x", "4420", "1", 85, 5.0,
        dictionaries=DICTIONARIES, chap=True,
    )  # fmt: skip
    assert steps[0].reply[:2] == ("Access-Reject", "Reply-Message = wrong credentials")
    assert len(steps) == 1


@turning
async def test_duplicates_in_flight_and_after(stand: Stand) -> None:
    request = access_request(NAMES, SECRET, 3, bytes(16), CALL)
    stand.engine.hold = True
    await stand.silence(request, stand.auth)
    await stand.silence(request, stand.auth)
    assert len(stand.engine.commands) == 1
    stand.engine.flush()
    first = await stand.switch.ask(request, stand.auth)
    await until(lambda: len(stand.switch.heard) == 4)  # two Status-Servers, the answer, the answer again
    assert stand.switch.heard[-2:] == [first, first]
    verify_reply(first, request, SECRET)
    assert len(stand.engine.commands) == 1


@turning
async def test_refusals_of_the_moment_are_silence_and_decided_anew(stand: Stand) -> None:
    stand.engine.answer = lambda command: Refused(Refusal.OVERLOADED)
    await stand.silence(accounting(*START), stand.acct)
    await stand.silence(accounting(*START), stand.acct)
    assert len(stand.engine.commands) == 2
    assert stand.tally.counts["radius_silent", "overloaded"] == 2


@turning
async def test_a_final_refusal_of_a_report_is_acknowledged_and_counted(stand: Stand) -> None:
    stand.engine.answer = lambda command: Refused(Refusal.UNKNOWN_ACCOUNT)
    answer = await stand.switch.ask(accounting(*START), stand.acct)
    assert answer[0] == 5
    assert stand.tally.counts["radius_accounting_refused", "unknown_account"] == 1


@turning
async def test_silence_with_a_counter(stand: Stand) -> None:
    for data, why in (
        (b"x", "too_short"),
        (accounting(*START, secret=b"wrong"), "bad_authenticator"),
        (accounting(put("Acct-Session-Id", "sid-1")), "no_status_type"),
        (access(), "unexpected_code"),
        (access(b"\x01\x32bob"), "bad_attribute"),
    ):
        await stand.silence(data, stand.acct)
        assert stand.tally.counts["radius_dropped", why] == 1
    assert not stand.engine.commands


@turning
async def test_unknown_clients_and_clients_without_a_secret(stand: Stand) -> None:
    stand.engine.gateways = {}
    stand.switch.send(accounting(*START), stand.acct)
    await until(lambda: ("radius_dropped", "unknown_client") in stand.tally.counts)
    stand.engine.gateways = {"127.0.0.1": msgspec.structs.replace(GATEWAY, secret=b"")}
    stand.switch.send(accounting(*START, secret=b""), stand.acct)
    await until(lambda: ("radius_dropped", "no_secret") in stand.tally.counts)
    assert stand.tally.counts == {("radius_dropped", "unknown_client"): 1, ("radius_dropped", "no_secret"): 1}
    assert not stand.switch.heard


@turning
async def test_where_the_gateway_demands_signatures(stand: Stand) -> None:
    stand.engine.gateways = {"127.0.0.1": msgspec.structs.replace(GATEWAY, require_message_authenticator=True)}
    await stand.silence(access(put("User-Name", "1001")), stand.auth)
    assert (await stand.switch.ask(access_request(NAMES, SECRET, 4, bytes(16), CALL), stand.auth))[0] == 2


@turning
async def test_status_server_only_while_sessions_are_taken(stand: Stand) -> None:
    request = status_request(SECRET, 5, bytes(16))
    for port, code in ((stand.auth, 2), (stand.acct, 5)):
        answer = await stand.switch.ask(request, port)
        verify_reply(answer, request, SECRET)
        assert (answer[0], parse(answer).signature) == (code, 22)
    stand.engine.open = False
    stand.switch.send(request, stand.auth)
    await until(lambda: ("radius_silent", "status") in stand.tally.counts)
    assert len(stand.switch.heard) == 2


@turning
async def test_the_second_secret_answers_with_itself(stand: Stand) -> None:
    stand.engine.gateways = {"127.0.0.1": msgspec.structs.replace(GATEWAY, secret=b"old", secret2=b"testing123")}
    request = access_request(NAMES, SECRET, 6, bytes(16), CALL)
    verify_reply(await stand.switch.ask(request, stand.auth), request, SECRET)


@turning
async def test_no_secret_in_the_log(stand: Stand) -> None:
    heard: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("tollhouse").addHandler(handler)
    try:
        await stand.silence(accounting(*START, secret=b"wrong"), stand.acct)
        await stand.silence(access(put("User-Password", b"p" * 15)), stand.auth)
    finally:
        logging.getLogger("tollhouse").removeHandler(handler)
    assert len(heard) == 2
    assert not any("testing123" in line or "ppp" in line for line in heard)


async def until(holds: Callable[[], bool]) -> None:
    """Turns of the reactor until it holds."""
    for _ in range(5000):
        if holds():
            return
        await deferLater(reactor, 0.001)  # type: ignore[arg-type]
    raise AssertionError("it never came to hold")
