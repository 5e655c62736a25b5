"""Diameter programs that others wrote: python-diameter as a client, freeDiameter as a peer, tshark as the judge."""

from __future__ import annotations

import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_twisted
from diameter.message import Message
from diameter.message.avp.grouped import (
    ImsInformation,
    MultipleServicesCreditControl,
    RequestedServiceUnit,
    ServiceInformation,
    SubscriptionId,
    UsedServiceUnit,
)
from diameter.message.commands import (
    CapabilitiesExchangeRequest,
    CreditControlRequest,
    DeviceWatchdogRequest,
    DisconnectPeerRequest,
)
from tests.diameter import build
from tests.diameter.build import avp, ccr, cer, ims, message, mscc, rsu, subscription, u64, usu
from tests.diameter.serving import SETTINGS, serving
from tests.peers.need import need
from tests.peers.pcap import write_pcap
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tollhouse.values.commands import Authorize, Stop, Update
from tollhouse.values.instants import MINUTE, SECOND

pytestmark = pytest.mark.peer

PORT = 3868
ORIGIN = avp(264, "pgw.example.org") + avp(296, "example.org")


def heard(connection: socket.socket) -> bytes:
    head = connection.recv(20, socket.MSG_WAITALL)
    return head + connection.recv(int.from_bytes(head[1:4], "big") - 20, socket.MSG_WAITALL)


def python_diameter_session(port: int) -> dict[str, Any]:
    """CER, DWR, CCR I/U/T and DPR, each encoded and read back by python-diameter."""
    answers: dict[str, Any] = {}
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        for number, (name, request) in enumerate(python_diameter_requests()):
            request.header.hop_by_hop_identifier = request.header.end_to_end_identifier = 100 + number
            connection.sendall(request.as_bytes())
            reply = Message.from_bytes(heard(connection))
            assert reply.header.hop_by_hop_identifier == 100 + number
            answers[name] = reply
    return answers


def python_diameter_requests() -> Iterator[tuple[str, Any]]:
    cer_request = CapabilitiesExchangeRequest()
    cer_request.host_ip_address = ["127.0.0.1"]
    cer_request.vendor_id = 0
    cer_request.product_name = "python-diameter"
    cer_request.auth_application_id = [4]
    dpr = DisconnectPeerRequest()
    dpr.disconnect_cause = 2
    units = [(None, 60), (30, 60), (55, None)]
    named = [("CER", cer_request), ("DWR", DeviceWatchdogRequest())]
    named += [(f"CCR-{number}", credit_control(number, *wish)) for number, wish in enumerate(units)]
    for name, request in [*named, ("DPR", dpr)]:
        request.origin_host = b"pgw.example.org"
        request.origin_realm = b"example.org"
        yield name, request


def credit_control(number: int, used: int | None, wanted: int | None) -> Any:
    request = CreditControlRequest()
    request.header.application_id = 4
    request.session_id = "pgw.example.org;1;2"
    request.destination_realm = b"example.net"
    request.auth_application_id = 4
    request.service_context_id = "32260@3gpp.org"
    request.cc_request_type = number + 1
    request.cc_request_number = number
    request.subscription_id = [SubscriptionId(subscription_id_type=0, subscription_id_data="46700000001")]
    service = MultipleServicesCreditControl(rating_group=100)
    if wanted is not None:
        service.requested_service_unit = RequestedServiceUnit(cc_time=wanted)
    if used is not None:
        service.used_service_unit = [UsedServiceUnit(cc_time=used)]
    request.multiple_services_credit_control = [service]
    request.service_information = ServiceInformation(
        ims_information=ImsInformation(
            calling_party_address=["tel:+46700000001"], called_party_address="sip:+4420@example.org"
        )
    )
    return request


@pytest_twisted.ensureDeferred
async def test_python_diameter_as_a_client() -> None:
    async with serving(reactor) as (port, _, engine):
        answers = await deferToThread(python_diameter_session, port)
    assert {name: reply.result_code for name, reply in answers.items()} == dict.fromkeys(answers, 2001)
    assert len(answers) == 6
    assert answers["CER"].vendor_specific_application_id[0].auth_application_id == 4
    for name in ("CCR-0", "CCR-1"):
        (service,) = answers[name].multiple_services_credit_control
        assert (service.result_code, service.rating_group) == (2001, 100)
        assert service.granted_service_unit.cc_time == 60
    assert answers["CCR-1"].multiple_services_credit_control[0].final_unit_indication.final_unit_action == 0
    cost = answers["CCR-2"].cost_information
    assert (cost.unit_value.value_digits, cost.unit_value.exponent, cost.currency_code) == (1_250_000, -6, 978)
    begin, update, stop = engine.commands
    assert isinstance(begin, Authorize)
    assert (begin.caller.wallet, begin.called, begin.ask) == ("46700000001", "4420", 60_000_000)
    assert isinstance(update, Update)
    assert isinstance(stop, Stop)


FREE_DIAMETER = """
Identity = "dra.example.org";
Realm = "example.org";
Port = {own_port};
SecPort = 0;
No_SCTP;
No_IPv6;
ListenOn = "127.0.0.1";
AppServThreads = 1;
TwTimer = 6;
TcTimer = 1;
TLS_Cred = "{folder}/cert.pem", "{folder}/key.pem";
TLS_CA = "{folder}/cert.pem";
TLS_DH_Bits = 1024;
ConnectPeer = "ocs.example.net" {{ ConnectTo = "127.0.0.1"; Port = {port}; No_TLS; No_SCTP; No_IPv6;
  Realm = "example.net"; TcTimer = 1; }};
"""


