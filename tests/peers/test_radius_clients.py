"""Clients and a dissector that others wrote, against the RADIUS ports with a scripted engine behind them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from pyrad import client, dictionary, packet
from tests.peers.need import need
from tests.peers.pcap import Packet, write_pcap
from tests.radius.support import DICTIONARIES, GRANT, NAMES, SECRET, ScriptedEngine, access, accounting, put, usual
from twisted.internet import reactor, threads

from tollhouse.engine.tally import Tally
from tollhouse.identify.identify import proves
from tollhouse.radius.probe import Call, access_request, status_request
from tollhouse.radius.server import RadiusPort, RadiusServer
from tollhouse.radius.settings import RadiusSettings
from tollhouse.values.commands import Authorize, CloseClient, Command, Start, Stop, Update
from tollhouse.values.outcomes import Outcome, Refused
from tollhouse.values.refusals import Refusal

pytestmark = pytest.mark.peer

PASSWORD = b"secret"


def decide(command: Command) -> Outcome:
    """User 1001 with the right password gets a grant; anyone else does not."""
    if isinstance(command, Authorize):
        good = command.caller.proof is not None and proves(command.caller.proof, PASSWORD)
        return GRANT if good and command.caller.name == "1001" else Refused(Refusal.BAD_PASSWORD)
    return usual(command)


class Stand:
    """A server on ports that the kernel picked, with every datagram kept for the dissector."""

    def __init__(self) -> None:
        self.engine = ScriptedEngine(decide)
        self.server = RadiusServer(self.engine, Tally(), NAMES, RadiusSettings())
        listen: Callable[..., Any] = reactor.listenUDP  # type: ignore[attr-defined]
        self.ports = [listen(0, one, interface="127.0.0.1") for one in (self.server.auth, self.server.acct)]
        self.auth, self.acct = (port.getHost().port for port in self.ports)
        self.packets: list[Packet] = []
        for port, number in ((self.server.auth, self.auth), (self.server.acct, self.acct)):
            self._keep(port, number)

    def _keep(self, port: RadiusPort, number: int) -> None:
        receive, send = port.datagramReceived, port._sendto

        def received(data: bytes, address: Any) -> None:
            self.packets.append(("udp", address[1], number, data))
            receive(data, address)

        def sent(data: bytes, address: Any) -> int:
            self.packets.append(("udp", number, address[1], data))
            return send(data, address)

        port.datagramReceived = received  # type: ignore[method-assign]
        port._sendto = sent


@pytest.fixture
def stand() -> Iterator[Stand]:
    made = Stand()
    yield made
    for port in made.ports:
        pytest_twisted.blockon(port.stopListening())


async def run(*command: str, text: str = "") -> str:
    """The program's output; it runs beside the reactor."""
    done = await threads.deferToThread(
        subprocess.run, command, input=text, capture_output=True, text=True, timeout=30, check=False
    )
    return str(done.stdout + done.stderr)


async def radclient(port: int, kind: str, text: str, secret: str = "testing123") -> str:
    return await run(need("radclient"), "-x", "-t", "2", "-r", "1", f"127.0.0.1:{port}", kind, secret, text=text)


CALL = "User-Name=1001,Called-Station-Id=442071234567,Calling-Station-Id=15550100,Acct-Session-Id=s1"


@pytest_twisted.ensureDeferred
async def test_radclient_pap(stand: Stand) -> None:
    heard = await radclient(stand.auth, "auth", f"{CALL},User-Password=secret,Message-Authenticator=0x00")
    assert "Received Access-Accept" in heard
    assert "Session-Timeout = 5700" in heard
    assert 'h323-credit-time = "h323-credit-time=5700"' in heard
    assert 'h323-return-code = "h323-return-code=0"' in heard
    heard = await radclient(stand.auth, "auth", f"{CALL},User-Password=wrong")
    assert "Received Access-Reject" in heard
    assert 'Reply-Message = "wrong credentials"' in heard
    assert 'h323-return-code = "h323-return-code=2"' in heard


@pytest_twisted.ensureDeferred
async def test_radclient_chap(stand: Stand) -> None:
    assert "Received Access-Accept" in await radclient(stand.auth, "auth", f"{CALL},CHAP-Password=secret")
    assert "Received Access-Reject" in await radclient(stand.auth, "auth", f"{CALL},CHAP-Password=wrong")


@pytest_twisted.ensureDeferred
async def test_radclient_with_a_wrong_secret_hears_nothing(stand: Stand) -> None:
    request = f"{CALL},User-Password=secret,Message-Authenticator=0x00"
    assert "No reply from server" in await radclient(stand.auth, "auth", request, "wrong")
    assert not stand.engine.commands


