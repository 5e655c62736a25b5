"""Blocking clients for crash rounds: RADIUS by pyrad, Diameter by python-diameter, JSON-RPC by http.client.

Each sends one step of a call, tells the fuse, and waits for the answer; where the process dies first: `Gone`.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Protocol

from diameter.message import Message
from diameter.message.avp.grouped import (
    ImsInformation,
    MultipleServicesCreditControl,
    RequestedServiceUnit,
    ServiceInformation,
    SubscriptionId,
    UsedServiceUnit,
)
from diameter.message.commands import CapabilitiesExchangeRequest, CreditControlRequest
from diameter.message.constants import AVP_ORIGIN_HOST, AVP_ORIGIN_REALM
from pyrad.dictionary import Dictionary
from pyrad.packet import AccessAccept, AccessRequest, AccountingResponse, AcctPacket, AuthPacket, Packet
from tests.journeys.kill_calls import Call, Step
from tests.processes import Process

HOST = "127.0.0.1"
SECRET = b"testing123"
DICTIONARY = Dictionary(str(Path(__file__).parents[2] / "dictionaries" / "radius" / "dictionary"))
PATIENCE = 30.0
"""Seconds within which an answer comes from a process that lives."""
GLANCE = 0.02


class Gone(Exception):
    """The process died before the answer came."""


class Fuse:
    """Sends `signals` to a process right after the request of that number was sent, each after its pause in seconds."""

    def __init__(self, pid: int, after: int, signals: Sequence[tuple[float, signal.Signals]]) -> None:
        self.lit, self.gone = threading.Event(), threading.Event()
        self._pid, self._signals = pid, signals
        self._count = itertools.count(1)
        self._after = after

    def sent(self) -> None:
        """A request has just left."""
        if next(self._count) == self._after:
            for pause, number in self._signals:
                time.sleep(pause)
                self.lit.set()
                os.kill(self._pid, number)
            self.gone.set()

    def check(self, served: bool, answer: object) -> None:
        """A process that nobody stops serves everything; one that is being stopped may refuse."""
        if not served:
            assert self.lit.is_set(), f"refused: {answer}"
            raise Gone


class Line(Protocol):
    """A client of one protocol. Not for two threads."""

    def ask(self, call: Call, step: Step, late: int = 0) -> Any:
        """Send that step and wait; what the answer says. `late`: it is sent again, so many seconds after the first."""

    def again(self) -> Any:
        """The last request once more, the same bytes; what the answer says."""

    def close(self) -> None:
        """No more."""


class RadiusLine:
    """A NAS. Each request sent late has a new identifier, authenticator and Acct-Delay-Time."""

    def __init__(self, process: Process, fuse: Fuse) -> None:
        self._ports = {AuthPacket: process.radius_auth, AcctPacket: process.radius_accounting}
        self._fuse = fuse
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._ids = itertools.cycle(range(256))
        self._last: tuple[Packet, bytes] | None = None

    def close(self) -> None:
        self._socket.close()

    def ask(self, call: Call, step: Step, late: int = 0) -> Any:
        packet: Packet
        if step is Step.OPEN:
            packet = AuthPacket(code=AccessRequest, secret=SECRET, id=next(self._ids), dict=DICTIONARY)
            packet["User-Password"] = packet.PwCrypt("secret")
            packet.add_message_authenticator()
        else:
            packet = AcctPacket(secret=SECRET, id=next(self._ids), dict=DICTIONARY)
            packet["Acct-Status-Type"] = {Step.START: "Start", Step.UPDATE: "Interim-Update", Step.STOP: "Stop"}[step]
            if step is not Step.START:
                packet["Acct-Session-Time"] = call.fare.seconds if step is Step.STOP else call.fare.interim
            if call.klass:
                packet["Class"] = call.klass
            if late:
                packet["Acct-Delay-Time"] = late
        packet["NAS-IP-Address"] = HOST
        packet["User-Name"] = call.wallet
        packet["Calling-Station-Id"] = call.number
        packet["Called-Station-Id"] = call.fare.called
        packet["Acct-Session-Id"] = f"S{call.number}"
        self._last = packet, packet.RequestPacket()
        reply = self._exchange()
        if step is Step.OPEN:
            self._fuse.check(reply.code == AccessAccept, reply)
            call.klass = reply["Class"][0]
        else:
            assert reply.code == AccountingResponse
        return reply.raw_packet

    def again(self) -> Any:
        return self._exchange().raw_packet

    def _exchange(self) -> Packet:
        assert self._last
        packet, data = self._last
        to = (HOST, self._ports[type(packet)])
        self._socket.sendto(data, to)
        self._fuse.sent()
        end = time.monotonic() + PATIENCE
        while True:
            gone = self._fuse.gone.is_set()
            self._socket.settimeout(GLANCE)
            try:
                answer, came = self._socket.recvfrom(65_535)
            except TimeoutError:
                if gone:
                    raise Gone from None
                assert time.monotonic() < end, f"no answer to {packet}"
                continue
            if came == to and answer[1] == packet.id:
                reply = packet.CreateReply(packet=answer)
                assert packet.VerifyReply(reply, answer)
                return reply


class DiameterLine:
    """A credit-control client. A request sent late has the T flag and a new Hop-by-Hop identifier."""

    def __init__(self, process: Process, fuse: Fuse) -> None:
        self._fuse = fuse
        self._numbers = itertools.count(1)
        self._last = b""
        hello = CapabilitiesExchangeRequest()
        hello.origin_host, hello.origin_realm = b"kill.example.org", b"example.org"
        hello.host_ip_address = [HOST]
        hello.vendor_id = 0
        hello.product_name = "kill"
        hello.auth_application_id = [4]
        try:
            self._socket = socket.create_connection((HOST, process.diameter), PATIENCE)
            self._socket.sendall(hello.as_bytes())
            welcome: Any = Message.from_bytes(self._receive())
        except ConnectionError:
            raise Gone from None
        fuse.check(welcome.result_code == 2001, welcome)
        self._realm = welcome.origin_realm

    def close(self) -> None:
        self._socket.close()

    def ask(self, call: Call, step: Step, late: int = 0) -> Any:
        place = call.steps.index(step)
        request = CreditControlRequest()
        request.header.application_id = 4
        request.header.is_retransmit = bool(late)
        request.header.hop_by_hop_identifier = next(self._numbers)
        request.header.end_to_end_identifier = int(call.number) * 8 % 2**32 + place
        request.session_id = f"kill.example.org;{call.number}"
        request.origin_host, request.origin_realm = b"kill.example.org", b"example.org"
        request.destination_realm = self._realm
        request.auth_application_id = 4
        request.service_context_id = "32260@3gpp.org"
        request.cc_request_type = {Step.OPEN: 1, Step.UPDATE: 2, Step.STOP: 3}[step]
        request.cc_request_number = place
        request.subscription_id = [SubscriptionId(subscription_id_type=0, subscription_id_data=call.wallet)]
        service = MultipleServicesCreditControl(rating_group=100)
        if step is not Step.STOP:
            service.requested_service_unit = RequestedServiceUnit()
        if step is not Step.OPEN:
            reported = call.fare.interim if Step.UPDATE in call.steps else 0
            used = call.fare.interim if step is Step.UPDATE else call.fare.seconds - reported
            service.used_service_unit = [UsedServiceUnit(cc_time=used)]
        request.multiple_services_credit_control = [service]
        parties = ImsInformation(
            calling_party_address=[f"tel:+{call.number}"], called_party_address=f"tel:+{call.fare.called}"
        )
        request.service_information = ServiceInformation(ims_information=parties)
        self._last = request.as_bytes()
        return self.again()

    def again(self) -> Any:
        """The answer's bytes apart from its Hop-by-Hop identifier."""
        try:
            self._socket.sendall(self._last)
            self._fuse.sent()
            answer = self._receive()
            while answer[4] & 0x80 or answer[12:16] != self._last[12:16]:  # a request of the server's own
                answer = self._receive()
        except ConnectionError:
            raise Gone from None
        self._fuse.check(Message.from_bytes(answer).result_code == 2001, answer)
        return answer[:12] + answer[16:]

    def _receive(self) -> bytes:
        head = self._exactly(20)
        return head + self._exactly(int.from_bytes(head[1:4], "big") - 20)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            if not more:
                raise ConnectionResetError
            data += more
        return data


