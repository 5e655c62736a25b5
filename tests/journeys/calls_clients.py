"""Switches and an API client, small and blocking: RADIUS by pyrad, Diameter by python-diameter, the rest by hand.

Each can send without waiting and read later, so that many requests are in flight at once. An answer that does not come
within `PATIENCE` seconds is `None` or a TimeoutError; nothing waits for time to pass.
"""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

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
from pyrad.dictionary import Dictionary
from pyrad.packet import AccessRequest, AcctPacket, AuthPacket, Packet

PATIENCE = 20.0
SECRET = b"testing123"
DICTIONARY = Dictionary(str(Path(__file__).parents[2] / "dictionaries" / "radius" / "dictionary"))
HOST = "127.0.0.1"


class RadiusSwitch:
    """A NAS at its own port: requests by attribute names, replies verified by pyrad."""

    def __init__(self, auth: int, accounting: int) -> None:
        self._ports = {AuthPacket: auth, AcctPacket: accounting}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(PATIENCE)
        self._waiting: dict[tuple[int, int], Packet] = {}
        self._ids = itertools.cycle(range(256))

    def close(self) -> None:
        self._socket.close()

    def send_access(self, attributes: Mapping[str, Any], password: str = "secret") -> int:
        """An Access-Request with Message-Authenticator; its identifier."""
        packet = AuthPacket(code=AccessRequest, secret=SECRET, id=next(self._ids), dict=DICTIONARY)
        packet["User-Password"] = packet.PwCrypt(password)
        packet.add_message_authenticator()
        return self._send(packet, attributes)

    def send_accounting(self, attributes: Mapping[str, Any]) -> int:
        """An Accounting-Request; its identifier."""
        return self._send(AcctPacket(secret=SECRET, id=next(self._ids), dict=DICTIONARY), attributes)

    def receive(self) -> tuple[int, Packet]:
        """The next reply that is due, with its request's identifier. TimeoutError where none comes."""
        while True:
            data, (_, port) = self._socket.recvfrom(65_535)
            request = self._waiting.pop((port, data[1]), None)
            if request is not None:
                reply = request.CreateReply(packet=data)
                assert request.VerifyReply(reply, data), f"reply {data.hex()} is not made with the secret"
                return data[1], reply

    def access(self, attributes: Mapping[str, Any], password: str = "secret") -> Packet:
        """Ask and wait."""
        self.send_access(attributes, password)
        return self.receive()[1]

    def accounting(self, attributes: Mapping[str, Any]) -> Packet:
        """Report and wait."""
        self.send_accounting(attributes)
        return self.receive()[1]

    def heard_nothing(self) -> bool:
        """Whether no reply has come to what was sent; it is given up. To be asked once the server is done with it."""
        self._socket.setblocking(False)
        try:
            self.receive()
        except BlockingIOError:
            self._waiting.clear()
            return True
        finally:
            self._socket.settimeout(PATIENCE)
        return False

    def _send(self, packet: Packet, attributes: Mapping[str, Any]) -> int:
        for name, value in attributes.items():
            packet[name] = value
        port = self._ports[type(packet)]
        self._waiting[port, packet.id] = packet
        self._socket.sendto(packet.RequestPacket(), (HOST, port))
        return int(packet.id)