def free_diameter_config(folder: Path, port: int) -> Path:
    key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=dra.example.org"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*key, *files], check=True, capture_output=True)
    config = folder / "dra.conf"
    config.write_text(FREE_DIAMETER.format(folder=folder, own_port=free_port(), port=port))
    return config


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("watchdog", "label", "times"),
    [
        pytest.param(MINUTE, "answered", 1, id="its watchdog, Tw 6 s, is answered"),
        pytest.param(SECOND, "asked", 3, id="ours, Tw 1 s, is answered"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_free_diameter_connects_and_watches(watchdog: int, label: str, times: int, tmp_path: Path) -> None:
    """CER/CEA, DWR/DWA both ways, and DPR/DPA when we stop: freeDiameter finds nothing to complain of."""
    program = need("freeDiameterd")
    need("openssl")
    log = tmp_path / "dra.log"
    async with serving(reactor, settings=msgspec.structs.replace(SETTINGS, watchdog=watchdog)) as (port, server, _):
        config = await deferToThread(free_diameter_config, tmp_path, port)
        with log.open("wb") as out:
            process = subprocess.Popen([program, "-c", str(config)], stdout=out, stderr=subprocess.STDOUT)
        try:
            assert await _until(lambda: "'STATE_OPEN'" in log.read_text()), log.read_text()
            assert server.node.peers() == {"dra.example.org": 1}
            counts = server.tally.counts
            assert await _until(lambda: counts.get(("diameter_watchdog", label), 0) >= times), log.read_text()
            assert server.node.peers() == {"dra.example.org": 1}
            assert ("diameter_watchdog", "suspect") not in counts
            await server.stop()
            assert counts["diameter_closed", "parted"] == 1
        finally:
            process.terminate()
            await deferToThread(process.wait, 20)
    assert not [line for line in log.read_text().splitlines() if "ERROR" in line and "ocs.example.net" in line]


async def _until(happened: Callable[[], object], seconds: float = 15) -> bool:
    deadline = reactor.seconds() + seconds
    while not happened():
        if reactor.seconds() > deadline:
            return False
        await deferLater(reactor, 0.05)
    return True


AWKWARD = (
    message(280, 0, ORIGIN, hop=2, end=2),
    ccr(1, 0, subscription(0, "1001"), mscc(rsu(avp(420, 60)), avp(439, 1), avp(432, 100)), ims("tel:+4420"), end=30),
    ccr(2, 1, mscc(rsu(), usu(avp(420, 5)), avp(432, 100)), end=31),
    ccr(3, 2, mscc(usu(avp(420, 5)), avp(432, 100)), avp(284, avp(280, "dra") + avp(33, b"x")), end=32),
    ccr(1, 0, subscription(0, "1001"), rsu(u64(421, 5000)), context="32251@3gpp.org", session="d;1", end=33),
    ccr(3, 1, usu(u64(412, 5000)), context="32251@3gpp.org", session="d;1", end=34),
    ccr(1, 0, subscription(0, "nobody"), rsu(), ims("tel:+4420"), session="n;1", end=35),
    ccr(4, 0, subscription(0, "1001"), ims("tel:+4420"), session="e;1", end=36),
    ccr(1, 0, subscription(0, "1001"), session="x;1", end=37),
    ccr(1, 0, avp(4095, "unknown"), session="u;1", end=38),
    ccr(1, 0, realm="other.example", end=39),
    message(271, 4, ORIGIN, 0xC0, 40, 40),
    message(272, 16777238, ORIGIN, 0xC0, 41, 41),
    message(272, 4, avp(263, "s;1") + ORIGIN, 0xC0, 42, 42),
    message(282, 0, ORIGIN + avp(273, 0), hop=43, end=43),
)


def converse(port: int) -> list[bytes]:
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        answers = []
        for raw in (cer(), *AWKWARD):
            raw = raw.replace(avp(283, "demo.invalid"), avp(283, "example.net"))
            raw = struct.pack("!I", 1 << 24 | len(raw)) + raw[4:]
            connection.sendall(raw)
            answers.append(heard(connection))
    return answers


@pytest_twisted.ensureDeferred
async def test_tshark_dissects_our_answers_without_a_complaint(tmp_path: Path) -> None:
    program = need("tshark")
    async with serving(reactor) as (port, _, _):
        answers = await deferToThread(converse, port)
    results = [build.read(raw).result for raw in answers]
    assert results == [2001] * 7 + [5030, 5012, 5031, 5001, 3003, 3001, 3007, 5005, 2001]
    capture = tmp_path / "answers.pcap"
    write_pcap(capture, [("tcp", PORT, 40_000, raw) for raw in answers])
    assert dissected(program, capture, "diameter") == results
    complaints = dissected(program, capture, "_ws.malformed || (diameter && _ws.expert.severity >= warning)")
    assert complaints == [5001], "only the unknown AVP itself, given back in Failed-AVP, is unknown to tshark too"


def dissected(program: str, capture: Path, what: str) -> list[int]:
    """The Result-Codes of the messages that tshark's filter lets through."""
    fields = ["-T", "fields", "-E", "occurrence=f", "-e", "diameter.Result-Code"]
    command = [program, "-r", str(capture), "-Y", what, *fields]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [int(line) for line in out.split()]