class ApiLine:
    """A client of JSON-RPC; the request id says which step of which call it is."""

    def __init__(self, process: Process, fuse: Fuse) -> None:
        self._fuse = fuse
        self._http = HTTPConnection(HOST, process.http, timeout=PATIENCE)
        token = process.token
        self._headers = {"Content-Type": "application/json"}
        self._headers |= {"Authorization": f"Bearer {token}"} if token else {}
        self._last = ""

    def close(self) -> None:
        self._http.close()

    def ask(self, call: Call, step: Step, late: int = 0) -> Any:
        params: dict[str, Any] = {"request_id": f"{call.number}-{step.name}"}
        if step is Step.OPEN:
            params |= {"wallet": call.wallet, "destination": call.fare.called}
            params |= {"session_id": call.number, "caller": call.number}
        else:
            params["session"] = call.number
        if step in (Step.UPDATE, Step.STOP):
            params["usage"] = call.fare.interim if step is Step.UPDATE else call.fare.seconds
        verb = {Step.OPEN: "authorize", Step.START: "start", Step.UPDATE: "update", Step.STOP: "stop"}[step]
        self._last = json.dumps({"jsonrpc": "2.0", "id": 1, "method": f"session.{verb}", "params": params})
        return self.again()

    def again(self) -> Any:
        try:
            self._http.request("POST", "/jsonrpc", self._last, self._headers)
            self._fuse.sent()
            answer = json.loads(self._http.getresponse().read())
        except (ConnectionError, HTTPException):
            self._http.close()
            raise Gone from None
        self._fuse.check("result" in answer, answer)
        return answer["result"]


def content(protocol: str, answer: Any) -> Any:
    """What an answer says whoever gives it: no RADIUS authenticator, no Origin-Host and -Realm."""
    if protocol == "radius":
        return answer[0], answer[20:]
    if protocol == "diameter":
        message: Any = Message.from_bytes(answer[:12] + bytes(4) + answer[12:])
        return tuple(avp.as_bytes() for avp in message.avps if avp.code not in (AVP_ORIGIN_HOST, AVP_ORIGIN_REALM))
    return answer


LINES: dict[str, type[RadiusLine] | type[DiameterLine] | type[ApiLine]] = {
    "radius": RadiusLine,
    "diameter": DiameterLine,
    "api": ApiLine,
}
