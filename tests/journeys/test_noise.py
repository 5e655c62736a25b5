"""Genuine packets full of noise on all ports of a real process: signed, framed and authorised, but mutated.

Nothing breaks, the books stay provable, no secret gets into the log, and a good call afterwards is served.
"""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from tests.processes import Process, running_demo

import tollhouse
from tollhouse.diameter import probe as diameter_probe
from tollhouse.diameter.names import RequestType
from tollhouse.radius import dictionary as radius_dictionary
from tollhouse.radius import probe as radius_probe
from tollhouse.radius.codec import SharedSecret
from tollhouse.sip import probe as sip_probe

DICTIONARIES = Path(tollhouse.__file__).resolve().parents[2] / "dictionaries"
PACKETS = 2_500
EDGES = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0")
VALUES = (None, -1, 0, 2**63, 10**30, 1.5, "", "\0", "-5", "1e9", "9223372036854.775808", [], {}, True, "1001", "85")
METHODS = {
    "rating.cost": ("subject", "destination", "usage", "answer_time"),
    "wallet.create": ("wallet", "request_id", "opening", "credit_limit", "unit"),
    "wallet.recharge": ("wallet", "amount", "request_id", "expiry", "weight"),
    "session.authorize": ("session", "wallet", "destination", "request_id", "usage"),
    "session.stop": ("session", "usage", "request_id"),
    "event.charge": ("wallet", "amount", "request_id"),
    "record.list": ("wallet", "after", "limit"),
}


def mutated(dice: Random, data: bytes) -> bytes:
    """One to eight random changes: other bytes, missing ones, more of them, moved ones, extreme numbers."""
    body = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        at, other, size = dice.randrange(len(body)), dice.randrange(len(body)), dice.randrange(1, 9)
        kind = dice.randrange(5)
        if kind == 0:
            body[at] = dice.randrange(256)
        elif kind == 1 and len(body) > 16:
            del body[at : at + size]
        elif kind == 2:
            body[at:at] = dice.randbytes(size)
        elif kind == 3:
            body[at : at + 4] = body[other : other + 4]
        else:
            body[at : at + 4] = dice.choice(EDGES)
    return bytes(body)


class Noise:
    """Four clients that have gone mad. `dice` decides what each says."""

    def __init__(self, process: Process, dice: Random) -> None:
        self._process = process
        self._dice = dice
        self._names = radius_dictionary.load(DICTIONARIES / "radius")
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._tcp: socket.socket | None = None

    def close(self) -> None:
        """No more."""
        self._udp.close()
        if self._tcp is not None:
            self._tcp.close()

    def radius(self, number: int) -> None:
        """An Accounting-Request whose authenticator is right, whatever became of its attributes."""
        dice = self._dice
        session = f"s{dice.randrange(300)}"
        call = radius_probe.Call("1001", "secret", f"44{dice.randrange(10**9)}", "1001", session)
        status, seconds = dice.choice((1, 2, 3, 7, 8)), dice.choice((0, 1, 85, 7000, 2**32 - 1))
        secret = SharedSecret(b"testing123")
        packet = radius_probe.accounting_request(self._names, secret, number % 256, status, call, seconds)
        attributes = mutated(dice, packet[20:])[:4000]
        header = packet[:2] + (20 + len(attributes)).to_bytes(2, "big")
        signed = header + hashlib.md5(header + bytes(16) + attributes + secret.octets).digest() + attributes
        self._udp.sendto(signed, ("127.0.0.1", self._process.radius_accounting))

    def sip(self, number: int) -> None:
        """A request with random damage."""
        dice = self._dice
        call = sip_probe.Call(
            "127.0.0.1", self._process.sip, "127.0.0.1:9", "1001", "4412345", f"c{number % 500}@x", "t", f"b{number}"
        )
        method = dice.choice(("INVITE", "INVITE", "ACK", "CANCEL", "OPTIONS", "BYE"))
        self._udp.sendto(mutated(dice, call.message(method, dice.randrange(1, 4))), ("127.0.0.1", self._process.sip))

    def diameter(self, number: int) -> None:
        """A CCR in a good frame over a good connection; one that is closed in disgust is opened again."""
        dice = self._dice
        plan = diameter_probe.ProbePlan(
            origin_host="noise.demo.invalid",
            origin_realm="demo.invalid",
            destination_realm="demo.invalid",
            subscriber="1001",
            called="44123",
            seconds=85,
            session_id=f"noise.demo.invalid;1;{dice.randrange(200)}",
        )
        kind = dice.choice((RequestType.INITIAL, RequestType.UPDATE, RequestType.TERMINATION))
        body = mutated(dice, diameter_probe.ccr_body(plan, kind, dice.randrange(3), dice.choice((0, 85, 2**32 - 1))))
        request = diameter_probe.request_bytes("CCR", body[: len(body) // 4 * 4], number)
        try:
            if self._tcp is None:
                self._tcp = socket.create_connection(("127.0.0.1", self._process.diameter), timeout=10)
                self._tcp.sendall(diameter_probe.request_bytes("CER", diameter_probe.cer_body(plan, "127.0.0.1"), 1))
            self._tcp.sendall(request)
            if not self._tcp.recv(65_536):
                raise ConnectionError("closed by the peer")
        except OSError:
            if self._tcp is not None:
                self._tcp.close()
            self._tcp = None

    def api(self, number: int) -> None:
        """A JSON-RPC call with random parameters; whatever is wrong with them, it is answered."""
        dice = self._dice
        method = dice.choice(tuple(METHODS))
        params = {name: dice.choice(VALUES) for name in METHODS[method] if dice.random() < 0.8}
        call = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        status, body = self._process.ask("POST", "/jsonrpc", json.dumps(call).encode(), Content_Type="application/json")
        assert status == 200
        error = json.loads(body).get("error", {})
        assert error.get("code") != -32603, (method, params, error)


@pytest.mark.parametrize("seed", [1, 2])
def test_noise_breaks_nothing(seed: int, tmp_path: Path) -> None:
    dice = Random(seed)
    with running_demo(tmp_path) as process:
        noise = Noise(process, dice)
        speak: tuple[Callable[[int], None], ...] = (noise.radius, noise.diameter, noise.sip, noise.api)
        try:
            for number in range(PACKETS):
                dice.choice(speak)(number)
        finally:
            noise.close()
        steps = radius_probe.run_probe(
            "127.0.0.1",
            process.radius_auth,
            process.radius_accounting,
            b"testing123",
            "1002",
            "secret",
            "4412345678",
            "1002",
            85,
            5.0,
            dictionaries=DICTIONARIES / "radius",
        )
        assert [step.code for step in steps] == [2, 5, 5], steps
        assert process.rpc("wallet.get", wallet="1002")["balance"] == "-0.6417"
        metrics = process.metrics()
        for name in ("engine_bugs", "engine_answer_bugs", "engine_quarantines"):
            assert f"tollhouse_{name}_total 0.0" in metrics
        assert process.rpc("record.list", wallet="1001")["records"], "some of the noise was a call"
        assert process.rpc("system.audit")["findings"] == []
        assert process.terminate() == 0
        log = process.err.read_text()
        assert "Traceback" not in log
        assert "testing123" not in log