class DiameterSwitch:
    """A credit-control client on one connection, capabilities exchanged."""

    def __init__(self, port: int, origin: str = "switch.example.org", realm: str = "demo.invalid") -> None:
        self.origin, self._realm = origin, realm
        self._socket = socket.create_connection((HOST, port), PATIENCE)
        self._numbers = itertools.count(1)
        request = CapabilitiesExchangeRequest()
        request.host_ip_address = [HOST]
        request.vendor_id = 0
        request.product_name = "switch"
        request.auth_application_id = [4]
        self._send(request)
        assert self.receive()[1].result_code == 2001

    def close(self) -> None:
        self._socket.close()

    def send(
        self,
        kind: int,
        number: int,
        session: str,
        subscriber: str,
        called: str,
        *,
        asks: int | None = None,
        used: int | None = None,
    ) -> int:
        """A voice CCR (`kind` 1, 2, 3 = initial, update, termination) with one MSCC; its Hop-by-Hop id.

        `asks` seconds (0: an empty Requested-Service-Unit, None: none), `used` seconds since the last report.
        """
        request = CreditControlRequest()
        request.header.application_id = 4
        request.session_id = f"{self.origin};{session}"
        request.destination_realm = self._realm.encode()
        request.auth_application_id = 4
        request.service_context_id = "32260@3gpp.org"
        request.cc_request_type = kind
        request.cc_request_number = number
        request.subscription_id = [SubscriptionId(subscription_id_type=0, subscription_id_data=subscriber)]
        service = MultipleServicesCreditControl(rating_group=100)
        if asks is not None:
            service.requested_service_unit = RequestedServiceUnit(cc_time=asks) if asks else RequestedServiceUnit()
        if used is not None:
            service.used_service_unit = [UsedServiceUnit(cc_time=used)]
        request.multiple_services_credit_control = [service]
        request.service_information = ServiceInformation(
            ims_information=ImsInformation(
                calling_party_address=[f"tel:+{subscriber}"], called_party_address=f"tel:+{called}"
            )
        )
        return self._send(request)

    def ask(self, kind: int, number: int, session: str, subscriber: str, called: str, **units: int | None) -> Any:
        """Send and wait."""
        self.send(kind, number, session, subscriber, called, **units)
        return self.receive()[1]

    def receive(self) -> tuple[int, Any]:
        """The next answer (Hop-by-Hop id, message); requests of the server's own are passed over."""
        while True:
            head = self._exactly(20)
            message = Message.from_bytes(head + self._exactly(int.from_bytes(head[1:4], "big") - 20))
            if not message.header.is_request:
                return message.header.hop_by_hop_identifier, message

    def _send(self, request: Any) -> int:
        number = next(self._numbers)
        request.origin_host, request.origin_realm = self.origin.encode(), b"example.org"
        request.header.hop_by_hop_identifier = request.header.end_to_end_identifier = number
        self._socket.sendall(request.as_bytes())
        return number

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            assert more, "the server closed the connection"
            data += more
        return data


class ApiClient:
    """JSON-RPC: each request on a connection of its own, so that none waits for another."""

    def __init__(self, port: int) -> None:
        self._port = port

    def send(self, method: str, **params: Any) -> HTTPConnection:
        """Send a call; `answer` reads what comes."""
        connection = HTTPConnection(HOST, self._port, timeout=PATIENCE)
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        connection.request("POST", "/jsonrpc", body, {"Content-Type": "application/json"})
        return connection

    def answer(self, connection: HTTPConnection) -> dict[str, Any]:
        """The whole answer, with `result` or `error`."""
        try:
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
            return answer
        finally:
            connection.close()

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send and wait."""
        return self.answer(self.send(method, **params))


class SipSwitch:
    """A user agent client over UDP; a call is named by its Call-ID."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect((HOST, port))
        self._socket.settimeout(PATIENCE)

    def close(self) -> None:
        self._socket.close()

    def send(self, method: str, caller: str, called: str, call_id: str, to_tag: str = "") -> None:
        """A request of this call; ACK and CANCEL share the INVITE's branch and number."""
        host, port = self._socket.getsockname()
        lines = (
            f"{method} sip:{called}@{HOST}:{self._port} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK-{call_id}",
            "Max-Forwards: 70",
            f"From: <sip:{caller}@example.org>;tag=f-{call_id}",
            f"To: <sip:{called}@{HOST}:{self._port}>{f';tag={to_tag}' if to_tag else ''}",
            f"Call-ID: {call_id}",
            f"CSeq: 1 {method}",
            "Content-Length: 0",
        )
        self._socket.send("\r\n".join(lines).encode() + b"\r\n\r\n")

    def receive(self, method: str, call_id: str) -> tuple[str, dict[str, str]]:
        """The final answer to this request: its status line without the version, and its headers by name."""
        while True:
            head, *lines = self._socket.recv(65_535).decode().partition("\r\n\r\n")[0].split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            status = head.removeprefix("SIP/2.0 ")
            if headers["Call-ID"] == call_id and headers["CSeq"] == f"1 {method}" and status[0] != "1":
                return status, headers

    def invite(self, caller: str, called: str, call_id: str) -> tuple[str, dict[str, str]]:
        """INVITE, and the ACK of its final answer."""
        self.send("INVITE", caller, called, call_id)
        status, headers = self.receive("INVITE", call_id)
        self.send("ACK", caller, called, call_id, headers["To"].partition(";tag=")[2])
        return status, headers