@pytest_twisted.ensureDeferred
async def test_radclient_accounting(stand: Stand) -> None:
    for status in ("Accounting-On", "Start", "Interim-Update", "Stop", "Accounting-Off"):
        heard = await radclient(stand.acct, "acct", f"{CALL},Acct-Status-Type={status},Acct-Session-Time=85")
        assert "Received Accounting-Response" in heard
    assert [type(one) for one in stand.engine.commands] == [CloseClient, Start, Update, Stop, CloseClient]


@pytest_twisted.ensureDeferred
async def test_radclient_status(stand: Stand) -> None:
    assert "Received Access-Accept" in await radclient(stand.auth, "status", "Message-Authenticator=0x00")
    assert "Received Accounting-Response" in await radclient(stand.acct, "status", "Message-Authenticator=0x00")


def _pyrad_call(auth: int, acct: int) -> list[packet.Packet]:
    names = dictionary.Dictionary(str(DICTIONARIES / "dictionary"))
    peer = client.Client("127.0.0.1", authport=auth, acctport=acct, secret=b"testing123", dict=names)
    peer.timeout, peer.retries = 5, 1
    asked = peer.CreateAuthPacket(code=packet.AccessRequest, User_Name="1001", Called_Station_Id="4420")
    asked["User-Password"] = asked.PwCrypt("secret")
    asked["Proxy-State"] = [b"first", b"second"]
    asked.add_message_authenticator()
    accepted = peer.SendPacket(asked)
    started = peer.CreateAcctPacket(User_Name="1001", Acct_Session_Id="s1", Acct_Status_Type="Start")
    started["Class"] = accepted["Class"]
    stopped = peer.CreateAcctPacket(User_Name="1001", Acct_Session_Id="s1", Acct_Status_Type="Stop")
    stopped["Acct-Session-Time"] = 85
    return [accepted, peer.SendPacket(started), peer.SendPacket(stopped)]


@pytest_twisted.ensureDeferred
async def test_pyrad(stand: Stand) -> None:
    accepted, started, stopped = await threads.deferToThread(_pyrad_call, stand.auth, stand.acct)
    assert accepted.code == packet.AccessAccept
    assert accepted["Session-Timeout"] == [5700]
    assert accepted["h323-credit-time"] == ["h323-credit-time=5700"]
    assert accepted["Proxy-State"] == [b"first", b"second"]
    assert started.code == stopped.code == packet.AccountingResponse
    assert isinstance(stand.engine.commands[1], Start)
    assert stand.engine.commands[1].session_keys[0] == "class:s-1"


@pytest_twisted.ensureDeferred
async def test_tshark_finds_nothing_wrong(stand: Stand, tmp_path: Path) -> None:
    """Every answer is dissected without a complaint and every authenticator is right."""
    tshark = need("tshark")
    call = Call("1001", "secret", "4420", "15550100", "s1")
    peer = ("127.0.0.1", 40_000)
    state = put("Proxy-State", b"proxy")
    received = [
        (stand.server.auth, access_request(NAMES, SECRET, 1, bytes(range(16)), call)),
        (stand.server.auth, access(put("User-Name", "nobody"), state, identifier=2)),
        (stand.server.auth, status_request(SECRET, 3, bytes(range(16, 32)))),
        (stand.server.acct, accounting(put("Acct-Status-Type", 1), put("Acct-Session-Id", "s1"), state, identifier=4)),
        (stand.server.acct, status_request(SECRET, 5, bytes(range(32, 48)))),
    ]
    for port, data in received:
        port.datagramReceived(data, peer)
    assert [data[0] for _, _, _, data in stand.packets] == [1, 2, 1, 3, 12, 2, 4, 5, 12, 5]
    write_pcap(tmp_path / "radius.pcap", stand.packets)
    base = (
        tshark, "-r", str(tmp_path / "radius.pcap"), "-o", "radius.shared_secret:testing123",
        "-o", "radius.validate_authenticator:TRUE",
        "-d", f"udp.port=={stand.auth},radius", "-d", f"udp.port=={stand.acct},radius",
    )  # fmt: skip
    fields = await run(*base, "-T", "fields", "-e", "radius.code", "-e", "radius.authenticator.valid",
                       "-e", "radius.authenticator.invalid", "-e", "_ws.expert.message")  # fmt: skip
    lines = [line.split("\t") for line in fields.splitlines() if line[:1].isdigit()]
    assert [line[0] for line in lines] == ["1", "2", "1", "3", "12", "2", "4", "5", "12", "5"]
    # tshark 4.0 checks the answers to Access- and Accounting-Requests, and leaves those to Status-Server alone
    assert [lines[at][1] for at in (1, 3, 7)] == ["1", "1", "1"], fields
    assert not any(line[2] == "1" or line[3] for line in lines), fields
    words = await run(*base, "-V", "-Y", "radius.code == 2")
    assert "h323-credit-time=5700" in words
    assert "alformed" not in words
